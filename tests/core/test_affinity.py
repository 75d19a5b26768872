from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from claude_proxy.core.affinity import (
    CACHE_LIFETIME,
    SessionKey,
    Sessions,
    session_key,
)
from claude_proxy.core.routing import CandidateKey
from claude_proxy.core.types import MAX_MODEL_LENGTH, MAX_SESSION_LENGTH, Failback
from core.builders import NOW

KEY: SessionKey = (b"5f0c4f5e", "claude-opus-5-5")
FIRST, SECOND, THIRD = ("minimax", "M3"), ("moonshot", "kimi-k3"), ("zai", "glm-5.3")
AWARE = Failback.CACHE_AWARE


def taken_over(at: float = NOW) -> Sessions:
    sessions = Sessions()
    sessions.note(KEY, SECOND, FIRST, at)
    return sessions


def test_a_session_stays_with_the_provider_that_took_it_over_while_its_cache_is_warm() -> None:
    sessions = taken_over()
    assert sessions.holder(KEY, FIRST, AWARE, NOW) == SECOND
    assert sessions.holder(KEY, FIRST, AWARE, NOW + CACHE_LIFETIME - 1) == SECOND
    assert sessions.holder(KEY, FIRST, AWARE, NOW + CACHE_LIFETIME) is None


def test_each_answer_extends_the_stay() -> None:
    sessions = taken_over()
    sessions.note(KEY, SECOND, FIRST, NOW + 200)
    assert sessions.holder(KEY, FIRST, AWARE, NOW + 400) == SECOND


def test_failback_immediate_never_stays_and_never_always_does() -> None:
    sessions = taken_over()
    assert sessions.holder(KEY, FIRST, Failback.IMMEDIATE, NOW) is None
    assert sessions.holder(KEY, FIRST, Failback.NEVER, NOW + 100 * CACHE_LIFETIME) == SECOND


def test_a_clock_that_was_set_back_ends_the_stay() -> None:
    assert taken_over().holder(KEY, FIRST, AWARE, NOW - 1) is None


def test_an_answer_of_the_first_choice_ends_the_stay() -> None:
    sessions = taken_over()
    sessions.note(KEY, FIRST, FIRST, NOW)
    assert sessions.holder(KEY, FIRST, Failback.NEVER, NOW) is None
    assert len(sessions) == 0


def test_a_takeover_counts_for_its_session_and_model_only() -> None:
    sessions = taken_over()
    assert sessions.holder((b"another", KEY[1]), FIRST, AWARE, NOW) is None
    assert sessions.holder((KEY[0], "claude-haiku-5-5"), FIRST, AWARE, NOW) is None


def test_a_takeover_counts_for_its_first_choice_only() -> None:
    assert taken_over().holder(KEY, THIRD, Failback.NEVER, NOW) is None


def test_a_request_with_another_first_choice_does_not_move_the_session() -> None:
    """Claude Code's web search is a request of its own in the same session, and goes to who can do that."""
    sessions = taken_over()
    sessions.note(KEY, THIRD, THIRD, NOW)
    assert sessions.holder(KEY, FIRST, AWARE, NOW) == SECOND
    sessions.note(KEY, FIRST, THIRD, NOW)
    assert sessions.holder(KEY, FIRST, AWARE, NOW) == SECOND
    assert sessions.holder(KEY, THIRD, AWARE, NOW) == FIRST


def test_a_third_candidate_can_take_over_from_the_second() -> None:
    sessions = taken_over()
    sessions.note(KEY, THIRD, FIRST, NOW)
    assert sessions.holder(KEY, FIRST, AWARE, NOW) == THIRD


def test_a_request_without_a_session_has_no_holder() -> None:
    sessions = taken_over()
    sessions.note(None, THIRD, FIRST, NOW)
    assert sessions.holder(None, FIRST, Failback.NEVER, NOW) is None
    assert len(sessions) == 1


@pytest.mark.parametrize(
    ("session", "model", "has_key"),
    [
        (b"5f0c4f5e", "opus", True),
        (b"", "opus", False),
        (b"x" * MAX_SESSION_LENGTH, "m" * MAX_MODEL_LENGTH, True),
        (b"x" * (MAX_SESSION_LENGTH + 1), "opus", False),
        (b"x", "m" * (MAX_MODEL_LENGTH + 1), False),
    ],
)
def test_a_session_has_a_key_unless_its_id_or_model_is_too_long(session: bytes, model: str, has_key: bool) -> None:
    key = session_key(((b"x-claude-code-session-id", session),), model)
    assert key == ((session, model) if has_key else None)


def test_a_request_without_a_session_has_no_key() -> None:
    assert session_key(((b"host", b"localhost"),), "opus") is None


MAX_SESSIONS = 4
KEYS = st.sampled_from([(bytes([97 + number]), "opus") for number in range(9)])
CANDIDATES = st.sampled_from([FIRST, SECOND, THIRD])


class BoundedSessions(RuleBasedStateMachine):
    """Sessions beside a plain list of what was noted."""

    def __init__(self) -> None:
        super().__init__()
        self.sessions = Sessions(limit=MAX_SESSIONS)
        self.noted: list[tuple[SessionKey, CandidateKey, CandidateKey]] = []
        self.now = NOW

    @rule(key=KEYS, answered=CANDIDATES, first=CANDIDATES)
    def note(self, key: SessionKey, answered: CandidateKey, first: CandidateKey) -> None:
        self.now += 1
        self.sessions.note(key, answered, first, self.now)
        self.noted = [row for row in self.noted if (row[0], row[2]) != (key, first)]
        if answered != first:
            self.noted.append((key, answered, first))
        self.noted = self.noted[-MAX_SESSIONS:]

    @rule(key=KEYS, first=CANDIDATES)
    def ask(self, key: SessionKey, first: CandidateKey) -> None:
        held = [holder for noted, holder, instead_of in self.noted if (noted, instead_of) == (key, first)]
        assert self.sessions.holder(key, first, Failback.NEVER, self.now) == (held[0] if held else None)

    @invariant()
    def it_keeps_the_newest_and_no_more(self) -> None:
        assert len(self.sessions) == len(self.noted) <= MAX_SESSIONS


BoundedSessions.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestBoundedSessions = BoundedSessions.TestCase
