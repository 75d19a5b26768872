"""What providers' errors mean: the table from a code or a phrase to a limit, whichever provider uses it.

    a body ─► parse_error ─► ParsedError (codes, words) ─► limit_of ─► Limit (whose fault, for which reason)

A code counts only in the places that providers use: `error.type`, `error.code`, `error.details.error_code`, a top-level
`code`, MiniMax's `base_resp.status_code`, and the end or the beginning of a message, `(2056)` or `[1308]`. A number
elsewhere in a text is no code. Phrases count only with a status that fits them. Sources: the providers' pages of
error codes, and what their users were shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from claude_proxy.core.account_words import says_beyond_quota, says_without_funds
from claude_proxy.core.json_values import read_text_start, try_decode
from claude_proxy.core.messages import MAX_ERROR_BYTES
from claude_proxy.core.reasons import Reason
from claude_proxy.core.too_long import says_too_long
from claude_proxy.core.types import Fault

LONG_COOLDOWN: Final = 6 * 3600.0
"""Cooldown in seconds when an account has to be paid first, and no time is named: a person has to act."""

MAX_MESSAGE_LENGTH: Final = 32_768
"""Characters that are read of an error's message; far fewer are shown."""

_MAX_CODE_BYTES: Final = 100

_MAX_WORDS_LENGTH: Final = 1000
"""Characters of a message in which phrases are looked for: what comes later is a quotation."""


class Limit(msgspec.Struct, frozen=True, gc=False):
    """What an error means."""

    fault: Fault
    reason: Reason
    status: int
    """The status that belongs to it, under which it is passed on if it stood behind a 200."""
    cooldown: float = 0.0
    """How long the provider's cooldown lasts at least if it names no time, in seconds."""


TOO_FAST: Final = Limit(Fault.QUOTA, Reason.RATE_LIMIT_ERROR, 429)
PLAN_LIMIT: Final = Limit(Fault.QUOTA, Reason.PLAN_LIMIT, 429)
PLAN_USED_UP: Final = Limit(Fault.QUOTA, Reason.PLAN_LIMIT, 429, LONG_COOLDOWN)
NO_CREDIT: Final = Limit(Fault.QUOTA, Reason.NO_CREDIT, 402, LONG_COOLDOWN)
OVERLOADED: Final = Limit(Fault.PROVIDER, Reason.OVERLOADED_ERROR, 529)
BAD_PARAMETER: Final = Limit(Fault.REQUEST, Reason.INVALID_REQUEST_ERROR, 400)
KEY_REFUSED: Final = Limit(Fault.REQUEST, Reason.AUTHENTICATION_ERROR, 401)
NOT_ALLOWED: Final = Limit(Fault.REQUEST, Reason.PERMISSION_ERROR, 403)
LONG_CONTEXT: Final = Limit(Fault.INCOMPATIBLE, Reason.PLAN_LIMIT, 429)
"""A plan that goes on to serve shorter requests: no reason for a cooldown."""
UNKNOWN_MODEL: Final = Limit(Fault.INCOMPATIBLE, Reason.UNKNOWN_MODEL, 404)
TOO_LONG: Final = Limit(Fault.INCOMPATIBLE, Reason.TOO_LONG, 400)

_CODES: Final[Mapping[str, Limit]] = {
    # Anthropic
    "enforced_spend_limit_reached": NO_CREDIT,
    "contract_spend_limit_reached": NO_CREDIT,
    # MiniMax
    "1008": NO_CREDIT,
    "2056": PLAN_LIMIT,
    "insufficient_balance_error": NO_CREDIT,
    # Z.ai, Zhipu
    "1113": NO_CREDIT,
    "1211": UNKNOWN_MODEL,
    "1261": TOO_LONG,
    "1302": TOO_FAST,
    "1305": OVERLOADED,
    "1308": PLAN_LIMIT,
    "1310": PLAN_LIMIT,
    # Moonshot, Kimi Code
    "engine_overloaded_error": OVERLOADED,
    "exceeded_current_quota_error": NO_CREDIT,
    "rate_limit_reached_error": TOO_FAST,
    "resource_not_found_error": UNKNOWN_MODEL,
    # Alibaba, Volcengine, BytePlus
    "Arrearage": NO_CREDIT,
    "AccountOverdueError": NO_CREDIT,
    # those that keep OpenAI's names: vLLM, LiteLLM, llama.cpp, relays
    "context_length_exceeded": TOO_LONG,
    "exceed_context_size_error": TOO_LONG,
    "model_not_found": UNKNOWN_MODEL,
}
_VAGUE: Final[Mapping[str, Limit]] = {
    "2013": BAD_PARAMETER,
    "access_terminated_error": NOT_ALLOWED,
    "authentication_error": KEY_REFUSED,
    "billing_error": NO_CREDIT,
    "insufficient_quota": NO_CREDIT,
    "invalid_authentication_error": KEY_REFUSED,
    "overloaded_error": OVERLOADED,
    "permission_error": NOT_ALLOWED,
    "rate_limit_error": TOO_FAST,
}
"""Codes that may say less than the message beside them."""

