"""`claude-proxy serve`: the proxy itself, in the foreground."""

from __future__ import annotations

import contextlib
import os

import click

from claude_proxy import __version__, app
from claude_proxy.cli.background import admin_client, lifecycle, port_owner
from claude_proxy.cli.background.admin_client import AdminClient
from claude_proxy.cli.claude_code.effective_settings import sources_of_token
from claude_proxy.cli.output.program import invocation
from claude_proxy.cli.shell import activation
from claude_proxy.cli.user_config.config_files import load_config
from claude_proxy.config.load import Config
from claude_proxy.core.text import printable
from claude_proxy.store.home import Home


@click.command(epilog="\b\nExample:\n  claude-proxy serve")
def serve() -> int:
    """Run the proxy in this terminal, until Ctrl-C or the command `stop`."""
    home = Home.find(os.environ)
    _restore_environment()
    lifecycle.prepare(home)
    config = load_config(home)
    with lifecycle.claim(home):
        try:
            return app.serve(
                home,
                config,
                lambda proxy: _report_start(config, proxy.port),
                _report_waiting,
                program=invocation(),
                token_sources=lambda tokens: sources_of_token(tokens, os.environ),
            )
        except app.ListenError as error:
            raise port_owner.cannot_listen(config.host, config.port, error) from error


def _restore_environment() -> None:
    """Restore what this terminal's mode has unset: a provider's key may be in it, now or after a change."""
    original = activation.original_environment(os.environ)
    os.environ.clear()
    os.environ.update(original)


def _report_start(config: Config, port: int) -> None:
    url = AdminClient(admin_client.reachable(config.host), port).url
    with contextlib.suppress(OSError):  # it serves, even if standard output is closed
        for warning in config.warnings:
            click.echo(f"warning: {printable(warning)}", err=True)
        click.echo(f"claude-proxy {__version__} listens at {url}; Ctrl-C stops it")


def _report_waiting(in_flight: int) -> None:
    what = "1 request" if in_flight == 1 else f"{in_flight} requests"
    with contextlib.suppress(OSError):
        click.echo(f"waiting for {what}; Ctrl-C again cuts {'it' if in_flight == 1 else 'them'}", err=True)
