from __future__ import annotations

import io
import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from claude_proxy import __version__
from claude_proxy.cli.output import console
from claude_proxy.cli.output.console import PLAIN_WIDTH
from claude_proxy.cli.output.program import STARTED_AS
from claude_proxy.cli.shell.target import report_config_problems
from claude_proxy.cli.status import _show, pin_fault
from claude_proxy.core.quota.quota_report import Balance, QuotaReport, QuotaWindow
from claude_proxy.core.status_report import (
    BudgetStatus,
    LastAnswer,
    LastError,
    ProviderStatus,
    SkippedStatus,
    Spent,
    StatusReport,
    TooLarge,
    WaitingRequest,
)
from claude_proxy.store.running import Running
from fakes.command_line import CommandLine, one_request
from fakes.scripts import json_answer
from fakes.steps import Script
from fakes.threaded import serving

NOW = time.time()
READY = ProviderStatus(name="moonshot", state="ready", key="MOONSHOT_API_KEY")
STATUS = StatusReport(
    version=__version__,
    instance="a1",
    pid=4711,
    started_at=NOW,
    host="127.0.0.1",
    port=8787,
    providers=(READY,),
)


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be the day of `NOW` for all of these tests: a time of another day is shown with its date."""

    class Today(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Today:
            return cls.fromtimestamp(NOW, tz)

    monkeypatch.setattr(console, "datetime", Today)


def shown(status: StatusReport, *, colour: bool = False) -> str:
    out = Console(file=io.StringIO(), width=PLAIN_WIDTH, force_terminal=colour, markup=False, highlight=False)
    _show(out, "http://127.0.0.1:8787", status)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def with_provider(**changes: object) -> StatusReport:
    return msgspec.structs.replace(STATUS, providers=(msgspec.structs.replace(READY, **changes),))


def clock(epoch: float) -> str:
    return datetime.fromtimestamp(epoch).astimezone().strftime("%H:%M")


def test_a_healthy_proxy_is_short() -> None:
    headline, facts, blank, columns, row = shown(STATUS).splitlines()
    assert headline == f"claude-proxy {__version__} is running at http://127.0.0.1:8787"
    assert facts == f"since {clock(NOW)}, pid 4711, 0 in flight"
    assert blank == ""
    assert columns.split() == ["provider", "state", "strikes", "last", "error"]
    assert row.split() == ["moonshot", "ready", "-", "-"]


def test_what_today_costs_is_a_line_once_something_was_spent() -> None:
    spent = msgspec.structs.replace(STATUS, spent_today=Spent(1.2, 2))
    assert shown(spent).splitlines()[2] == "Today's requests cost at least $1.20, 2 requests without a price"


def test_a_request_over_the_proxys_own_limit_is_shown_with_the_setting_that_raises_it() -> None:
    text = shown(msgspec.structs.replace(STATUS, too_large=TooLarge(NOW, "a", 10 * 1024 * 1024)))
    assert f"A request was refused at {clock(NOW)}: it was over 10 MB, the proxy's own limit. Raise max_body_mb" in text


def test_columns_are_aligned() -> None:
    long = msgspec.structs.replace(READY, name="a-provider-with-a-long-name")
    lines = shown(msgspec.structs.replace(STATUS, providers=(READY, long))).splitlines()[3:]
    assert len({line.index(word) for line, word in zip(lines, ("state", "ready", "ready"), strict=True)}) == 1


def test_a_cooldown_is_shown_with_its_end_and_its_reason() -> None:
    until = NOW + 60
    error = LastError(at=NOW, text="come back later")
    row = shown(
        with_provider(state="cooldown", cooldown_until=until, reason="429", strikes=3, last_error=error)
    ).splitlines()[4]
    assert f"cooldown until {clock(until)} (429)" in row
    assert "  3  " in row
    assert row.rstrip().endswith(f"{clock(NOW)} come back later")


def test_a_cooldown_that_ends_on_another_day_is_shown_with_the_date() -> None:
    until = NOW + 3 * 86_400
    day = datetime.fromtimestamp(until).astimezone().strftime("%Y-%m-%d %H:%M")
    assert f"cooldown until {day}" in shown(with_provider(state="cooldown", cooldown_until=until))


def test_a_rejected_key_is_shown_with_the_variable_to_fix() -> None:
    from_file, unknown = (shown(with_provider(key_rejected=True, key_source=source)) for source in (".env", ""))
    assert "-> moonshot refused the key in MOONSHOT_API_KEY (from .env). Replace it there." in from_file
    assert "-> moonshot refused the key in MOONSHOT_API_KEY. Replace it in .env or in the environment." in unknown


def test_the_reason_of_a_cooldown_is_shown_in_plain_words() -> None:
    row = shown(with_provider(state="cooldown", cooldown_until=NOW, reason="plan_limit", why="plan limit"))
    assert f"cooldown until {clock(NOW)} (plan limit)" in row


def test_missing_credit_and_an_unknown_model_are_shown_with_the_next_step() -> None:
    text = shown(with_provider(out_of_credit=True, unknown_model="kimi-k9\x1b"))
    assert "-> moonshot has no credit left. Top up its account, then ask it once: claude-switch moonshot" in text
    assert "-> moonshot does not know the model kimi-k9?. Correct its models in config.json." in text


def test_advice_stands_in_lines_of_its_own_below_the_table() -> None:
    *_, row, advice = shown(with_provider(unknown_model="kimi-k9")).splitlines()
    assert row.split() == ["moonshot", "unknown", "model", "-", "-"]
    assert advice == "-> moonshot does not know the model kimi-k9. Correct its models in config.json."


def test_an_error_before_the_last_good_answer_is_history() -> None:
    over = LastError(at=NOW, text="overloaded", answered=True)
    assert f"{clock(NOW)} overloaded (it has answered since)" in shown(with_provider(last_error=over))


def test_a_silent_provider_is_named_with_who_is_next() -> None:
    waiting = (WaitingRequest("minimax", 23.4, "moonshot\x1b"), WaitingRequest("zai", 11.0))
    *_, first, second = shown(msgspec.structs.replace(STATUS, waiting=waiting)).splitlines()
    assert (first, second) == ("waiting for minimax, 23 s, then moonshot?", "waiting for zai, 11 s")


def test_a_changed_configuration_that_cannot_be_used_is_shown() -> None:
    problem = 'config.json: providers[1].base_url: "ftp://x" is not an http or https address. Write another.'
    text = shown(msgspec.structs.replace(STATUS, config_problems=(problem,), warnings=("zai is skipped",)))
    assert f"  {problem}\n" in text
    assert "The changed configuration cannot be used" in text
    assert "warning: zai is skipped\n" in text


def test_commands_in_a_problem_are_named_as_the_user_calls_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(Path("claude_proxy") / "__main__.py")])
    monkeypatch.setenv(STARTED_AS, "python3\nproxy.py")
    problem = "config.json: there is no such file. Let `claude-proxy providers add NAME` make it."
    status = msgspec.structs.replace(STATUS, config_problems=(problem,))
    expected = "Let `python3 proxy.py providers add NAME` make it."
    assert expected in shown(status)
    report_config_problems(status)
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize(("saved", "words"), [(1, "1 broken answer completed"), (3, "3 broken answers completed")])
def test_answers_that_broke_off_and_were_completed_are_counted(saved: int, words: str) -> None:
    assert words in shown(msgspec.structs.replace(STATUS, answers_saved=saved))


def test_a_terminal_that_is_pinned_to_a_provider_that_is_not_there_hears_why(
    started: CommandLine,
) -> None:
    url = json.loads(started("status", "--json").out)["url"]
    token = started.home.token.read_text(encoding="ascii").strip()
    pinned = {"ANTHROPIC_BASE_URL": f"{url}/provider/kimi", "ANTHROPIC_AUTH_TOKEN": token}
    said = started("status", environ=pinned).out
    assert (
        "No provider is named kimi: it was renamed or removed. Type claude-fb, or claude-switch with one of: " in said
    )
    assert "each request of this terminal fails" in said
    pinned["ANTHROPIC_BASE_URL"] = f"{url}/provider/minimax"
    assert "fails" not in started("status", environ=pinned).out


def test_a_pin_without_a_key_is_named_with_its_variable() -> None:
    report = msgspec.structs.replace(STATUS, skipped=(SkippedStatus("kimi", "KIMI_API_KEY"),))
    assert pin_fault("kimi", report) == "Provider kimi has no key: set KIMI_API_KEY in .env"


def test_the_last_answer_a_stop_and_another_version_are_shown() -> None:
    last = LastAnswer(provider="moonshot", model="kimi-k3", at=NOW)
    text = shown(msgspec.structs.replace(STATUS, last_answer=last, draining=True, version="0.0.9"))
    assert f"last answer {clock(NOW)} from moonshot (kimi-k3)" in text
    assert "claude-proxy 0.0.9 is stopping" in text
    assert f"This is claude-proxy {__version__}" in text


def test_a_providers_text_cannot_control_the_terminal() -> None:
    evil = LastError(at=NOW, text="\x1b[2Jgone\r\n[bold]not markup[/bold]")
    text = shown(with_provider(last_error=evil, reason="\x1b]0;title\x07", state="cooldown"))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[bold]not markup[/bold]" in text


def test_colour_is_used_on_a_terminal_unless_no_color_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in shown(STATUS)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[32mready" in shown(STATUS, colour=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in shown(STATUS, colour=True)


def test_a_rejected_key_and_a_cooldown_of_a_running_proxy_are_shown(cli: CommandLine) -> None:
    with serving(json_answer(429, retry_after="600")) as busy, serving(json_answer(401)) as closed:
        cli.configure(busy, closed)
        assert cli("start").code == 0
        done = cli("run", "--", *one_request())
        assert done.code == 0, done.err
        text = cli("status").out
        facts = json.loads(cli("status", "--json").out)
    assert "cooldown until" in text
    assert "moonshot refused the key in MOONSHOT_API_KEY (from .env). Replace it there." in text
    first, second = facts["providers"]
    assert first["state"] == "cooldown"
    assert first["cooldown_until"] > NOW + 500
    assert second["key_rejected"] is True


@contextmanager
def stand_in(cli: CommandLine, **answers: Script) -> Iterator[None]:
    """Let something that is no proxy of ours stand at the place of the home's, with answers by their path."""
    health = {"status": "ok", "service": "claude-proxy", "version": "0.1.0", "instance": "a1"}
    reply = {"/health": json_answer(200, health), **{f"/admin/{name}": answer for name, answer in answers.items()}}

    with serving(lambda request: reply.get(request.path, json_answer(404))) as url:
        cli.home.prepare()
        port = int(url.rpartition(":")[2])
        Running(pid=1, host="127.0.0.1", port=port, instance="a1", started_at=0, version="0.1.0").write(
            cli.home.running
        )
        yield
    cli.home.running.unlink()


