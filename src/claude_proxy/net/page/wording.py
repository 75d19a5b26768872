"""Values as the page words them: moments by this machine's clock, tokens, costs, results."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Final

from claude_proxy.core.amounts import short_count, short_dollars
from claude_proxy.core.live_words import ACCEPTED, MAX_WORD, Tone
from claude_proxy.core.reasons import label_in_words
from claude_proxy.core.text import printable
from claude_proxy.store.usage_db.requests import RecordedAttempt, RecordedRequest

MAX_ID: Final = 100
NONE_ANSWERED: Final = "(none answered)"
_ENDINGS: Final[Mapping[str, tuple[str, Tone]]] = MappingProxyType(
    {
        "complete": ("", ""),
        "recovered": ("saved", "good"),
        "client_left": ("client left", "quiet"),
        "truncated": ("broke off", "bad"),
        "stalled": ("fell silent", "bad"),
        "internal": ("out of memory", "bad"),
    }
)


def name(text: str) -> str:
    """Return a name from outside, bounded and on one line."""
    return printable(text, MAX_WORD)


def provider_name(text: str) -> str:
    """Return a provider's name; requests that none answered are grouped under none."""
    return name(text) or NONE_ANSWERED


def problem(text: str) -> str:
    """Return a message of the program's own, on one line."""
    return printable(text)


def identifier(text: str) -> str:
    """Return the id of a session, a prompt or an agent."""
    return printable(text, MAX_ID)


def local(at: float) -> datetime:
    """Return a moment by this machine's clock."""
    return datetime.fromtimestamp(at).astimezone()


def day(at: float) -> str:
    """Return a day as `28 Nov`."""
    then = local(at)
    return f"{then.day} {then:%b}"


def hour(at: float) -> str:
    """Return a time as `14:05`."""
    return f"{local(at):%H:%M}"


def clock(at: float, today: date) -> str:
    """Return a moment as `16:58:20`, with the day before it if that is another one."""
    then = local(at)
    return f"{then:%H:%M:%S}" if then.date() == today else f"{then.day} {then:%b %H:%M:%S}"


def until(at: float, today: date) -> str:
    """Return a moment that is to come, as `14:05` or `3 Dec 14:05`."""
    then = local(at)
    return f"{then:%H:%M}" if then.date() == today else f"{then.day} {then:%b %H:%M}"


def result(request: RecordedRequest) -> tuple[str, Tone]:
    """Return how a request ended; empty if all is well."""
    if request.ending != "client_left" and request.status >= 400:
        return f"error {request.status}", "bad"
    return _ENDINGS.get(request.ending, (printable(request.ending, MAX_WORD), "bad"))


def tokens(request: RecordedRequest) -> str:
    """Return `12k cached, 400 in, 40 out`."""
    counts = (
        (request.cache_read_tokens, "cached"),
        (request.input_tokens + request.cache_write_tokens, "in"),
        (request.output_tokens, "out"),
    )
    return ", ".join(f"{short_count(count)} {word}" for count, word in counts if count)


def cost(charged: float | None, plan: float | None) -> str:
    """Return what was charged: `$0.003`, `plan $0.02`, `?`."""
    if charged == 0 and plan != 0:
        return f"plan {dollars(plan)}"
    return dollars(charged)


def dollars(amount: float | None) -> str:
    """Return a sum of money, `?` if it is not known."""
    return "?" if amount is None else short_dollars(amount)


def failed_attempts(request: RecordedRequest) -> list[str]:
    """Return each provider that failed before the request was answered, with the reason."""
    return [
        f"{name(attempt.provider)} {outcome(attempt)}"
        for attempt in request.attempts
        if attempt.outcome != ACCEPTED and not attempt.purpose
    ]


def outcome(attempt: RecordedAttempt) -> str:
    """Return the result of an attempt in words."""
    return "answered" if attempt.outcome == ACCEPTED else printable(label_in_words(attempt.outcome), MAX_WORD)


def kind(request: RecordedRequest) -> str:
    """Return what a request was for; empty if Claude Code did not say it."""
    if request.kind == "count_tokens":
        return "count"
    return name(request.request_class)


def agent(request: RecordedRequest) -> str:
    """Return which agent asked."""
    if not request.agent and not request.agent_type:
        return "main"
    return f"{name(request.agent_type) or 'subagent'} {identifier(request.agent)}".strip()
