"""What is told of, in which words, and how often."""

from __future__ import annotations

import json

import pytest

from claude_proxy.core import events
from claude_proxy.core.budgets import Budget, BudgetNews, BudgetNotice, Period
from claude_proxy.core.events import MAX_IN_A_MINUTE, SAME_EVERY, Event, EventKind, EventLimits, Outages
from claude_proxy.core.health import Health
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Attempt
from core.builders import NOW, account

FAILED, ANSWERED = Attempt("zai", Reason.STATUS, 529, 1.0), Attempt("minimax", None, 200, 1.0)


def event(kind: EventKind = EventKind.FAILOVER, provider: str = "zai", text: str = "x") -> Event:
    return Event(event=kind, at=NOW, provider=provider, text=text)


def limited(health: Health, seconds: float = 60.0) -> None:
    permit = health.admit(NOW)
    assert permit
    health.rate_limited(permit, NOW, Reason.STATUS, 429, NOW + seconds)


def struck(health: Health) -> None:
    permit = health.admit(NOW)
    assert permit
    health.strike(permit, NOW, Reason.RESET)


def watching(*healths: Health) -> Outages:
    outages = Outages()
    outages.follow({health.name: health for health in healths}, NOW)
    return outages


def told(outages: Outages, now: float = NOW) -> list[tuple[str, str]]:
    return [(each.event.value, each.provider) for each in outages.look(now, 0)]


def test_an_event_is_one_line_of_json_without_what_does_not_apply() -> None:
    line = event(text="first\nsecond").line()
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert json.loads(line) == {"event": "failover", "at": NOW, "provider": "zai", "text": "first\nsecond"}


def test_one_kind_about_one_provider_is_told_once_a_minute() -> None:
    limits = EventLimits()
    assert limits.admits(event(), 0)
    assert not limits.admits(event(text="other words"), SAME_EVERY - 1)
    assert limits.admits(event(provider="minimax"), 1)
    assert limits.admits(event(EventKind.PROVIDER_OUT), 1)
    assert limits.admits(event(), SAME_EVERY)


@pytest.mark.parametrize("kind", [EventKind.BUDGET, EventKind.QUOTA_LOW])
def test_what_is_said_once_anyway_is_not_lost_behind_another_of_its_kind(kind: EventKind) -> None:
    limits = EventLimits()
    assert limits.admits(event(kind, text="80 %"), 0)
    assert limits.admits(event(kind, text="100 %"), 1)
    assert not limits.admits(event(kind, text="100 %"), 2)


def test_a_minute_has_no_more_than_so_many_events_and_the_memory_of_them_is_bounded() -> None:
    limits = EventLimits()
    admitted = [limits.admits(event(provider=str(number)), number / 10) for number in range(500)]
    assert sum(admitted) == MAX_IN_A_MINUTE
    assert limits.admits(event(provider="later"), 60.0)
    assert len(limits._last) <= MAX_IN_A_MINUTE


def test_each_failover_of_a_request_is_an_event() -> None:
    again, third = Attempt("minimax", Reason.STALLED, None, 1.0), Attempt("moonshot", None, 200, 1.0)
    request = account(attempts=(FAILED, FAILED, again, third), requested_model="claude\x1b[31m-opus")
    first, second = events.failovers(request, NOW)
    assert (first.provider, first.next, first.reason, first.model) == ("zai", "minimax", "529", "claude?[31m-opus")
    assert first.text == "zai: overloaded. minimax is asked"
    assert (second.provider, second.next, second.reason) == ("minimax", "moonshot", "stalled")


def test_another_try_at_one_provider_is_no_failover() -> None:
    assert list(events.failovers(account(attempts=(FAILED,)), NOW)) == []
    assert list(events.failovers(account(attempts=(FAILED, FAILED)), NOW)) == []


