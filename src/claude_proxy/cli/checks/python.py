"""The Python that runs this program."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.checks.finding import Finding, note, ok, wrong

OLDEST, NEWEST = (3, 11), (3, 14)
"""From the oldest that has what the program uses, to the newest that it was tested with."""


def inspect(_: CheckContext) -> Iterator[Finding]:
    """Check whether this Python is one that the program supports."""
    yield assess(sys.version_info[:2], sys.executable)


def assess(version: tuple[int, int], executable: str) -> Finding:
    """Assess a version of Python."""
    python = f"{version[0]}.{version[1]} ({executable})"
    if version < OLDEST:
        return wrong("python", f"{python} is too old", "Install Python 3.11 or newer, and start the program with it.")
    if version > NEWEST:
        fix = "If something fails, try Python 3.14."
        return note("python", f"{python} is newer than the newest that this program was tested with", fix)
    return ok("python", python)
