"""What happens now in words: a request in flight, a provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from claude_proxy.core.live_report import LiveAttempt, LiveRequest
from claude_proxy.core.live_words import (
    MAX_WORD,
    SILENT_AFTER,
    SLOW_AFTER,
    doing,
    failure_in_words,
    kind_of,
    last_failure,
    provider_state,
    short_model,
    why_in_words,
)
from claude_proxy.core.status_report import ProviderStatus

FAILED = LiveAttempt("minimax", "529", "overloaded", 80.0)


def request(**changes: Any) -> LiveRequest:
    values = {"number": 1, "kind": "messages", "provider": "zai", "started_at": 0.0, "seconds": 3.0}
    return LiveRequest(**{**values, **changes})


@dataclass(frozen=True, slots=True)
class Case:
    changes: dict[str, Any]
    words: str
    tone: str


@pytest.mark.parametrize(
    "case",
    [
        Case({"provider": ""}, "is read", "quiet"),
        Case({}, "waiting", ""),
        Case({"silent_seconds": 3.0}, "waiting 3.0 s", ""),
        Case({"silent_seconds": SLOW_AFTER, "then": "kimi"}, "waiting 10 s, then kimi", "warning"),
        Case({"first_byte_ms": 1.0}, "answers", "good"),
        Case({"first_byte_ms": 1.0, "silent_seconds": SILENT_AFTER - 0.1}, "answers", "good"),
        Case({"first_byte_ms": 1.0, "silent_seconds": SILENT_AFTER}, "silent 5.0 s", "warning"),
    ],
)
def test_a_request_is_read_waited_for_answered_or_silent(case: Case) -> None:
    assert doing(request(**case.changes)) == (case.words, case.tone)


def test_the_last_failure_of_a_request_is_named_with_its_reason() -> None:
    assert last_failure(request(attempts=(LiveAttempt("zai", "200"),))) == ""
    assert last_failure(request(attempts=(LiveAttempt("zai", "500"), FAILED, LiveAttempt("kimi", "200")))) == (
        "minimax overloaded"
    )
    assert failure_in_words(LiveAttempt("zai", "reset")) == "zai reset"


def test_a_request_is_called_by_its_class_or_by_its_kind() -> None:
    assert kind_of(request(request_class="subagent")) == "subagent"
    assert kind_of(request(kind="count_tokens")) == "count"
    assert kind_of(request()) == "request"


def test_a_models_name_is_short_bounded_and_on_one_line() -> None:
    assert short_model("claude-opus-5-5") == "opus-5-5"
    assert short_model("a\nb") == "a b"
    assert len(short_model("x" * 1000)) == MAX_WORD


@pytest.mark.parametrize(
    ("changes", "state", "why"),
    [
        ({}, ("ready", "good"), ""),
        ({"state": "probing"}, ("probing", "busy"), ""),
        ({"state": "cooldown", "reason": "529", "why": "overloaded"}, ("cooldown", "warning"), "overloaded"),
        ({"state": "cooldown", "reason": "529"}, ("cooldown", "warning"), "529"),
        ({"state": "another"}, ("another", ""), ""),
        ({"key_rejected": True, "why": "key refused: replace X"}, ("key refused", "bad"), ""),
        ({"key_rejected": True, "auth": "client"}, ("login refused", "bad"), ""),
        ({"out_of_credit": True, "state": "cooldown"}, ("no credit", "bad"), ""),
        ({"over_budget": True}, ("over budget", "bad"), ""),
        ({"over_budget": True, "state": "cooldown", "why": "overloaded"}, ("over budget", "bad"), ""),
        ({"unknown_model": "x"}, ("unknown model", "bad"), ""),
        ({"unknown_model": "x", "state": "cooldown"}, ("cooldown", "warning"), ""),
    ],
)
def test_what_only_the_user_can_fix_stands_out(changes: dict[str, Any], state: tuple[str, str], why: str) -> None:
    provider = ProviderStatus(**{"name": "zai", "state": "ready", **changes})
    assert (provider_state(provider), why_in_words(provider)) == (state, why)
