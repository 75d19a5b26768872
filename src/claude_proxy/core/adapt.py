"""A client's request made into the one that a provider gets: its address, its key, its model, what it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from claude_proxy.core import headers
from claude_proxy.core.model import Provider
from claude_proxy.core.request import MessagesRequest, spliced
from claude_proxy.core.routing import Candidate
from claude_proxy.core.traits import Rule

OriginOf: TypeAlias = Callable[[str], str | None]
"""Tells the name of the provider that made a thinking signature; None where that is not known."""


@dataclass(frozen=True, slots=True)
class Adapted:
    """A request ready for the wire: `head` is the request line with all headers, the blank line included."""

    head: bytes = field(repr=False)
    body: bytes = field(repr=False)
    model: str
    changes: tuple[str, ...] = ()
    """What was changed besides the model, in words that are safe in a header and in a log."""


def adapt(
    request: MessagesRequest, candidate: Candidate, rules: Iterable[Rule] = (), origin_of: OriginOf = lambda _: None
) -> Adapted:
    """Return what a candidate gets. What it takes as it is, stays byte for byte as it came."""
    del rules, origin_of  # what they change is still to come
    provider, model = candidate.provider, candidate.model
    body = request.body
    if model != request.model:
        body = spliced(request, {"model": msgspec.json.encode(model)})
    return Adapted(
        _request_line(request, provider) + headers.for_provider(request.headers, provider, len(body)), body, model
    )


def _request_line(request: MessagesRequest, provider: Provider) -> bytes:
    base_path = provider.base_url.split("://", 1)[1].partition("/")[2]
    target = (f"/{base_path}" if base_path else "") + request.path
    query = b"?" + request.query if request.query else b""
    return b"POST %b%b HTTP/1.1\r\n" % (target.encode(), query)
