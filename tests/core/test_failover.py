from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from claude_proxy.core.failover import Decision, Failover, GiveUp, Relay, Try
from claude_proxy.core.health import Health, Permit, State
from claude_proxy.core.outcome import Rejected, Whole
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Ending, Fault, Reply
from core.builders import NOW, candidate, error, provider, rejected

NAMES = ("minimax", "moonshot", "zai")
PROVIDERS = {name: candidate(provider(name)) for name in NAMES}
ACCEPTED = Whole(Reply(200, (), b"{}"))
DOWN = rejected(Fault.PROVIDER, 503)
SPENT = rejected(Fault.QUOTA, 429)


def healths(**seconds_left: float) -> dict[str, Health]:
    """Return the health of each provider; those that are named are in cooldown for so many seconds."""
    made = {name: Health(name, 1800.0) for name in NAMES}
    for name, seconds in seconds_left.items():
        made[name].rate_limited(Permit(0), NOW, Reason.STATUS, 429, NOW + seconds)
    return made


def failover(of: dict[str, Health], names: Sequence[str] = NAMES, *, pinned: bool = False) -> Failover[Whole]:
    return Failover[Whole]([(PROVIDERS[name], of[name]) for name in names], pinned=pinned)


def asked(decision: Decision[Whole]) -> str:
    assert isinstance(decision, Try)
    return decision.candidate.provider.name


def all_fail(request: Failover[Whole], outcomes: Sequence[Rejected], now: float = NOW) -> tuple[list[str], GiveUp]:
    """Answer each try with the next outcome; return who was asked, and the end."""
    decision: Decision[Whole] = request.begin(now)
    names = list[str]()
    for outcome in outcomes:
        names.append(asked(decision))
        decision = request.judged(outcome, now)
    assert isinstance(decision, GiveUp)
    return names, decision


def test_relays_the_first_answer() -> None:
    of = healths()
    request = failover(of)
    assert asked(request.begin(NOW)) == "minimax"
    assert asked(request.judged(DOWN, NOW)) == "moonshot"
    assert request.judged(ACCEPTED, NOW) == Relay(PROVIDERS["moonshot"], ACCEPTED)
    request.ended(Ending.COMPLETE, NOW)
    assert [repr(health) for health in of.values()] == [
        "<Health minimax cooldown 15 s, 1 strike>",
        "<Health moonshot ready, 0 strikes>",
        "<Health zai ready, 0 strikes>",
    ]


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (DOWN, "<Health minimax cooldown 15 s, 1 strike>"),
        (rejected(Fault.PROVIDER, 503, NOW + 60), "<Health minimax cooldown 60 s, 1 strike>"),
        (SPENT, "<Health minimax cooldown 1800 s, 0 strikes>"),
        (rejected(Fault.QUOTA, 429, NOW + 9999), "<Health minimax cooldown 9999 s, 0 strikes>"),
        (replace(SPENT, cooldown=7200.0), "<Health minimax cooldown 7200 s, 0 strikes>"),
        (replace(SPENT, cooldown=60.0), "<Health minimax cooldown 1800 s, 0 strikes>"),
        (replace(SPENT, cooldown=7200.0, until=NOW + 60), "<Health minimax cooldown 60 s, 0 strikes>"),
    ],
)
def test_a_fault_puts_its_provider_into_cooldown(outcome: Rejected, state: str) -> None:
    of = healths()
    request = failover(of)
    request.begin(NOW)
    request.judged(outcome, NOW)
    assert repr(of["minimax"]) == state
    assert of["minimax"].label == outcome.label


@pytest.mark.parametrize("fault", [Fault.REQUEST, Fault.INTERNAL])
def test_a_fault_that_is_not_the_providers_ends_the_request_without_a_strike(fault: Fault) -> None:
    of = healths()
    request = failover(of)
    request.begin(NOW)
    outcome = rejected(fault, 400, NOW + 60)
    assert request.judged(outcome, NOW) == GiveUp(outcome, "minimax", None)
    assert [health.state(NOW) for health in of.values()] == [State.READY] * 3