def test_an_answer_that_another_provider_goes_on_with_says_so_without_a_reason() -> None:
    [told_of] = events.failovers(account(attempts=(ANSWERED, Attempt("zai", None, 200, 1.0))), NOW)
    assert told_of.text == "minimax: broke off. zai is asked"


def test_a_provider_is_out_once_and_back_when_it_has_answered() -> None:
    zai = Health("zai", 1800.0)
    outages = watching(zai, Health("minimax", 1800.0))
    assert told(outages) == []
    struck(zai)
    [out] = outages.look(NOW, 3600)
    assert (out.event, out.provider, out.reason, out.until) == (EventKind.PROVIDER_OUT, "zai", "reset", NOW + 15)
    assert out.text == "zai is in cooldown until 09:00 (broke off)"
    assert told(outages, NOW + 1) == []
    assert told(outages, NOW + 16) == []  # its cooldown is over, but it may be as broken as before
    probe = zai.admit(NOW + 16)
    assert probe
    zai.strike(probe, NOW + 16, Reason.RESET)
    assert told(outages, NOW + 17) == []
    zai.accept(zai.force())
    assert told(outages, NOW + 18) == [("provider_back", "zai")]
    assert told(outages, NOW + 19) == []


def test_a_provider_at_a_limit_is_back_when_its_time_is_over() -> None:
    zai = Health("zai", 1800.0)
    outages = watching(zai)
    limited(zai)
    assert told(outages) == [("provider_out", "zai")]
    assert told(outages, NOW + 59) == []
    assert told(outages, NOW + 60) == [("provider_back", "zai")]


def test_a_cooldown_without_a_reason_is_told_without_one() -> None:
    zai = Health("zai", 1800.0)
    outages = watching(zai)
    zai.resume(NOW + 60, 60.0, 0, None, None)
    [out] = outages.look(NOW, 0)
    assert out.text == "zai is in cooldown until 08:01"


def test_a_cooldown_that_has_gone_on_from_before_is_not_told_but_its_end_is() -> None:
    zai = Health("zai", 1800.0)
    limited(zai)
    outages = watching(zai)
    assert told(outages) == []
    assert told(outages, NOW + 60) == [("provider_back", "zai")]


def test_a_provider_that_is_gone_or_has_another_key_is_not_told_of() -> None:
    zai = Health("zai", 1800.0)
    outages = watching(zai)
    limited(zai)
    assert told(outages) == [("provider_out", "zai")]
    outages.follow({"zai": Health("zai", 1800.0)}, NOW)
    assert told(outages) == []
    outages.follow({}, NOW)
    assert told(outages, NOW + 99) == []


@pytest.mark.parametrize(
    ("news", "percent"), [(BudgetNews.NEARLY_USED_UP, 80), (BudgetNews.USED_UP, 100), (BudgetNews.UNPRICED, None)]
)
def test_a_budget_is_told_of_when_it_is_nearly_or_wholly_used_up(news: BudgetNews, percent: int | None) -> None:
    found = events.of_budget(BudgetNotice(Budget(5.0, Period.DAY, "zai"), news, "words", NOW + 9), NOW)
    assert (found and found.percent) == percent
    if found:
        assert (found.provider, found.until, found.text) == ("zai", NOW + 9, "words")


def test_a_saved_answer_names_who_completed_it() -> None:
    assert events.answer_saved(account(provider="zai"), NOW).text == "an answer broke off, and zai completed it"
    assert events.answer_saved(account(), NOW).text == "an answer broke off, and the proxy completed it"


def test_a_refused_key_and_a_low_quota_are_told_in_the_words_of_the_log() -> None:
    refused, low = events.key_refused("zai", "words", NOW), events.quota_low("zai", "words", NOW)
    assert (refused.event, low.event) == (EventKind.KEY_REFUSED, EventKind.QUOTA_LOW)
    assert {(each.provider, each.text, each.at) for each in (refused, low)} == {("zai", "words", NOW)}
