"""Why an attempt failed: as a value, as what headers and the log show, and in the user's words."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from claude_proxy.core.messages import KEY_REJECTED, NOT_OFFERED


class Reason(enum.Enum):
    """Why a provider gave no answer; the value is what headers, the log and `status` show."""

    STATUS = "status"
    """Its status says it all, and is shown in place of this word."""

    # the connection: see `ports.Failure`
    LOCAL = "local"
    MEMORY = "memory"
    DNS = "dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"
    TUNNEL = "tunnel"
    RESET = "reset"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    UNDECODABLE = "undecodable"

    # silence
    TIMEOUT = "timeout"
    FIRST_EVENT_TIMEOUT = "first_event_timeout"
    FIRST_CONTENT_TIMEOUT = "first_content_timeout"
    STALLED = "stalled"

    # a 200 without an answer
    EMPTY = "empty"
    NONSENSE = "nonsense"
    """A page, JSON of another kind, or part of an answer."""
    PAGE = "page"
    """A page behind another status, from a server in front of the provider."""
    NO_CONTENT = "no_content"
    ERROR = "error"
    """An error in its own form, which names no type of the API's."""
    UNREADABLE = "unreadable"
    """The proxy failed to read it: a defect of the proxy's own, which `proxy.log` names."""

    ABANDONED = "abandoned"
    """Nobody waits for it any longer, which says nothing of the provider."""

    # limits: see `limits.py`
    PLAN_LIMIT = "plan_limit"
    PLAN_USED_UP = "plan_used_up"
    """The provider says so when it is asked for its quota; no request has failed."""
    NO_CREDIT = "no_credit"
    UNKNOWN_MODEL = "unknown_model"
    LOOP = "loop"
    TOO_LONG = "too_long"

    # the API's own types of errors: see `messages.STATUS_OF_ERROR`
    INVALID_REQUEST_ERROR = "invalid_request_error"
    AUTHENTICATION_ERROR = "authentication_error"
    BILLING_ERROR = "billing_error"
    PERMISSION_ERROR = "permission_error"
    NOT_FOUND_ERROR = "not_found_error"
    CONFLICT_ERROR = "conflict_error"
    REQUEST_TOO_LARGE = "request_too_large"
    RATE_LIMIT_ERROR = "rate_limit_error"
    API_ERROR = "api_error"
    TIMEOUT_ERROR = "timeout_error"
    OVERLOADED_ERROR = "overloaded_error"


UNTRUSTED: Final = "certificate not trusted"
"""Begins, behind the host, the text of a TLS failure that all requests will meet until a certificate is added."""

_TOO_MANY: Final = "too many requests"
_OVERLOADED: Final = "overloaded"
_OUT_OF_CREDIT: Final = "out of credit"
_OF_STATUS: Final[Mapping[int, str]] = MappingProxyType(
    {402: _OUT_OF_CREDIT, 429: _TOO_MANY, 503: _OVERLOADED, 529: _OVERLOADED}
)
_OF_REASON: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.NO_CREDIT: _OUT_OF_CREDIT,
        Reason.PLAN_LIMIT: "plan limit",
        Reason.PLAN_USED_UP: "plan used up",
        Reason.RATE_LIMIT_ERROR: _TOO_MANY,
        Reason.OVERLOADED_ERROR: _OVERLOADED,
        **dict.fromkeys((Reason.FIRST_EVENT_TIMEOUT, Reason.FIRST_CONTENT_TIMEOUT, Reason.STALLED), "silent"),
        **dict.fromkeys((Reason.DNS, Reason.REFUSED, Reason.UNREACHABLE, Reason.CONNECT_TIMEOUT), "out of reach"),
        **dict.fromkeys((Reason.TLS, Reason.TUNNEL), "out of reach"),
        **dict.fromkeys((Reason.RESET, Reason.TRUNCATED), "broke off"),
    }
)


def label(reason: Reason | None, status: int | None) -> str:
    """Return what headers, the log and `status` show: a status or a word. Without a reason, the status of an answer."""
    return str(status) if reason is None or reason is Reason.STATUS else reason.value


def rejects_key(reason: Reason | None, status: int | None) -> bool:
    """Whether the provider does not take its key, or the client's login."""
    return reason is Reason.STATUS and status in KEY_REJECTED


def is_out_of_credit(reason: Reason | None, status: int | None) -> bool:
    """Whether the account at the provider has to be topped up."""
    return reason is Reason.NO_CREDIT or (reason is Reason.STATUS and status == 402)


def is_not_offered(reason: Reason | None, status: int | None) -> bool:
    """Whether the provider has no such endpoint."""
    return reason is Reason.STATUS and status in NOT_OFFERED


def in_words(reason: Reason | None, status: int | None, variable: str = "") -> str:
    """Return why a provider is in cooldown, in plain words; `variable` holds its key, and is empty for a login."""
    if reason is None:
        return ""
    if rejects_key(reason, status):
        return f"key refused: replace {variable}" if variable else "login refused"
    if reason is Reason.STATUS:
        return _OF_STATUS.get(status or 0, f"answered {status}")
    return _OF_REASON.get(reason, reason.value.replace("_", " "))


_VALUES: Final = frozenset(reason.value for reason in Reason)


def label_in_words(shown: str) -> str:
    """Return in plain words what `label` gave, such as a line of the log has it."""
    if shown.isdecimal() and len(shown) == len("200"):
        status = int(shown)
        return "key refused" if rejects_key(Reason.STATUS, status) else in_words(Reason.STATUS, status)
    return in_words(Reason(shown), None) if shown in _VALUES else shown.replace("_", " ")
