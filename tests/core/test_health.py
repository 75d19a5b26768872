from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from claude_proxy.core.health import FIRST_COOLDOWN, MAX_COOLDOWN, MIN_COOLDOWN, Health, Permit, State
from claude_proxy.core.reasons import Reason
from core.builders import NOW

COOLDOWN = 1800.0


def minimax(cooldown: float = COOLDOWN) -> Health:
    return Health("minimax", cooldown)


def admitted(health: Health, now: float) -> Permit:
    permit = health.admit(now)
    assert permit is not None
    return permit


def cooling_down(status: int = 500, now: float = NOW) -> Health:
    health = minimax()
    health.strike(admitted(health, now), now, Reason.STATUS, status)
    return health


def everything(health: Health) -> dict[str, object]:
    return {name: getattr(health, name) for name in Health.__slots__}


def test_a_new_provider_is_ready_and_admits_any_number() -> None:
    health = minimax()
    assert repr(health) == "<Health minimax ready, 0 strikes>"
    assert health.state(NOW) is State.READY
    assert [health.admit(NOW), health.admit(NOW)] == [Permit(0), Permit(0)]


def test_a_strike_starts_a_cooldown_and_the_first_request_after_it_is_the_probe() -> None:
    health = cooling_down(503)
    assert repr(health) == "<Health minimax cooldown 15 s, 1 strike>"
    assert (health.cooldown_until, health.label) == (NOW + 15, "503")
    assert (health.state(NOW + 14.9), health.admit(NOW + 14.9)) == (State.COOLDOWN, None)
    assert admitted(health, NOW + 15).probe
    assert repr(health) == "<Health minimax probing, 1 strike>"
    assert (health.state(NOW + 15), health.admit(NOW + 15)) == (State.PROBING, None)


def test_each_strike_in_a_row_doubles_the_cooldown_up_to_the_users_limit() -> None:
    health, now, lengths = minimax(), NOW, list[float]()
    for _ in range(9):
        health.strike(admitted(health, now), now, Reason.STATUS, 500)
        lengths.append(health.cooldown_length)
        now += health.cooldown_length
    assert lengths == [15, 30, 60, 120, 240, 480, 960, 1800, 1800]
    health.strikes = 5000
    health.strike(admitted(health, now), now, Reason.STATUS, 500)
    assert health.cooldown_length == COOLDOWN


@pytest.mark.parametrize(
    ("until", "length"), [(NOW + 60, 60), (NOW + 5, 15), (NOW - 60, 15), (NOW + 9999, 1800), (None, 15)]
)
def test_a_time_named_with_a_strike_lengthens_the_cooldown_up_to_the_users_limit(
    until: float | None, length: float
) -> None:
    health = minimax()
    health.strike(Permit(0), NOW, Reason.STATUS, 503, until)
    assert health.cooldown_until == NOW + length


@pytest.mark.parametrize(
    ("until", "length"),
    [
        (NOW + 60, 60),
        (NOW + 9999, 9999),
        (NOW, MIN_COOLDOWN),
        (NOW - 60, MIN_COOLDOWN),
        (NOW + 1e9, MAX_COOLDOWN),
        (None, COOLDOWN),
    ],
)
def test_a_spent_quota_starts_a_cooldown_until_the_named_time_and_is_no_strike(
    until: float | None, length: float
) -> None:
    health = minimax()
    health.rate_limited(Permit(0), NOW, Reason.STATUS, 429, until)
    assert (health.cooldown_until, health.strikes, health.label) == (NOW + length, 0, "429")


def test_a_named_cooldown_is_kept_within_its_bounds() -> None:
    assert (FIRST_COOLDOWN, MIN_COOLDOWN, MAX_COOLDOWN) == (15, 1, 7 * 24 * 3600)
    health = minimax(cooldown=10)
    health.strike(Permit(0), NOW, Reason.STATUS, 500, NOW + 60)
    assert health.cooldown_until == NOW + 10


def test_an_accepted_probe_ends_the_cooldown_and_a_complete_answer_resets_the_strikes() -> None:
    health = cooling_down()
    probe = admitted(health, NOW + 15)
    health.accept(probe)
    assert repr(health) == "<Health minimax ready, 1 strike>"
    assert not admitted(health, NOW + 15).probe
    health.complete(probe)
    assert repr(health) == "<Health minimax ready, 0 strikes>"
    assert (health.reason, health.status, health.label) == (None, None, "")


