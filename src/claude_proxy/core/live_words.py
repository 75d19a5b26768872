"""What happens now in the words of `top` and the page, each with a tone: how it should stand out."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from claude_proxy.core.amounts import short_duration
from claude_proxy.core.live_report import LiveAttempt, LiveRequest
from claude_proxy.core.status_report import READY, ProviderStatus, state_in_words
from claude_proxy.core.text import printable

Tone: TypeAlias = Literal["", "good", "busy", "warning", "bad", "quiet"]

MAX_WORD: Final = 40
"""Characters of a name or a model."""
ACCEPTED: Final = "200"
"""The outcome of an attempt whose answer was accepted."""
SILENT_AFTER: Final = 5.0
"""Seconds after which an answer that has begun is called silent."""
SLOW_AFTER: Final = 10.0
"""Seconds of waiting for a first byte after which it stands out."""
_PREFIX: Final = "claude-"
_TONES: Final[dict[str, Tone]] = {READY: "good", "cooldown": "warning", "probing": "busy"}


def short_model(model: str) -> str:
    """Return the name of a model without the vendor's prefix, which all of Claude's have."""
    return printable(model.removeprefix(_PREFIX), MAX_WORD)


def kind_of(request: LiveRequest) -> str:
    """Return what a request is for, in a word."""
    return printable(request.request_class, MAX_WORD) or ("count" if request.kind == "count_tokens" else "request")


def failure_in_words(attempt: LiveAttempt) -> str:
    """Return which provider failed, and why."""
    return f"{printable(attempt.provider, MAX_WORD)} {printable(attempt.why or attempt.outcome, MAX_WORD)}"


def last_failure(request: LiveRequest) -> str:
    """Return which provider failed last, and why; empty if none has."""
    failed = [attempt for attempt in request.attempts if attempt.outcome != ACCEPTED]
    return failure_in_words(failed[-1]) if failed else ""


def doing(request: LiveRequest) -> tuple[str, Tone]:
    """Return what happens to a request."""
    silent = request.silent_seconds
    if not request.provider:
        return "is read", "quiet"
    if request.first_byte_ms is None:
        if silent is None:
            return "waiting", ""
        then = f", then {printable(request.then, MAX_WORD)}" if request.then else ""
        return f"waiting {short_duration(silent * 1000)}{then}", "warning" if silent >= SLOW_AFTER else ""
    if silent is not None and silent >= SILENT_AFTER:
        return f"silent {short_duration(silent * 1000)}", "warning"
    return "answers", "good"


def provider_state(provider: ProviderStatus) -> tuple[str, Tone]:
    """Return the state of a provider in a word or two: what only its user can fix stands out most."""
    words = state_in_words(provider)
    tone = _TONES.get(words, "" if words == provider.state else "bad")
    return printable(words, MAX_WORD), tone


def why_in_words(provider: ProviderStatus) -> str:
    """Return why a provider is in its state; empty if the state says it."""
    is_to_fix = state_in_words(provider) != provider.state
    return "" if is_to_fix else printable(provider.why or provider.reason or "", MAX_WORD)
