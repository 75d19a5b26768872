"""`claude-proxy restart`."""

from __future__ import annotations

import os

import click

from claude_proxy.cli.output.program import invocation
from claude_proxy.cli.start import start_and_report
from claude_proxy.cli.stop import stop_and_report
from claude_proxy.cli.user_config.config_files import load_config
from claude_proxy.store.home import Home


@click.command(epilog="\b\nExample:\n  claude-proxy restart")
@click.option("--force", is_flag=True, help="Cut the requests in flight instead of waiting for them.")
def restart(*, force: bool) -> None:
    """Stop the proxy when the requests in flight are answered, then start it."""
    home = Home.find(os.environ)
    load_config(home)  # a proxy that could not start again is left running
    stop_and_report(home, invocation("restart --force"), force=force)
    start_and_report(home)
