"""`claude-proxy providers test`: whether a provider answers each kind of request that Claude Code sends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

import click
import msgspec
from rich.table import Table
from rich.text import Text

from claude_proxy.cli.output.console import console, table
from claude_proxy.cli.output.exit_codes import Exit
from claude_proxy.cli.probing.probe import Probe, probe_one
from claude_proxy.cli.probing.probe_requests import COUNT, MESSAGE, STREAM, TOOL, ProbeRequest
from claude_proxy.cli.probing.way_out import difference, way_of
from claude_proxy.cli.providers.naming import testable_provider
from claude_proxy.cli.user_config import credentials
from claude_proxy.cli.user_config.config_files import ConfigFiles
from claude_proxy.config.load import Survey
from claude_proxy.core.json_values import try_decode
from claude_proxy.core.reasons import is_not_offered
from claude_proxy.core.text import printable
from claude_proxy.core.types import Provider
from claude_proxy.store.home import Home


class _Block(msgspec.Struct):
    type: str


class _Message(msgspec.Struct):
    content: list[_Block]


class _Count(msgspec.Struct):
    input_tokens: int


_message = msgspec.json.Decoder(_Message)
_count = msgspec.json.Decoder(_Count)

REQUESTS = (MESSAGE, STREAM, COUNT, TOOL)
REQUIRED = (MESSAGE, STREAM)
"""Without these two a provider is of no use; the proxy and Claude Code can do without the others."""


@click.command(epilog="\b\nExample:\n  claude-proxy providers test zai")
@click.argument("name")
def test(*, name: str) -> int:
    """Send the provider NAME four tiny requests, and show which of them it answers; costs a few tokens.

    They bypass the proxy: a message, the same as a stream, a token count, and a message with a tool. The exit code is
    1 if the message or the stream fails.
    """
    files = ConfigFiles.read(Home.find(os.environ))
    survey = files.survey()
    provider = testable_provider(files, survey, name).provider
    out = console()
    out.print(f"Testing {provider.name} at {provider.base_url}, which costs a few tokens:")
    probes = asyncio.run(_ask(provider, survey))
    out.print(_rows(probes))
    if other_way := difference(files.home, survey.egress):
        out.print(f"warning: these requests went {way_of(survey.egress)}; {other_way}", style="yellow")
    failed = [request.name for request in REQUIRED if not probes[request].answered]
    if failed:
        out.print(f"{provider.name} can't be used like this: {' and '.join(failed)} failed.", style="red")
    return Exit.FAILED if failed else Exit.OK


async def _ask(provider: Provider, survey: Survey) -> dict[ProbeRequest, Probe]:
    return {request: probe async for request, probe in probe_one(provider, REQUESTS, survey.policy, survey.egress)}


def _rows(probes: Mapping[ProbeRequest, Probe]) -> Table:
    rows = table("request", "model", "answer", "time", "result")
    for request, probe in probes.items():
        label = Text(probe.label, "green" if probe.answered else "red" if request in REQUIRED else "yellow")
        rows.add_row(
            request.name, printable(probe.model), label, f"{probe.milliseconds:.0f} ms", _result(request, probe)
        )
    return rows


def _result(request: ProbeRequest, probe: Probe) -> str:
    if not probe.answered:
        return _failure(request, probe)
    if request is COUNT:
        count = try_decode(_count, probe.body)
        return f"{count.input_tokens} tokens" if count else "-"
    if request is TOOL:
        message = try_decode(_message, probe.body)
        called = message and any(block.type == "tool_use" for block in message.content)
        return "called the tool" if called else "answered without the tool"
    return "a whole stream" if request.streaming else "a message"


def _failure(request: ProbeRequest, probe: Probe) -> str:
    message = printable(probe.error) or "-"
    if probe.key_rejected:
        return f"{credentials.rejection(probe.provider)} ({message})"
    if request is COUNT and is_not_offered(probe.reason, probe.status):
        return f"not supported; the proxy estimates instead ({message})"
    return message
