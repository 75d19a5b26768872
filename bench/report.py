"""The results as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from bench import adaptation, failover, first_byte, machine, readiness, throughput, upstream
from bench.memory import STREAMS
from bench.results import Results, verdicts
from bench.throughput import Row

_FAULT_NAMES: Final = {
    "reset": "connection reset after the request",
    "error_event": "error event first",
    "html": "HTML behind 200",
    "empty": "empty body behind 200",
    "refused": "connection refused",
}
_NOTHING: Final = "-"


def page(results: Results, nginx_version: str) -> str:
    """Return the whole page."""
    return "\n".join(_lines(results, nginx_version)) + "\n"


def _lines(results: Results, nginx_version: str) -> Iterator[str]:
    yield "# Results of the benchmark\n"
    yield f"Written by `make bench` on {datetime.now(UTC).date().isoformat()}. The machine: {machine.description()};"
    yield f"{nginx_version}. Client, provider and proxy share its cores: CPU time is the figure that counts, and"
    yield "requests per second are there to compare with each other.\n"
    yield "## Goals\n"
    yield from _table(("", "goal: at most", "measured", ""), _goals(results))
    yield "\n## CPU time per request, and requests per second\n"
    yield from _table(_throughput_head(results.rows), map(_throughput_cells, results.rows))
    yield "\n## Time added to the first byte, against a direct connection\n"
    yield from _table(("", "median", "90 % below"), _added(results.first_byte.items()))
    yield "\n## Memory (RSS) and start\n"
    yield from _table(("", "at rest", f"{STREAMS} open streams", "each stream", "ready after"), _footprint(results))
    yield "\n## Time that a failover adds to the first byte\n"
    named = ((_FAULT_NAMES.get(fault, fault), added) for fault, added in results.failover.items())
    yield from _table(("the first provider's fault", "median", "90 % below"), _added(named))
    yield "\n## CPU time of adapting a request of 1 MB\n"
    yield from _table(("", "median", "fastest"), _adapted(results.adaptation.items()))
    yield _METHOD


_METHOD: Final = f"""
## How it is measured

- All on loopback, without TLS, on keep-alive connections. The provider is a program of the benchmark that answers
  at once. A request has the headers and the shape of Claude Code's.
- Of {upstream.BURST} events each is a chunk of HTTP, and all are sent in one write; of {upstream.SINGLES:,} events
  each is a write of its own, as fast as the provider can: a proxy that reads late gets several at once. At the pace of
  a model, with a pause between events, each costs more, here and in nginx.
- CPU time is that of the proxy's process alone, user and system. Figures are medians of {throughput.ROUNDS} rounds,
  in which the targets take turns of {throughput.SECONDS:g} s.
- nginx runs with `proxy_buffering off`, with keep-alive to the provider, with the request in memory (its default
  writes it to disk) and with its access log, since claude-proxy logs each request as well.
- First byte: {first_byte.ROUNDS} requests to each target in turn, less the direct one's time. claude-proxy sends
  its first byte when it has judged the first content of the answer.
- Memory: after a few requests, then with {STREAMS} streams open, each begun by an 85 KB request. Start: from the
  start of the process to its first answer, median of {readiness.STARTS}.
- Failover: {failover.ROUNDS} requests for each fault, less the time of one before it to the second provider alone.
- Adaptation: of {adaptation.ROUNDS} requests with {adaptation.TURNS} turns, each a thought, a call of a tool and its
  result, from the request that is read to the bytes that are sent. The provider refuses several things; the
  conversation holds none of them, or another provider's thinking in each turn and all else in one of
  {adaptation.SPIKES}. Signatures are looked up only if other providers have signed something too; blocks are searched
  only if the provider rejects a type of them."""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    yield from (f"| {' | '.join(cells)} |" for cells in rows)


def _goals(results: Results) -> Iterator[Sequence[str]]:
    for verdict in verdicts(results):
        measured = _NOTHING if verdict.measured is None else f"{verdict.measured:.2f} {verdict.unit}"
        yield verdict.what, f"{verdict.goal:g} {verdict.unit}", measured, verdict.word


def _throughput_head(rows: Sequence[Row]) -> Sequence[str]:
    figures = rows[0].figures
    costs = [f"{name}, CPU" for name, figure in figures.items() if figure.cpu is not None]
    return ("", *costs, "ratio", *(f"{name}, requests/s" for name in figures))


def _throughput_cells(row: Row) -> Sequence[str]:
    figures = row.figures.values()
    costs = [f"{figure.cpu * 1e3:.3f} ms" for figure in figures if figure.cpu is not None]
    ratio = _NOTHING if row.ratio is None else f"{row.ratio:.2f}"
    return (row.title, *costs, ratio, *(f"{figure.rate:,.0f}" for figure in figures))


def _added(items: Iterable[tuple[str, first_byte.Added]]) -> Iterator[Sequence[str]]:
    return ((name, f"{added.median * 1e3:.2f} ms", f"{added.p90 * 1e3:.2f} ms") for name, added in items)


def _adapted(items: Iterable[tuple[str, adaptation.Cost]]) -> Iterator[Sequence[str]]:
    return ((title, f"{cost.median * 1e3:.2f} ms", f"{cost.best * 1e3:.2f} ms") for title, cost in items)


def _footprint(results: Results) -> Iterator[Sequence[str]]:
    for name, used in results.memory.items():
        sizes = (f"{used.at_rest / 1e6:.1f} MB", f"{used.under_load / 1e6:.1f} MB", f"{used.per_stream / 1e3:.1f} KB")
        yield (name, *sizes, f"{results.ready[name]:.3f} s")