def test_a_request_that_does_not_fit_goes_to_the_next_provider_without_a_strike() -> None:
    of = healths()
    request = failover(of)
    request.begin(NOW)
    assert asked(request.judged(rejected(Fault.INCOMPATIBLE, Reason.TOO_LONG, NOW + 60), NOW)) == "moonshot"
    assert request.judged(ACCEPTED, NOW) == Relay(PROVIDERS["moonshot"], ACCEPTED)
    assert [health.state(NOW) for health in of.values()] == [State.READY] * 3


def test_the_next_in_line_is_the_next_that_would_be_asked() -> None:
    request = failover(healths(moonshot=60))
    request.begin(NOW)
    assert request.next_in_line(NOW) == "zai"
    request.judged(DOWN, NOW)
    assert request.next_in_line(NOW) == "moonshot"
    request.judged(DOWN, NOW)
    assert request.next_in_line(NOW) == ""


@pytest.mark.parametrize("pin", [True, False])
def test_a_request_that_fits_nowhere_gets_the_last_error_without_retry_after(*, pin: bool) -> None:
    of = healths()
    incompatible = rejected(Fault.INCOMPATIBLE, Reason.UNKNOWN_MODEL, NOW + 60, error("not_found_error", 404))
    names = NAMES[:1] if pin else NAMES
    asked_names, end = all_fail(failover(of, names, pinned=pin), [incompatible] * len(names))
    assert tuple(asked_names) == names
    assert end == GiveUp(incompatible, names[-1], None)
    assert [health.state(NOW) for health in of.values()] == [State.READY] * 3


LONG = rejected(Fault.INCOMPATIBLE, Reason.TOO_LONG, None, error("invalid_request_error", 400))
UNKNOWN = rejected(Fault.INCOMPATIBLE, Reason.UNKNOWN_MODEL, None, error("not_found_error", 404))
BUSY = rejected(Fault.PROVIDER, 503, None, error("overloaded_error", 503))
FOR_HOURS = rejected(Fault.QUOTA, 429, NOW + 9999, error("rate_limit_error", 429))
BUSY_FOR_MINUTES = replace(BUSY, until=NOW + 600)
SOON_BACK = replace(FOR_HOURS, until=NOW + 60)


@pytest.mark.parametrize(
    ("one", "other", "told", "returns_at"),
    [
        pytest.param(LONG, BUSY, BUSY, NOW + 15, id="ask again, since one is back soon"),
        pytest.param(LONG, DOWN, DOWN, NOW + 15, id="the same where it said nothing"),
        pytest.param(LONG, BUSY_FOR_MINUTES, BUSY_FOR_MINUTES, NOW + 600, id="though it takes some minutes"),
        pytest.param(LONG, SPENT, SPENT, NOW + 1800, id="the same where it names no time, since that is a guess"),
        pytest.param(LONG, SOON_BACK, SOON_BACK, NOW + 60, id="or a minute"),
        pytest.param(LONG, FOR_HOURS, LONG, None, id="shorten it, since the other is away for long"),
        pytest.param(LONG, rejected(Fault.QUOTA, Reason.PLAN_LIMIT), LONG, None, id="for an hour or so"),
        pytest.param(LONG, rejected(Fault.QUOTA, Reason.NO_CREDIT), LONG, None, id="until it is paid"),
        pytest.param(LONG, UNKNOWN, LONG, None, id="shorten it, since the other never will"),
        pytest.param(UNKNOWN, BUSY, BUSY, NOW + 15, id="no advice to take another model while one is away"),
        pytest.param(UNKNOWN, DOWN, DOWN, NOW + 15, id="nor where that said nothing"),
        pytest.param(UNKNOWN, FOR_HOURS, FOR_HOURS, NOW + 9999, id="however long it is away"),
        pytest.param(FOR_HOURS, DOWN, FOR_HOURS, NOW + 15, id="of those that rest, who said why"),
    ],
)
@pytest.mark.parametrize("turned", [True, False])
def test_if_each_fails_in_its_own_way_the_client_gets_the_error_that_it_can_act_on(
    one: Rejected, other: Rejected, told: Rejected, returns_at: float | None, *, turned: bool
) -> None:
    outcomes = [other, one] if turned else [one, other]
    _, end = all_fail(failover(healths(), NAMES[:2]), outcomes)
    assert end == GiveUp(told, NAMES[outcomes.index(told)], returns_at)


