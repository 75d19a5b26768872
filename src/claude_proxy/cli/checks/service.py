"""The port, the running proxy, and whether it accepts the token."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from claude_proxy import __version__
from claude_proxy.cli.background import lifecycle, port_owner
from claude_proxy.cli.background.admin_client import AdminClient, ControlError, RejectedError
from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.checks.finding import Finding, note, ok, wrong
from claude_proxy.cli.output.console import too_large_in_words
from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.output.program import invocation, start_command
from claude_proxy.cli.user_config import credentials
from claude_proxy.config.load import Config
from claude_proxy.core.body_limit import how_to_raise
from claude_proxy.core.quota.quota_report import AS_EXPECTED
from claude_proxy.core.status_report import StatusReport
from claude_proxy.core.text import printable
from claude_proxy.store.home import Home
from claude_proxy.store.running import Running
from claude_proxy.store.token import stored_token


def inspect(context: CheckContext) -> Iterator[Finding]:
    """Check whether the proxy runs and can be used, or what would keep it from starting."""
    config = context.config()
    try:
        running = lifecycle.find(context.home)
    except CommandError as error:
        yield wrong("proxy", str(error.messages[0]), error.hint)
        return
    if running is None:
        yield from _not_running(context, config)
        return
    yield from assess_address(running, config)
    yield from _token(context.home, running)


def assess_address(running: Running, config: Config | None) -> Iterator[Finding]:
    """Report where the proxy runs, and whether a restart would change its version or its address."""
    yield ok("proxy", f"runs at {AdminClient.of(running).url} (pid {running.pid})")
    if running.version != __version__:
        what = f"the running proxy has version {printable(running.version)}, this command {__version__}"
        yield note("proxy", what, f"Run: {invocation('restart')}")
    if config and (config.host, config.port) != (running.host, running.port):
        same_host = config.host == running.host
        there, wanted = (f"{'' if same_host else f'{each.host}, '}port {each.port}" for each in (running, config))
        what = f"it listens on {there}, but the configuration says {wanted}"
        yield note("port", what, f"Run: {invocation('restart')}")


def _token(home: Home, running: Running) -> Iterator[Finding]:
    token = stored_token(home)
    if token is None:
        yield wrong("token", f"there is no usable token in {home.token}", f"Run: {invocation('restart --force')}")
        return
    try:
        status = AdminClient.of(running, token).status()
    except RejectedError as error:
        yield wrong("token", f"the proxy rejects the token: {error}", f"Run: {invocation('restart --force')}")
    except ControlError as error:
        yield wrong("proxy", f"it does not give its status: {error}", f"Run: {invocation('restart --force')}")
    else:
        yield ok("token", "the proxy accepts it")
        yield from assess(status)


def assess(status: StatusReport) -> Iterator[Finding]:
    """Report what the running proxy knows to be wrong: rejected keys, a refused request, a faulty configuration."""
    for provider in status.providers:
        if provider.key_rejected:
            rejection = credentials.reported_rejection(provider)
            yield wrong("keys", rejection.what, rejection.fix)
        if provider.out_of_credit:
            yield wrong("credit", f"{provider.name} has no credit left", "Top up its account.")
        if provider.unknown_model:
            what = f"{provider.name} does not know the model {printable(provider.unknown_model, 100)}"
            yield wrong(
                "models", what, f"Correct its models in config.json: {invocation(f'providers models {provider.name}')}"
            )
        if (quota := provider.quota) and quota.unknown and quota.unknown not in AS_EXPECTED:
            yield note("quota", f"{provider.name}: quota unknown ({printable(quota.unknown, 100)})")
    if refused := status.too_large:
        yield wrong("size", too_large_in_words(refused), how_to_raise(refused.limit))
    if status.config_problems:
        what = "the changed configuration has a fault, so the proxy still uses the one before"
        yield wrong("proxy", what, "Fix config.json; the proxy then uses it at once.")


def _not_running(context: CheckContext, config: Config | None) -> Iterator[Finding]:
    home = context.home
    if draining := lifecycle.find_draining(home):
        if draining.has_address:
            yield note("proxy", f"it is stopping, and finishes the requests in flight (pid {draining.pid})")
        else:
            what = f"it runs (pid {draining.pid}), but cannot be asked: it is just starting, or stopping"
            yield note("proxy", what, f"If it stays so, run: {invocation('restart')}")
        return
    if home.running.exists():
        what = f"{home.running} names a proxy that has ended"
        yield note("state", what, "It does no harm; the next start removes it.", partial(_remove_state, home))
    yield note("proxy", "it is not running", f"Run: {start_command(context.environ)}")
    if config:
        yield port(config.host, config.port)


def _remove_state(home: Home) -> None:
    with lifecycle.claim(home):  # which removes a stale file
        return


def port(host: str, number: int) -> Finding:
    """Check whether a proxy could listen at an address."""
    try:
        port_owner.bind(host, number)
    except OSError as error:
        problem = port_owner.cannot_listen(host, number, error)
        return wrong("port", str(problem.messages[0]), problem.hint)
    return ok("port", f"{number} is free")
