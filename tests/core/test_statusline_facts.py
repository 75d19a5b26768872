"""What the proxy contributes to the status line."""

from __future__ import annotations

import msgspec
import pytest

from claude_proxy.core.quota.quota_report import Balance, QuotaReport, QuotaWindow
from claude_proxy.core.status_report import (
    BudgetStatus,
    LastAnswer,
    ProviderStatus,
    Spent,
    StatusReport,
    TooLarge,
    WaitingRequest,
)
from claude_proxy.core.statusline_facts import Fact, StatuslineQuery, parse_statusline_query, statusline_facts

NOON = 20_000 * 86_400.0 + 12 * 3600
"""12:00 of a day, in UTC."""


def report(*providers: ProviderStatus, **sessions: LastAnswer) -> StatusReport:
    return StatusReport(
        version="1",
        instance="a",
        pid=1,
        started_at=0.0,
        host="127.0.0.1",
        port=8787,
        providers=providers,
        sessions=sessions,
    )


def cooling(name: str, until: float | None = NOON + 60, why: str | None = None) -> ProviderStatus:
    return ProviderStatus(name=name, state="cooldown", cooldown_until=until, why=why)


def facts(given: StatusReport, session: str = "", pin: str = "", utc_offset: int = 0) -> list[str]:
    return [fact.text for fact in statusline_facts(given, StatuslineQuery(session, pin, utc_offset), NOON)]


def test_says_nothing_if_all_providers_are_ready_and_the_session_is_unknown() -> None:
    answer = LastAnswer("zai", "glm-5.3", NOON)
    assert facts(report(ProviderStatus(name="zai", state="ready"), a=answer), session="b") == []


@pytest.mark.parametrize(
    ("session", "answered", "passed", "shown"),
    [
        ("a", None, 3600, True),
        ("a", NOON - 60, 3600, True),
        ("a", NOON + 60, 299, True),
        ("a", NOON + 60, 301, False),
        ("b", None, 1, False),
        ("", None, 1, False),
    ],
)
def test_says_that_the_sessions_request_was_over_the_proxys_limit_until_it_goes_on(
    session: str, answered: float | None, passed: float, *, shown: bool
) -> None:
    answers = {"a": LastAnswer("zai", "glm-5.3", answered)} if answered else {}
    given = msgspec.structs.replace(report(**answers), too_large=TooLarge(NOON, "a", 10 * 1024 * 1024))
    said = [fact.text for fact in statusline_facts(given, StatuslineQuery(session), NOON + passed)]
    assert ("request over 10 MB: raise max_body_mb in config.json" in said) is shown


def test_names_the_last_answer_of_the_session() -> None:
    given = report(a=LastAnswer("zai", "glm-5.3\x1b", NOON), b=LastAnswer("minimax", "", NOON))
    assert facts(given, session="a") == ["zai (glm-5.3?)"]
    assert facts(given, session="b") == ["minimax"]


def test_a_cooldown_has_its_end_and_its_reason() -> None:
    assert facts(report(cooling("zai", why="plan\nlimit"))) == ["zai: cooldown until 12:01 (plan limit)"]
    assert facts(report(cooling("zai", None))) == ["zai: cooldown"]


def test_several_cooldowns_are_short() -> None:
    given = report(cooling("a", why="out of credit"), ProviderStatus(name="x", state="probing"), *map(cooling, "bc"))
    assert facts(given) == ["cooldown: a until 12:01 and 2 more"]


def test_two_cooldowns_both_have_their_end() -> None:
    given = report(cooling("a"), cooling("b", None), ProviderStatus(name="c", state="ready"))
    assert facts(given) == ["cooldown: a until 12:01, b"]


def test_a_cooldown_that_is_over_is_not_shown() -> None:
    given = report(cooling("a", NOON), cooling("b", NOON + 60))
    assert facts(given) == ["b: cooldown until 12:01"]


