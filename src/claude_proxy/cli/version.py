"""`claude-proxy version`."""

from __future__ import annotations

import platform

import click

from claude_proxy import __version__


@click.command(epilog="\b\nExample:\n  claude-proxy version")
def version() -> None:
    """Show the versions of this program and of its Python, and the system."""
    click.echo(version_text())


def version_text() -> str:
    """Return the versions in one line."""
    system = f"{platform.system()} {platform.machine()}"
    return f"claude-proxy {__version__} (Python {platform.python_version()}, {system})"
