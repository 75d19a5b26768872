from __future__ import annotations

import re
import signal

from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Attempt, Ending
from claude_proxy.store.log import LogLedger
from fakes.command_line import CommandLine, Done, line_with
from store.usage_db.accounts import ATTEMPT, account


def test_the_last_lines_are_shown(cli: CommandLine) -> None:
    cli.home.log.write_text("".join(f"line {number}\n" for number in range(50)), encoding="utf-8")
    assert cli("logs").out.splitlines() == [f"line {number}" for number in range(30, 50)]
    assert cli("logs", "-n", "2").out == "line 48\nline 49\n"
    assert cli("logs", "-n", "0") == Done(0, "", "")


def test_says_that_the_log_is_empty(cli: CommandLine) -> None:
    done = cli("logs")
    assert (done.code, done.out) == (0, "")
    assert "has no lines yet" in done.err


def test_reports_a_log_that_cannot_be_read(cli: CommandLine) -> None:
    cli.home.log.mkdir()
    done = cli("logs")
    assert done.code == 1
    assert "proxy.log cannot be read" in done.err


def test_following_shows_what_comes_across_rotation(cli: CommandLine) -> None:
    ledger = LogLedger(cli.home.log, max_bytes=150)
    ledger.note("before")
    with cli.spawned("logs", "-f", "-n", "1") as process:
        assert line_with(process.stdout, "before").endswith("before\n")
        for number in range(12):  # three lines fit into one log
            ledger.note(f"note {number}")
            assert process.stdout is not None
            assert process.stdout.readline().endswith(f"note {number}\n")
        done = cli.end(process, signal.SIGINT)
    ledger.close()
    assert (done.code, done.out, done.err.strip()) == (130, "", "")
    assert cli.home.log.with_name("proxy.log.3").exists()


def test_following_begins_with_a_log_that_is_not_there_yet(cli: CommandLine) -> None:
    with cli.spawned("logs", "-f") as process:
        ledger = LogLedger(cli.home.log)
        ledger.note("first")
        assert line_with(process.stdout, "first")
        ledger.close()


def test_shows_what_the_proxy_logs(started: CommandLine) -> None:
    assert "service started: version" in started("logs", "--raw").out
    assert re.search(r"^[\d:]{8} started: version", started("logs").out, re.MULTILINE)


def test_what_a_terminal_would_act_on_is_not_shown(cli: CommandLine) -> None:
    evil = "a \x1b[2J \x9b31m \u202e \u2028 \x07 b"
    cli.home.log.write_bytes(f"{evil}\n".encode() + b"\xff\xfe\x9b\n")
    done = cli("logs")
    assert done.code == 0
    assert all(line.isprintable() for line in done.out.split("\n"))
    assert done.out.startswith("a ?[2J ?31m ? ? b\n")


REJECTED = Attempt("zai", Reason.PLAN_LIMIT, 429, 5.0)


def write_requests(cli: CommandLine) -> None:
    ledger = LogLedger(cli.home.log)
    ledger.record(account(session="plain"))
    ledger.record(account(session="failover", attempts=(REJECTED, ATTEMPT)))
    ledger.note("zai: cooldown 30 s (plan_limit)", "warning")
    ledger.note("minimax: cooldown 30 s (529)", "warning")
    ledger.record(account(session="left", ending=Ending.CLIENT_LEFT, status=499))
    ledger.record(account(session="broken", ending=Ending.STALLED))
    for number in range(300):
        ledger.record(account(session=f"later{number}"))
    ledger.close()


def sessions(out: str) -> list[str]:
    return [found[1] for found in re.finditer(r"session=(\S+)", out)]


def test_requests_that_failed_are_found_however_far_back_they_are(cli: CommandLine) -> None:
    write_requests(cli)
    assert sessions(cli("logs", "--failed", "--raw").out) == ["failover", "broken"]
    assert sessions(cli("logs", "--failed", "--raw", "-n", "1").out) == ["broken"]
    done = cli("logs", "--failed")
    assert len(done.out.splitlines()) == 2
    assert "zai plan limit → minimax" in done.out
    assert "fell silent" in done.out


def test_a_providers_lines_are_its_requests_and_its_cooldowns(cli: CommandLine) -> None:
    write_requests(cli)
    lines = cli("logs", "--provider", "zai", "--raw").out.splitlines()
    assert (len(lines), sessions(lines[0])) == (2, ["failover"])
    assert lines[1].endswith("zai: cooldown 30 s (plan_limit)")
    assert sessions(cli("logs", "--provider", "zai", "--failed", "--raw").out) == ["failover"]
    assert len(cli("logs", "--provider", "minimax", "-n", "400").out.splitlines()) == 305


def test_says_that_no_line_is_wanted(cli: CommandLine) -> None:
    write_requests(cli)
    done = cli("logs", "--provider", "nobody")
    assert (done.code, done.out, "has no such lines" in done.err) == (0, "", True)
    assert cli("logs", "--provider", "nobody", "-n", "0") == Done(0, "", "")


def test_following_shows_only_what_is_wanted(cli: CommandLine) -> None:
    write_requests(cli)
    with cli.spawned("logs", "-f", "--failed", "-n", "1") as process:
        assert line_with(process.stdout, "fell silent")
        write_requests(cli)
        assert process.stdout is not None
        assert "zai plan limit" in process.stdout.readline()
        assert "fell silent" in process.stdout.readline()
