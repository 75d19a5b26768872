"""`usage` shows what was recorded, to people and to programs, and says what is not known."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from claude_proxy.cli.usage_output.report import GROUPINGS
from claude_proxy.core.client_hints import ClientHints
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Account, Attempt, Cost, Ending, Usage
from claude_proxy.store.usage_db.database import Database
from claude_proxy.store.usage_db.periods import local_date, midnight
from fakes.command_line import CommandLine, one_request
from store.usage_db.accounts import ATTEMPT, account

EVIL = '=HYPERLINK("x")\x1b[2J\u202e\n'
NOW = time.time()
EARLIER = max(NOW - 60, midnight(local_date(NOW)))
"""A moment of today that is over."""


def record(cli: CommandLine, accounts: Iterable[Account]) -> None:
    cli.home.prepare()
    with closing(Database(cli.home.usage)) as database:
        database.add(accounts)


def asked(model: str = "MiniMax-M3", cost: Cost | None = None, **changes: Any) -> Account:
    """Return the account of a request of today."""
    attempt = replace(ATTEMPT, model=model, cost=cost or Cost(0.5))
    return account(**{"started_at": EARLIER, "used_model": model, "attempts": (attempt,), **changes})


def cells(out: str) -> dict[str, list[str]]:
    """Return the cells of a table by the first one of their row; two blanks are between cells."""
    rows = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in out.splitlines()]
    return {row[0]: row[1:] for row in rows if row}


def json_of(cli: CommandLine, *arguments: str) -> Any:
    done = cli("usage", *arguments, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_the_overview_counts_today_the_last_seven_days_and_this_month(cli: CommandLine) -> None:
    ago = [EARLIER - timedelta(days=days).total_seconds() for days in (0, 3, 500)]
    record(cli, [asked(started_at=at, anthropic_dollars=2.0) for at in ago])
    found = cells(cli("usage").out)
    assert found["requests"][:2] == ["1", "2"]
    assert found["tokens in"][:2] == ["1.4k", "2.9k"]
    assert found["tokens out"][:2] == ["95", "190"]
    assert found["cache share"][:2] == ["83 %", "83 %"]
    assert found["cost"][:2] == ["$0.50", "$1.00"]
    assert found["Anthropic's price"][:2] == ["$2.00", "$4.00"]
    assert found["saving"][:2] == ["$1.50", "$3.00"]


def test_a_plan_and_what_it_would_have_cost_are_shown(cli: CommandLine) -> None:
    record(cli, [asked(cost=Cost(3.2, is_plan=True))])
    found = cells(cli("usage").out)
    assert (found["cost"][0], found["plan, would be"][0]) == ("plan", "$3.20")
    assert cells(cli("usage", "--by", "provider").out)["minimax"][-2:] == ["plan", "$3.20"]


def test_what_is_not_known_is_never_zero(cli: CommandLine) -> None:
    unknown = [asked("mystery", Cost(None)), asked("mystery", Cost(None))]
    record(cli, [asked(), *unknown])
    done = cli("usage")
    assert cells(done.out)["cost"][0] == "at least $0.50"
    assert "2 requests are without a known price. Set `price` in config.json" in done.out
    found = cells(cli("usage", "--by", "model").out)
    assert (found["mystery"][-1], found["total"][-1]) == ("?", "at least $0.50")
    groups = {group["name"]: group for group in json_of(cli, "--by", "model")["groups"]}
    assert (groups["mystery"]["cost"], groups["mystery"]["cost_unknown"]) == (None, 2)
    assert (groups["MiniMax-M3"]["cost"], groups["MiniMax-M3"]["cost_unknown"]) == (0.5, 0)


@pytest.mark.parametrize("by", GROUPINGS)
def test_each_grouping_adds_up_to_the_same_total(cli: CommandLine, by: str) -> None:
    failed = Attempt("zai", Reason.PLAN_LIMIT, 429, 5.0, model="glm-5.3")
    hints = ClientHints("subagent", "agent", "", "Explore", "prompt")
    record(cli, [asked(), asked(hints=hints, attempts=(failed, ATTEMPT)), asked(session="other", provider="zai")])
    total = json_of(cli, "--by", by)["total"]
    (today, *_) = json_of(cli)["groups"]
    assert total == {name: value for name, value in today.items() if name in total}
    assert total["requests"] == 3
    assert cells(cli("usage", "--by", by).out)


@pytest.mark.parametrize(
    ("since", "requests"),
    [("today", 1), ("yesterday", 2), ("1d", 1), ("2d", 2), ("1w", 3), ("7d", 3), ("8d", 4), ("9000h", 5), ("99w", 5)],
)
def test_since_takes_days_by_the_users_clock(cli: CommandLine, since: str, requests: int) -> None:
    record(cli, [asked(started_at=EARLIER - 86400 * days) for days in (0, 1, 6, 7, 300)])
    assert cells(cli("usage", "--since", since).out)["requests"] == [str(requests)]


def test_since_takes_a_date_and_a_time(cli: CommandLine) -> None:
    record(cli, [asked(started_at=EARLIER - 86400 * days) for days in (0, 6)])
    day = datetime.fromtimestamp(EARLIER - 86400 * 6).astimezone()
    before, after = day - timedelta(seconds=1), day + timedelta(minutes=1)
    for since, requests in ((f"{day:%Y-%m-%d}", 2), (f"{after:%Y-%m-%dT%H:%M}", 1), (before.isoformat(), 2)):
        assert json_of(cli, "--since", since)["groups"][0]["requests"] == requests


@pytest.mark.parametrize("since", ["soon", "7", "d7", "", "2999-01-01", "1999-01-01", "2026-13-01", "99999d", "9999w"])
def test_a_moment_that_is_none_is_refused(cli: CommandLine, since: str) -> None:
    done = cli("usage", "--since", since)
    assert (done.code, done.out) == (2, "")
    assert "--since" in done.err


@pytest.mark.parametrize("arguments", [("--json", "--csv"), ("--cache", "--by", "day"), ("--by", "moon")])
def test_options_that_contradict_each_other_are_refused(cli: CommandLine, arguments: tuple[str, ...]) -> None:
    assert cli("usage", *arguments).code == 2


def test_failovers_and_saved_answers_are_counted(cli: CommandLine) -> None:
    failed = Attempt("zai", Reason.PLAN_LIMIT, 429, 5.0)
    record(cli, [asked(attempts=(failed, ATTEMPT), ending=Ending.RECOVERED), asked(status=529)])
    found = cells(cli("usage").out)
    assert [found[name][0] for name in ("failovers", "answers saved", "failed requests")] == ["1", "1", "1"]
    groups = {group["name"]: group for group in json_of(cli, "--by", "provider")["groups"]}
    assert (groups["zai"]["failovers"], groups["minimax"]["failovers"]) == (1, 0)


def test_a_spreadsheet_takes_no_name_for_a_formula(cli: CommandLine) -> None:
    names = [EVIL, "+1", "-1", "@SUM(A1)", " =1", "\uff1d1", 'say "hi", x', "plain"]
    record(cli, [asked(session=name) for name in names])
    rows = list(csv.DictReader(io.StringIO(cli("usage", "--by", "session", "--csv").out)))
    shown = {row["name"] for row in rows}
    assert shown == {'\'=HYPERLINK("x")?[2J?', "'+1", "'-1", "'@SUM(A1)", "'=1", "'\uff1d1", 'say "hi", x', "plain"}
    assert {row["cost"] for row in rows} == {"0.5"}


def test_no_name_does_anything_to_a_terminal(cli: CommandLine) -> None:
    hints = ClientHints("", EVIL, "", EVIL, EVIL)
    record(cli, [asked(EVIL, session=EVIL, provider=EVIL, hints=hints)])
    for by in GROUPINGS:
        for form in ((), ("--json",), ("--csv",)):
            out = cli("usage", "--by", by, *form).out
            assert all(line.isprintable() for line in out.split("\n")), (by, form)


@pytest.mark.parametrize("arguments", [(), *(("--by", by) for by in GROUPINGS), ("--cache",)])
def test_nothing_is_wider_than_the_terminal(cli: CommandLine, arguments: tuple[str, ...]) -> None:
    failed = Attempt("zai", Reason.PLAN_LIMIT, 429, 5.0)
    usage = Usage(99_900_000_000, 99_900_000_000, 99_900_000_000, 99_900_000_000)
    attempts = (failed, replace(ATTEMPT, model="m" * 90, usage=usage, cost=Cost(99_999.0)))
    plan = (failed, replace(ATTEMPT, cost=Cost(99_999.0, is_plan=True)))
    many: dict[str, Any] = {"usage": usage, "anthropic_dollars": 9e6, "ending": Ending.RECOVERED}
    record(cli, [asked(attempts=each, session="s" * 64, **many) for each in (attempts, plan)])
    record(cli, [asked(cost=Cost(None))])
    for width in (80, 140):
        environ = {"COLUMNS": str(width), "FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "dumb"}
        lines = cli("usage", *arguments, environ=environ).out.splitlines()
        assert max(map(len, lines)) <= width
        assert not any("\x1b" in line for line in lines)


def test_the_newest_sessions_come_first_and_the_rest_is_counted(cli: CommandLine) -> None:
    record(cli, [asked(session=f"session{number}", started_at=EARLIER - number) for number in range(25)])
    done = cli("usage", "--by", "session", "-n", "3").out
    assert [line.split()[0] for line in done.splitlines()[2:5]] == ["session0", "session1", "session2"]
    assert "22 more: -n 25 shows all" in done
    assert len(json_of(cli, "--by", "session")["groups"]) == 25


def test_reasons_of_cache_misses_show_what_they_cost(cli: CommandLine) -> None:
    record(cli, [asked(), asked()])
    with closing(Database(cli.home.usage)) as database:
        database._connection.execute(
            "UPDATE exchanges SET cache_expected_tokens = 26200, cache_miss = 'tools', cache_miss_cost = 0.031"
        )
    out = cli("usage", "--cache").out
    assert "83 % of all input came from prompt caches" in out
    assert cells(out)["tools"] == ["2", "50k", "$0.062"]
    (reason,) = json_of(cli, "--cache")["reasons"]
    assert reason == {"reason": "tools", "requests": 2, "tokens": 50_000, "cost": 0.062, "cost_unknown": 0}
    assert cli("usage", "--cache", "--csv").out.splitlines()[1] == '"tools",2,50000,0.062,0'


def test_nothing_recorded_is_said_and_is_no_error(cli: CommandLine) -> None:
    for arguments in ((), ("--by", "day"), ("--cache",)):
        done = cli("usage", *arguments)
        assert (done.code, done.out, "has no requests yet" in done.err) == (0, "", True)
    assert json_of(cli)["groups"][0]["requests"] == 0
    assert not cli.home.usage.exists()


def test_a_cache_that_no_request_could_use_has_no_share(cli: CommandLine) -> None:
    record(cli, [asked(attempts=(), usage=Usage())])
    assert cli("usage", "--cache", "--since", "today").out == "Since 00:00, no input was recorded\n"


def test_a_damaged_file_is_said_with_the_next_step(cli: CommandLine) -> None:
    cli.home.prepare()
    cli.home.usage.write_bytes(b"no database" * 500)
    done = cli("usage")
    assert (done.code, done.out) == (1, "")
    assert "is damaged" in done.err
    assert "`claude-proxy restart` puts it aside" in done.err


def test_shows_what_the_proxy_recorded(started: CommandLine) -> None:
    assert started("run", "--", *one_request()).code == 0
    assert started("stop").code == 0
    (today, *_) = json_of(started)["groups"]
    assert (today["requests"], today["input_tokens"], today["output_tokens"]) == (1, 3, 5)
    (provider,) = json_of(started, "--by", "provider")["groups"]
    assert (provider["name"], provider["requests"], provider["cost"]) == ("minimax", 1, None)
