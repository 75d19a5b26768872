"""The results of the soak test as a page of Markdown, and what in them must not be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench import machine
from bench.soak.gauge import REQUEST_PATH, Held
from bench.soak.outcome import ENDED, MAX_SHOWN, NEVER_READS, Endings

MAX_GROWTH: Final = 10_000_000
"""Bytes that the memory may be above its plateau at the end."""

MIN_HOLD: Final = 110.0
"""Seconds that slow clients stay at least, so that those that never read are waited for."""

UNREAD_SECONDS: Final = 240.0
"""How much longer clients that never read may stay before the proxy must have ended them. It allows 60 to 75 without
progress, and the system takes several megabytes of the answer before that, which a full machine is slow to write."""

_MEGABYTE: Final = 1e6


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large a run is: the defaults are what SOAK.md tells of."""

    streams: int = 10_200
    slow: int = 500
    hold: float = 120.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Measured:
    """What the process held: at its start, before the last round, at most (RSS), at the end, after a collection."""

    before: Held
    plateau: Held
    peak: int
    after: Held
    collected: Held


@dataclass(frozen=True, slots=True)
class Logged:
    """What the proxy's log says: changed configurations that were used and refused, and lines that tell of a defect."""

    reloaded: int
    refused: int
    defects: Sequence[str]


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that a run has found. `told` is what the providers say they did."""

    sizes: Sizes
    measured: Measured
    restarts: Endings
    mixed: Endings
    slow: Endings
    told: Mapping[str, Any]
    logged: Logged
    repeated: int = 0
    """Commands that got no answer from the proxy in their 3 seconds, and were repeated."""

    @property
    def findings(self) -> Sequence[str]:
        """What must not be."""
        return list(self._findings())

    def _findings(self) -> Iterator[str]:
        yield from self._growth()
        if self.mixed.total < self.sizes.streams:
            yield f"only {self.mixed.total} of {self.sizes.streams} requests ended"
        for ending, count in self.slow.counts.items():
            if ending.startswith(NEVER_READS) and not ending.endswith(ENDED) and self.sizes.hold >= MIN_HOLD:
                yield f"{ending}: {count}"
        if not (self.logged.reloaded and self.logged.refused):
            yield f"the configuration was not reloaded: {self.logged.reloaded} used, {self.logged.refused} refused"
        yield from (f"proxy.log: {line}" for line in self.logged.defects[:MAX_SHOWN])
        yield from (f"a provider: {problem}" for problem in self.told["problems"])
        for part, endings in (("restarts", self.restarts), ("mixed load", self.mixed), ("slow clients", self.slow)):
            yield from (f"{part}: {finding}" for finding in endings.shown)

    def _growth(self) -> Iterator[str]:
        before, after = self.measured.before, self.measured.after
        growth = after.rss - self.measured.plateau.rss
        if growth > MAX_GROWTH:
            yield f"memory: {growth / _MEGABYTE:.1f} MB above the plateau"
        for what in ("descriptors", "tasks"):
            if (held := getattr(after, what)) != (expected := getattr(before, what)):
                yield f"{what}: {expected} before, {held} at the end"
        if after.threads > self.measured.plateau.threads:
            yield f"threads: {self.measured.plateau.threads} before the last round, {after.threads} at the end"
        if left := {name: count for name, count in self.measured.collected.objects.items() if count}:
            yield f"alive after a collection, with no client connected: {left}"


def page(run: Run, seconds: float) -> str:
    """Return the whole page."""
    return "\n".join(_lines(run, seconds)) + "\n"


def _lines(run: Run, seconds: float) -> Iterator[str]:
    sizes = run.sizes
    yield "# Results of the soak test\n"
    yield f"Written by `make soak`, which took {seconds / 60:.0f} minutes. The machine: {machine.description()}."
    yield "Clients, providers and proxy share its cores.\n"
    yield f"{sizes.streams:,} requests whose providers fail in every way, {sizes.slow} slow clients in each of three"
    yield "rounds, a changed configuration each second (each fifth one broken), and restarts under load before that.\n"
    yield "## What the process holds\n"
    yield from _table(("", "before", "after two rounds", "at most", "at the end", ""), _held(run.measured))
    yield "\n## How requests ended\n"
    yield from _table(("", "restarts", "mixed load"), _endings(run.restarts, run.mixed))
    yield f"\nCommands to restart that were repeated: {run.repeated}."
    yield "\n## How slow clients ended, in three rounds\n"
    yield from _table(("", ""), ((ending, f"{count:,}") for ending, count in sorted(run.slow.counts.items())))
    yield "\n## What the providers did\n"
    yield from _table(("", ""), ((name, f"{count:,}") for name, count in sorted(run.told["begun"].items())))
    yield "\n## Findings\n"
    yield from (f"- {finding}" for finding in run.findings) if run.findings else ("None.",)
    yield _METHOD


_METHOD: Final = f"""
## How it is measured

