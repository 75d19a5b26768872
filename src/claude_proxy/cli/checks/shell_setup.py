"""This terminal: where it leads Claude Code, and whether the shell functions are loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.checks.finding import Finding, note, ok, wrong
from claude_proxy.cli.claude_code import custom_headers, statusline_text
from claude_proxy.cli.probing.credentials import OWN_LOGIN
from claude_proxy.cli.shell.activate import HEADERS, LEADS_ELSEWHERE, TOKEN
from claude_proxy.core.text import printable
from claude_proxy.core.types import Auth, Provider
from claude_proxy.store.home import HOME_VARIABLE
from claude_proxy.store.token import stored_token

SHELL_VARIABLE = "CLAUDE_PROXY_SHELL"
"""Set by the shell functions to the shell's name."""
AGAIN = "Set the mode again: claude-fb or claude-switch, or start Claude Code by `claude-proxy run`."


def look(around: CheckContext) -> Iterator[Finding]:
    """Find out where Claude Code goes from here."""
    environ = {**around.environ, HOME_VARIABLE: str(around.home.root)}
    config = around.config()
    yield shell(environ)
    yield from mode(environ, stored_token(around.home) or "", config.providers if config else ())


def shell(environ: Mapping[str, str]) -> Finding:
    """Tell whether the functions are there."""
    if name := printable(environ.get(SHELL_VARIABLE, ""), 20):
        return ok("shell", f"the functions for {name} are loaded")
    mend = "They are optional; docs/shells.md says how to load them. `claude-proxy run` works without them."
    return note("shell", "the functions (claude-fb and the others) are not loaded here", mend)


def mode(environ: Mapping[str, str], token: str, providers: Sequence[Provider]) -> Iterator[Finding]:
    """Tell the terminal's mode, and what would keep Claude Code from the proxy or a provider in spite of it."""
    told, target = statusline_text.mode(environ), statusline_text.proxy_target_of(environ)
    if target is None:
        yield ok("terminal", f"{told}: this terminal does not lead Claude Code to the proxy")
        return
    yield ok("terminal", told)
    in_play = [one.name for one in providers if one.auth is Auth.CLIENT and target.pin in ("", one.name)]
    yield from _token(environ, token, in_play)
    for variable in LEADS_ELSEWHERE:
        if environ.get(variable):
            yield wrong("terminal", f"{variable} is set, and leads Claude Code elsewhere", f"Unset {variable}.")


def _token(environ: Mapping[str, str], token: str, in_play: Sequence[str]) -> Iterator[Finding]:
    """Tell what is wrong with the proxy's token; `in_play` are the providers that take Claude Code's own login."""
    of_header, of_variable = custom_headers.token_in(environ.get(HEADERS, "")), environ.get(TOKEN, "")
    if token not in (of_header, of_variable):
        variable = TOKEN if of_header is None else HEADERS
        yield wrong("terminal", f"{variable} holds another token than the proxy's", AGAIN)
    elif in_play and of_variable:
        what = f"{TOKEN} stands in place of {OWN_LOGIN}, which {', '.join(in_play)} would take"
        yield wrong("terminal", what, AGAIN)
