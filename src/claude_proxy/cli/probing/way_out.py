"""Which way a test takes to the providers: that of this terminal, which need not be that of the running proxy."""

from __future__ import annotations

from claude_proxy.cli.background import lifecycle
from claude_proxy.cli.background.admin_client import AdminClient, ControlError
from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.output.program import invocation
from claude_proxy.core.egress import Egress
from claude_proxy.core.text import printable
from claude_proxy.store.home import Home

MAX_WORDS = 600
"""Characters of a way; NO_PROXY may name many hosts."""


def way_of(egress: Egress) -> str:
    """Return the way that requests from this terminal take: `through the proxy http://host:port (HTTPS_PROXY)`."""
    return printable(egress.in_words, MAX_WORDS)


def difference(home: Home, egress: Egress) -> str:
    """Return what is different about the running proxy's way, and the fix; empty if nothing is or none runs."""
    running = _way_of_proxy(home)
    if not running or running == egress.in_words:
        return ""
    return (
        f"the running proxy takes another way: {printable(running, MAX_WORDS)}. It has the settings of the terminal "
        f"that started it; `{invocation('restart')}` gives it those of this one."
    )


def _way_of_proxy(home: Home) -> str:
    """Return the way of the home's proxy; empty if it does not run, or is too old to tell."""
    try:
        running = lifecycle.find(home)
        return AdminClient.of(running, lifecycle.token_of(home)).status().egress if running else ""
    except (CommandError, ControlError):
        return ""
