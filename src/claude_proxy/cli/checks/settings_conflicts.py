"""Claude Code's own settings, which override the terminal's environment.

Of each variable only the strongest file's value counts. Each is assessed by itself: a right address excuses no wrong
token, and the terminal's token excuses no other address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from claude_proxy.cli.checks.finding import Finding, Verdict, note, ok, wrong
from claude_proxy.cli.claude_code import custom_headers, settings_files, statusline_text
from claude_proxy.cli.claude_code.effective_settings import Effective
from claude_proxy.cli.claude_code.saved_models import FIX, saved_models
from claude_proxy.cli.claude_code.settings_files import SettingsError, SettingsFile
from claude_proxy.cli.shell import activation
from claude_proxy.core.text import printable
from claude_proxy.store.home import HOME_VARIABLE

if TYPE_CHECKING:  # `status` asks for conflicts, and loads faster without the configuration's types
    from claude_proxy.cli.checks.context import CheckContext

SWITCHES = (
    *(name for name in activation.BYPASS_VARIABLES if name != activation.API_KEY),
    "CLAUDE_CODE_USE_ANTHROPIC_AWS",
    "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD",
    "CLAUDE_CODE_USE_MANTLE",
)
"""Turn to another service, which the base URL does not concern (as of 2.1.332)."""
OFF = frozenset({"", "0", "false", "no", "off"})
PASSED_THROUGH = (*activation.PROXY_VARIABLES, "NO_PROXY", "no_proxy")
WATCHED = tuple(dict.fromkeys((*activation.MANAGED, *SWITCHES, *PASSED_THROUGH)))


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
    effective = Effective(values, environ)
    findings += _overrides(effective)
    findings += [note("settings", str(saved), FIX) for saved in saved_models(sources)]
    yield from findings
    if not findings:
        present = sum(source.path.exists() for source in sources)
        yield ok(
            "settings",
            f"{_files(present)} checked, none would bypass the proxy" if present else "there are no settings files yet",
        )
    if leading := effective.leading_file():
        yield ok("settings", f"env in {leading} sends Claude Code through the proxy, wherever it is started")


def _files(count: int) -> str:
    return "1 settings file" if count == 1 else f"{count} settings files"


def conflicts(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence or two for each variable of a settings file that overrides this environment."""
    for finding in assess(settings_files.sources(environ, settings_files.working_folder()), environ):
        if finding.verdict is not Verdict.OK:
            yield printable(f"{finding.what}. {finding.fix}", 1000)


def _overrides(effective: Effective) -> Iterator[Finding]:
    """Yield a finding for each variable in a file that keeps Claude Code from the proxy, or changes how it uses it."""
    for source in effective.files:
        for name in WATCHED:
            if effective.source.get(name) == source and (finding := _judge(name, source, effective)):
                yield finding


def _judge(name: str, source: SettingsFile, effective: Effective) -> Finding | None:
    """Return what is wrong with one variable of a file; None if nothing is."""
    value, before = effective.value(name), effective.environ.get(name, "")
    what = f"env.{name} in {source} overrides the value that this terminal's mode sets"
    bypasses = wrong("settings", what, f"Remove {name} there: it would bypass the proxy.")
    if name == activation.BASE_URL:
        return _judge_address(what, effective) if effective.leads_here() else bypasses
    if name == activation.TOKEN:
        return _judge_token(what, source, effective)
    if name == activation.HEADERS:
        token = custom_headers.token_in(before)
        return None if token is None or custom_headers.token_in(value) == token else bypasses
    if name == activation.API_KEY:
        return bypasses if value else None
    if name in SWITCHES:
        return None if value.strip().lower() in OFF else bypasses
    if name in PASSED_THROUGH:
        return _judge_proxy(name, source, effective)
    return None if value == before else note("settings", what, "Remove it there, unless you set it on purpose.")


def _judge_address(what: str, effective: Effective) -> Finding | None:
    """Judge an address that is the proxy's: it may pin another provider than the terminal's mode does."""
    here, there = statusline_text.proxy_target_of(effective.environ), effective.target()
    if here is None or there is None or here.pin == there.pin:
        return None
    fix = "Remove it there, unless Claude Code is to use that address in every terminal."
    return note("settings", what, fix)


def _judge_token(what: str, source: SettingsFile, effective: Effective) -> Finding | None:
    if custom_headers.token_in(effective.environ.get(activation.HEADERS, "")) is not None:
        # then even our token there would replace Claude Code's own login
        return wrong("settings", what, f"Remove {activation.TOKEN} there: it would bypass the proxy.")
    if effective.value(activation.TOKEN) == effective.our_token():
        return None
    if not effective.leads_here():
        return wrong("settings", what, f"Remove {activation.TOKEN} there: it would bypass the proxy.")
    fix = f"Remove it there, or write the content of {effective.token_file()} there: the proxy rejects any other token."
    return wrong("settings", f"env.{activation.TOKEN} in {source} is not the proxy's token", fix)


def _judge_proxy(name: str, source: SettingsFile, effective: Effective) -> Finding | None:
    """Judge a variable of an HTTP proxy on the way: what Claude Code sends to this machine must not go there."""
    if not effective.value(name) and name in activation.PROXY_VARIABLES:
        return None
    host = effective.host_behind_another_proxy()
    if host is None:
        return None
    what = f"env.{name} in {source} sends what Claude Code asks of this machine ({host}) to another HTTP proxy"
    return wrong("settings", what, f"Add {host} to NO_PROXY in that env, or type claude-fb again in this terminal.")
