"""`claude-proxy doctor`: looks at the whole set-up, says how to mend what is wrong, and mends what is safe to."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence

import click
import msgspec
from rich.text import Text

from claude_proxy.cli.checks import (
    clock,
    configuration,
    live,
    private,
    python,
    service,
    settings_conflicts,
    shell_setup,
)
from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.checks.finding import Finding, Verdict, wrong
from claude_proxy.cli.claude_code import settings_files
from claude_proxy.cli.output.console import console
from claude_proxy.cli.output.exit_codes import Exit
from claude_proxy.core.text import encodable, printable
from claude_proxy.store.home import Home

Check = Callable[[CheckContext], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    python.look,
    private.look,
    configuration.look,
    service.look,
    shell_setup.look,
    settings_conflicts.look,
    clock.look,
)
"""From what all else stands on to what stands on it."""

STYLES = {Verdict.OK: "green", Verdict.NOTE: "yellow", Verdict.WRONG: "red", Verdict.MENDED: "cyan"}
MARGIN = 8
"""Columns of the verdict."""
MAX_TEXT = 1000
"""Characters of a finding: it may name long paths."""


@click.command(epilog="\b\nExamples:\n  claude-proxy doctor\n  claude-proxy doctor --fix\n  claude-proxy doctor --live")
@click.option("--live", "ask", is_flag=True, help="Ask each provider too; costs a few tokens.")
@click.option("--fix", is_flag=True, help="Mend what is safe: who may read private files, and stale state.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object.")
def doctor(*, ask: bool, fix: bool, as_json: bool) -> int:
    """Look at the whole set-up, and say how to mend what is wrong. The exit code is 1 where something is."""
    around = CheckContext(Home.find(os.environ), os.environ, settings_files.working_folder(), time.time())
    checks = (*CHECKS, live.look) if ask else CHECKS
    findings = [finding.repaired() if fix else finding for finding in examine(checks, around)]
    if as_json:
        _tell_json(around.home, findings)
    else:
        _show(findings, fix=fix)
    return Exit.FAILED if any(finding.verdict is Verdict.WRONG for finding in findings) else Exit.OK


def examine(checks: Sequence[Check], around: CheckContext) -> Iterator[Finding]:
    """Yield what the checks find, one by one, so that what is mended is mended for those that follow."""
    for check in checks:
        try:
            yield from check(around)
        except OSError as error:
            name = check.__module__.rpartition(".")[2]
            what = f"this could not be looked at: {error.strerror or type(error).__name__}"
            yield wrong(name, what, f"See whether {error.filename or around.home.root} is yours to read.")


def _show(findings: Sequence[Finding], *, fix: bool) -> None:
    out = console()
    for finding in findings:
        verdict = Text(f"{finding.verdict.value:<{MARGIN}}", STYLES[finding.verdict])
        out.print(Text.assemble(verdict, (f"{finding.check}: ", "bold"), printable(finding.what, MAX_TEXT)))
        if finding.mend:
            out.print(Text(f"{'':<{MARGIN}}{printable(finding.mend, MAX_TEXT)}"))
    if not fix and any(finding.repair for finding in findings):
        out.print("`claude-proxy doctor --fix` mends some of this.")


def _tell_json(home: Home, findings: Sequence[Finding]) -> None:
    rows = [
        {
            "check": finding.check,
            "verdict": finding.verdict.value,
            "what": encodable(finding.what),
            "mend": encodable(finding.mend),
            "fixable": finding.repair is not None,
        }
        for finding in findings
    ]
    document = {"home": encodable(str(home.root)), "findings": rows}
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
