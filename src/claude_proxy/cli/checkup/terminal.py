"""This terminal: where it leads Claude Code, and whether the shell functions are loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from claude_proxy.cli import glance
from claude_proxy.cli.checkup.finding import Finding, note, ok, wrong
from claude_proxy.cli.checkup.surroundings import Surroundings
from claude_proxy.cli.leading import LEADS_ELSEWHERE, TOKEN
from claude_proxy.store.home import HOME_VARIABLE
from claude_proxy.store.text import printable
from claude_proxy.store.token import stored_token

SHELL_VARIABLE = "CLAUDE_PROXY_SHELL"
"""Set by the shell functions to the shell's name."""


def look(around: Surroundings) -> Iterator[Finding]:
    """Find out where Claude Code goes from here."""
    yield shell(around.environ)
    yield from mode({**around.environ, HOME_VARIABLE: str(around.home.root)}, stored_token(around.home) or "")


def shell(environ: Mapping[str, str]) -> Finding:
    """Tell whether the functions are there."""
    if name := printable(environ.get(SHELL_VARIABLE, ""), 20):
        return ok("shell", f"the functions for {name} are loaded")
    mend = "They are optional; the README's section on shells says how to load them. `claude-proxy run` does without."
    return note("shell", "the functions (claude-fb and the others) are not loaded here", mend)


def mode(environ: Mapping[str, str], token: str) -> Iterator[Finding]:
    """Tell the terminal's mode, and what would keep Claude Code from the proxy in spite of it."""
    told = glance.mode(environ)
    if glance.led_to(environ) is None:
        yield ok("terminal", f"{told}: this terminal does not lead Claude Code to the proxy")
        return
    yield ok("terminal", told)
    if environ.get(TOKEN, "") != token:
        yield wrong("terminal", f"{TOKEN} holds another token than the proxy's", "Set the mode again.")
    for variable in LEADS_ELSEWHERE:
        if environ.get(variable):
            yield wrong("terminal", f"{variable} is set, and leads Claude Code elsewhere", f"Unset {variable}.")
