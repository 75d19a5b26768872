"""`claude-proxy run -- claude …`: a command with the environment that leads it through the proxy."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from claude_proxy.cli import control, lifecycle
from claude_proxy.cli.control import Control, Status
from claude_proxy.cli.exits import CommandError, Exit
from claude_proxy.store.home import Home
from claude_proxy.store.token import installation_token

LEADS_ELSEWHERE = ("ANTHROPIC_API_KEY", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")
"""Variables that the command does not get: beside a key of its own Claude Code asks which to use, the others make it
pass by the base URL."""
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
PASSED_ON = ("SIGTERM", "SIGHUP")
"""Signals that come to us alone. A Ctrl-C reaches the command by itself, since it shares our terminal."""


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="\b\nExamples:\n  claude-proxy run -- claude\n  claude-proxy run --provider moonshot -- claude -p 'say hi'",
)
@click.option("--provider", metavar="NAME", help="Ask this provider only; without failover.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True)
def run(*, provider: str | None, command: tuple[str, ...]) -> int:
    """Start the proxy if need be, and run COMMAND through it. Its exit code is passed on."""
    program = _program(command[0])
    home = Home.find(os.environ)
    running, fresh = lifecycle.ensure(home)
    proxy = Control.of(running, installation_token(home))
    if fresh:
        click.echo(f"claude-proxy started at {proxy.url}", err=True)
    if provider is not None:
        _require(provider, proxy)
    return _run([program, *command[1:]], environment(os.environ, proxy, provider))


def environment(environ: Mapping[str, str], proxy: Control, provider: str | None) -> dict[str, str]:
    """Return `environ` with what leads Claude Code to the proxy, and to one provider where `provider` names it."""
    made = {name: value for name, value in environ.items() if name not in LEADS_ELSEWHERE}
    made["ANTHROPIC_BASE_URL"] = proxy.url + (f"/provider/{provider}" if provider else "")
    made["ANTHROPIC_AUTH_TOKEN"] = proxy.token
    if any(made.get(name) for name in PROXY_VARIABLES):  # the way to our own machine is not through the company's proxy
        past = ",".join(filter(None, [made.get("NO_PROXY") or made.get("no_proxy"), proxy.host]))
        made["NO_PROXY"] = made["no_proxy"] = past
    return made


def _program(name: str) -> str:
    """Return the path of a command; on Windows this finds `claude.cmd` too. Raises `CommandError`."""
    if found := shutil.which(name):
        return found
    if len(Path(name).parts) > 1 and Path(name).exists():
        raise CommandError(f"{name} cannot be executed", code=Exit.CANNOT_EXECUTE)
    raise CommandError(f"{name}: command not found", code=Exit.NOT_FOUND)


def _require(provider: str, proxy: Control) -> None:
    try:
        status = proxy.status()
    except control.ControlError as error:
        raise CommandError(f"the proxy does not tell its providers: {error}") from error
    if provider not in {known.name for known in status.providers}:
        raise CommandError(_unknown(provider, status), code=Exit.USAGE)


def _unknown(provider: str, status: Status) -> str:
    for skipped in status.skipped:
        if skipped.name == provider:
            return f"provider {provider} has no key: set {skipped.variable} in .env"
    return f"no provider is named {provider!r}; there are: {', '.join(known.name for known in status.providers)}"


def _run(command: Sequence[str], environ: dict[str, str]) -> int:
    # A handler, and not SIG_IGN, which the command would inherit.
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        child = subprocess.Popen(command, env=environ)  # noqa: S603 - the user's own command
    except OSError as error:
        raise CommandError(f"{command[0]} cannot be executed: {error.strerror}", code=Exit.CANNOT_EXECUTE) from error
    for name in PASSED_ON:
        if number := getattr(signal, name, None):
            signal.signal(number, lambda received, _: child.send_signal(received))
    code = child.wait()
    return code if code >= 0 else 128 - code
