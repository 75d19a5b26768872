"""What a request asks of its provider beyond text: images, documents, server tools. It decides who is asked first."""

from __future__ import annotations

from dataclasses import dataclass

from claude_proxy.core.request import MessagesRequest


@dataclass(frozen=True, slots=True)
class Demands:
    """What not every provider can do."""

    images: bool = False
    """An image stands in a message, inside tool results too."""
    server_tools: tuple[str, ...] = ()
    """The types of the server tools among its tools: `web_search_20250305`."""


def demands_of(request: MessagesRequest) -> Demands:
    """Return what a request demands. Cheap where it demands nothing: a byte search comes before any parsing."""
    del request
    return Demands()
