"""The part of the page about what happens now, as the page and the stream of events have it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from claude_proxy.core.live_report import LiveAttempt, LiveFailover, LiveReport, LiveRequest
from claude_proxy.core.quota.quota_report import Balance, QuotaReport, QuotaWindow
from claude_proxy.core.status_report import BudgetStatus, LastError, ProviderStatus, Spent
from claude_proxy.net.page.rendering import Renderer
from fakes.web_page import WebPage

NOW = time.time()
FAILED = LiveAttempt("minimax", "529", "overloaded", 80.0)
RENDERER = Renderer()
HOSTILE = "<img src=x onerror=alert(1)>\"'&"


def shown(**changes: Any) -> WebPage:
    return WebPage.parse(RENDERER.live(LiveReport(**{"at": NOW, "started_at": NOW, **changes})))


def request(**changes: Any) -> LiveRequest:
    values = {"number": 1, "kind": "messages", "provider": "zai", "started_at": NOW, "seconds": 3.0}
    return LiveRequest(**{**values, **changes})


def provider(**changes: Any) -> ProviderStatus:
    return ProviderStatus(**{"name": "zai", "state": "ready", **changes})


def bars(page: WebPage) -> list[str | None]:
    """Return how wide the bars are."""
    return [bar.attributes["width"] for bar in page.all("rect") if bar.attributes["class"] == "used"]


def test_without_requests_it_says_so() -> None:
    assert shown().text == "0 in flight Requests in flight None. Providers"


def test_a_request_is_shown_with_who_is_waited_for_and_who_has_failed() -> None:
    model = {"requested_model": "claude-opus-5-5", "model": "glm-5.3"}
    waiting = request(**model, silent_seconds=3.0, then="kimi", session="5f0c")
    answers = request(first_byte_ms=5.0, output_tokens=1200, tokens_per_second=61.7, attempts=(FAILED,))
    text = shown(in_flight=9, requests=(waiting, answers)).text
    assert "opus-5-5 request 5f0c zai glm-5.3 waiting 3.0 s, then kimi 3.0 s" in text
    assert "? request zai answers after minimax overloaded 3.0 s 1.2k tokens, 62/s" in text
    assert "and 7 more" in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "zai ready"),
        ({"state": "cooldown", "cooldown_until": NOW, "why": "overloaded", "strikes": 2}, ", overloaded 2 strikes"),
        ({"state": "cooldown", "cooldown_until": NOW}, "cooldown until "),
        ({"key_rejected": True, "key": "ZAI_API_KEY"}, "zai key refused Replace ZAI_API_KEY."),
        ({"key_rejected": True, "auth": "client"}, "zai login refused"),
        ({"unknown_model": "glm-9"}, "zai unknown model It does not know the model glm-9."),
        ({"over_budget": True}, "zai over budget"),
    ],
)
def test_a_provider_is_shown_with_its_state_and_the_next_step(changes: dict[str, Any], words: str) -> None:
    assert words in shown(providers=(provider(**changes),)).text


def test_what_is_left_of_a_plan_is_a_bar_with_words() -> None:
    windows = (QuotaWindow("5 h", 1.0, NOW, blocks=True), QuotaWindow("week", 0.826), QuotaWindow("month", 7.0))
    page = shown(providers=(provider(quota=QuotaReport(windows, Balance(0.5, "USD", is_low=True), NOW)),))
    assert "5 h 100 % reset " in page.text
    assert "week 82 %" in page.text
    assert "0.50 USD left, low" in page.text
    assert bars(page) == ["100%", "82%", "100%"]
    kinds = [each.attributes["class"] for each in page.all("div")]
    assert kinds == ["quota full", "quota nearly", "quota nearly"]
    assert page.values("aria-label")[:2] == ["100 percent used", "82 percent used"]


def test_budgets_say_what_may_be_spent_and_what_was() -> None:
    both = (
        BudgetStatus("", "month", 50.0, 42.3, 2, NOW),
        BudgetStatus("kimi", "day", 2.0, 2.4, 0, NOW, passes=False),
    )
    page = shown(budgets=both)
    assert "$50.00 a month at least $42.30" in page.text
    assert "$2.00 a day for kimi $2.40" in page.text
    assert bars(page) == ["84.6%", "100%"]


def test_the_last_failovers_come_newest_first_with_their_reasons() -> None:
    attempts = (FAILED, LiveAttempt("zai", "200"))
    old = LiveFailover(at=NOW, requested_model="claude-opus-5-5", attempts=attempts, provider="zai")
    new = LiveFailover(at=NOW, requested_model="claude-haiku-5-5", attempts=(FAILED, LiveAttempt("zai", "reset")))
    text = shown(failovers=(old,) * 9 + (new,)).text
    assert "haiku-5-5: minimax overloaded → zai reset → no answer" in text
    assert text.index("haiku-5-5") < text.index("opus-5-5: minimax overloaded → zai")
    assert text.count("opus-5-5") == 4


def test_todays_cost_and_a_proxy_that_stops_are_named() -> None:
    text = shown(draining=True, spent_today=Spent(1.2, 3)).text
    assert text.startswith("stopping 0 in flight today at least $1.20, 3 requests without a price")


def test_what_comes_from_outside_is_text_and_a_providers_own_words_are_left_out() -> None:
    attempt = LiveAttempt(HOSTILE, HOSTILE, HOSTILE)
    page = shown(
        requests=(
            request(
                requested_model=HOSTILE,
                model=HOSTILE + "2",
                provider=HOSTILE,
                session=HOSTILE,
                request_class=HOSTILE,
                silent_seconds=1.0,
                then=HOSTILE,
                attempts=(attempt,),
            ),
        ),
        providers=(
            provider(name=HOSTILE, state=HOSTILE, why=HOSTILE),
            provider(key_rejected=True, key=HOSTILE, last_error=LastError(NOW, "words of the provider")),
            provider(unknown_model=HOSTILE, quota=QuotaReport((QuotaWindow(HOSTILE, 0.1),), Balance(1, HOSTILE))),
            provider(base_url="https://user:secret@host"),
        ),
        budgets=(BudgetStatus(HOSTILE, HOSTILE, 1.0, 0.0, 0, NOW),),
        failovers=(LiveFailover(at=NOW, requested_model=HOSTILE, attempts=(attempt,), provider=HOSTILE),),
    )
    assert page.all("img") == []
    assert "<img src=x onerror=alert(1)>" in page.text
    assert "words of the provider" not in page.text
    assert "secret" not in page.text
