"""Judges an answer that has been read to its end, and errors with any status.

status, body ─► judge_body ─┬─► Whole: a message, or a count of tokens
                            └─► Rejected: by its status, by what its body says, or as no answer at all
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec

from claude_proxy.core import limits
from claude_proxy.core.account_errors import names_a_field
from claude_proxy.core.answer_forms import stop_reasons
from claude_proxy.core.json_values import MAX_VALUES, is_dense, read_members, read_text, try_decode
from claude_proxy.core.masking import masked
from claude_proxy.core.messages import (
    ACCOUNT_STATUSES,
    JSON,
    LOOP_DETECTED,
    STATUS_OF_ERROR,
    TOO_LARGE,
    error_body,
    read_error,
)
from claude_proxy.core.outcome import Rejected, Whole
from claude_proxy.core.reasons import Reason
from claude_proxy.core.retry_after import plan_rejects, time_in_headers, time_in_words
from claude_proxy.core.too_long import as_anthropic_error, asks_for_shorter_answer
from claude_proxy.core.traits import Traits
from claude_proxy.core.types import Fault, Headers, Policy, Reply

MAX_TEXT: Final = 16_384
"""How many characters of a provider's own words are kept: far more than are shown, since this cut may go through a key
that is taken out later."""

_SAID_IN_PLAIN_TEXT: Final = frozenset({400, 401, 402, 415, 422})
"""Statuses that no server in front of an API makes up, so that plain text behind them is the API's own."""

_BLANK: Final = b"\xef\xbb\xbf \t\r\n"
"""What may stand in front of an answer, a byte order mark included."""

_REQUEST_STATUSES: Final = frozenset({400, 404, 413, 422})
"""Codes that are about the request, also behind a 200."""

_EVENT_STATUSES: Final = frozenset(status for status in STATUS_OF_ERROR.values() if status < 500) - {429}


class ClassifierConfig(msgspec.Struct, frozen=True, gc=False):
    """By what an answer is judged: what the user decides, and what its provider is known for."""

    policy: Policy
    traits: Traits
    by_login: bool = False
    """Whether it was asked with the client's own login."""
    key: str = ""
    """The key that it was asked with, which is taken out of its errors; empty for the client's own login."""

    def __repr__(self) -> str:
        return f"<ClassifierConfig {self.policy}, {self.traits}>"

    def fails_over(self, status: int) -> bool:
        """Whether a status alone sends the request to the next provider."""
        policy = self.policy
        if self.by_login and status == 401:
            return False  # Claude Code renews its login as soon as it hears of this, and only then
        return status in policy.retry_statuses or (policy.failover_on_auth and status in ACCOUNT_STATUSES)


def judge_body(reply: Reply, config: ClassifierConfig, now: float, *, counting: bool = False) -> Whole | Rejected:
    """Judge an answer that has been read to its end: an error, or a whole message or count behind a 200."""
    if reply.status != 200:
        return judge_error(reply, config, now)
    if is_dense(reply.body):
        return Rejected(Fault.PROVIDER, Reason.NONSENSE, 200, f"the answer holds over {MAX_VALUES} values")
    if counting and _is_count(reply.body):
        return Whole(reply)
    if not counting and (message := _read_message(reply.body)):
        return _judge_stop(reply, message)
    return judge_non_answer(reply, reply.body, config, now)


