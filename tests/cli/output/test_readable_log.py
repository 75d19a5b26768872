"""Lines of proxy.log, as people read them."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from claude_proxy.cli.output.readable_log import ReadableLog
from claude_proxy.core.client_hints import ClientHints
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Account, Attempt, Cost, Ending, Usage
from claude_proxy.store.log import LogLedger
from core.builders import account

NOW = datetime(2026, 11, 28, 16, 58, 20).astimezone().timestamp()
TODAY = date(2026, 11, 28)
REJECTED = Attempt("anthropic", Reason.PLAN_LIMIT, 429, 12.0)
ANSWERED = Attempt("minimax", None, 200, 500.0, model="MiniMax-M3", cost=Cost(0.0031))
ACCOUNT = account(
    started_at=NOW,
    session="5f0c",
    requested_model="claude-sonnet-5-5",
    used_model="MiniMax-M3",
    provider="minimax",
    attempts=(REJECTED, ANSWERED),
    usage=Usage(0, 40, 0, 12_000),
    first_byte_ms=400.0,
    total_ms=640.0,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "proxy.log"


def logged(path: Path, *accounts: Account) -> list[str]:
    """Return the lines that the proxy writes."""
    ledger = LogLedger(path, now=lambda: NOW)
    for each in accounts:
        ledger.record(each)
    ledger.close()
    return path.read_text(encoding="utf-8").splitlines()


def shown(path: Path, **changes: Any) -> str:
    """Return the line of a request without its time, with one blank for many."""
    (line,) = plain().render(logged(path, replace(ACCOUNT, **changes)))
    assert line.startswith("16:58:20 ")
    return " ".join(line.split()[1:])


def plain(columns: int = 1000) -> ReadableLog:
    return ReadableLog(columns, colour=False, today=TODAY)


def test_a_request_reads_as_a_sentence(path: Path) -> None:
    assert plain().render(logged(path, ACCOUNT)) == [
        "16:58:20 sonnet-5-5  anthropic plan limit → minimax MiniMax-M3  0.6 s  12k cached, 40 out  $0.003"
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"attempts": (ANSWERED,)}, "sonnet-5-5 minimax MiniMax-M3 0.6 s 12k cached, 40 out $0.003"),
        (
            {"attempts": (replace(ANSWERED, provider="anthropic"),), "used_model": "claude-sonnet-5-5"},
            "sonnet-5-5 anthropic 0.6 s 12k cached, 40 out $0.003",
        ),
        (
            {"usage": Usage(300, 1_500, 900, 0), "hints": ClientHints("subagent")},
            "sonnet-5-5 subagent anthropic plan limit → minimax MiniMax-M3 0.6 s 1.2k in, 1.5k out $0.003",
        ),
        (
            {"attempts": (replace(ANSWERED, cost=Cost(0.25, is_plan=True)),), "hints": ClientHints("main")},
            "sonnet-5-5 minimax MiniMax-M3 0.6 s 12k cached, 40 out plan $0.25",
        ),
        (
            {"attempts": (replace(ANSWERED, cost=Cost(None)),)},
            "sonnet-5-5 minimax MiniMax-M3 0.6 s 12k cached, 40 out $?",
        ),
        (
            {"attempts": (replace(ANSWERED, cost=Cost(None, is_plan=True)),), "pinned": True},
            "sonnet-5-5 minimax MiniMax-M3 pinned 0.6 s 12k cached, 40 out plan $?",
        ),
        (
            {"attempts": (ANSWERED,), "kind": "count_tokens", "usage": Usage(), "used_model": "claude-sonnet-5-5"},
            "sonnet-5-5 counted minimax 0.6 s",
        ),
        (
            {
                "attempts": (replace(REJECTED, reason=Reason.STATUS, status=401),),
                "status": 401,
                "ending": Ending.ERROR,
                "provider": "",
                "usage": Usage(),
            },
            "sonnet-5-5 anthropic key refused 0.6 s error 401",
        ),
        (
            {"attempts": (), "status": 413, "ending": Ending.ERROR, "provider": "", "usage": Usage()},
            "sonnet-5-5 0.6 s error 413",
        ),
        (
            {"ending": Ending.RECOVERED},
            "sonnet-5-5 anthropic plan limit → minimax MiniMax-M3 0.6 s 12k cached, 40 out $0.003 saved",
        ),
        (
            {"attempts": (ANSWERED,), "ending": Ending.CLIENT_LEFT, "status": 499},
            "sonnet-5-5 minimax MiniMax-M3 0.6 s 12k cached, 40 out $0.003 client left",
        ),
        (
            {"attempts": (replace(ANSWERED, reason=Reason.TRUNCATED),), "ending": Ending.TRUNCATED},
            "sonnet-5-5 minimax broke off 0.6 s 12k cached, 40 out $0.003 broke off",
        ),
    ],
)
def test_each_kind_of_end_can_be_read(path: Path, changes: dict[str, Any], expected: str) -> None:
    assert shown(path, **changes) == expected


def test_columns_are_aligned(path: Path) -> None:
    other = replace(ACCOUNT, requested_model="claude-fable-5-2", attempts=(ANSWERED,), usage=Usage(5, 6))
    first, second = plain().render(logged(path, ACCOUNT, other))
    assert first.index("0.6 s") == second.index("0.6 s")
    assert first.index("12k cached") == second.index("5 in")
    assert first.index("$") == second.index("$")


def test_a_narrow_terminal_breaks_only_the_lines_that_are_long(path: Path) -> None:
    other = replace(ACCOUNT, attempts=(ANSWERED,))
    first, second = plain(80).render(logged(path, ACCOUNT, other))
    assert first == (
        "16:58:20 sonnet-5-5  anthropic plan limit → minimax MiniMax-M3\n         0.6 s  12k cached, 40 out  $0.003"
    )
    assert "\n" not in second
    assert len(second) <= 80


@pytest.mark.parametrize("columns", [80, 100, 140])
def test_no_line_is_wider_than_the_terminal(path: Path, columns: int) -> None:
    usage = Usage(1_234_567, 12_345, 1_234_567, 12_345_678)
    accounts = [
        replace(ACCOUNT, attempts=(ANSWERED,)),
        replace(ACCOUNT, hints=ClientHints("auxiliary"), usage=usage, total_ms=100_000.0, ending=Ending.RECOVERED),
        replace(ACCOUNT, attempts=(), status=529, ending=Ending.ERROR, usage=Usage()),
        replace(ACCOUNT, attempts=(REJECTED,) * 8, hints=ClientHints("compaction")),
    ]
    for line in "\n".join(plain(columns).render(logged(path, *accounts))).split("\n"):
        assert len(line) <= columns


def test_a_long_route_is_broken_behind_an_arrow(path: Path) -> None:
    (rendered,) = plain(80).render(logged(path, replace(ACCOUNT, attempts=(*[REJECTED] * 3, ANSWERED))))
    assert rendered.split("\n") == [
        "16:58:20 sonnet-5-5  anthropic plan limit → anthropic plan limit → ",
        "         anthropic plan limit → minimax MiniMax-M3",
        "         0.6 s  12k cached, 40 out  $0.003",
    ]


def test_a_model_is_shown_without_the_mark_of_its_long_context(path: Path) -> None:
    assert shown(path, requested_model="claude-sonnet-5-5[1m]").startswith("sonnet-5-5 anthropic ")


def test_what_the_service_says_is_broken_between_words(path: Path) -> None:
    ledger = LogLedger(path, now=lambda: NOW)
    ledger.note("zai: its key was refused by https://api.zai.example/api/anthropic, replace ZAI_API_KEY there")
    ledger.close()
    (rendered,) = plain(50).render(path.read_text(encoding="utf-8").splitlines())
    assert rendered.split("\n") == [
        "16:58:20 zai: its key was refused by",
        "         https://api.zai.example/api/anthropic,",
        "         replace ZAI_API_KEY there",
    ]


def test_a_line_of_another_day_comes_under_its_date(path: Path) -> None:
    lines = logged(path, ACCOUNT)
    log = ReadableLog(1000, colour=False, today=date(2026, 11, 29))
    assert log.render(lines)[0] == "2026-11-28"
    assert len(log.render(lines)) == 1


def test_lines_of_earlier_versions_can_be_read(path: Path) -> None:
    (line,) = logged(path, ACCOUNT)
    for new in ("prompt=- ", "class=- ", "cost=0.0031 ", "plan_cost=0 "):
        assert new in line
        line = line.replace(new, "")
    (read,) = plain().render([line])
    assert read.endswith("→ minimax MiniMax-M3  0.6 s  12k cached, 40 out")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "line 48",
        "2026-11-28T16:58:20.000+01:00",
        "2026-11-28T16:58:20.000+01:00 exchange",
        "2026-11-28T16:58:20.000+01:00 other a=b ending=complete",
        "not-a-time exchange ending=complete",
        "0001-01-01T00:00:00+23:59 exchange ending=complete",
        "9999-12-31T23:59:59-23:59 service x",
    ],
)
def test_what_is_no_line_of_ours_is_not_changed(line: str) -> None:
    assert plain().render([line]) == [line]


@pytest.mark.parametrize(
    "values",
    [
        "ending=",
        "in=x out=-1 total=soon cost=nan attempts=,=/,a status=99999999999 ending=x",
        f"in={'9' * 5000} total=1e999ms cost=inf plan_cost=1e400 out=1 model=-> attempts=a=/1ms ending=complete",
    ],
)
def test_a_damaged_line_is_read_as_far_as_it_goes(values: str) -> None:
    (line,) = plain().render([f"2026-11-28T16:58:20.000 exchange {values}"])
    assert line.startswith("16:58:20")


def test_colours_are_for_terminals_that_take_them(path: Path) -> None:
    lines = logged(path, ACCOUNT)
    coloured = ReadableLog(1000, colour=True, today=TODAY).render(lines)
    assert "\x1b[" in coloured[0]
    assert "\x1b" not in plain().render(lines)[0]
