"""`claude-proxy doctor`: checks the whole setup, says how to fix what is wrong, and repairs what is safe."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence

import click
from rich.text import Text

from claude_proxy.cli.checks import (
    background_sessions,
    clock,
    configuration,
    events,
    live,
    metrics_token,
    private,
    python,
    service,
    settings_conflicts,
    shell_setup,
)
from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.checks.finding import Finding, Verdict, wrong
from claude_proxy.cli.claude_code import settings_files
from claude_proxy.cli.output.console import console, print_json
from claude_proxy.cli.output.exit_codes import Exit
from claude_proxy.cli.output.program import invocation
from claude_proxy.core.text import encodable, printable
from claude_proxy.store.home import Home

Check = Callable[[CheckContext], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    python.inspect,
    private.inspect,
    configuration.inspect,
    metrics_token.inspect,
    service.inspect,
    shell_setup.inspect,
    settings_conflicts.inspect,
    background_sessions.inspect,
    events.inspect,
    clock.inspect,
)
"""Each check before those that depend on what it checks."""

STYLES = {Verdict.OK: "green", Verdict.NOTE: "yellow", Verdict.WRONG: "red", Verdict.FIXED: "cyan"}
MARGIN = 8
"""Columns of the verdict."""
MAX_TEXT = 1000
"""Characters of a finding, which may name long paths."""


@click.command(epilog="\b\nExamples:\n  claude-proxy doctor\n  claude-proxy doctor --fix\n  claude-proxy doctor --live")
@click.option(
    "--live", "ask_providers", is_flag=True, help="Send each provider a tiny request too; costs a few tokens."
)
@click.option("--fix", is_flag=True, help="Repair what is safe: access to private files, and stale state.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object.")
def doctor(*, ask_providers: bool, fix: bool, as_json: bool) -> int:
    """Check the whole setup, and say how to fix what is wrong. The exit code is 1 if something is."""
    context = CheckContext(Home.find(os.environ), os.environ, settings_files.working_folder(), time.time())
    checks = (*CHECKS, live.inspect) if ask_providers else CHECKS
    findings = [finding.repaired() if fix else finding for finding in examine(checks, context)]
    if as_json:
        _print_findings(context.home, findings)
    else:
        _show(findings, fix=fix)
    return Exit.FAILED if any(finding.verdict is Verdict.WRONG for finding in findings) else Exit.OK


def examine(checks: Sequence[Check], context: CheckContext) -> Iterator[Finding]:
    """Yield what the checks find, one by one, so that a repair is done before the next check."""
    for check in checks:
        try:
            yield from check(context)
        except OSError as error:
            name = check.__module__.rpartition(".")[2]
            what = f"this could not be checked: {error.strerror or type(error).__name__}"
            yield wrong(name, what, f"Check that you may read {error.filename or context.home.root}.")


def _show(findings: Sequence[Finding], *, fix: bool) -> None:
    out = console()
    for finding in findings:
        verdict = Text(f"{finding.verdict.value:<{MARGIN}}", STYLES[finding.verdict])
        out.print(Text.assemble(verdict, (f"{finding.check}: ", "bold"), printable(finding.what, MAX_TEXT)))
        if finding.fix:
            out.print(Text(f"{'':<{MARGIN}}{printable(finding.fix, MAX_TEXT)}"))
    if not fix and any(finding.repair for finding in findings):
        out.print(f"`{invocation('doctor --fix')}` repairs some of this.")


def _print_findings(home: Home, findings: Sequence[Finding]) -> None:
    rows = [
        {
            "check": finding.check,
            "verdict": finding.verdict.value,
            "what": encodable(finding.what),
            "fix": encodable(finding.fix),
            "fixable": finding.repair is not None,
        }
        for finding in findings
    ]
    print_json({"home": encodable(str(home.root)), "findings": rows})