@pytest.mark.parametrize(("outcome", "told"), [(FOR_HOURS, LONG), (BUSY, BUSY), (UNKNOWN, LONG)])
def test_a_provider_left_out_for_its_window_counts_as_if_it_had_answered_too_long(
    outcome: Rejected, told: Rejected
) -> None:
    of = healths()
    request = Failover[Whole]([(PROVIDERS["minimax"], of["minimax"])], pinned=False, too_small=LONG)
    names, end = all_fail(request, [outcome])
    assert names == ["minimax"]
    assert (end.rejected, end.provider) == (told, "" if told is LONG else "minimax")


def test_the_return_of_a_provider_that_the_request_does_not_fit_is_ignored() -> None:
    spent = rejected(Fault.QUOTA, 429, NOW + 60, error("rate_limit_error", 429))
    _, end = all_fail(failover(healths(zai=10), NAMES), [LONG, spent, LONG])
    assert end == GiveUp(spent, "moonshot", NOW + 60)


def test_a_provider_whose_other_model_fits_counts_for_the_first_return() -> None:
    of = healths()
    twice = Failover[Whole](
        [(PROVIDERS["minimax"], of["minimax"]), (PROVIDERS["minimax"], of["minimax"])], pinned=False
    )
    _, end = all_fail(twice, [rejected(Fault.INCOMPATIBLE), BUSY])
    assert end == GiveUp(BUSY, "minimax", NOW + 15)


@pytest.mark.parametrize("fault", [Fault.REQUEST, Fault.INTERNAL, Fault.INCOMPATIBLE])
def test_a_probe_with_no_fault_of_the_provider_is_given_back(fault: Fault) -> None:
    of = healths(minimax=10)
    request = failover(of)
    request.begin(NOW + 10)
    request.judged(rejected(fault, 400), NOW + 10)
    assert asked(failover(of).begin(NOW + 10)) == "minimax"


def test_skips_a_provider_in_cooldown() -> None:
    assert asked(failover(healths(minimax=60)).begin(NOW)) == "moonshot"


def test_if_all_are_in_cooldown_tries_them_in_the_order_of_their_return() -> None:
    of = healths(minimax=60, moonshot=20, zai=40)
    names, _ = all_fail(failover(of), [DOWN, DOWN, DOWN])
    assert names == ["moonshot", "zai", "minimax"]
    assert [health.cooldown_length for health in of.values()] == [60, 20, 40]


def test_tries_providers_in_cooldown_after_the_ready_ones() -> None:
    names, _ = all_fail(failover(healths(minimax=60, moonshot=20)), [DOWN, DOWN, DOWN])
    assert names == ["zai", "moonshot", "minimax"]


def test_skips_a_provider_whose_probe_is_out_until_no_other_is_left() -> None:
    of = healths(minimax=10)
    probing, second = failover(of, NAMES[:2]), failover(of, NAMES[:2])
    assert asked(probing.begin(NOW + 10)) == "minimax"
    assert asked(second.begin(NOW + 10)) == "moonshot"
    assert asked(second.judged(DOWN, NOW + 10)) == "minimax"
    assert second.judged(ACCEPTED, NOW + 10) == Relay(PROVIDERS["minimax"], ACCEPTED)
    assert of["minimax"].state(NOW + 10) is State.READY


