"""The providers themselves: one tiny request to each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from claude_proxy.cli.checks import clock
from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.checks.finding import Finding, ok, wrong
from claude_proxy.cli.probing import credentials
from claude_proxy.cli.probing.probe import Probe, probe_all
from claude_proxy.core.text import printable
from claude_proxy.core.types import Auth


def look(around: CheckContext) -> Iterator[Finding]:
    """Ask each provider, and compare this machine's clock with theirs."""
    if (config := around.config()) is None:
        return
    probes = asyncio.run(probe_all(config.providers, config.policy, config.egress))
    yield from map(judge, probes)
    for one in config.providers:
        if one.auth is Auth.CLIENT:
            yield ok("providers", f"{one.name} was not asked: {credentials.NOT_TRIED}")
    for probe in probes:
        if probe.clock_ahead is not None:
            yield clock.off(probe.provider.name, probe.clock_ahead)
            return  # one of them is enough


def judge(probe: Probe) -> Finding:
    """Judge what came of one request."""
    name = probe.provider.name
    if probe.answered:
        return ok("providers", f"{name} answers ({printable(probe.model)}, {probe.milliseconds:.0f} ms)")
    what = f"{name} does not answer: {probe.label} {printable(probe.error)}".rstrip()
    if probe.key_rejected:
        return wrong("providers", what, credentials.mend(probe.provider.auth.value, probe.provider.api_key_env))
    return wrong("providers", what, "docs/api.md explains the word or the status.")
