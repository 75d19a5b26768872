"""What a candidate can do that not every one can, held against what a request demands."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from claude_proxy.core.required_features import RequestedFeatures, RequiredFeatures
from claude_proxy.core.routing import Candidate
from claude_proxy.core.server_tools import among
from claude_proxy.core.traits import Kind, Rule
from claude_proxy.core.types import Auth

_IMAGE: Final = Rule(Kind.BLOCK, "image")
_DOCUMENT: Final = Rule(Kind.BLOCK, "document")


class Capabilities(NamedTuple):
    """What it can do, as far as is known: what is not known, it can."""

    images: bool = True
    documents: bool = True
    server_tools: tuple[str, ...] | None = None
    """The beginnings of the types that it has; None: not known."""

    def lacking(self, required_features: RequiredFeatures | RequestedFeatures) -> tuple[str, ...]:
        """Return what of a request's demands it does not meet: `images`, `documents`, types of server tools."""
        images = ("images",) if not self.images and required_features.images else ()
        documents = ("documents",) if not self.documents and required_features.documents else ()
        if self.server_tools is None:
            return (*images, *documents)
        return (
            *images,
            *documents,
            *[kind for kind in required_features.server_tools if not among(self.server_tools, kind)],
        )


_ALL: Final = Capabilities()


def capabilities_of(candidate: Candidate, learned: AbstractSet[Rule]) -> Capabilities:
    """Return what a candidate can do, with what was learned of it. To the client's own login nothing is taken from."""
    traits = candidate.provider.traits
    if candidate.provider.auth is Auth.CLIENT:
        return _ALL
    refused = traits.rejects | learned
    return Capabilities(
        _IMAGE not in refused and candidate.facts.images is not False, _DOCUMENT not in refused, traits.server_tools
    )
