"""Many requests at once over the same three providers."""

from __future__ import annotations

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

from claude_proxy.core.failover import Decision, Failover, GiveUp, Relay, Try
from claude_proxy.core.health import State
from claude_proxy.core.outcome import Rejected, Whole
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Ending, Fault
from core.builders import NOW, rejected
from core.test_failover import ACCEPTED, NAMES, PROVIDERS, asked, failover, healths


class Running:
    """A request on its way, and whom it has asked."""

    def __init__(self, request: Failover[Whole], pin: str | None) -> None:
        self.request = request
        self.pin = pin
        self.names: list[str] = []

    def ask(self, decision: Decision[Whole]) -> None:
        self.names.append(asked(decision))


outcomes = st.builds(
    lambda fault, seconds: rejected(fault, Reason.ERROR, None if seconds is None else NOW + seconds),
    st.sampled_from(Fault),
    st.none() | st.sampled_from([0.0, 30.0, 9999.0]),
)


class FailoverMachine(RuleBasedStateMachine):
    """Many requests at once over the same three providers, judged, ended and abandoned in any order."""

    waiting = Bundle("waiting")
    relaying = Bundle("relaying")

    @initialize()
    def start(self) -> None:
        self.of = healths()
        self.now = NOW
        self.unsettled: set[Running] = set()

    @rule(seconds=st.sampled_from([0.5, 15.0, 60.0, 3600.0]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule(pin=st.none() | st.sampled_from(NAMES), target=waiting)
    def begin(self, pin: str | None) -> Running:
        running = Running(failover(self.of, [pin] if pin else NAMES, pinned=pin is not None), pin)
        running.ask(running.request.begin(self.now))
        self.unsettled.add(running)
        return running

    @rule(running=consumes(waiting), outcome=outcomes, target=waiting)
    def reject(self, running: Running, outcome: Rejected) -> object:
        strikes = [health.strikes for health in self.of.values()]
        decision = running.request.judged(outcome, self.now)
        if outcome.fault is not Fault.PROVIDER:
            assert [health.strikes for health in self.of.values()] == strikes
        if isinstance(decision, Try):
            running.ask(decision)
            return running
        assert isinstance(decision, GiveUp)
        self.unsettled.discard(running)
        if outcome.fault not in (Fault.REQUEST, Fault.INTERNAL):
            assert sorted(running.names) == sorted([running.pin] if running.pin else NAMES)
        if decision.rejected.fault in (Fault.REQUEST, Fault.INTERNAL, Fault.INCOMPATIBLE):
            assert decision.returns_at is None
        return multiple()

    @rule(running=consumes(waiting), target=relaying)
    def accept(self, running: Running) -> Running:
        assert running.request.judged(ACCEPTED, self.now) == Relay(PROVIDERS[running.names[-1]], ACCEPTED)
        return running

    @rule(running=consumes(relaying), ending=st.sampled_from(Ending))
    def end(self, running: Running, ending: Ending) -> None:
        running.request.ended(ending, self.now)
        self.unsettled.discard(running)

    @rule(running=consumes(waiting) | consumes(relaying))
    def abandon(self, running: Running) -> None:
        running.request.abandon()
        self.unsettled.discard(running)

    @invariant()
    @precondition(lambda self: hasattr(self, "of"))
    def each_candidate_is_asked_at_most_once_and_a_pin_is_kept(self) -> None:
        for running in self.unsettled:
            assert len(set(running.names)) == len(running.names)
            assert running.pin in (None, *running.names)

    @invariant()
    @precondition(lambda self: hasattr(self, "of"))
    def a_probe_is_out_only_while_a_request_waits_for_its_answer(self) -> None:
        waited_for = {running.names[-1] for running in self.unsettled}
        probing = {name for name, health in self.of.items() if health.state(self.now) is State.PROBING}
        assert probing <= waited_for


TestFailoverMachine = FailoverMachine.TestCase