def test_an_accepted_answer_that_breaks_off_is_one_more_strike() -> None:
    health = cooling_down()
    probe = admitted(health, NOW + 15)
    health.accept(probe)
    health.strike(probe, NOW + 20, Reason.TRUNCATED)
    assert repr(health) == "<Health minimax cooldown 30 s, 2 strikes>"


@pytest.mark.parametrize("until", [None, NOW + 100])
def test_a_probe_that_meets_the_quota_starts_another_cooldown(until: float | None) -> None:
    health = cooling_down()
    health.rate_limited(admitted(health, NOW + 15), NOW + 15, Reason.STATUS, 429, until)
    assert health.cooldown_until == (until or NOW + 15 + COOLDOWN)
    assert health.state(NOW + 16) is State.COOLDOWN


def test_a_probe_given_back_makes_room_for_the_next_if_it_is_the_one_that_is_out() -> None:
    health = cooling_down()
    probe = admitted(health, NOW + 15)
    health.release(Permit(probe.epoch, probe=True))
    assert health.admit(NOW + 15) is None
    health.release(probe)
    health.release(probe)
    assert repr(health) == "<Health minimax cooldown 15 s, 1 strike>"
    assert admitted(health, NOW + 15).probe


def test_a_late_answer_from_before_the_cooldown_changes_nothing() -> None:
    health = minimax()
    late = admitted(health, NOW)
    health.strike(admitted(health, NOW), NOW, Reason.STATUS, 500)
    before = everything(health)
    for now in (NOW + 1, NOW + 60):
        health.accept(late)
        health.complete(late)
        health.strike(late, now, Reason.RESET)
        health.rate_limited(late, now, Reason.RESET, None, now + 999)
        health.release(late)
    assert everything(health) == before


def test_a_forced_request_is_sent_during_a_cooldown_and_its_success_ends_it() -> None:
    health = cooling_down()
    forced = health.force()
    assert (forced.probe, health.state(NOW)) == (False, State.COOLDOWN)
    health.accept(forced)
    assert health.state(NOW) is State.READY


def test_a_forced_request_that_fails_during_a_cooldown_changes_nothing() -> None:
    health = cooling_down()
    before = everything(health)
    health.strike(health.force(), NOW + 14, Reason.STATUS, 500)
    health.rate_limited(health.force(), NOW + 14, Reason.STATUS, 429)
    assert everything(health) == before


def test_a_forced_request_that_is_told_a_new_time_or_fails_after_the_cooldown_counts() -> None:
    health = cooling_down()
    health.rate_limited(health.force(), NOW + 5, Reason.STATUS, 429, NOW + 600)
    assert health.cooldown_until == NOW + 600
    health.strike(health.force(), NOW + 600, Reason.STATUS, 500)
    assert repr(health) == "<Health minimax cooldown 30 s, 2 strikes>"
    health.rate_limited(health.force(), NOW + 630, Reason.STATUS, 429)
    assert health.cooldown_until == NOW + 630 + COOLDOWN


def test_a_forced_success_settles_the_probe_as_well() -> None:
    health = cooling_down()
    probe, forced = admitted(health, NOW + 15), health.force()
    health.accept(forced)
    assert health.state(NOW + 15) is State.READY
    health.strike(probe, NOW + 16, Reason.STATUS, 500)
    assert repr(health) == "<Health minimax cooldown 30 s, 2 strikes>"


def test_a_clock_set_back_does_not_prolong_a_cooldown() -> None:
    health = cooling_down()
    assert (health.state(NOW), health.admit(NOW)) == (State.COOLDOWN, None)
    assert admitted(health, NOW - 1).probe
    assert health.state(NOW - 1) is State.PROBING
    assert health.state(NOW) is State.COOLDOWN


named = st.none() | st.floats(-1e9, 1e9)


def test_a_probe_that_fails_after_the_clock_was_set_back_counts() -> None:
    health = cooling_down()
    health.strike(admitted(health, NOW + 15), NOW + 10, Reason.STATUS, 500)
    assert health.cooldown_until == NOW + 40


