"""The Python that runs this."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.checks.finding import Finding, note, ok, wrong

OLDEST, NEWEST = (3, 11), (3, 14)
"""From the first that has what is used here, to the newest that it was tested with."""


def look(_: CheckContext) -> Iterator[Finding]:
    """Find out whether this Python is one that the program was made for."""
    yield judge(sys.version_info[:2], sys.executable)


def judge(version: tuple[int, int], executable: str) -> Finding:
    """Judge a version of Python."""
    told = f"{version[0]}.{version[1]} ({executable})"
    if version < OLDEST:
        return wrong("python", f"{told} is too old", "Install Python 3.11 or newer, and start with that one.")
    if version > NEWEST:
        mend = "If something fails that others do not see, try Python 3.14."
        return note("python", f"{told} is newer than what this was tested with", mend)
    return ok("python", told)
