"""What Claude Code tells its gateway about a request, in header fields that no provider gets.

It sends some of them if `CLAUDE_CODE_GATEWAY_HINT_HEADERS=1` is set (2.1.273 and later). They are what a client says:
read with limits, and used for nothing that has to be true.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import unquote

import msgspec

from claude_proxy.core.text import printable

PREFIX: Final = b"x-claude-code-"
"""How the names of all these fields begin; the session's id is one of them."""

REQUEST_CLASS: Final = PREFIX + b"request-class"

REQUEST_CLASSES: Final = ("main", "subagent", "workflow", "compaction", "auxiliary")
_MAX_LENGTH: Final = 64
"""Characters of a value; ids have 36."""


class ClientHints(msgspec.Struct, frozen=True, gc=False):
    """Empty texts for what it does not say."""

    request_class: str = ""
    """One of `REQUEST_CLASSES`: what the request is made for. `auxiliary` is for titles, summaries and the like."""
    agent: str = ""
    """The id of the agent that asks, if it is not the main one."""
    parent_agent: str = ""
    agent_type: str = ""
    """Such as `Explore`, or a name that the user gave."""
    prompt: str = ""
    """The id of the user's prompt that the request serves; its subagents share it."""


NO_HINTS: Final = ClientHints()


def read_hints(headers: Sequence[tuple[bytes, bytes]]) -> ClientHints:
    """Return what a request's header fields say; of one that came twice, the first counts."""
    given = {name.removeprefix(PREFIX): value for name, value in reversed(headers) if name.startswith(PREFIX)}
    if not given:
        return NO_HINTS
    return ClientHints(
        request_class=_known_class(given.get(b"request-class", b"").decode("latin-1")),
        agent=_text(given, b"agent-id"),
        parent_agent=_text(given, b"parent-agent-id"),
        agent_type=_text(given, b"agent-type"),
        prompt=_text(given, b"prompt-id"),
    )


def request_class(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return what a request is made for; an empty text if its header fields do not say it."""
    return next((_known_class(value.decode("latin-1")) for name, value in headers if name == REQUEST_CLASS), "")


def _known_class(name: str) -> str:
    return name if name in REQUEST_CLASSES else ""


def _text(given: dict[bytes, bytes], name: bytes) -> str:
    value = given.get(name)
    if not value:
        return ""
    return printable(unquote(value[: 4 * _MAX_LENGTH].decode("latin-1")), _MAX_LENGTH)