- The proxy is started, restarted and stopped by its own commands. Its process tells its tasks and objects on a signal
  that a file of the soak test adds; the program has no such door. Memory (RSS), descriptors and threads are Linux' own
  figures.
- Descriptors and tasks must be the same before and at the end, once connections that are kept for later are closed.
  Threads, which Python starts up to a fixed number as it needs them, must be no more than after two rounds. Memory must
  be within {MAX_GROWTH // 1_000_000} MB of the plateau: what it is after two rounds, which fill the tables that the
  proxy keeps. The third round is as large as each of them.
- Each request carries its number, from which follows what each provider does with it, and the answer that only this
  request may get. A stream is whole, or a beginning of that answer and one error event. A request that a provider can
  answer, while no other spoils it after the commit, must be answered in full (not during the restarts: there the
  providers have cooldowns, and may be passed by).
- A client that never reads must lose its connection: the proxy allows 60 to 75 seconds without progress, once the
  system takes no more for the client. The test waits {MIN_HOLD + UNREAD_SECONDS:g} seconds.
- A request that finds no proxy while it restarts is sent again, as Claude Code does. A command that the proxy does not
  answer within 3 seconds, as a full machine may have it, is repeated, four times at most.
- Nothing depends on how fast the machine is but for these limits, in seconds: a provider's first event 7, its first
  content 10, its next piece 7; a command 180; a byte of an answer or of a ping 90; the process's counts 30."""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    yield from (f"| {' | '.join(cells)} |" for cells in rows)


def _held(measured: Measured) -> Iterator[Sequence[str]]:
    before, plateau, after = measured.before, measured.plateau, measured.after
    growth = after.rss - plateau.rss
    sizes = (f"{rss / _MEGABYTE:.1f} MB" for rss in (before.rss, plateau.rss, measured.peak, after.rss))
    yield ("memory (RSS)", *sizes, "as on its plateau" if growth <= MAX_GROWTH else "GROWN")
    for what in ("descriptors", "tasks"):
        first, middle, last = (getattr(held, what) for held in (before, plateau, after))
        yield (what, str(first), str(middle), "", str(last), "the same" if first == last else "DIFFERENT")
    more = "MORE" if after.threads > plateau.threads else "no more"
    yield ("threads", str(before.threads), str(plateau.threads), "", str(after.threads), more)
    for name in REQUEST_PATH:
        counts = [held.objects[name] for held in (before, plateau, after)]
        left = measured.collected.objects[name]
        words = f"{left} after a collection"
        yield (f"`{name.rpartition('.')[2]}` objects", str(counts[0]), str(counts[1]), "", str(counts[2]), words)


def _endings(restarts: Endings, mixed: Endings) -> Iterator[Sequence[str]]:
    for ending in sorted(restarts.counts.keys() | mixed.counts.keys()):
        yield ending, f"{restarts.counts[ending]:,}", f"{mixed.counts[ending]:,}"