@pytest.mark.parametrize(
    ("providers", "said"),
    [
        (
            [cooling("a", NOON + 600), cooling("b", NOON + 60), cooling("c", None)],
            "all in cooldown, b is back at 12:01",
        ),
        ([cooling("a", None), cooling("b", None)], "all in cooldown"),
        (
            [cooling("a"), cooling("b", NOON + 120), ProviderStatus(name="c", state="ready", out_of_credit=True)],
            "all in cooldown, a is back at 12:01",
        ),
        ([cooling("a"), ProviderStatus(name="c", state="ready", out_of_credit=True)], "a: cooldown until 12:01"),
    ],
)
def test_if_all_are_in_cooldown_the_earliest_return_is_shown(providers: list[ProviderStatus], said: str) -> None:
    assert facts(report(*providers))[-1] == said


def test_a_pinned_terminal_hears_of_its_own_provider_alone() -> None:
    given = report(cooling("a"), ProviderStatus(name="b", state="ready"), cooling("c"))
    assert facts(given, pin="c") == ["c: cooldown until 12:01"]
    assert facts(given, pin="b") == []
    assert facts(given, pin="nobody") == ["no such provider"]


def test_what_only_the_user_can_fix_comes_first() -> None:
    given = report(
        ProviderStatus(name="a", state="ready", key="A_KEY", key_rejected=True),
        ProviderStatus(name="b", state="cooldown", out_of_credit=True),
        ProviderStatus(name="c", state="ready", unknown_model="glm-9\x1b"),
        ProviderStatus(name="d", state="cooldown", auth="client", key_rejected=True, unknown_model="m"),
        s=LastAnswer("c", "glm-5", NOON),
    )
    expected = [
        "! a: key refused (A_KEY)",
        "! b: no credit",
        "! c: unknown model glm-9?",
        "! d: login refused",
        "! d: unknown model m",
    ]
    assert facts(given, session="s") == [*expected, "c (glm-5)"]
    assert facts(given, pin="b") == ["! b: no credit"]


@pytest.mark.parametrize(
    ("quota", "shown"),
    [
        (QuotaReport((QuotaWindow("week", 0.5), QuotaWindow("5 h", 0.62))), Fact("5 h 62 %")),
        (QuotaReport((QuotaWindow("5 h", 0.8),)), Fact("5 h 80 %", "warning")),
        (QuotaReport((QuotaWindow("5 h", 1.0),)), Fact("5 h 100 %", "error")),
        (QuotaReport((QuotaWindow("tokens a minute", 1.0, is_pace=True),)), None),
        (QuotaReport(balance=Balance(4.2, "USD")), Fact("4.20 USD left")),
        (QuotaReport(balance=Balance(0.2, "USD", is_low=True)), Fact("0.20 USD left", "warning")),
        (QuotaReport(unknown="it answered 503"), None),
        (None, None),
    ],
)
def test_the_quota_of_who_answers_stands_behind_its_name(quota: QuotaReport | None, shown: Fact | None) -> None:
    other = ProviderStatus(name="other", state="ready", quota=QuotaReport((QuotaWindow("5 h", 0.99),)))
    given = report(other, ProviderStatus(name="zai", state="ready", quota=quota), s=LastAnswer("zai", "glm-5", NOON))
    said = statusline_facts(given, StatuslineQuery("s"), NOON)
    assert said == [Fact("zai (glm-5)", "strong"), *([shown] if shown else [])]
    assert facts(given) == []


@pytest.mark.parametrize(
    ("session", "today", "shown"),
    [
        (None, Spent(), []),
        (Spent(), Spent(), []),
        (None, Spent(3.1), ["today $3.10"]),
        (Spent(0.42), Spent(3.1), ["session $0.42, today $3.10"]),
        (Spent(3.1), Spent(3.1), ["today $3.10"]),
        (Spent(0.42), Spent(), ["session $0.42"]),
        (Spent(0.42, 1), Spent(3.1, 2), ["session at least $0.42, today at least $3.10"]),
        (Spent(0.0, 1), Spent(0.0, 1), ["today ?"]),
        (Spent(plan_dollars=0.5), Spent(3.1, plan_dollars=0.5), ["session plan ($0.50), today $3.10 + plan"]),
        (Spent(0.42, failovers=1), Spent(0.42), ["today $0.42", "1 failover"]),
        (Spent(failovers=3), Spent(failovers=4), ["3 failovers"]),
    ],
)
def test_says_what_the_session_and_the_day_cost_and_how_often_it_failed_over(
    session: Spent | None, today: Spent, shown: list[str]
) -> None:
    given = msgspec.structs.replace(report(), spent_today=today)
    assert [fact.text for fact in statusline_facts(given, StatuslineQuery("s"), NOON, session)] == shown


