"""Claude Code's own settings, which win over the terminal's environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.checks.finding import Finding, note, ok, wrong
from claude_proxy.cli.claude_code import custom_headers, settings_files, statusline_text
from claude_proxy.cli.claude_code.settings_files import SettingsError, SettingsFile
from claude_proxy.cli.shell import activate
from claude_proxy.store.home import HOME_VARIABLE

LEAD = frozenset({activate.BASE_URL, activate.TOKEN})
LEAD_PAST = frozenset({*LEAD, activate.HEADERS, *activate.LEADS_ELSEWHERE})
"""Set in a file, these lead Claude Code past the proxy, or make the proxy refuse it; the others only tune it."""
WATCHED = tuple(name for name in activate.MANAGED if name not in activate.PAST_PROXIES)


def look(around: CheckContext) -> Iterator[Finding]:
    """Find out whether a settings file leads Claude Code past the proxy."""
    environ = {**around.environ, HOME_VARIABLE: str(around.home.root)}
    yield from judge(settings_files.sources(environ, around.folder), environ)


def judge(sources: tuple[SettingsFile, ...], environ: Mapping[str, str]) -> Iterator[Finding]:
    """Judge settings files, the weakest first, against the environment that Claude Code is started with."""
    values, found = dict[SettingsFile, Mapping[str, str]](), list[Finding]()
    for source in sources:
        try:
            values[source] = settings_files.variables(source)
        except SettingsError as error:
            found.append(wrong("settings", str(error), "Mend the file: Claude Code cannot use it either."))
    found += _overrides(values, environ)
    yield from found
    if not found:
        present = sum(source.path.exists() for source in sources)
        yield ok("settings", f"none of Claude Code's settings files leads past the proxy ({present} found)")


def _overrides(values: Mapping[SettingsFile, Mapping[str, str]], environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what is in the way; settings that themselves lead Claude Code to our proxy are not."""
    together = dict(environ)
    for one in values.values():
        together |= one
    token = custom_headers.token_in(environ.get(activate.HEADERS, ""))
    excused = LEAD if statusline_text.proxy_target_of(together) else frozenset[str]()
    if token is not None:  # then even ours, in `TOKEN`, would stand in place of Claude Code's own login
        excused -= {activate.TOKEN}
    for source, one in values.items():
        for name in WATCHED:
            if name in one and name not in excused and not _is_harmless(name, one[name], environ.get(name, ""), token):
                yield _finding(source, name)


def _is_harmless(name: str, value: str, before: str, token: str | None) -> bool:
    """Whether a value makes no difference to how we are reached; `token` is what the terminal's headers carry."""
    if name == activate.HEADERS:
        return token is None or custom_headers.token_in(value) == token
    return value == before


def _finding(source: SettingsFile, name: str) -> Finding:
    what = f"env.{name} in {source} wins over what the proxy's mode sets"
    if name in LEAD_PAST:
        return wrong("settings", what, f"Remove {name} there: with it Claude Code does not use the proxy as it should.")
    return note("settings", what, "Remove it there, unless you mean it.")