def judge_error(reply: Reply, config: ClassifierConfig, now: float) -> Rejected:
    """Judge an answer by its status, and by what its body says if that counts for more."""
    status, error = reply.status, limits.parse_error(reply.body)
    fails_over = config.fails_over(status)
    if not 400 <= status < 600 or (status >= 500 and not fails_over and not read_error(reply.body)):
        # a redirect, say, or the page of a server in front of the provider
        text = f"answered {status}, which is no answer to a request like this"
        return Rejected(Fault.PROVIDER, Reason.STATUS, status, text)
    if not fails_over and _is_page(reply, config):
        return _behind_page(status)
    if status == LOOP_DETECTED and read_error(reply.body):
        return Rejected(Fault.INCOMPATIBLE, Reason.LOOP, status, _message(error, reply.body), None, reply)
    limit = limits.limit_of(error, status)
    if status == 429 and limit in (None, limits.TOO_FAST) and plan_rejects(reply.headers):
        limit = limits.PLAN_LIMIT
    if limit is limits.TOO_LONG and asks_for_shorter_answer(reply):
        limit = None
    if limit and _outweighs_status(limit, status, config):
        return _limited(limit, error, reply, config, now)
    if status == 402 and fails_over:
        return _limited(limits.NO_CREDIT, error, reply, config, now)
    text, until = _message(error, reply.body), _return_time(error, reply, config, now)
    about_field = status in ACCOUNT_STATUSES and names_a_field(error)
    reason = Reason.INVALID_REQUEST_ERROR if about_field else Reason.STATUS
    relayed = None if status >= 500 and _begins_as_page(reply.body) else reply
    return Rejected(_fault_of(status, config), reason, status, text, until, relayed)


def _is_page(reply: Reply, config: ClassifierConfig) -> bool:
    """Whether an error comes from a server in front of the provider: a page, or a status without an API's error."""
    status = reply.status
    if status >= 500 or status == 429 or (config.by_login and status == 401):
        return False
    return _begins_as_page(reply.body) or (
        status not in _SAID_IN_PLAIN_TEXT and not reply.body.lstrip(_BLANK).startswith((b"{", b"["))
    )


def _begins_as_page(body: bytes) -> bool:
    return body.lstrip(_BLANK).startswith(b"<")


def _behind_page(status: int) -> Rejected:
    if status in TOO_LARGE:
        text = f"a server in front of the provider takes no request of this size (it answered {status} with a page)"
        reply = Reply(413, ((b"content-type", JSON),), error_body("request_too_large", text))
        return Rejected(Fault.INCOMPATIBLE, Reason.REQUEST_TOO_LARGE, status, text, None, reply)
    return Rejected(Fault.PROVIDER, Reason.PAGE, status, f"answered {status} with a page, which is no error of an API")


def judge_status(reply: Reply, config: ClassifierConfig) -> Rejected:
    """Judge an answer by its status alone: for one that could not be read, as if it said nothing."""
    if 400 <= reply.status < 600:
        return Rejected(_fault_of(reply.status, config), Reason.STATUS, reply.status, reply=reply)
    return Rejected(Fault.PROVIDER, Reason.UNREADABLE, reply.status)


def _fault_of(status: int, config: ClassifierConfig) -> Fault:
    if not config.fails_over(status):
        return Fault.REQUEST
    return Fault.QUOTA if status == 429 else Fault.PROVIDER


def _outweighs_status(limit: limits.Limit, status: int, config: ClassifierConfig) -> bool:
    """Whether what an error says counts for more than its status, which is the user's to judge."""
    if limit.fault is Fault.REQUEST:
        return False
    if config.fails_over(status):
        return True
    if status == 403:
        return limit.fault is Fault.QUOTA  # a plan's limit does not mean that the key is rejected
    # a 401 or 402 is relayed, and so is a status that the user does not retry
    return 400 <= status < 500 and status not in (401, 402, 429)


def _limited(
    limit: limits.Limit, error: limits.ParsedError, reply: Reply, config: ClassifierConfig, now: float
) -> Rejected:
    status, text = reply.status, _message(error, reply.body)
    says_no_more = STATUS_OF_ERROR.get(limit.reason.value) == status
    reason = Reason.STATUS if says_no_more else limit.reason
    if limit is limits.TOO_LONG:
        reply = as_anthropic_error(reply, text)
    return Rejected(limit.fault, reason, status, text, _return_time(error, reply, config, now), reply, limit.cooldown)


def _return_time(error: limits.ParsedError, reply: Reply, config: ClassifierConfig, now: float) -> float | None:
    """Return when the provider says that it will be back: its headers count before its words."""
    named = time_in_headers(reply.headers, now)
    return time_in_words(error.words, now, config.traits.reset_utc_offset) if named is None else named


class _Message(msgspec.Struct):
    type: str
    content: msgspec.Raw
    stop_reason: msgspec.Raw = msgspec.Raw(b"")


class _Count(msgspec.Struct):
    input_tokens: int


