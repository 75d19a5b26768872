"""`claude-proxy demo`: shows a failover, with the real proxy and two scripted providers, and without any key.

demo_providers     the two providers
streaming_client   the client that sends the request
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import click
import msgspec
from rich.console import Console
from rich.text import Text

from claude_proxy.app import Proxy
from claude_proxy.cli.demo import demo_providers, streaming_client
from claude_proxy.cli.output.console import console
from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.config.load import Config
from claude_proxy.core.auth import Auth
from claude_proxy.core.egress import Egress
from claude_proxy.core.messages import MESSAGES_PATH
from claude_proxy.core.text import printable
from claude_proxy.core.types import Account, Origin, Policy, Provider
from claude_proxy.proxy.ports import Level, UpstreamError

PORT = 8787
"""The real proxy's default; if it is not free, any port."""
TOKEN = "claude-proxy-demo"  # noqa: S105 - guards two scripted providers: known to all, and easy to type
BUSY, STEADY = "busy", "steady"
EXPECTED_ATTEMPTS = f"{BUSY}=429, {STEADY}=200"
WIDTH = 72
"""Columns of the answer's text, so that with its margin it fits a terminal of 80."""


@click.command(epilog="\b\nExamples:\n  claude-proxy demo\n  claude-proxy demo --once")
@click.option("--once", is_flag=True, help="Stop after the request; exit code 0 only if the failover worked.")
def demo(*, once: bool) -> int:
    """Show a failover: two scripted providers, the real proxy, one real request. It needs no key and no internet.

    The demo then keeps running until Ctrl-C, so that you can point Claude Code at it.
    """
    return asyncio.run(play(console(), once=once))


async def play(out: Console, *, once: bool) -> int:
    """Play the demo on a console, and return the exit code. Raises `CommandError`."""
    stage = Stage(out)
    out.print(Text("claude-proxy demo", "bold"), "- no key, no internet: everything runs on this machine")
    async with _providers(stage) as providers, _proxy(providers, stage) as port:
        url = f"http://127.0.0.1:{port}"
        _introduce(out, url)
        worked = await _ask(out, port)
        _conclude(out, worked=worked)
        if once or not worked:
            return Exit.OK if worked else Exit.FAILED
        _invite(out, url)
        stage.interactive = True
        await asyncio.Event().wait()
    return Exit.OK


@dataclass(slots=True)
class Stage:
    """Prints what the providers and the proxy do; it is the proxy's `Ledger` too."""

    out: Console
    interactive: bool = False
    """Whether the user's own requests come in, which are then printed a line each."""

    def answered(self, name: str, answer: str, style: str) -> None:
        """Print that a provider was asked, and what it answered."""
        if not self.interactive:
            self.out.print(f"   {name:<8} was asked, and answered", Text(answer, style))

    def record(self, account: Account) -> None:
        """Print a request of the user's own."""
        if self.interactive and account.attempts:
            attempts = ", ".join(map(str, account.attempts))
            model = printable(account.requested_model, 60)
            self.out.print(f"   {model}: {attempts} ({account.ending.value})")

    def note(self, text: str, level: Level = "info") -> None:
        """Ignore what a service would log: it would only repeat what is shown."""


@contextlib.asynccontextmanager
async def _providers(stage: Stage) -> AsyncIterator[tuple[Provider, ...]]:
    async def busy(request: demo_providers.DemoRequest, writer: asyncio.StreamWriter) -> None:
        stage.answered(BUSY, f"429 Too Many Requests, retry-after {demo_providers.RETRY_AFTER}", "red")
        await demo_providers.rate_limited(request, writer)

    async def steady(request: demo_providers.DemoRequest, writer: asyncio.StreamWriter) -> None:
        stage.answered(STEADY, "200 OK", "green")
        await demo_providers.answering(request, writer)

    async with demo_providers.provider(busy) as first, demo_providers.provider(steady) as second:
        yield _provider(BUSY, first), _provider(STEADY, second)


def _provider(name: str, port: int) -> Provider:
    return Provider(
        name=name,
        base_url=f"http://127.0.0.1:{port}",
        origin=Origin("http", "127.0.0.1", port),
        auth=Auth.BEARER,
        api_key="none-needed",
        api_key_env="DEMO_API_KEY",
        counts_tokens=False,
    )


@contextlib.asynccontextmanager
async def _proxy(providers: tuple[Provider, ...], stage: Stage) -> AsyncIterator[int]:
    proxy = Proxy(_config(PORT, providers), token=TOKEN, ledger=stage, home=None)
    try:
        await proxy.start()
    except OSError:
        proxy = Proxy(_config(0, providers), token=TOKEN, ledger=stage, home=None)
        await proxy.start()
    try:
        yield proxy.port
    finally:
        await proxy.stop(force=True)


def _config(port: int, providers: tuple[Provider, ...]) -> Config:
    return Config(
        host="127.0.0.1",
        port=port,
        providers=providers,
        skipped=(),
        policy=Policy(),
        egress=Egress(),
        log_level="info",
        warnings=(),
    )


def _introduce(out: Console, url: str) -> None:
    out.print()
    out.print(Text("1  Two scripted providers, in their order", "bold"))
    out.print(f"   {BUSY:<8} is always rate limited")
    out.print(f"   {STEADY:<8} answers")
    out.print(Text(f"2  The proxy listens at {url}", "bold"))
    out.print(Text(f"3  A client sends it one streaming request, POST {MESSAGES_PATH}", "bold"))


async def _ask(out: Console, port: int) -> bool:
    """Send a streaming request through the proxy, show the answer, and return whether the failover worked."""
    teletype = Teletype(out)

    def show_status(status: int) -> None:
        out.print(Text(f"4  The client sees {status}, and the text as it comes", "bold"))

    try:
        received = await streaming_client.ask(port, TOKEN, show_status, teletype.feed)
    except (UpstreamError, TimeoutError, msgspec.MsgspecError, ValueError) as error:
        raise CommandError(f"the proxy gave no proper answer: {error}") from error
    out.print()
    out.print(Text("5  The response header that names the attempts", "bold"))
    out.print(f"   x-claude-proxy-attempts: {received.attempts}")
    return received == streaming_client.Received(demo_providers.TEXT, "message_stop", EXPECTED_ATTEMPTS)


class Teletype:
    """Prints a text as it comes, broken between words, with a margin."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._column = 0

    def feed(self, piece: str) -> None:
        """Print the next piece of the text."""
        if not piece:
            return
        if self._column == 0 or self._column + len(piece) > WIDTH:
            self._out.print("\n   " if self._column else "   ", end="")
            piece, self._column = piece.lstrip(), 0
        self._out.print(Text(piece, "cyan"), end="")
        self._column += len(piece)


def _conclude(out: Console, *, worked: bool) -> None:
    out.print()
    if worked:
        out.print(
            Text("It works: the first provider failed, the second one answered, and the client saw no error.", "green")
        )
    else:
        out.print(Text("It did not work: the answer is not the second provider's.", "red"))


def _invite(out: Console, url: str) -> None:
    out.print()
    out.print(Text("Now point Claude Code at it, in another terminal:", "bold"))
    out.print(f"   export ANTHROPIC_BASE_URL={url} ANTHROPIC_AUTH_TOKEN={TOKEN}")
    out.print("   claude")
    out.print(f'in PowerShell: $env:ANTHROPIC_BASE_URL="{url}"; $env:ANTHROPIC_AUTH_TOKEN="{TOKEN}"; claude')
    out.print("Ctrl-C stops the demo.")