def test_each_fact_has_the_style_of_how_urgent_it_is() -> None:
    given = msgspec.structs.replace(
        report(
            ProviderStatus(name="a", state="ready", out_of_credit=True),
            cooling("b"),
            ProviderStatus(name="c", state="ready"),
            s=LastAnswer("c", "m", NOON),
        ),
        waiting=(WaitingRequest("c", 40.0, "", "s"),),
        spent_today=Spent(1.0),
    )
    said = statusline_facts(given, StatuslineQuery("s"), NOON, Spent(0.5, failovers=1))
    assert [fact.style for fact in said] == ["error", "warning", "strong", "plain", "plain", "warning"]


def test_a_silent_provider_is_named_in_the_session_that_waits_for_it() -> None:
    waiting = (WaitingRequest("a", 40.0, "", "other"), WaitingRequest("b", 23.2, "c", "s"))
    given = msgspec.structs.replace(report(), waiting=waiting)
    assert facts(given, session="s") == ["waiting for b, 23 s, then c"]
    assert facts(given) == ["waiting for a, 40 s"]
    assert facts(given, session="third") == []


@pytest.mark.parametrize(
    ("utc_offset", "until", "shown"),
    [
        (-5 * 3600, NOON + 60, "07:01"),
        (5 * 3600 + 1800, NOON + 60, "17:31"),
        (0, NOON + 86_400, "2024-10-05 12:00"),
        (11 * 3600, NOON + 3600, "2024-10-05 00:00"),
        (12 * 3600, NOON + 3600, "01:00"),
    ],
)
def test_the_end_of_a_cooldown_is_by_the_terminals_clock(utc_offset: int, until: float, shown: str) -> None:
    assert facts(report(cooling("a", until)), utc_offset=utc_offset) == [f"a: cooldown until {shown}"]


def test_the_query_is_read() -> None:
    assert parse_statusline_query(b"session=%61%20b&pin=zai&utc_offset=-3600&more=1") == StatuslineQuery(
        "a b", "zai", -3600
    )
    assert parse_statusline_query(b"session=&pin=") == StatuslineQuery()


@pytest.mark.parametrize("query", [b"utc_offset=x", b"utc_offset=86400", b"utc_offset=-86400", b"a&" * 17])
def test_a_wrong_query_is_refused(query: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_statusline_query(query)


def budget(spent: float, provider: str = "", per: str = "day") -> BudgetStatus:
    return BudgetStatus(provider, per, 5.0, spent, 0, NOON + 60)


def test_names_the_budgets_that_are_nearly_or_wholly_used_up() -> None:
    given = msgspec.structs.replace(report(), budgets=(budget(3.99), budget(4.0), budget(5.5, "zai", "month")))
    assert statusline_facts(given, StatuslineQuery(), NOON) == [
        Fact("budget $4.00 of $5.00 a day", "warning"),
        Fact("budget (zai) $5.50 of $5.00 a month", "error"),
    ]


def test_a_pinned_terminal_sees_the_budgets_of_its_provider_and_of_all() -> None:
    given = msgspec.structs.replace(
        report(ProviderStatus(name="zai", state="ready")), budgets=(budget(5.0, "zai"), budget(5.0, "other"), budget(5))
    )
    assert facts(given, pin="zai") == ["budget (zai) $5.00 of $5.00 a day", "budget $5.00 of $5.00 a day"]