def test_an_invalid_status_is_an_error(cli: CommandLine) -> None:
    with stand_in(cli, status=json_answer(200, {"version": 1})):
        done = cli("status")
    assert done.code == 1
    assert "does not give its status" in done.err


@pytest.mark.parametrize("command", ["explain", "rules", "rules forget --all", "top"])
def test_a_proxy_of_another_version_is_an_error_with_its_fix(cli: CommandLine, command: str) -> None:
    with stand_in(cli):
        done = cli(*command.split())
    assert done.code == 1
    assert "was started by another version of claude-proxy\n`claude-proxy restart` fixes that." in done.err


@pytest.mark.parametrize(
    ("issues", "words"),
    [
        (
            {"key_rejected": True, "unknown_model": "m", "key_source": ".env"},
            "key refused: MOONSHOT_API_KEY (from .env)",
        ),
        ({"key_rejected": True, "auth": "client"}, "login refused"),
        ({"out_of_credit": True, "unknown_model": "m"}, "no credit"),
        ({"unknown_model": "m"}, "unknown model"),
        ({"unknown_model": "m", "state": "cooldown"}, "cooldown"),
        (
            {"out_of_credit": True, "state": "cooldown", "cooldown_until": NOW, "why": "out of credit"},
            f"no credit, cooldown until {clock(NOW)}",
        ),
        ({}, "ready"),
    ],
)
def test_the_state_of_a_provider_is_what_only_the_user_can_fix(issues: dict[str, object], words: str) -> None:
    row = shown(with_provider(**issues)).splitlines()[4]
    assert row.removeprefix("moonshot").strip().startswith(f"{words}  ")


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="Windows takes the zone from its own settings")
def test_everything_that_a_person_reads_is_in_local_time(cli: CommandLine, upstream: str) -> None:
    cli.in_process, cli.extra["TZ"] = False, "XYZ-05:45"  # 5 hours and 45 minutes east of UTC
    zone = timezone(timedelta(hours=5, minutes=45))
    limited = {"type": "error", "error": {"type": "rate_limit_error", "message": "wait"}}
    with serving(json_answer(429, limited)) as url:
        cli.configure(url, upstream)
        assert cli("start").code == 0
        assert cli("run", "--", *one_request()).code == 0
        report = json.loads(cli("status", "--json").out)
        until = datetime.fromtimestamp(report["providers"][0]["cooldown_until"], zone).strftime("%H:%M")
        since = datetime.fromtimestamp(report["started_at"], zone).strftime("%H:%M")
        for command in ("status", "explain"):
            assert f"until {until}" in re.sub(r"\d{4}-\d\d-\d\d ", "", cli(command).out)
        assert f"since {since}" in cli("status").out
        lines = cli("logs", "--raw").out.splitlines()
        read = cli("logs").out.splitlines()
    assert lines
    times = [datetime.fromisoformat(line.split(" ")[0]).strftime("%H:%M:%S") for line in lines]
    assert [line[:8] for line in read if not re.fullmatch(r"[\d-]{10}", line)] == times
    assert [line for line in lines if not re.match(r"\d{4}-\d\d-\d\dT[\d:.]+\+05:45 ", line)] == []


