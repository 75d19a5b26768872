"""What providers need of Claude Code: told by the running proxy, read by the commands that set up a terminal.

Like `status_report`, it loads nothing that those commands can do without.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from claude_proxy.core.model_names import TIERS, strip_context_suffix

MIN_WINDOW, MAX_WINDOW = 100_000, 1_000_000
"""The range that Claude Code accepts for CLAUDE_CODE_AUTO_COMPACT_WINDOW, in tokens."""
CLAUDE_NAME_PARTS = ("claude", *TIERS, "default")
"""Parts of the model names, and of their aliases, that are mapped to a model of each provider."""


class ClientRequirements(msgspec.Struct, frozen=True):
    """What suits one or more providers: the longest timeout in milliseconds, the smallest context window in tokens.

    None if no provider needs one. `models` are the names that each of them has. `own_login`: Claude Code's own login
    must reach the proxy, since one of them uses it.
    """

    timeout_ms: int | None = None
    window: int | None = None
    tool_search: bool = True
    models: tuple[str, ...] = ()
    own_login: bool = False

    def has_model(self, name: str) -> bool:
        """Return whether every provider can use this name of a model."""
        model = strip_context_suffix(name)
        return model in self.models or any(part in model.lower() for part in CLAUDE_NAME_PARTS)


def combine(requirements: Sequence[ClientRequirements]) -> ClientRequirements:
    """Return what suits all of these providers."""
    windows = [each.window for each in requirements if each.window]
    first, *others = requirements or [ClientRequirements()]
    return ClientRequirements(
        timeout_ms=max((each.timeout_ms for each in requirements if each.timeout_ms), default=None),
        window=min(max(min(windows), MIN_WINDOW), MAX_WINDOW) if windows else None,
        tool_search=all(each.tool_search for each in requirements),
        models=tuple([name for name in first.models if all(name in other.models for other in others)]),
        own_login=any(each.own_login for each in requirements),
    )
