"""What is known to be wrong with a provider, attempt by attempt, and what the proxy says of it."""

from __future__ import annotations

import pytest

from claude_proxy.core.health import Health
from claude_proxy.core.issues import Issues, provider_status
from claude_proxy.core.reasons import Reason
from claude_proxy.core.status_report import LastError, ProviderStatus
from claude_proxy.core.types import Attempt
from core.builders import provider

NOW = 1000.0


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


def test_an_attempt_that_nobody_waited_for_says_nothing_of_the_provider() -> None:
    assert ALL.after(attempt(Reason.ABANDONED), 5.0) is ALL


def test_an_answer_changes_nothing_if_nothing_is_wrong() -> None:
    for issues in (Issues(), Issues(LastError(1.0, "old", answered=True))):
        assert issues.after(attempt(200), 5.0) is issues


def test_an_error_that_is_followed_by_an_answer_is_history() -> None:
    issues = Issues(LastError(1.0, "old"))
    answered = issues.after(attempt(200), 5.0)
    assert answered == Issues(LastError(1.0, "old", answered=True))
    assert answered.after(attempt(503), 6.0) == Issues(LastError(6.0, "503"))


def test_another_failure_settles_nothing() -> None:
    after = ALL.after(attempt(503), 5.0)
    assert after == Issues(LastError(5.0, "503"), key_rejected=True, out_of_credit=True, unknown_model="glm-9")


def test_an_answer_settles_what_it_disproves_and_keeps_the_last_error() -> None:
    over = LastError(1.0, "old", answered=True)
    assert ALL.after(attempt(200, model="glm-9"), 5.0) == Issues(over)
    assert ALL.after(attempt(200, model="glm-5"), 5.0) == Issues(over, unknown_model="glm-9")
    assert Issues(unknown_model="glm-9").after(attempt(200), 5.0) == Issues(unknown_model="glm-9")


def test_a_stream_that_breaks_later_is_the_last_error() -> None:
    assert Issues().after_error("a stream ended stalled", 5.0) == Issues(LastError(5.0, "a stream ended stalled"))


def test_a_models_name_cannot_steer_a_terminal() -> None:
    assert Issues().after(attempt(Reason.UNKNOWN_MODEL, model="a\x1b[2J"), 5.0).unknown_model == "a?[2J"


def test_a_ready_provider() -> None:
    zai = provider("zai")
    assert provider_status(zai, Health("zai", 60.0), Issues(), NOW) == ProviderStatus(
        name="zai", base_url=zai.base_url, key=zai.api_key_env, auth=zai.auth.value, state="ready"
    )


def test_a_cooldown_is_shown_with_its_end_and_its_reason_in_both_forms() -> None:
    health = Health("zai", 60.0)
    health.strike(health.force(), NOW, Reason.STATUS, 529)
    told = provider_status(provider("zai"), health, Issues(LastError(NOW, "busy")), NOW)
    assert (told.state, told.cooldown_until, told.reason, told.why) == ("cooldown", NOW + 15.0, "529", "overloaded")
    assert (told.strikes, told.last_error) == (1, LastError(NOW, "busy"))


@pytest.mark.parametrize(("later", "state"), [(14.9, "cooldown"), (15.0, "ready"), (9999.0, "ready")])
def test_a_cooldown_that_is_over_is_not_shown_as_running(later: float, state: str) -> None:
    health = Health("zai", 60.0)
    health.strike(health.force(), NOW, Reason.STATUS, 529)
    shown = provider_status(provider("zai"), health, Issues(), NOW + later)
    running = state == "cooldown"
    assert (shown.state, shown.cooldown_until) == (state, NOW + 15.0 if running else None)
    assert (shown.reason, shown.why, shown.strikes) == (*(("529", "overloaded") if running else (None, None)), 1)


def test_the_probe_after_a_cooldown_is_shown() -> None:
    health = Health("zai", 60.0)
    health.strike(health.force(), NOW, Reason.STATUS, 529)
    assert health.admit(NOW + 15)
    assert provider_status(provider("zai"), health, Issues(), NOW + 15).state == "probing"


def test_what_the_user_has_to_fix_is_shown() -> None:
    issues = Issues(key_rejected=True, out_of_credit=True, unknown_model="glm-9")
    told = provider_status(provider("zai"), Health("zai", 60.0), issues, NOW)
    assert (told.key_rejected, told.out_of_credit, told.unknown_model) == (True, True, "glm-9")


@pytest.mark.parametrize(("models", "shown"), [({"opus": "glm-9"}, "glm-9"), ({"opus": "glm-5"}, None)])
def test_an_unknown_model_is_shown_while_the_configuration_asks_for_it(models: dict[str, str], shown: str) -> None:
    told = provider_status(provider("zai", models=models), Health("zai", 60.0), Issues(unknown_model="glm-9"), NOW)
    assert told.unknown_model == shown