def test_if_all_fail_gives_the_last_error_and_the_time_of_the_first_return() -> None:
    replies = [error("rate_limit_error", 429), error("overloaded_error", 529)]
    outcomes = [
        rejected(Fault.QUOTA, 429, NOW + 99, replies[0]),
        rejected(Fault.PROVIDER, 529, None, replies[1]),
        SPENT,
    ]
    _, end = all_fail(failover(healths()), outcomes)
    assert end == GiveUp(outcomes[1], "moonshot", NOW + 15)


def test_if_no_error_can_be_relayed_gives_the_last_rejection() -> None:
    _, end = all_fail(failover(healths()), [DOWN, DOWN, SPENT])
    assert end == GiveUp(SPENT, "zai", NOW + 15)


def test_if_a_provider_has_recovered_meanwhile_the_first_return_is_now() -> None:
    of = healths()
    request = failover(of, ["minimax"])
    request.begin(NOW)
    late = of["minimax"].force()
    of["minimax"].strike(late, NOW, Reason.STATUS, 500)
    of["minimax"].accept(of["minimax"].force())
    assert request.judged(DOWN, NOW) == GiveUp(DOWN, "minimax", NOW)


def test_a_provider_that_has_recovered_meanwhile_is_asked_before_those_in_cooldown() -> None:
    of = healths(minimax=60, moonshot=20)
    request = failover(of)
    assert asked(request.begin(NOW)) == "zai"
    of["minimax"].accept(of["minimax"].force())
    assert asked(request.judged(DOWN, NOW)) == "minimax"


@pytest.mark.parametrize("until", [None, NOW + 60])
def test_a_pinned_provider_is_asked_whatever_its_health_without_failover(until: float | None) -> None:
    of = healths(moonshot=999)
    outcome = rejected(Fault.QUOTA, 429, until)
    names, end = all_fail(failover(of, ["moonshot"], pinned=True), [outcome])
    assert names == ["moonshot"]
    assert end == GiveUp(outcome, "moonshot", until)


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        (Ending.COMPLETE, "<Health minimax ready, 0 strikes>"),
        (Ending.TRUNCATED, "<Health minimax cooldown 30 s, 2 strikes>"),
        (Ending.STALLED, "<Health minimax cooldown 30 s, 2 strikes>"),
        (Ending.ERROR, "<Health minimax cooldown 30 s, 2 strikes>"),
    ],
)
def test_the_ending_of_an_answer_resets_the_strikes_or_adds_one(ending: Ending, state: str) -> None:
    of = healths()
    of["minimax"].strike(Permit(0), NOW, Reason.STATUS, 500)
    request = failover(of)
    request.begin(NOW + 15)
    request.judged(ACCEPTED, NOW + 15)
    request.ended(ending, NOW + 15)
    assert repr(of["minimax"]) == state
    assert of["minimax"].label == ("" if ending is Ending.COMPLETE else ending.value)


@pytest.mark.parametrize("ending", [Ending.CLIENT_LEFT, Ending.INTERNAL])
def test_an_answer_that_ends_through_no_fault_of_the_provider_harms_none_and_gives_its_probe_back(
    ending: Ending,
) -> None:
    of = healths(minimax=10)
    before = repr(of["minimax"])
    request = failover(of)
    request.begin(NOW + 10)
    request.ended(ending, NOW + 10)
    assert repr(of["minimax"]) == before
    assert asked(failover(of).begin(NOW + 10)) == "minimax"


def test_a_request_that_is_abandoned_gives_its_probe_back() -> None:
    of = healths(minimax=10)
    request = failover(of)
    request.abandon()
    request.begin(NOW + 10)
    assert of["minimax"].state(NOW + 10) is State.PROBING
    request.abandon()
    request.abandon()
    assert asked(failover(of).begin(NOW + 10)) == "minimax"


def test_a_broken_contract_raises() -> None:
    request = failover(healths())
    with pytest.raises(RuntimeError, match="nothing was tried yet"):
        request.judged(DOWN, NOW)
    with pytest.raises(RuntimeError, match="nothing was tried yet"):
        request.ended(Ending.COMPLETE, NOW)
    with pytest.raises(ValueError, match="at least one candidate"):
        Failover[Whole]([], pinned=False)