_MINIMAX: Final = {"1002": TOO_FAST}
"""A code with another meaning at Z.ai: it counts in MiniMax's forms alone."""

_STATUSES: Final = {401: KEY_REFUSED, 402: NO_CREDIT, 403: NOT_ALLOWED, 429: TOO_FAST}
"""OpenRouter's codes are statuses."""

_AT_START: Final = re.compile(r"\[(\d{4})\]")
_AT_END: Final = re.compile(r"\((\d{4})\)\s*$")
"""How Z.ai and MiniMax write their codes into a message."""

_TOO_FAST: Final = re.compile(r"error-code#token-limit", re.IGNORECASE)
"""Alibaba's limit of tokens a minute, in OpenAI's words for an empty account: the address behind them shows it."""
_LONG_CONTEXT: Final = re.compile(r"extra usage is required for long context", re.IGNORECASE)
_USED_UP: Final = re.compile(
    r"out of extra usage|specified api usage limits?|claude ai usage limit reached", re.IGNORECASE
)
_PLAN: Final = re.compile(
    r"usage limit (?:reached|exceeded)|(?:reached|hit|exceeded) your [^.]{0,40}(?:usage limit|quota)"
    r"|(?:weekly|monthly|daily)(?:/monthly)? limit (?:reached|exhausted|exceeded)"
    r"|使用上限|(?:额度|配额).{0,6}(?:用完|用尽|耗尽)",
    re.IGNORECASE,
)
_CREDIT: Final = re.compile(
    r"credit balance is too low|insufficient (?:account )?(?:balance|credits?|funds)|out of credits?"
    r"|requires more credits|exceeded your current quota|account is in arrears|余额不足|欠费",
    re.IGNORECASE,
)
_QUOTAS: Final = (
    (_TOO_FAST, TOO_FAST),
    (_LONG_CONTEXT, LONG_CONTEXT),
    (_USED_UP, PLAN_USED_UP),
    (_CREDIT, NO_CREDIT),
    (_PLAN, PLAN_LIMIT),
)
_MODEL: Final = re.compile(
    r"unknown model|no such model|invalid model(?: name| id|:|$)|not found the model|no endpoints found for"
    r"|\bmodel[\s:`'\"]{0,8}[\w./:@~-]{0,120}[`'\"]?,? (?:is |was |does )?(?:not (?:found|exist)|doesn't exist)"
    r"|is not a valid model|模型不存在|模型.{0,60}不存在",
    re.IGNORECASE,
)
_ANTHROPICS_MODEL: Final = re.compile(r"model: \S+")

_QUOTED: Final = re.compile(
    r"(?P<said>[\"']message\\?[\"']: ?\\?)?"
    r"(?:\"[^\"]*(?:\"|$)|`[^`]*(?:`|$)|(?<!\w)'[^']*(?:'(?!\w)|$))"
)
"""What an error quotes, such as the user's text; `said` if it is the message of an error that a relay quotes."""
_NAME: Final = re.compile(r".[!-~]*")
"""A single word between quotes is a name, and counts."""
_ABOUT_QUOTA: Final = frozenset({200, 400, 402, 403, 429})
_ABOUT_MODEL: Final = frozenset({200, 400, 404, 422})
_LENGTH: Final = re.compile(r"(?:token|context|prompt|input|length)s?_|_(?:token|context|prompt|input|length)s?")
_NOT_ABOUT_LENGTH: Final = frozenset({401, 402, 403, 404, 429})


class ParsedError(msgspec.Struct, frozen=True, gc=False):
    """What an error body says: its codes, the most specific first, and its message."""

    codes: tuple[str, ...] = ()
    words: str = ""
    minimax_code: str = ""
    """The code in the place where MiniMax alone writes it."""
    status: int = 0
    """An HTTP status in place of a code, as OpenRouter writes it."""
    enveloped: bool = False
    """Whether it is in `error`, where a client looks for it."""


_NOTHING: Final = ParsedError()
_ABSENT: Final = msgspec.Raw(b"")


class _Details(msgspec.Struct):
    error_code: msgspec.Raw = _ABSENT


class _Error(msgspec.Struct):
    message: msgspec.Raw = _ABSENT
    code: msgspec.Raw = _ABSENT
    type: msgspec.Raw = _ABSENT
    details: msgspec.Raw = _ABSENT


class _BaseResponse(msgspec.Struct):
    status_code: msgspec.Raw = _ABSENT
    status_msg: msgspec.Raw = _ABSENT


class _Body(msgspec.Struct):
    error: msgspec.Raw = _ABSENT
    message: msgspec.Raw = _ABSENT
    msg: msgspec.Raw = _ABSENT
    detail: msgspec.Raw = _ABSENT
    code: msgspec.Raw = _ABSENT
    base_resp: msgspec.Raw = _ABSENT


