"""The port, the running proxy, and whether it takes the token."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from functools import partial

from claude_proxy import __version__
from claude_proxy.cli.background import lifecycle, port_owner
from claude_proxy.cli.background.admin_client import AdminClient, ControlError, RejectedError
from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.checks.finding import Finding, note, ok, wrong
from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.probing import credentials
from claude_proxy.config.load import Config
from claude_proxy.core.status_report import StatusReport
from claude_proxy.core.text import printable
from claude_proxy.store.home import Home
from claude_proxy.store.running import Running
from claude_proxy.store.token import stored_token


def look(around: CheckContext) -> Iterator[Finding]:
    """Find out whether the proxy runs and can be used, or what keeps it from starting."""
    config = around.config()
    try:
        running = lifecycle.find(around.home)
    except CommandError as error:
        yield wrong("proxy", str(error.messages[0]), error.hint)
        return
    if running is None:
        yield from _not_running(around.home, config)
        return
    yield from _running(running, config)
    yield from _token(around.home, running)


def _running(running: Running, config: Config | None) -> Iterator[Finding]:
    yield ok("proxy", f"runs at {AdminClient.of(running).url} (pid {running.pid})")
    if running.version != __version__:
        what = f"the proxy that runs is {printable(running.version)}, this is {__version__}"
        yield note("proxy", what, "Run: claude-proxy restart")
    if config and (config.host, config.port) != (running.host, running.port):
        what = f"it listens at port {running.port}, and the configuration names {config.host}, port {config.port}"
        yield note("port", what, "Run: claude-proxy restart")


def _token(home: Home, running: Running) -> Iterator[Finding]:
    token = stored_token(home)
    if token is None:
        yield wrong("token", f"there is no usable token in {home.token}", "Run: claude-proxy restart --force")
        return
    try:
        status = AdminClient.of(running, token).status()
    except RejectedError as error:
        yield wrong("token", f"the proxy does not take the token: {error}", "Run: claude-proxy restart --force")
    except ControlError as error:
        yield wrong("proxy", f"it does not tell its status: {error}", "Run: claude-proxy restart --force")
    else:
        yield ok("token", "the proxy takes it")
        yield from judge(status)


def judge(status: StatusReport) -> Iterator[Finding]:
    """Tell what the running proxy knows to be wrong: refused keys, and a configuration that it could not take up."""
    for provider in status.providers:
        if provider.key_rejected:
            what = f"{provider.name}: {credentials.refused(provider.auth, provider.key)}"
            yield wrong("keys", what, credentials.mend(provider.auth, provider.key))
    if status.config_problems:
        what = "the proxy goes on with the configuration before the last change"
        yield wrong("proxy", what, "Mend config.json; the proxy then takes it up by itself.")


def _not_running(home: Home, config: Config | None) -> Iterator[Finding]:
    if draining := lifecycle.find_draining(home):
        yield note("proxy", f"it is stopping, and finishes the requests that it has (pid {draining.pid})")
        return
    if home.running.exists():
        what = f"{home.running} tells of a proxy that is gone"
        yield note("state", what, "It does no harm; the next start takes it away.", partial(_remove_state, home))
    yield note("proxy", "it is not running", "Run: claude-proxy start")
    if config:
        yield port(config.host, config.port)


def _remove_state(home: Home) -> None:
    with lifecycle.only_one(home):  # which takes a stale file away
        return


def port(host: str, number: int) -> Finding:
    """Find out whether a proxy could listen at an address."""
    try:
        _bind(host, number)
    except OSError as error:
        if error.errno in port_owner.TAKEN:
            mend = 'End it, or choose another port: "proxy_port" in config.json.'
            return wrong("port", f"port {number} is taken by {port_owner.taker_of(host, number)}", mend)
        mend = '"host" and "proxy_port" in config.json say where to listen.'
        return wrong("port", f"cannot listen on {host}, port {number}: {error.strerror}", mend)
    return ok("port", f"{number} is free")


def _bind(host: str, number: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, number, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        if os.name == "posix":  # elsewhere it would take over what another program has
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
