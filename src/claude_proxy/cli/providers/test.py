"""`claude-proxy providers test`: whether a provider answers, in each of the ways in which Claude Code asks."""

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
from claude_proxy.cli.probing import credentials
from claude_proxy.cli.probing.probe import Probe, probe_one
from claude_proxy.cli.probing.probe_requests import COUNT, MESSAGE, STREAM, TOOL, ProbeRequest
from claude_proxy.cli.providers.config_files import ConfigFiles
from claude_proxy.cli.providers.naming import ready
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

QUESTIONS = (MESSAGE, STREAM, COUNT, TOOL)
NEEDED = (MESSAGE, STREAM)
"""Without these two a provider is of no use; of the others the proxy or Claude Code makes the best."""


@click.command(epilog="\b\nExample:\n  claude-proxy providers test zai")
@click.argument("name")
def test(*, name: str) -> int:
    """Send the provider NAME four tiny requests, and show which of them it answers; costs a few tokens.

    They go past the proxy: a message, the same as a stream, a count of tokens, and one with a tool. The exit code is 1
    where the message or the stream fails.
    """
    files = ConfigFiles.read(Home.find(os.environ))
    found = files.survey()
    provider = ready(files, found, name).provider
    out = console()
    out.print(f"Asking {provider.name} at {provider.base_url}, which costs a few tokens:")
    probes = asyncio.run(_ask(provider, found))
    out.print(_rows(probes))
    failed = [question.name for question in NEEDED if not probes[question].answered]
    if failed:
        out.print(f"{provider.name} can't be used as it is: {' and '.join(failed)} failed.", style="red")
    return Exit.FAILED if failed else Exit.OK


async def _ask(provider: Provider, found: Survey) -> dict[ProbeRequest, Probe]:
    return {asked: probe async for asked, probe in probe_one(provider, QUESTIONS, found.policy, found.egress)}


def _rows(probes: Mapping[ProbeRequest, Probe]) -> Table:
    rows = table("request", "model", "answer", "time", "what came")
    for question, probe in probes.items():
        label = Text(probe.label, "green" if probe.answered else "red" if question in NEEDED else "yellow")
        rows.add_row(
            question.name, printable(probe.model), label, f"{probe.milliseconds:.0f} ms", _told(question, probe)
        )
    return rows


def _told(question: ProbeRequest, probe: Probe) -> str:
    if not probe.answered:
        return _failure(question, probe)
    if question is COUNT:
        count = try_decode(_count, probe.body)
        return f"{count.input_tokens} tokens" if count else "-"
    if question is TOOL:
        message = try_decode(_message, probe.body)
        called = message and any(block.type == "tool_use" for block in message.content)
        return "it called the tool" if called else "it answered without the tool"
    return "a whole stream" if question.streaming else "a message"


def _failure(question: ProbeRequest, probe: Probe) -> str:
    said = printable(probe.error) or "-"
    if probe.key_rejected:
        return f"{credentials.refused(probe.provider.auth.value, probe.provider.api_key_env)} ({said})"
    if question is COUNT and is_not_offered(probe.reason, probe.status):
        return f"not offered, the proxy estimates ({said})"
    return said