def test_what_is_left_is_shown_with_bars_and_resets() -> None:
    quota = QuotaReport(
        (
            QuotaWindow("5 h", 0.829, NOW + 60),
            QuotaWindow("week", 1.0, NOW + 60, blocks=True),
            QuotaWindow("tokens a minute", 0.9, is_pace=True),
        ),
        Balance(0.5, "USD", is_low=True),
        NOW,
    )
    rows = shown(with_provider(quota=quota)).splitlines()[6:]
    assert [re.split(r"  +", row.strip()) for row in rows] == [
        ["quota", "of", "used", "reset"],
        ["moonshot", "5 h", "########..", "82 %", clock(NOW + 60)],
        ["week", "########## 100 %", clock(NOW + 60)],
        ["tokens a minute", "#########.", "90 %"],
        ["balance", "0.50 USD (low)"],
    ]


def test_a_reading_that_is_not_renewed_is_shown_with_its_time_and_why() -> None:
    quota = QuotaReport((QuotaWindow("5 h", 0.0),), None, NOW, "it answered 503")
    last = shown(with_provider(quota=quota)).splitlines()[-1]
    assert last.endswith(f"..........   0 %  (as of {clock(NOW)}: it answered 503)")


@pytest.mark.parametrize("quota", [None, QuotaReport(unknown="turned off"), QuotaReport()])
def test_a_quota_of_which_nothing_is_known_is_not_shown(quota: QuotaReport | None) -> None:
    assert len(shown(with_provider(quota=quota)).splitlines()) == 5


def test_a_window_that_is_nearly_used_up_is_in_colour() -> None:
    for window, code in ((QuotaWindow("5 h", 0.8), "33m"), (QuotaWindow("5 h", 1.0, blocks=True), "31m")):
        assert f"\x1b[{code}###" in shown(with_provider(quota=QuotaReport((window,))), colour=True)


def test_budgets_are_shown_with_what_was_spent_of_them() -> None:
    budgets = BudgetStatus("", "day", 20.0, 4.1, 0, NOW), BudgetStatus("zai", "month", 5.0, 5.5, 2, NOW)
    text = shown(msgspec.structs.replace(with_provider(over_budget=True), budgets=budgets))
    assert "  over budget  " in text.splitlines()[4]
    lines = [line.split() for line in text.splitlines() if " a " in line]
    assert lines[0][:6] == ["$20.00", "a", "day", "$4.10", "(20", "%)"]
    assert lines[1][:10] == ["$5.00", "a", "month", "for", "zai", "at", "least", "$5.50", "(110", "%)"]
