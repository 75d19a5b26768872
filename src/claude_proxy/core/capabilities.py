"""What a candidate can do that not every provider can, compared with what a request needs."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from claude_proxy.core.auth import Auth
from claude_proxy.core.required_features import RequiredFeatures, is_server_tool
from claude_proxy.core.routing import Candidate
from claude_proxy.core.traits import Kind, Rule

_IMAGE: Final = Rule(Kind.BLOCK, "image")
_DOCUMENT: Final = Rule(Kind.BLOCK, "document")


def accepts_tool(server_tools: tuple[str, ...] | None, kind: str) -> bool:
    """Tell whether a provider with these server tools accepts a tool of this type. None: not known, so it gets all."""
    return server_tools is None or not is_server_tool(kind) or kind.startswith(server_tools)


class Capabilities(NamedTuple):
    """What a candidate can do, as far as is known. What is not known counts as a capability."""

    images: bool = True
    documents: bool = True
    server_tools: tuple[str, ...] | None = None
    """How the types of its server tools begin; None: not known."""

    def missing(self, required: RequiredFeatures) -> tuple[str, ...]:
        """Return what a request needs and this candidate lacks: `images`, `documents`, types of server tools."""
        images = ("images",) if not self.images and required.images else ()
        documents = ("documents",) if not self.documents and required.documents else ()
        kinds = () if self.server_tools is None else required.server_tools
        return (*images, *documents, *[kind for kind in kinds if not accepts_tool(self.server_tools, kind)])


_ALL: Final = Capabilities()


def capabilities_of(candidate: Candidate, learned: AbstractSet[Rule]) -> Capabilities:
    """Return what a candidate can do, learned rules included. Requests with the client's own login are sent as is."""
    traits = candidate.provider.traits
    if candidate.provider.auth is Auth.CLIENT:
        return _ALL
    rejected = traits.rejects | learned
    return Capabilities(
        _IMAGE not in rejected and candidate.facts.images is not False, _DOCUMENT not in rejected, traits.server_tools
    )