class HealthMachine(RuleBasedStateMachine):
    """Requests that are admitted, forced, and settled in any order, early and late."""

    sent = Bundle("sent")
    relaying = Bundle("relaying")

    @initialize(cooldown=st.sampled_from([0.0, 60.0, COOLDOWN]))
    def begin(self, cooldown: float) -> None:
        self.health = minimax(cooldown)
        self.now = NOW
        self.probe: Permit | None = None

    @rule(seconds=st.sampled_from([0.5, 15.0, 60.0, 3600.0]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule(target=sent)
    def admit(self) -> object:
        over = self.health.cooldown_until is None or self.now >= self.health.cooldown_until
        permit = self.health.admit(self.now)
        assert (permit is not None) is (over and self.probe is None)
        if permit and permit.probe:
            self.probe = permit
        return multiple(permit) if permit else multiple()

    @rule(target=sent)
    def force(self) -> Permit:
        return self.health.force()

    @rule(permit=consumes(sent), target=relaying)
    def accept(self, permit: Permit) -> Permit:
        self.settle(permit, lambda: self.health.accept(permit))
        if permit.epoch == self.health.epoch:
            self.probe = None
            assert self.health.state(self.now) is State.READY
        return permit

    @rule(permit=consumes(relaying))
    def complete(self, permit: Permit) -> None:
        self.settle(permit, lambda: self.health.complete(permit))

    @rule(permit=consumes(sent) | consumes(relaying), until=named)
    def strike(self, permit: Permit, until: float | None) -> None:
        self.settle(
            permit, lambda: self.health.strike(permit, self.now, Reason.STATUS, 500, until and self.now + until)
        )
        if self.health.status == 500:
            assert self.health.cooldown_length <= self.health.cooldown

    @rule(permit=consumes(sent), until=named)
    def rate_limited(self, permit: Permit, until: float | None) -> None:
        self.settle(
            permit, lambda: self.health.rate_limited(permit, self.now, Reason.STATUS, 429, until and self.now + until)
        )

    @rule(permit=consumes(sent) | consumes(relaying))
    def release(self, permit: Permit) -> None:
        self.settle(permit, lambda: self.health.release(permit))

    @rule(until=st.sampled_from([-5.0, 5.0, 90.0, 30 * 86400.0]))
    def use_up(self, until: float) -> None:
        epoch, before = self.health.epoch, self.health.cooldown_until
        began = self.health.use_up(self.now, self.now + until)
        assert (self.health.epoch != epoch) is began
        assert began or self.health.cooldown_until == before
        if began:
            self.probe = None
            assert self.health.state(self.now) is State.COOLDOWN

    @rule()
    def refill(self) -> None:
        ends = self.health.cooldown_until is not None and self.health.label == "plan_used_up"
        assert self.health.refill() is ends
        if ends:
            self.probe = None
            assert self.health.state(self.now) is State.READY

    def settle(self, permit: Permit, act: Callable[[], None]) -> None:
        before, epoch = everything(self.health), self.health.epoch
        act()
        if permit.epoch != epoch:
            assert everything(self.health) == before
        if permit is self.probe or self.health.epoch != epoch:
            self.probe = None

    @invariant()
    @precondition(lambda self: hasattr(self, "health"))
    def at_most_one_probe_is_out_and_it_is_the_one_that_was_admitted(self) -> None:
        assert (self.health.state(self.now) is State.PROBING) is (self.probe is not None)

    @invariant()
    @precondition(lambda self: hasattr(self, "health"))
    def a_rest_is_bounded_and_ends_with_a_probe(self) -> None:
        health = copy.copy(self.health)
        if health.cooldown_until is None:
            return
        assert 0 <= health.cooldown_length <= MAX_COOLDOWN
        assert health.cooldown_until - self.now <= health.cooldown_length
        assert self.probe or admitted(health, max(self.now, health.cooldown_until)).probe


TestHealthMachine = HealthMachine.TestCase


def test_a_plan_that_is_used_up_begins_a_cooldown_without_a_strike() -> None:
    health = minimax()
    assert health.use_up(NOW, NOW + 7200)
    assert (health.cooldown_until, health.strikes, health.label) == (NOW + 7200, 0, "plan_used_up")
    assert health.state(NOW) is State.COOLDOWN
    assert admitted(health, NOW + 7200).probe


def test_a_plan_that_was_used_up_until_now_changes_nothing() -> None:
    health = minimax()
    assert not health.use_up(NOW, NOW)
    assert health.state(NOW) is State.READY


def test_a_plan_that_is_free_again_ends_only_the_cooldown_that_it_began() -> None:
    health = cooling_down()
    assert not health.refill()
    assert health.state(NOW) is State.COOLDOWN
    assert health.use_up(NOW, NOW + 7200)
    assert health.refill()
    assert (health.state(NOW), health.reason, health.strikes) == (State.READY, None, 1)
    assert not health.refill()


def test_a_plan_that_is_free_again_gives_up_its_probe() -> None:
    health = minimax()
    health.use_up(NOW, NOW + 60)
    probe = admitted(health, NOW + 60)
    assert health.refill()
    assert not admitted(health, NOW + 60).probe
    health.accept(probe)
    assert health.state(NOW + 60) is State.READY
