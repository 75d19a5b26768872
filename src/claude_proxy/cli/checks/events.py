"""Whether events can be told: the user's command is there, and the desktop can show notifications."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping

from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.checks.finding import Finding, note, ok, wrong


def inspect(context: CheckContext) -> Iterator[Finding]:
    """Check what the configuration asks for; nothing if it asks for nothing."""
    config = context.config()
    if config and config.on_event:
        yield command(config.on_event[0], context.environ)
    if config and config.notify:
        yield desktop(context.environ)


def command(program: str, environ: Mapping[str, str]) -> Finding:
    """Assess the program that is told of events."""
    found = shutil.which(os.path.expanduser(program), path=environ.get("PATH", ""))  # noqa: PTH111 - a path or a name
    if found:
        return ok("on_event", f"{found} is told of events")
    fix = "Correct on_event in config.json, or run chmod +x."
    return wrong("on_event", f"{program} is not there, or cannot be executed", fix)


def desktop(environ: Mapping[str, str]) -> Finding:
    """Assess whether notifications can be shown; the proxy may have been started elsewhere than this command."""
    from claude_proxy.app.events.desktop import why_no_notifications  # noqa: PLC0415 - loads the proxy

    if why := why_no_notifications(environ):
        return note("notify", f"no notification can be shown: {why}")
    return ok("notify", "the desktop shows events")
