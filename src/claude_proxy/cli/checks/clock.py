"""This machine's time: cooldowns, certificates and the log depend on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.checks.finding import Finding, ok, wrong

RELEASED = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
"""Before this version was released; a clock that shows less is wrong."""
TOLERANCE = 120.0
"""Seconds; file servers' and providers' clocks are a little off."""
SET_IT = "Set this machine's clock, for example by network time."


def inspect(context: CheckContext) -> Iterator[Finding]:
    """Check by the files on this machine whether its clock can be right."""
    home = context.home
    changed = {path.name: _changed(path) for path in (home.config, home.env, home.token, home.running, home.log)}
    yield assess(context.now, changed)


def assess(now: float, changed: dict[str, float]) -> Finding:
    """Assess a time by those at which files were changed; all in seconds since the epoch."""
    shown = datetime.fromtimestamp(now).astimezone().isoformat(sep=" ", timespec="minutes")
    if now < RELEASED:
        return wrong("clock", f"it shows {shown}, which is before this program was released", SET_IT)
    ahead = [name for name, moment in changed.items() if moment > now + TOLERANCE]
    if ahead:
        return wrong("clock", f"it shows {shown}, but {', '.join(ahead)} was changed after that", SET_IT)
    return ok("clock", shown)


def compare(provider: str, ahead: float) -> Finding:
    """Assess the clock by a provider's, which it is `ahead` of, in seconds."""
    if abs(ahead) <= TOLERANCE:
        return ok("clock", f"it agrees with {provider}")
    way = "ahead of" if ahead > 0 else "behind"
    return wrong("clock", f"it is {abs(ahead):.0f} s {way} that of {provider}", SET_IT)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # it is not there
        return 0.0
