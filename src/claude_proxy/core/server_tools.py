"""The tools that a provider runs by itself, told by the type that a request names: `web_search_20250305`.

Tools that Anthropic defines and the client runs (`bash_`, `text_editor_`, `computer_`, `memory_`) are none of these.
"""

from __future__ import annotations

from typing import Final

FAMILIES: Final = ("web_search_", "web_fetch_", "code_execution_", "tool_search_tool_", "mcp_toolset", "advisor_")
"""How the types of server tools begin; the date behind it is their version."""

TOOL_SEARCH: Final = "tool_search_tool_"
"""It looks for the tools that `defer_loading` keeps back."""


def is_server_tool(kind: str) -> bool:
    """Tell whether a tool of this type is run by the provider."""
    return kind.startswith(FAMILIES)


def among(server_tools: tuple[str, ...] | None, kind: str) -> bool:
    """Tell whether who has these server tools takes a tool of this type; of whom none are known, it is sent all."""
    return server_tools is None or not is_server_tool(kind) or kind.startswith(server_tools)
