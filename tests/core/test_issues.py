"""What is known to be wrong with a provider, attempt by attempt."""

from __future__ import annotations

import pytest

from claude_proxy.core.issues import Issues, LastError
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Attempt


def attempt(why: Reason | int, text: str = "", model: str = "") -> Attempt:
    """Return an attempt that failed for a reason or by a status alone, or that succeeded with 200."""
    reason, status = (why, None) if isinstance(why, Reason) else (None if why == 200 else Reason.STATUS, why)
    return Attempt("zai", reason, status, 1.0, text, model=model)


ALL = Issues(LastError(1.0, "old"), key_rejected=True, out_of_credit=True, unknown_model="glm-9")


@pytest.mark.parametrize(
    ("why", "issues"),
    [
        (401, Issues(key_rejected=True)),
        (403, Issues(key_rejected=True)),
        (402, Issues(out_of_credit=True)),
        (Reason.NO_CREDIT, Issues(out_of_credit=True)),
        (Reason.UNKNOWN_MODEL, Issues(unknown_model="glm-9")),
        (503, Issues()),
    ],
)
def test_a_failed_attempt_shows_what_the_user_has_to_fix(why: Reason | int, issues: Issues) -> None:
    after = Issues().after(attempt(why, "its words", "glm-9"), 5.0)
    assert after.last_error == LastError(5.0, "its words")
    assert (after.key_rejected, after.out_of_credit, after.unknown_model) == (
        issues.key_rejected,
        issues.out_of_credit,
        issues.unknown_model,
    )


def test_an_answer_changes_nothing_if_nothing_is_wrong() -> None:
    issues = Issues(LastError(1.0, "old"))
    assert issues.after(attempt(200), 5.0) is issues


def test_another_failure_settles_nothing() -> None:
    after = ALL.after(attempt(503), 5.0)
    assert after == Issues(LastError(5.0, "503"), key_rejected=True, out_of_credit=True, unknown_model="glm-9")


def test_an_answer_settles_what_it_disproves_and_keeps_the_last_error() -> None:
    assert ALL.after(attempt(200, model="glm-9"), 5.0) == Issues(ALL.last_error)
    assert ALL.after(attempt(200, model="glm-5"), 5.0) == Issues(ALL.last_error, unknown_model="glm-9")


def test_a_stream_that_breaks_later_is_the_last_error() -> None:
    assert Issues().after_error("a stream ended stalled", 5.0) == Issues(LastError(5.0, "a stream ended stalled"))


def test_a_models_name_cannot_steer_a_terminal() -> None:
    assert Issues().after(attempt(Reason.UNKNOWN_MODEL, model="a\x1b[2J"), 5.0).unknown_model == "a?[2J"
