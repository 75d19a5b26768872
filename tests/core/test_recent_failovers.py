"""Which requests are kept as failovers, and what of them."""

from __future__ import annotations

import pytest

from claude_proxy.core.live_report import LiveAttempt, LiveFailover
from claude_proxy.core.reasons import Reason
from claude_proxy.core.recent_failovers import MAX_ATTEMPTS, MAX_KEPT, RecentFailovers, failovers_of
from claude_proxy.core.types import MAX_SESSION_LENGTH, Attempt, Ending
from core.builders import NOW, account


def rejected(name: str, status: int = 529, **fields: float) -> Attempt:
    return Attempt(name, Reason.STATUS, status, fields.get("milliseconds", 1.0), started_ms=fields.get("started", 0.0))


def accepted(name: str) -> Attempt:
    return Attempt(name, None, 200, 1.0)


def test_a_failover_says_when_the_first_provider_failed_why_and_who_answered() -> None:
    recent = RecentFailovers()
    attempts = (rejected("a", started=500.0, milliseconds=1500.0), accepted("b"))
    recent.take(account(session="s", attempts=attempts, provider="b", ending=Ending.RECOVERED))
    assert recent.newest() == (
        LiveFailover(
            at=NOW + 2.0,
            session="s",
            requested_model="m",
            attempts=(LiveAttempt("a", "529", "overloaded", 1500.0), LiveAttempt("b", "200", "", 1.0)),
            provider="b",
            ending="recovered",
        ),
    )


@pytest.mark.parametrize(
    "attempts", [(), (accepted("a"),), (rejected("a"),), (rejected("a", 400), accepted("a"))], ids=len
)
def test_a_request_of_one_provider_is_no_failover(attempts: tuple[Attempt, ...]) -> None:
    recent = RecentFailovers()
    recent.take(account(attempts=attempts))
    assert recent.newest() == ()


def test_the_refused_key_is_named_by_its_variable() -> None:
    recent = RecentFailovers()
    refused = Attempt("a", Reason.STATUS, 401, 1.0, "words of the provider", credential="A_KEY")
    recent.take(account(attempts=(refused, accepted("b"))))
    [failover] = recent.newest()
    assert failover.attempts[0] == LiveAttempt("a", "401", "key refused: replace A_KEY", 1.0)


def test_each_change_of_provider_counts() -> None:
    assert failovers_of([]) == 0
    assert failovers_of([rejected("a"), rejected("a"), rejected("b"), accepted("a")]) == 2


def test_the_newest_are_kept_and_all_of_it_is_bounded() -> None:
    recent = RecentFailovers()
    for number in range(MAX_KEPT + 3):
        attempts = [rejected(f"p{each}") for each in range(MAX_ATTEMPTS + 5)]
        recent.take(account(session=f"{number}\x1b" + "s" * 500, attempts=tuple(attempts)))
    kept = recent.newest()
    assert (len(kept), kept[-1].session[:4], repr(recent)) == (MAX_KEPT, "52?s", "<RecentFailovers 50 of 50>")
    assert {(len(each.attempts), len(each.session)) for each in kept} == {(MAX_ATTEMPTS, MAX_SESSION_LENGTH)}
