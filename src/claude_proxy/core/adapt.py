"""A client's request made into the one that a provider gets: its address, key and model, and only what it accepts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from claude_proxy.core import headers
from claude_proxy.core.adaptation.constraints import constraints_of
from claude_proxy.core.adaptation.draft import Draft, OwnerOf
from claude_proxy.core.adaptation.ordered_rules import apply_rules
from claude_proxy.core.cache_doctor.prompt_pieces import SentPrompt
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.routing import Candidate
from claude_proxy.core.traits import Rule
from claude_proxy.core.types import Provider

_NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})


class Adapted(msgspec.Struct, frozen=True, gc=False):
    """A request ready for the wire: `head` is the request line with all headers, the blank line included."""

    head: bytes
    body: bytes
    model: str
    changes: tuple[str, ...] = ()
    """What was changed besides the model, in words that are safe in a header and in a log."""
    tool_names: Mapping[str, str] = _NO_NAMES
    """By the name that the provider is sent, the tool's own; of those alone that have another."""
    prompt: SentPrompt | None = None
    """What of it a prompt cache depends on."""

    def __repr__(self) -> str:
        return f"<Adapted for {self.model}, {len(self.body)} bytes, changes: {' '.join(self.changes) or 'none'}>"


def adapt(
    request: MessagesRequest, candidate: Candidate, rules: Iterable[Rule] = (), owner_of: OwnerOf | None = None
) -> Adapted:
    """Return what a candidate gets; `rules` were learned from its errors. What it accepts stays byte for byte.

    Without `owner_of`, no thinking of another provider can be in the request.
    """
    provider, model = candidate.provider, candidate.model
    draft = Draft(request, constraints_of(candidate, frozenset(rules)), owner_of)
    if model != request.model:
        draft.write("model", model)
    apply_rules(draft)
    body = draft.body()
    fields = headers.for_provider(draft.headers, provider, len(body), draft.added_headers)
    head = _request_line(request, provider) + fields
    return Adapted(head, body, model, draft.changes.words(), draft.tool_names, SentPrompt(request, draft.written))


def _request_line(request: MessagesRequest, provider: Provider) -> bytes:
    base_path = provider.base_url.split("://", 1)[1].partition("/")[2]
    target = (f"/{base_path}" if base_path else "") + request.path
    query = b"?" + request.query if request.query else b""
    return b"POST %b%b HTTP/1.1\r\n" % (target.encode(), query)
