"""This terminal: its mode, and whether the shell functions are loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.checks.finding import Finding, note, ok, wrong
from claude_proxy.cli.claude_code import custom_headers, statusline_text
from claude_proxy.cli.claude_code.effective_settings import Effective
from claude_proxy.cli.output.program import SHELL_VARIABLE, invocation
from claude_proxy.cli.shell import functions, profiles, saved
from claude_proxy.cli.shell.activation import BYPASS_VARIABLES, HEADERS, TOKEN
from claude_proxy.cli.shell.quoting import SHELL_NAMES, Shell
from claude_proxy.cli.user_config.credentials import OWN_LOGIN
from claude_proxy.core.auth import Auth
from claude_proxy.core.text import printable
from claude_proxy.core.types import Provider
from claude_proxy.store.home import HOME_VARIABLE
from claude_proxy.store.token import stored_token


def _set_again() -> str:
    return f"Set the mode again: claude-fb or claude-switch, or start Claude Code with `{invocation('run -- claude')}`."


def inspect(context: CheckContext) -> Iterator[Finding]:
    """Check where Claude Code goes from this terminal."""
    environ = {**context.environ, HOME_VARIABLE: str(context.home.root)}
    config = context.config()
    yield shell(environ)
    yield from _profile(environ)
    if statusline_text.proxy_target_of(environ) is None and (led := _led_by_settings(environ)):
        yield led
    else:
        yield from mode(environ, stored_token(context.home) or "", config.providers if config else ())


def _led_by_settings(environ: Mapping[str, str]) -> Finding | None:
    """Report a Claude Code that its own settings lead to the proxy, as in an IDE, whatever the terminal says."""
    effective = Effective.read(environ)
    target, file = effective.target(), effective.leading_file()
    if target is None or file is None:
        return None
    return ok("terminal", f"{f'pinned {printable(target.pin, 64)}' if target.pin else 'fallback'}, by env in {file}")


def shell(environ: Mapping[str, str]) -> Finding:
    """Report whether the functions are loaded."""
    if name := printable(environ.get(SHELL_VARIABLE, ""), 20):
        return ok("shell", f"the functions for {name} are loaded")
    install, run = invocation("init --install"), invocation("run -- claude")
    fix = f"They are optional. `{install}` installs them, docs/shells.md says how; `{run}` works without them."
    return note("shell", "the functions (claude-fb and the others) are not loaded here", fix)


def _profile(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Report a profile whose line loads the functions from another place, or as an earlier version wrote it."""
    name = Path(environ.get("SHELL", "")).stem
    if name not in SHELL_NAMES or name == Shell.POWERSHELL.value:
        return
    for path in profiles.profiles(Shell(name), environ):
        if profiles.has_other_line(path, functions.loading_line(Shell(name))):
            what = f"{printable(str(path), 300)} loads the functions from another place, or as an earlier version did"
            yield note("shell", what, f"To renew the line: {invocation('init --install')}")


def mode(environ: Mapping[str, str], token: str, providers: Sequence[Provider]) -> Iterator[Finding]:
    """Report the terminal's mode, and what would keep Claude Code from the proxy or a provider in spite of it."""
    mode_name, target = statusline_text.mode(environ), statusline_text.proxy_target_of(environ)
    if target is None:
        yield ok("terminal", f"{mode_name}: claude is not using the proxy")
        return
    yield ok("terminal", mode_name)
    own_login = [item.name for item in providers if item.auth is Auth.CLIENT and target.pin in ("", item.name)]
    yield from _token(environ, token, own_login)
    if exposed := saved.exposed(environ):
        what = f"an older version shows every program your own {', '.join(exposed)}, in {saved.SAVED}"
        yield wrong("terminal", what, "Type claude-fb, claude-switch or claude-reset once, and restart Claude Code.")
    for variable in BYPASS_VARIABLES:
        if environ.get(variable):
            yield wrong("terminal", f"{variable} is set, which would bypass the proxy", f"Unset {variable}.")


def _token(environ: Mapping[str, str], token: str, own_login: Sequence[str]) -> Iterator[Finding]:
    """Report what is wrong with the proxy's token; `own_login` are the providers that use Claude Code's own login."""
    in_headers, in_variable = custom_headers.token_in(environ.get(HEADERS, "")), environ.get(TOKEN, "")
    if token not in (in_headers, in_variable):
        yield wrong("terminal", _wrong_token(in_headers, in_variable), _set_again())
    elif own_login and in_variable:
        what = f"{TOKEN} replaces {OWN_LOGIN}, which {', '.join(own_login)} needs"
        yield wrong("terminal", what, _set_again())


def _wrong_token(in_headers: str | None, in_variable: str) -> str:
    if in_headers is None and not in_variable:
        return f"{TOKEN} is not set, so the proxy rejects what claude sends"
    return f"{HEADERS if in_headers is not None else TOKEN} holds a token that is not the proxy's"
