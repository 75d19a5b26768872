"""Short ways to build the core's values in tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import msgspec

from claude_proxy.core.adapt import Adapted, adapt
from claude_proxy.core.adaptation.draft import OwnerOf
from claude_proxy.core.auth import Auth
from claude_proxy.core.messages import JSON, MESSAGES_PATH, error_body
from claude_proxy.core.outcome import Rejected
from claude_proxy.core.reasons import Reason
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.routing import Candidate
from claude_proxy.core.sse import ServerSentEvent, parse, split
from claude_proxy.core.status_report import Spent
from claude_proxy.core.traits import ModelFacts, Rule, Traits
from claude_proxy.core.types import Account, Ending, Fault, Headers, Origin, Provider, Reply, Usage

MODEL = "claude-opus-5-5"
NOW = 1_800_000_000.0
SPENT_IN_WORDS = [
    (Spent(), ""),
    (Spent(1.239), "$1.24"),
    (Spent(1.2, 1), "at least $1.20, 1 request without a price"),
    (Spent(0.0, 3), "?, 3 requests without a price"),
    (Spent(0.0, 0, 3.2), "$3.20 by plan"),
    (Spent(1.0, 0, 3.2), "$1.00, $3.20 by plan"),
]
"""What some requests cost, and how it is said: what is not known is never zero."""


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


def account(**changes: Any) -> Account:
    """Return the account of a request that nobody was asked for yet."""
    base = Account(
        started_at=NOW,
        session="",
        kind="messages",
        streaming=True,
        requested_model="m",
        used_model="",
        provider="",
        pinned=False,
        status=200,
        attempts=(),
        usage=Usage(),
        ending=Ending.COMPLETE,
        first_byte_ms=None,
        total_ms=1.0,
    )
    return msgspec.structs.replace(base, **changes)


def candidate(of: Provider | None = None, model: str = "claude-opus-5-5") -> Candidate:
    return Candidate(of or provider(), model)


def request(body: bytes, headers: Headers = (), query: bytes = b"") -> MessagesRequest:
    return MessagesRequest.parse(MESSAGES_PATH, query, headers, body)


def error(kind: str, status: int, message: str = "no", headers: Headers = ()) -> Reply:
    return Reply(status, (*headers, (b"content-type", JSON)), error_body(kind, message))


def rejected(fault: Fault, why: Reason | int = 500, until: float | None = None, reply: Reply | None = None) -> Rejected:
    """Return a rejection for a reason, or by a status alone."""
    reason, status = (why, None) if isinstance(why, Reason) else (Reason.STATUS, why)
    return Rejected(fault, reason, status, "", until, reply)


def events(block: bytes) -> list[ServerSentEvent]:
    """Read all events of a block."""
    return [event for piece, _ in split(block) if (event := parse(piece))]


def rules(*names: str) -> frozenset[Rule]:
    """Read rules as they are shown: `block:image`."""
    return frozenset(map(Rule.parse, names))


def adapted(
    body: Mapping[str, Any] | bytes,
    *,
    facts: ModelFacts | None = None,
    owner_of: OwnerOf | None = None,
    rejects: Sequence[str] = (),
    auth: Auth = Auth.BEARER,
    **traits: Any,
) -> Adapted:
    """Adapt a request to a provider named `minimax` with these traits, and to a model of these facts."""
    sent = body if isinstance(body, bytes) else compact({"model": MODEL, **body})
    known = MappingProxyType({MODEL: facts}) if facts else MappingProxyType({})
    to = provider(traits=Traits(rejects=rules(*rejects), **traits), facts=known, auth=auth)
    return adapt(request(sent), Candidate(to, MODEL), (), owner_of)


def compact(value: object) -> bytes:
    """Write JSON as clients do."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def read(result: Adapted) -> dict[str, Any]:
    """Return the adapted request without the model that `adapted` gave it."""
    body: dict[str, Any] = json.loads(result.body)
    del body["model"]
    return body
