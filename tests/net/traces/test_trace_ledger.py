"""The ledger in front of the next: it passes everything on, whatever becomes of the traces."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from claude_proxy.core.types import Account
from claude_proxy.net.traces import tracer
from claude_proxy.net.traces.trace_ledger import MAX_QUEUED, NOT_INSTALLED, TraceLedger
from claude_proxy.proxy.ports import Level
from core.builders import account
from fakes.proxy import MemoryLedger
from fakes.server import PATIENCE


class ScriptedTraces:
    """Takes the place of `Traces`: fails for accounts without a session, and waits for the gate before it ends."""

    def __init__(self, _say: object) -> None:
        self.added = list[Account]()
        self.closed = threading.Event()

    def add(self, account: Account) -> None:
        if not account.session:
            raise ValueError
        self.added.append(account)

    def close(self) -> None:
        self.closed.set()


def ledger_of() -> tuple[TraceLedger, MemoryLedger, list[str]]:
    journal, said = MemoryLedger(), list[str]()

    def say(text: str, level: Level) -> None:
        said.append(f"{level}: {text}")

    return TraceLedger(journal, say), journal, said


@contextmanager
def with_traces(traces: object) -> Iterator[None]:
    with mock.patch.object(tracer, "Traces", traces):
        yield


def test_each_account_goes_on_and_becomes_a_trace() -> None:
    ledger, journal, said = ledger_of()
    traces = ScriptedTraces(None)
    with with_traces(lambda _: traces):
        ledger.start()
        for session in ("a", "", "b"):
            ledger.record(account(session=session))
        ledger.note("a note", "warning")
        ledger.close(PATIENCE)
    assert [each.session for each in traces.added] == ["a", "b"]
    assert [each.session for each in journal.accounts] == ["a", "", "b"]
    assert journal.notes == ["warning: a note"]
    assert said == ["error: a request has no trace: ValueError"]
    assert (traces.closed.is_set(), ledger.problems) == (True, ())


def test_no_more_accounts_wait_than_this() -> None:
    ledger, journal, _ = ledger_of()
    traces = ScriptedTraces(None)
    for _ in range(2 * MAX_QUEUED):
        ledger.record(account(session="a"))
    with with_traces(lambda _: traces):
        ledger.start()
        ledger.close(PATIENCE)
    assert (len(traces.added), len(journal.accounts)) == (MAX_QUEUED, 2 * MAX_QUEUED)


def test_what_is_not_installed_is_a_problem_and_costs_no_account() -> None:
    ledger, journal, said = ledger_of()
    with mock.patch.dict(sys.modules, {"claude_proxy.net.traces.tracer": None}):
        ledger.start()
        ledger.record(account())
        ledger.close(PATIENCE)
    assert (ledger.problems, said) == ((NOT_INSTALLED,), [f"error: {NOT_INSTALLED}"])
    assert len(journal.accounts) == 1


def test_what_is_not_installed_is_said_in_the_users_own_words_for_the_program() -> None:
    ledger = TraceLedger(MemoryLedger(), lambda *_: None, "python3 proxy.py")
    with mock.patch.dict(sys.modules, {"claude_proxy.net.traces.tracer": None}):
        ledger.start()
        ledger.close(PATIENCE)
    assert "`python3 proxy.py restart`" in ledger.problems[0]
    assert "'claude-proxy[otel]'" in ledger.problems[0]


def test_a_variable_that_cannot_be_used_is_a_problem() -> None:
    ledger, journal, said = ledger_of()
    with with_traces(mock.Mock(side_effect=ValueError("secret"))):
        ledger.start()
        ledger.record(account())
        ledger.close(PATIENCE)
    assert ledger.problems == ("otel: no traces are sent, since an OTEL_ variable is wrong: ValueError",)
    assert "secret" not in str(said)
    assert len(journal.accounts) == 1


def test_a_loop_that_has_ended_takes_no_note() -> None:
    ledger = TraceLedger(MemoryLedger(), mock.Mock(side_effect=RuntimeError))
    with with_traces(mock.Mock(side_effect=ValueError)):
        ledger.start()
        ledger.close(PATIENCE)
    assert ledger.problems


def test_a_stop_does_not_wait_for_ever() -> None:
    gate = threading.Event()
    ledger, _, _ = ledger_of()
    with with_traces(lambda _: mock.Mock(close=gate.wait)):
        ledger.start()
        ledger.close(0.01)
        gate.set()
        ledger.close(PATIENCE)
