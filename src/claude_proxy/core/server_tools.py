"""The tools that a provider runs by itself, told by the type that a request names: `web_search_20250305`.

Tools that Anthropic defines and the client runs (`bash_`, `text_editor_`, `computer_`, `memory_`) are none of these.
"""

from __future__ import annotations

from typing import Final

from claude_proxy.core.traits import Traits

FAMILIES: Final = ("web_search_", "web_fetch_", "code_execution_", "tool_search_tool_", "mcp_toolset", "advisor_")
"""How the types of server tools begin; the date behind it is their version."""

TOOL_SEARCH: Final = "tool_search_tool_"
"""It looks for the tools that `defer_loading` keeps back."""


def is_server_tool(kind: str) -> bool:
    """Tell whether a tool of this type is run by the provider."""
    return kind.startswith(FAMILIES)


def offers(traits: Traits, kind: str) -> bool:
    """Tell whether a provider takes a tool of this type. Where nothing is known of its tools, it is sent all."""
    return traits.server_tools is None or not is_server_tool(kind) or kind.startswith(traits.server_tools)