_message_decoder = msgspec.json.Decoder(_Message)
_count_decoder = msgspec.json.Decoder(_Count)


def _is_count(body: bytes) -> bool:
    """Whether a body is a count of tokens, with no error code beside it."""
    return read_error(body) is None and try_decode(_count_decoder, body) is not None


def _read_message(body: bytes) -> _Message | None:
    """Return what is read of a whole message; None if a body is none, or has an error code beside it."""
    message = None if read_error(body) else try_decode(_message_decoder, body)
    is_message = message is not None and message.type == "message" and bytes(message.content).startswith(b"[")
    return message if is_message else None


def _judge_stop(reply: Reply, message: _Message) -> Whole | Rejected:
    """Judge a whole message by its stop reason; put the API's in place of another."""
    reason = read_text(message.stop_reason) or "" if message.stop_reason else ""
    has_content = bytes(message.content)[1:].strip() != b"]"
    if fault := stop_reasons.fault_of(reason, has_content=has_content):
        return Rejected(Fault.PROVIDER, Reason.ERROR, reply.status, fault)
    if reason == stop_reasons.api_reason(reason):
        return Whole(reply)
    members = read_members(reply.body) or {}
    body = msgspec.json.encode(members | {"stop_reason": stop_reasons.api_reason(reason)})
    return Whole(Reply(reply.status, reply.headers, body))


def judge_error_event(head: Reply, body: bytes, config: ClassifierConfig, now: float) -> Rejected:
    """Judge an error event in place of an answer: a type of the API's about the request counts as its status."""
    known = read_error(body)
    status = STATUS_OF_ERROR.get(known[0], 0) if known else 0
    if status in _EVENT_STATUSES and limits.limit_of(limits.parse_error(body), 200) is None:
        return judge_error(Reply(status, _as_json(head.headers), masked(body, config.key)), config, now)
    return judge_non_answer(head, body, config, now)


def judge_non_answer(head: Reply, body: bytes, config: ClassifierConfig, now: float) -> Rejected:
    """Judge what is no answer though its status is 200: an error, a provider's own error code, HTML, nothing."""
    body = masked(body, config.key)
    known, error = read_error(body), limits.parse_error(body)
    headers = _as_json(head.headers)
    if limit := limits.limit_of(error, 200):
        reply = Reply(limit.status, headers, body if error.enveloped else _in_api_form(limit, error))
        if limit.fault is Fault.REQUEST:
            return judge_error(reply, config, now)
        return replace(_limited(limit, error, reply, config, now), reason=limit.reason)
    if error.status in _REQUEST_STATUSES:
        return judge_error(Reply(error.status, headers, body), config, now)
    text = _message(error, body)
    if known is None:
        reason = Reason.NONSENSE if body.strip() else Reason.EMPTY
        return Rejected(Fault.PROVIDER, reason, head.status, text)
    status = STATUS_OF_ERROR.get(known[0], error.status)
    if status == 0:
        return Rejected(Fault.PROVIDER, Reason.ERROR, head.status, text, _return_time(error, head, config, now))
    reason = Reason(known[0]) if known[0] in STATUS_OF_ERROR else Reason.STATUS
    until = _return_time(error, head, config, now)
    return Rejected(Fault.PROVIDER, reason, status, text, until, Reply(status, headers, body))


def _in_api_form(limit: limits.Limit, error: limits.ParsedError) -> bytes:
    """Return in Anthropic's form what a provider says in a form that no client knows."""
    kind = next(kind for kind, status in STATUS_OF_ERROR.items() if status == limit.status)
    return error_body(kind, error.words or limit.reason.value)


def _as_json(headers: Headers) -> Headers:
    kept = tuple(pair for pair in headers if pair[0] != b"content-type")
    return (*kept, (b"content-type", JSON))


def _message(error: limits.ParsedError, body: bytes) -> str:
    """Return what an error body says, on one line: its message, else how it begins."""
    text = error.words or body[: 4 * MAX_TEXT].decode("utf-8", "replace")[: 2 * MAX_TEXT]
    if not text.isprintable():
        text = "".join([c if c.isprintable() else " " for c in text])
    return " ".join(text.split())[:MAX_TEXT]
