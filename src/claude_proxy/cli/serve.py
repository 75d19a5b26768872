"""`claude-proxy serve`: the proxy itself, in the foreground."""

from __future__ import annotations

import errno
import os

import click

from claude_proxy import __version__, app
from claude_proxy.cli import control, lifecycle, port_owner
from claude_proxy.cli.control import Control
from claude_proxy.cli.exits import CommandError, Exit
from claude_proxy.cli.settings import load_config
from claude_proxy.config.load import Config
from claude_proxy.store.home import Home
from claude_proxy.store.text import printable

GLANCE_SECONDS = 1.0
"""For one of ours to answer; another program may never."""
TAKEN = {errno.EADDRINUSE, 10048}
"""10048 is Windows' own number for it (WSAEADDRINUSE)."""


@click.command(epilog="\b\nExample:\n  claude-proxy serve")
def serve() -> int:
    """Run the proxy in this terminal, until Ctrl-C or `claude-proxy stop`."""
    home = Home.find(os.environ)
    lifecycle.prepare(home)
    config = load_config(home)
    with lifecycle.only_one(home):
        try:
            return app.serve(home, config, lambda proxy: _tell(config, proxy.port))
        except OSError as error:
            raise _cannot_serve(config, error) from error


def _tell(config: Config, port: int) -> None:
    for warning in config.warnings:
        click.echo(f"warning: {printable(warning)}", err=True)
    url = Control(control.reachable(config.host), port).url
    click.echo(f"claude-proxy {__version__} listens at {url}; Ctrl-C ends it")


def _cannot_serve(config: Config, error: OSError) -> CommandError:
    if error.errno in TAKEN:
        return CommandError(
            f"port {config.port} is taken by {_taker(config)}",
            code=Exit.PORT_TAKEN,
            hint='End it, or choose another port: "proxy_port" in config.json.',
        )
    if error.filename:
        return CommandError(f"{error.filename}: {error.strerror}")
    return CommandError(
        f"cannot listen on {config.host}, port {config.port}: {error.strerror}",
        hint='"host" and "proxy_port" in config.json say where to listen.',
    )


def _taker(config: Config) -> str:
    owner = port_owner.owner_of(config.port)
    who = str(owner) if owner else "another program (the system does not tell which)"
    try:
        service = Control(control.reachable(config.host), config.port, timeout=GLANCE_SECONDS).health().service
    except control.ControlError:
        return who
    return f"the claude-proxy of another home, {who}" if service == control.SERVICE else who
