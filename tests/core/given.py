"""Values that the tests of the core start from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from claude_proxy.core.judge import Rejected
from claude_proxy.core.messages import JSON, MESSAGES_PATH, error_body
from claude_proxy.core.model import Auth, Fault, Headers, Origin, Provider, Reply
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.routing import Candidate
from claude_proxy.core.sse import ServerSentEvent, parse, split

NOW = 1_800_000_000.0


def provider(name: str = "minimax", **changes: Any) -> Provider:
    host = f"api.{name}.example"
    base = Provider(
        name,
        f"https://{host}/anthropic",
        Origin("https", host, 443),
        Auth.BEARER,
        f"sk-{name}",
        f"{name.upper()}_API_KEY",
    )
    return replace(base, **changes)


def candidate(of: Provider | None = None, model: str = "claude-opus-5-5") -> Candidate:
    return Candidate(of or provider(), model)


def request(body: bytes, headers: Headers = (), query: bytes = b"") -> MessagesRequest:
    return MessagesRequest.parse(MESSAGES_PATH, query, headers, body)


def error(kind: str, status: int, message: str = "no", headers: Headers = ()) -> Reply:
    return Reply(status, (*headers, (b"content-type", JSON)), error_body(kind, message))


def rejected(fault: Fault, label: str = "500", until: float | None = None, reply: Reply | None = None) -> Rejected:
    return Rejected(fault, label, "", until, reply)


def events(block: bytes) -> list[ServerSentEvent]:
    """Read all events of a block."""
    return [event for piece, _ in split(block) if (event := parse(piece))]
