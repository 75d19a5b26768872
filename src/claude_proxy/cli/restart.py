"""`claude-proxy restart`."""

from __future__ import annotations

import os

import click

from claude_proxy.cli.background import port_owner
from claude_proxy.cli.output.program import invocation
from claude_proxy.cli.start import start_and_report
from claude_proxy.cli.stop import stop_and_report
from claude_proxy.cli.user_config.config_files import load_config
from claude_proxy.store.home import Home
from claude_proxy.store.running import Running


@click.command(epilog="\b\nExample:\n  claude-proxy restart")
@click.option("--force", is_flag=True, help="Cut the requests in flight instead of waiting for them.")
def restart(*, force: bool) -> None:
    """Stop the proxy when the requests in flight are answered, then start it."""
    home = Home.find(os.environ)
    _check_start(home)
    stop_and_report(home, invocation("restart --force"), force=force)
    start_and_report(home)


def _check_start(home: Home) -> None:
    """Raise `CommandError` if the proxy could not start again, so that the running one is left as it is."""
    config, running = load_config(home), Running.read(home.running)
    if running is None or config.port == running.port:
        return
    try:
        port_owner.bind(config.host, config.port)
    except OSError as error:
        raise port_owner.cannot_listen(config.host, config.port, error) from error
