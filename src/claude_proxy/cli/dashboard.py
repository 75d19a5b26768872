"""`claude-proxy dashboard`: opens the proxy's page in a browser."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import click
import msgspec

from claude_proxy.cli.background import lifecycle
from claude_proxy.cli.background.admin_client import AdminClient, ControlError
from claude_proxy.cli.output.exit_codes import Exit
from claude_proxy.store.home import Home

PATH = "/admin/dashboard"
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
"""If one of these is set, a browser has a screen, or the user has chosen one; else one for terminals might start."""


class PageLink(msgspec.Struct, frozen=True):
    """A link that opens the page once, within some seconds."""

    path: str
    seconds: float


@click.command(epilog="\b\nExamples:\n  claude-proxy dashboard\n  claude-proxy dashboard --no-open")
@click.option("--no-open", is_flag=True, help="Only print the link.")
def dashboard(*, no_open: bool) -> int:
    """Open the proxy's page in a browser: providers, costs, failovers, the last requests.

    The link works once, for a minute. The browser may look at the page for a day, or until the proxy stops.
    """
    home = Home.find(os.environ)
    running = lifecycle.require(home)
    client = AdminClient.of(running, lifecycle.token_of(home))
    try:
        link = client.post(PATH, {}, PageLink)
    except ControlError as error:
        raise lifecycle.status_error(client, error) from error
    address = f"{client.url}{link.path}"
    opened = not no_open and _can_show(os.environ) and _open(address)
    click.echo("The page opens in the browser. If it does not, open this link:" if opened else "Open this link:")
    click.echo(address)
    click.echo(f"It works once, within {link.seconds:.0f} seconds.", err=True)
    return Exit.OK


def _can_show(environ: Mapping[str, str]) -> bool:
    return sys.platform in {"win32", "darwin"} or any(environ.get(name) for name in _DISPLAYS)


def _open(address: str) -> bool:
    import webbrowser  # noqa: PLC0415 - loads much, and --no-open has no use for it

    try:
        return webbrowser.open(address)
    except (OSError, webbrowser.Error):
        return False
