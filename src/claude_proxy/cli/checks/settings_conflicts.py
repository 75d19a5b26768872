"""Claude Code's own settings, which override the terminal's environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from claude_proxy.cli.checks.finding import Finding, Verdict, note, ok, wrong
from claude_proxy.cli.claude_code import custom_headers, settings_files, statusline_text
from claude_proxy.cli.claude_code.settings_files import SettingsError, SettingsFile
from claude_proxy.cli.shell import activation
from claude_proxy.core.text import printable
from claude_proxy.store.home import HOME_VARIABLE

if TYPE_CHECKING:  # `status` asks for conflicts, and loads faster without the configuration's types
    from claude_proxy.cli.checks.context import CheckContext

OUR_TARGET = frozenset({activation.BASE_URL, activation.TOKEN})
BYPASSING = frozenset({*OUR_TARGET, activation.HEADERS, *activation.BYPASS_VARIABLES})
"""Set in a file, these make Claude Code bypass the proxy, or the proxy reject it; the others only tune it."""
WATCHED = tuple(name for name in activation.MANAGED if name not in activation.NO_PROXY_NAMES)


def inspect(context: CheckContext) -> Iterator[Finding]:
    """Check whether a settings file makes Claude Code bypass the proxy."""
    environ = {**context.environ, HOME_VARIABLE: str(context.home.root)}
    yield from assess(settings_files.sources(environ, context.folder), environ)


def assess(sources: tuple[SettingsFile, ...], environ: Mapping[str, str]) -> Iterator[Finding]:
    """Assess settings files, the weakest first, against the environment that Claude Code is started with."""
    values, findings = dict[SettingsFile, Mapping[str, str]](), list[Finding]()
    for source in sources:
        try:
            values[source] = settings_files.variables(source)
        except SettingsError as error:
            findings.append(wrong("settings", str(error), "Fix the file: Claude Code cannot use it either."))
    findings += _overrides(values, environ)
    yield from findings
    if not findings:
        present = sum(source.path.exists() for source in sources)
        yield ok(
            "settings",
            f"{_files(present)} checked, none would bypass the proxy" if present else "there are no settings files yet",
        )


def _files(count: int) -> str:
    return "1 settings file" if count == 1 else f"{count} settings files"


def conflicts(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence or two for each variable of a settings file that overrides this environment."""
    for finding in assess(settings_files.sources(environ, settings_files.working_folder()), environ):
        if finding.verdict is not Verdict.OK:
            yield printable(f"{finding.what}. {finding.fix}", 1000)


def _overrides(values: Mapping[SettingsFile, Mapping[str, str]], environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the variables that override ours, unless the settings themselves name our proxy."""
    together = dict(environ)
    for settings in values.values():
        together |= settings
    token = custom_headers.token_in(environ.get(activation.HEADERS, ""))
    excused = OUR_TARGET if statusline_text.proxy_target_of(together) else frozenset[str]()
    if token is not None:  # then even our token in `TOKEN` would replace Claude Code's own login
        excused -= {activation.TOKEN}
    for source, settings in values.items():
        for name in WATCHED:
            if (
                name in settings
                and name not in excused
                and not _is_harmless(name, settings[name], environ.get(name, ""), token)
            ):
                yield _finding(source, name)


def _is_harmless(name: str, value: str, before: str, token: str | None) -> bool:
    """Whether a value does not change how Claude Code reaches us; `token` is the one in the terminal's headers."""
    if name == activation.HEADERS:
        return token is None or custom_headers.token_in(value) == token
    return value == before


def _finding(source: SettingsFile, name: str) -> Finding:
    what = f"env.{name} in {source} overrides the value that this terminal's mode sets"
    if name in BYPASSING:
        return wrong("settings", what, f"Remove {name} there: it would bypass the proxy.")
    return note("settings", what, "Remove it there, unless you set it on purpose.")
