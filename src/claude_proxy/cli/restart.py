"""`claude-proxy restart`."""

from __future__ import annotations

import os

import click

from claude_proxy.cli.output.load_config import load_config
from claude_proxy.cli.start import start_and_tell
from claude_proxy.cli.stop import stop_and_tell
from claude_proxy.store.home import Home


@click.command(epilog="\b\nExample:\n  claude-proxy restart")
@click.option("--force", is_flag=True, help="Cut the requests in flight instead of waiting for them.")
def restart(*, force: bool) -> None:
    """Stop the proxy once the requests in flight are answered, then start it."""
    home = Home.find(os.environ)
    load_config(home)  # what could not start again is better left running
    stop_and_tell(home, force=force)
    start_and_tell(home)
