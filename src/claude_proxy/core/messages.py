"""Facts of the Anthropic Messages wire: event names, error types and their statuses, and the forms of both.

Source: the Messages API reference (errors, streaming) and Claude Code's gateway protocol page.
"""

from __future__ import annotations

from typing import Final

import msgspec

from claude_proxy.core import sse
from claude_proxy.core.json_values import try_decode

MESSAGES_PATH: Final = "/v1/messages"
COUNT_TOKENS_PATH: Final = "/v1/messages/count_tokens"
MODELS_PATH: Final = "/v1/models"

JSON: Final = b"application/json"
EVENT_STREAM: Final = b"text/event-stream"

STATUS_OF_ERROR: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}

KEY_REJECTED: Final = frozenset({401, 403})
"""Statuses of a rejected key, or of a rejected login."""

TOO_LARGE: Final = frozenset({413, 414, 431})
"""Statuses of a request that is larger than a server takes."""

ACCOUNT_STATUSES: Final = KEY_REJECTED | {402}
"""Statuses about the account at a provider, not about the request."""

LOOP_DETECTED: Final = 508
"""The status of a request that has come back to a proxy that it had passed (RFC 5842, 7.2)."""

NOT_OFFERED: Final = frozenset({404, 405, 501})
"""Statuses of a provider that has no such endpoint."""

PING: Final = b'event: ping\ndata: {"type": "ping"}\n\n'
MESSAGE_STOP: Final = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


def error_body(kind: str, message: str) -> bytes:
    """Return an error in Anthropic's form, as JSON."""
    return msgspec.json.encode({"type": "error", "error": {"type": kind, "message": message}})


def error_event(body: bytes) -> bytes:
    """Return an error body as one server-sent event; line ends inside it become spaces, which JSON allows."""
    return sse.written("error", body)


class _Error(msgspec.Struct):
    type: str | int = ""  # some providers number their errors
    code: str | int | None = None
    message: str = ""


class _BaseResponse(msgspec.Struct):
    status_code: int = 0
    status_msg: str = ""


class _Envelope(msgspec.Struct):
    error: _Error | None = None
    base_resp: _BaseResponse | None = None  # MiniMax's own way; 0 is none


_envelope = msgspec.json.Decoder(_Envelope)

MAX_ERROR_BYTES: Final = 256 * 1024
"""Bytes of the largest body that can be an error; real ones stay below 2 KiB."""


def read_error(body: bytes) -> tuple[str, str] | None:
    """Return (type, message) of an error body, or None if it is not one.

    The outer `"type": "error"` may be missing, and a code may stand in place of a type, as it does at some providers.
    """
    envelope = try_decode(_envelope, body) if len(body) <= MAX_ERROR_BYTES else None
    if envelope and envelope.error:
        return str(envelope.error.type or envelope.error.code or ""), envelope.error.message
    if envelope and envelope.base_resp and envelope.base_resp.status_code:
        return str(envelope.base_resp.status_code), envelope.base_resp.status_msg
    return None