_body = msgspec.json.Decoder(_Body)
_bodies = msgspec.json.Decoder(list[_Body])
_error = msgspec.json.Decoder(_Error)
_details = msgspec.json.Decoder(_Details)
_base_response = msgspec.json.Decoder(_BaseResponse)
_text_or_number = msgspec.json.Decoder(str | int)


def parse_error(body: bytes) -> ParsedError:
    """Return what an error body says: nothing if it is a page, broken, or too large for an error."""
    if len(body) > MAX_ERROR_BYTES:
        return _NOTHING
    fields = try_decode(_body, body)
    if fields is None and (listed := try_decode(_bodies, body)):
        fields = listed[0]  # as Gemini writes it
    if fields is None:
        return ParsedError(words=_plain_text(body))
    error = try_decode(_error, fields.error)
    inner = error or _Error()
    details = try_decode(_details, inner.details) or _Details()
    base = try_decode(_base_response, fields.base_resp) or _BaseResponse()
    messages = (inner.message, fields.error, fields.message, fields.msg, fields.detail, base.status_msg)
    words = next((words for message in messages if (words := read_text_start(message, MAX_MESSAGE_LENGTH))), "")
    return ParsedError(
        tuple(map(_code, (details.error_code, inner.code, inner.type, fields.code))),
        words,
        _code(base.status_code),
        _status(inner.code),
        error is not None and bytes(fields.error).strip(b"{} \t\r\n") != b"",
    )


def _plain_text(body: bytes) -> str:
    text = body[: 4 * MAX_MESSAGE_LENGTH].decode("utf-8", "replace").strip("\ufeff \t\r\n")
    return "" if text.startswith(("<", "{", "[", '"', "event:", "data:")) else text[:MAX_MESSAGE_LENGTH]


def _code(raw: msgspec.Raw) -> str:
    value = try_decode(_text_or_number, raw) if 0 < len(raw) <= _MAX_CODE_BYTES else None
    return "" if value is None else str(value)


def _status(code: msgspec.Raw) -> int:
    digits = bytes(code).strip(b'"')
    return int(digits) if len(digits) == 3 and digits.isdigit() and digits[:1] in b"45" else 0


def limit_of(error: ParsedError, status: int) -> Limit | None:
    """Return what an error with this status means, or None if it names no limit."""
    words = error.words[:_MAX_WORDS_LENGTH]
    # errors with these statuses may quote what the user wrote
    start, end = ("", "") if status in (400, 422) else (_in(words, _AT_START.match), _in(words, _AT_END.search))
    codes = (*error.codes, error.minimax_code, start, end)
    return (
        _by_code(_CODES, codes)
        or _by_code(_MINIMAX, (error.minimax_code, end))
        or _by_words(words, error.codes, status)
        or (_by_account(words, error.codes) if status == 403 else None)
        or _by_code(_VAGUE, codes)
        or (TOO_LONG if _codes_say_too_long(error.codes, status) else None)
        or (_STATUSES.get(error.status) if status == 200 else None)
    )


def _in(words: str, find: Callable[[str], re.Match[str] | None]) -> str:
    match = find(words)
    return match[1] if match else ""


def _by_code(table: Mapping[str, Limit], codes: tuple[str, ...]) -> Limit | None:
    return next((table[code] for code in codes if code in table), None)


def _by_words(words: str, codes: tuple[str, ...], status: int) -> Limit | None:
    own = _QUOTED.sub(_without_quotation, words)
    if status not in _NOT_ABOUT_LENGTH and says_too_long(own):
        return TOO_LONG
    if status in _ABOUT_MODEL and _says_unknown_model(own, codes):
        return UNKNOWN_MODEL
    if status in _ABOUT_QUOTA or status >= 500:
        return next((limit for pattern, limit in _QUOTAS if pattern.search(own)), None)
    return None


def _by_account(words: str, codes: tuple[str, ...]) -> Limit | None:
    """Return what an error says of an account that may be used, but has nothing left."""
    own = _QUOTED.sub(_without_quotation, words)
    if any(map(says_without_funds, (own, *codes))):
        return NO_CREDIT
    return PLAN_LIMIT if any(map(says_beyond_quota, (own, *codes))) else None


def _codes_say_too_long(codes: tuple[str, ...], status: int) -> bool:
    """Whether a code says it in words of its own: `model_max_prompt_tokens_exceeded`."""
    return status not in _NOT_ABOUT_LENGTH and any(
        _LENGTH.search(code) and says_too_long(code.replace("_", " ")) for code in codes
    )


def _without_quotation(quoted: re.Match[str]) -> str:
    return quoted[0] if quoted["said"] or _NAME.fullmatch(quoted[0]) else ""


def _says_unknown_model(words: str, codes: tuple[str, ...]) -> bool:
    return bool(_MODEL.search(words) or ("not_found_error" in codes and _ANTHROPICS_MODEL.match(words)))
