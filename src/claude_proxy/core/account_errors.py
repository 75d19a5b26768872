"""What the client is told if a provider refuses its key, or has no credit left: 401, 402 and 403.

Claude Code answers these with "Please run /login", which fixes nothing about a provider's key. So ours comes first: who
refused which key, where it is set, and what to do. Status, type and the provider's own words stay.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from claude_proxy.core.auth import Auth, KeySource
from claude_proxy.core.json_values import as_raw, read_members, read_text
from claude_proxy.core.limits import ParsedError, parse_error
from claude_proxy.core.messages import ACCOUNT_STATUSES, JSON, MAX_ERROR_BYTES, STATUS_OF_ERROR, error_body
from claude_proxy.core.text import printable
from claude_proxy.core.types import Provider, Reply

MAX_WORDS: Final = 300
"""Characters of a provider's words, if they are not in the API's own form."""

_KINDS: Final = {status: kind for kind, status in STATUS_OF_ERROR.items()}
_FIELD: Final = re.compile(
    r"(?:max_tokens|messages|metadata|model|output_config|service_tier|stop_sequences|stream|system|temperature"
    r"|thinking|tool_choice|tools|top_k|top_p)(?:[.\[][\w.\[\]-]{0,100})?: "
)
"""How the API names the part of a request that an error is about."""

_ABSENT: Final = msgspec.Raw(b"")
_EMPTY: Final = msgspec.Raw(b'""')


def names_a_field(error: ParsedError) -> bool:
    """Whether an error is about a field of the request, whatever its status says: the account is not at fault."""
    return _FIELD.match(error.words) is not None


def key_place(provider: Provider) -> str:
    """Return where a provider's key is set, such as `MINIMAX_API_KEY (from .env)`."""
    source = provider.api_key_source
    place = "the environment" if source is KeySource.ENVIRONMENT else source.value if source else ""
    return f"{provider.api_key_env} (from {place})" if place else provider.api_key_env


def account_notice(provider: Provider, status: int, *, others: bool) -> str:
    """Return what is said before a provider's own words; empty if the client itself can act on them.

    `others`: whether another provider would be asked if `failover_on_auth` was set.
    """
    if status not in ACCOUNT_STATUSES or provider.auth is Auth.CLIENT:
        return ""
    name, alternative = provider.name, ", or set failover_on_auth" if others else ""
    if status == 402:
        of_key = f" for the key in {key_place(provider)}" if provider.api_key_source else ""
        return f"claude-proxy: {name} has no credit left{of_key}. Top up its account{alternative}."
    if provider.api_key_source is None:
        return f"claude-proxy: {name} asks for a key. Name its variable as api_key_env in config.json{alternative}."
    return f"claude-proxy: {name} refused the key in {key_place(provider)}. Replace it there{alternative}."


def with_notice(answer: Reply, notice: str) -> Reply:
    """Return an error whose message begins with ours; all else of it stays, if it is in the API's form."""
    error = parse_error(answer.body)
    if names_a_field(error):
        return answer
    body = _prefixed(answer.body, notice) if len(answer.body) <= MAX_ERROR_BYTES else None
    if body is None:
        words = error.words or answer.body[: 4 * MAX_WORDS].decode("utf-8", "replace")
        body = error_body(_KINDS[answer.status], f"{notice} {printable(words, MAX_WORDS)}".rstrip())
    headers = (*(pair for pair in answer.headers if pair[0] != b"content-type"), (b"content-type", JSON))
    return Reply(answer.status, headers, body)


def _prefixed(body: bytes, notice: str) -> bytes | None:
    """Put ours before the message of an error in the API's form; None if it has another."""
    fields = read_members(body)
    error = read_members(fields.get("error", _ABSENT)) if fields else None
    message = read_text(error.get("message", _EMPTY)) if error else None
    if not fields or not error or message is None:
        return None
    changed = as_raw({**error, "message": f"{notice} {message}".rstrip()})
    return bytes(as_raw({"type": as_raw("error"), **fields, "error": changed}))
