"""What `top` shows of a report, at each size of a terminal."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from claude_proxy.cli.live_view.screen import Size, screen
from claude_proxy.core.amounts import spent_in_words
from claude_proxy.core.live_report import LiveAttempt, LiveFailover, LiveReport, LiveRequest
from claude_proxy.core.quota.quota_report import Balance, QuotaReport, QuotaWindow
from claude_proxy.core.status_report import ProviderStatus, Spent
from core.builders import SPENT_IN_WORDS

AT = 1_800_000_000.0
FAILED = LiveAttempt("minimax", "529", "overloaded", 12.0)
REQUEST = LiveRequest(
    number=1, kind="messages", requested_model="claude-opus-5-5", provider="moonshot", started_at=AT, seconds=12.4
)
READY = ProviderStatus(name="moonshot", state="ready")


def request(**changes: Any) -> LiveRequest:
    return msgspec.structs.replace(REQUEST, **changes)


def report(*requests: LiveRequest, **changes: Any) -> LiveReport:
    base = LiveReport(at=AT, started_at=AT, in_flight=len(requests), requests=requests, providers=(READY,))
    return msgspec.structs.replace(base, **changes)


def lines(given: LiveReport, columns: int = 80, rows: int | None = None, **options: Any) -> list[str]:
    return [line.plain for line in screen(given, Size(columns, rows), **options)]


def state_of(given: LiveRequest) -> str:
    [title, row] = lines(report(given), 200)[2:4]
    return row[title.index("state") : title.index("time")].strip()


def test_an_idle_proxy_is_short() -> None:
    headline, *rest = lines(report())
    assert headline.split()[:4] == ["claude-proxy", "0", "in", "flight"]
    assert rest == [
        "",
        "no request in flight",
        "",
        "provider  state  quota",
        "moonshot  ready",
        "",
        "no failover since the proxy started",
    ]


def test_a_request_is_a_row() -> None:
    given = request(request_class="main", first_byte_ms=700.0, output_tokens=1234, tokens_per_second=42.3)
    assert lines(report(given))[2:4] == [
        "request  model     provider  state    time  tokens  tokens/s",
        "main     opus-5-5  moonshot  answers  12 s    1.2k        42",
    ]
    assert "5f0c1d2e  opus-5-5" in lines(report(request(session="5f0c1d2e-0000")), 100)[3]


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"provider": ""}, "is read"),
        ({}, "waiting"),
        ({"silent_seconds": 3.04}, "waiting 3.0 s"),
        ({"silent_seconds": 23.0, "then": "zai"}, "waiting 23 s, then zai"),
        ({"first_byte_ms": 1.0, "silent_seconds": 4.9}, "answers"),
        ({"first_byte_ms": 1.0, "silent_seconds": 125.0}, "silent 2 min 5 s"),
        ({"first_byte_ms": 1.0, "attempts": (FAILED,)}, "answers, after minimax overloaded"),
        ({"silent_seconds": 1.0, "attempts": (FAILED, LiveAttempt("zai", "404"))}, "waiting 1.0 s, after zai 404"),
        ({"first_byte_ms": 1.0, "attempts": (LiveAttempt("moonshot", "200"),)}, "answers"),
    ],
)
def test_the_state_says_who_is_waited_for_and_what_has_failed(changes: dict[str, Any], state: str) -> None:
    assert state_of(request(**changes)) == state


def test_a_count_of_tokens_is_named_so() -> None:
    assert lines(report(request(kind="count_tokens")))[3].startswith("count ")


def quota_of(*windows: QuotaWindow, balance: Balance | None = None, plain: bool = True) -> str:
    provider = ProviderStatus(name="zai", state="ready", quota=QuotaReport(windows, balance))
    [row] = [line for line in lines(report(providers=(provider,)), 200, plain=plain) if line.startswith("zai")]
    return row.removeprefix("zai       ready  ")


@pytest.mark.parametrize(
    ("used", "shown"),
    [
        (0.0, "5 h ........ 0 %"),
        (0.01, "5 h #....... 1 %"),
        (0.78, "5 h ######.. 78 %"),
        (1.0, "5 h ######## 100 %"),
        (0.999, "5 h ######## 99 %"),
        (1.7, "5 h ######## 170 %"),
        (-1.0, "5 h ........ 0 %"),
    ],
)
def test_a_window_of_a_plan_is_a_bar(used: float, shown: str) -> None:
    assert quota_of(QuotaWindow("5 h", used)) == shown


def test_two_windows_and_a_balance_have_room_and_those_of_a_minute_are_left_out() -> None:
    windows = [QuotaWindow("tokens a minute", 0.9, is_pace=True), QuotaWindow("5 h", 0.5), QuotaWindow("week", 0.25)]
    shown = quota_of(*windows, QuotaWindow("month", 0.1), balance=Balance(4.2, "USD"))
    assert shown == "5 h ####.... 50 %  week ##...... 25 %  4.20 USD"
    assert quota_of(QuotaWindow("5 h", 0.5), plain=False) == "5 h ████░░░░ 50 %"


def failover(**changes: Any) -> LiveFailover:
    attempts = (FAILED, LiveAttempt("zai", "plan_limit", "plan limit"), LiveAttempt("moonshot", "200"))
    base = LiveFailover(at=AT, requested_model="claude-opus-5-5", attempts=attempts, provider="moonshot")
    return msgspec.structs.replace(base, **changes)


def test_the_newest_failover_comes_first_with_each_reason() -> None:
    given = report(failovers=(failover(), failover(attempts=(FAILED, LiveAttempt("zai", "500")), provider="")))
    title, newest, oldest = lines(given)[-3:]
    assert title == "last failovers"
    assert newest.endswith("opus-5-5  minimax overloaded → zai 500 → no answer")
    assert oldest.endswith("opus-5-5  minimax overloaded → zai plan limit → moonshot")
    assert "minimax overloaded -> zai plan limit -> moonshot" in lines(given, plain=True)[-1]


def test_a_proxy_that_stops_and_one_that_is_gone_are_named() -> None:
    assert lines(report(draining=True))[0].startswith("claude-proxy  stopping  0 in flight")
    assert lines(report(), notice="No answer")[1] == "No answer"


@pytest.mark.parametrize(("spent", "words"), SPENT_IN_WORDS)
def test_what_is_not_known_of_todays_cost_is_never_zero(spent: Spent, words: str) -> None:
    assert spent_in_words(spent) == words
    assert (f"  today {words}" in lines(report(spent_today=spent), 200)[0]) is bool(words)


MANY = report(
    *(request(number=number, request_class="subagent", silent_seconds=20.0, then="zai") for number in range(30)),
    providers=tuple(
        ProviderStatus(name=f"provider-{number}", state="cooldown", cooldown_until=AT, why="plan limit")
        for number in range(15)
    ),
    failovers=tuple(failover() for _ in range(20)),
    spent_today=Spent(1.0, 12, 3.0),
)


@pytest.mark.parametrize("columns", [1, 20, 40, 80, 132])
@pytest.mark.parametrize("rows", [1, 5, 8, 12, 24, 50])
@pytest.mark.parametrize("given", [report(), MANY], ids=["idle", "busy"])
def test_it_fits_into_any_terminal_and_fills_it(given: LiveReport, columns: int, rows: int) -> None:
    shown = screen(given, Size(columns, rows), notice="n" * 300, keys="q: leave")
    assert len(shown) == rows
    assert {line.cell_len <= columns for line in shown} == {True}
    assert columns == 1 or shown[-1].plain == "q: leave"


def test_at_80_by_24_each_section_keeps_rows_and_says_how_many_it_leaves_out() -> None:
    shown = lines(MANY, 80, 24, keys="q: leave")
    assert sum("subagent" in line for line in shown) + int(shown[4].split()[0] == "and") > 0
    left_out = [line for line in shown if line.startswith("and ")]
    assert len(left_out) == 3
    requests, providers, failovers = (int(line.split()[1]) for line in left_out)
    assert requests + sum("subagent" in line for line in shown) == 30
    assert providers + sum(line.startswith("provider-") for line in shown) == 15
    assert failovers + sum("minimax overloaded" in line for line in shown) == 20


def test_the_numbers_stay_whole_when_the_state_is_cut() -> None:
    attempts = (LiveAttempt("a-provider-of-a-long-name", "529", "overloaded"),)
    given = request(request_class="subagent", first_byte_ms=1.0, output_tokens=340, attempts=attempts)
    row = lines(report(given), 72)[3]
    assert "answers, after a-…" in row
    assert row.endswith("12 s     340")


def test_control_characters_of_a_report_are_not_shown() -> None:
    given = request(requested_model="m\x1b[2J", provider="p\x9b", then="t\x07", silent_seconds=1.0, request_class="c\n")
    assert "\x1b" not in "".join(lines(report(given)))
