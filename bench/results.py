"""What a run has measured, and which of it has a goal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench import adaptation
from bench.first_byte import Added
from bench.memory import STREAMS, Memory
from bench.throughput import Row

OURS = "claude-proxy"


@dataclass(frozen=True, slots=True)
class Results:
    """All figures of one run: times in seconds, by the target's name or the fault's."""

    rows: Sequence[Row]
    first_byte: Mapping[str, Added]
    memory: Mapping[str, Memory]
    ready: Mapping[str, float]
    failover: Mapping[str, Added]
    adaptation: Mapping[str, adaptation.Cost]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One goal and what was measured; `measured` is None if nginx, to compare with, is missing."""

    what: str
    goal: float
    measured: float | None
    unit: str

    @property
    def word(self) -> str:
        """Whether the goal was met."""
        if self.measured is None:
            return "not measured"
        return "met" if self.measured <= self.goal else "missed"


def verdicts(results: Results) -> Iterator[Verdict]:
    """Compare the figures with the goals."""
    for row in results.rows:
        yield Verdict(f"CPU per request: {row.title}", row.load.goal, row.ratio, "times nginx")
    memory = results.memory[OURS]
    yield Verdict("Time added to the first byte, median", 0.5, results.first_byte[OURS].median * 1e3, "ms")
    yield Verdict("Memory at rest", 60, memory.at_rest / 1e6, "MB")
    yield Verdict(f"Memory per open stream, {STREAMS} of them", 60, memory.per_stream / 1e3, "KB")
    yield Verdict("From start to ready", 0.5, results.ready[OURS], "s")
    yield Verdict("Failover on 429, median", 5, results.failover["429"].median * 1e3, "ms")
    for title, goal in ((adaptation.NOTHING, 0.2), (adaptation.EVERYTHING, 10)):
        yield Verdict(f"Adaptation of 1 MB, {title}", goal, results.adaptation[title].median * 1e3, "ms")
