"""The running proxy of a home whose state file could not be written, as on a full disk.

It is looked for at the configured address, and has to prove that it holds the home's token before it is sent there.
"""

from __future__ import annotations

import os

from claude_proxy.cli.background.admin_client import AdminClient, ControlError, ProxyHealth, reachable
from claude_proxy.cli.shell.activation import original_environment
from claude_proxy.config.load import ConfigError, load
from claude_proxy.store.home import Home
from claude_proxy.store.running import Running
from claude_proxy.store.token import stored_token
from claude_proxy.store.token_proof import is_proven, new_challenge

TIMEOUT = 1.0
"""Seconds; a proxy that is just starting does not answer yet."""


def find_at_configured_address(home: Home) -> Running | None:
    """Return the home's proxy if it takes requests at the configured address, else None."""
    try:
        token = stored_token(home)
        config = load(home.root, original_environment(os.environ))
    except (OSError, ConfigError):
        return None
    if token is None:
        return None
    challenge = new_challenge()
    host = reachable(config.host)
    try:
        health = AdminClient(host, config.port, timeout=TIMEOUT).get(f"/health?{challenge.decode()}", ProxyHealth)
        if not is_proven(health.proof, token, config.port, challenge):
            return None
        status = AdminClient(host, config.port, token, TIMEOUT).status()
    except ControlError:
        return None
    return Running(
        pid=status.pid,
        host=status.host,
        port=status.port,
        instance=status.instance,
        started_at=status.started_at,
        version=status.version,
    )
