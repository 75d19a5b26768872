"""The providers themselves: one tiny request to each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from claude_proxy.cli.checks import clock
from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.checks.finding import Finding, note, ok, wrong
from claude_proxy.cli.probing.probe import Probe, probe_all
from claude_proxy.cli.probing.way_out import difference, way_of
from claude_proxy.cli.user_config import credentials
from claude_proxy.core.auth import Auth
from claude_proxy.core.egress import EXTRA_CA_VARIABLE, Egress
from claude_proxy.core.reasons import Reason
from claude_proxy.core.text import printable
from claude_proxy.store.home import Home

TRUST_FIX = (
    f"If your company inspects TLS, set {EXTRA_CA_VARIABLE} to its certificate (a PEM file), and restart the proxy."
)


def inspect(context: CheckContext) -> Iterator[Finding]:
    """Send each provider a tiny request, and compare this machine's clock with theirs."""
    if (config := context.config()) is None:
        return
    yield way(context.home, config.egress)
    probes = asyncio.run(probe_all(config.providers, config.policy, config.egress))
    yield from map(assess, probes)
    for provider in config.providers:
        if provider.auth is Auth.CLIENT:
            yield ok("providers", f"{provider.name} was not asked: {credentials.NO_KEY_TO_TEST}")
    for probe in probes:
        if probe.clock_ahead is not None:
            yield clock.compare(probe.provider.name, probe.clock_ahead)
            return  # one of them is enough


def way(home: Home, egress: Egress) -> Finding:
    """Say which way the requests go to the providers, and whether the running proxy goes another."""
    what = f"asked {way_of(egress)}, as this terminal is set"
    if other := difference(home, egress):
        other, _, fix = other.partition(". ")
        return note("way", f"{what}; {other}", fix)
    return ok("way", what)


def assess(probe: Probe) -> Finding:
    """Assess the answer to one request."""
    name = probe.provider.name
    if probe.answered:
        return ok("providers", f"{name} answers ({printable(probe.model)}, {probe.milliseconds:.0f} ms)")
    error = f"{probe.label} {printable(probe.error)}".rstrip()
    if probe.key_rejected:
        rejection = credentials.rejection(probe.provider)
        return wrong("providers", f"{rejection.what}: {error}", rejection.fix)
    fix = TRUST_FIX if probe.reason is Reason.TLS else "docs/api.md explains the status or the word."
    return wrong("providers", f"{name} does not answer: {error}", fix)
