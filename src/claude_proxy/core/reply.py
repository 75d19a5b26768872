"""What the client gets: the proxy's own errors, a provider's answer with the attempts it took, the end of a stream."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from claude_proxy.core import messages
from claude_proxy.core.account_errors import with_notice
from claude_proxy.core.all_failed import is_lasting, sentence, status_of
from claude_proxy.core.failover import Failed, GiveUp
from claude_proxy.core.headers import for_client
from claude_proxy.core.types import Attempt, Ending, Headers, Reply

_EVENT_STREAM: Final = ((b"content-type", messages.EVENT_STREAM), (b"cache-control", b"no-cache"))

NO_RETRY: Final[Headers] = ((b"x-should-retry", b"false"),)
"""Tells the official clients, and so Claude Code, that it does not help to ask again."""

CUT_SHORT: Final = messages.error_event(
    messages.error_body("overloaded_error", "claude-proxy: the provider's stream broke off; please try again")
)
"""Ends a committed stream that its provider did not end. Claude Code gets something else if it recovers better so."""


OVER_BUDGET: Final = messages.error_event(
    messages.error_body(
        "overloaded_error",
        "claude-proxy: all requests and answers together take more memory than memory_budget_mb in config.json allows; "
        "please try again",
    )
)
"""Ends a committed stream whose next event would take more memory than there may be."""


def last_event(ending: Ending) -> bytes:
    """Return the event that ends a stream whose provider did not end it."""
    match ending:
        case Ending.COMPLETE | Ending.RECOVERED:
            return messages.MESSAGE_STOP
        case Ending.INTERNAL:
            return OVER_BUDGET
        case _:
            return CUT_SHORT


def error_reply(status: int, kind: str, message: str, headers: Headers = ()) -> Reply:
    """Return an error of the proxy's own, with another status than that of its type."""
    body = messages.error_body(kind, f"claude-proxy: {message}")
    return Reply(status, (*headers, (b"content-type", messages.JSON)), body)


def refusal(kind: str, message: str, headers: Headers = ()) -> Reply:
    """Return an error of the proxy's own, with the status that belongs to its type."""
    return error_reply(messages.STATUS_OF_ERROR[kind], kind, message, headers)


def loop_detected(fault: str) -> Reply:
    """Return the error for a request that has come back."""
    return error_reply(messages.LOOP_DETECTED, "api_error", fault, NO_RETRY)


def nothing_there(message: str) -> Reply:
    """Return the error for a request to a provider or a path that does not exist.

    Not a 404: Claude Code shows that as "There's an issue with the selected model", and hides the message.
    A 410 it shows at once (observed with 2.1.332).
    """
    return error_reply(410, "not_found_error", message, NO_RETRY)


def prompt_too_long(tokens: int, window: int) -> Reply:
    """Return the API's own error for a prompt that fits into no window: by its wording Claude Code compacts."""
    body = messages.error_body("invalid_request_error", f"prompt is too long: {tokens} tokens > {window} maximum")
    return Reply(messages.STATUS_OF_ERROR["invalid_request_error"], ((b"content-type", messages.JSON),), body)


def attribution_headers(attempts: Sequence[Attempt], provider: str) -> Headers:
    """Return the headers that name the provider that answered (empty if none did) and the attempts."""
    tried = ((b"x-claude-proxy-attempts", ", ".join(map(str, attempts)).encode()),)
    if not provider:
        return tried
    adapted = ", ".join(attempts[-1].adapted).encode()
    changed = ((b"x-claude-proxy-adapted", adapted),) if adapted else ()
    return ((b"x-claude-proxy-provider", provider.encode()), *tried, *changed)


def attribution_comments(attempts: Sequence[Attempt], provider: str) -> bytes:
    """Return the same as comments of a stream whose headers went out before it was known."""
    return b"".join(b": %b: %b\n" % pair for pair in attribution_headers(attempts, provider)) + b"\n"


def stream_head(provider: Headers) -> Headers:
    """Return the headers of a stream: those of the provider that are passed on, and always its type."""
    kept = tuple(pair for pair in for_client(provider) if pair[0] not in (b"content-type", b"cache-control"))
    return (*kept, *_EVENT_STREAM)


def relayed(answer: Reply, attempts: Sequence[Attempt], provider: str, notice: str = "") -> Reply:
    """Return a provider's whole answer as the client gets it: the body byte for byte, and the attempts.

    `notice` comes before what it says; it is not empty if the answer is about the account at the provider.
    """
    answer = with_notice(answer, notice) if notice else answer
    headers = for_client(answer.headers)
    by_login = any(attempt.by_login for attempt in attempts if attempt.provider == provider)
    if answer.status in messages.ACCOUNT_STATUSES and not by_login:
        # it is about the provider's key: Claude Code would ask for minutes, and then for a login that fixes nothing
        headers = (*(pair for pair in headers if pair[0] != b"x-should-retry"), *NO_RETRY)
    return Reply(answer.status, (*headers, *attribution_headers(attempts, provider)), answer.body)


def final_error(
    decision: GiveUp,
    attempts: Sequence[Attempt],
    now: float,
    *,
    notice: str = "",
    utc_offset: int = 0,
    over_budget: Sequence[str] = (),
) -> Reply:
    """Return the error that the client gets: one sentence about all that failed, else the provider's own.

    `notice` comes before what a provider says of its account; times are `utc_offset` seconds ahead of UTC.
    `over_budget` names the providers that were passed over, since a budget is used up.
    """
    error, provider = decision.rejected.reply, decision.provider
    if decision.failed:
        error, provider = _all_failed(decision.failed, attempts, now, utc_offset, over_budget), ""
    elif error is None:
        error, provider = error_reply(503, "api_error", _failures(attempts)), ""
    if decision.returns_at is not None and not (decision.failed and is_lasting(decision.failed)):
        seconds = max(1, math.ceil(decision.returns_at - now))
        headers = (*(pair for pair in error.headers if pair[0] != b"retry-after"), (b"retry-after", b"%d" % seconds))
        error = Reply(error.status, headers, error.body)
    return relayed(error, attempts, provider, notice if provider else "")


def _all_failed(
    failed: Sequence[Failed], attempts: Sequence[Attempt], now: float, utc_offset: int, over_budget: Sequence[str]
) -> Reply:
    status, kind = status_of(failed)
    texts = {attempt.provider: attempt.text for attempt in attempts}
    headers = NO_RETRY if is_lasting(failed) else ()
    passed_over = f" Passed over, since a budget is used up: {', '.join(over_budget)}." if over_budget else ""
    return error_reply(status, kind, sentence(failed, texts, now, utc_offset) + passed_over, headers)


def as_event(reply: Reply) -> bytes:
    """Return an error as the last event of a stream whose head has been sent."""
    if messages.read_error(reply.body) is None:
        return messages.error_event(refusal("overloaded_error", f"the provider answered {reply.status}").body)
    return messages.error_event(reply.body)


def _failures(attempts: Sequence[Attempt]) -> str:
    """Say how each attempt failed; a single provider, such as a pinned one, is not called all of them."""
    names = {attempt.provider for attempt in attempts}
    texts = [attempt.text or attempt.outcome for attempt in attempts]
    if len(names) == 1:
        return f"{names.pop()} could not answer: {'; '.join(texts)}"
    return "no provider could answer: " + "; ".join(
        f"{attempt.provider}: {text}" for attempt, text in zip(attempts, texts, strict=True)
    )
