"""The verdicts as a page of Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from bench import machine
from bench.faults import client_part, turns
from bench.faults.endings import ENDINGS, STATES
from bench.faults.faults import FAULTS, Kind, Stage
from bench.faults.method import METHOD
from bench.faults.results import Results
from bench.faults.verdicts import Judged, Verdict

from client.claude_code import VERSION

_SLOW: Final = 2.0
"""Seconds from which a cell says how long it took."""

_NOTHING: Final = "-"


def page(results: Results) -> str:
    """Return the whole page."""
    return "\n".join((*_opening(results), *tables(results), METHOD)) + "\n"


def tables(results: Results) -> Iterator[str]:
    """Yield the tables of all that was measured."""
    if results.wire:
        yield from _wire(results)
    if results.turns:
        yield from _turns(results)
    if results.endings:
        yield from _endings(results)


def _opening(results: Results) -> Iterator[str]:
    named = ", ".join(f"{target.name} {target.version}".strip() for target in results.targets)
    yield "# Faults of providers, and what becomes of them\n"
    yield f"Written by `make faults` on {datetime.now(UTC).date().isoformat()}. The machine: {machine.description()}."
    yield "Other work ran on it at the same time: times are only indicative, and the verdicts do not depend on them.\n"
    yield f"Compared: {named}; the client is Claude Code {VERSION}. The method stands at the end of this page.\n"


def _wire(results: Results) -> Iterator[str]:
    names = list(results.wire)
    yield "## At the wire\n"
    counts = {name: Counter(judged.verdict for judged in cases.values()) for name, cases in results.wire.items()}
    rows = [[verdict.value, *(str(counts[name][verdict]) for name in names)] for verdict in Verdict]
    yield from _table(("cases that ended", *names), rows)
    for kind in Kind:
        yield f"\n### {kind.value[0].upper()}{kind.value[1:]}\n"
        yield from _table(("fault", *names), _wire_rows(results, kind))
    yield "\n### Why it was not whole\n"
    yield from _reasons(results)


def _wire_rows(results: Results, kind: Kind) -> Iterator[Sequence[str]]:
    for stage in Stage:
        faults = [fault for fault in FAULTS if fault.stage is stage and kind in fault.kinds]
        cells = [
            [fault.name, *(_verdict(cases.get((fault.name, kind))) for cases in results.wire.values())]
            for fault in faults
        ]
        if shown := [row for row in cells if any(cell != _NOTHING for cell in row[1:])]:
            yield [f"**{stage.value}**", *("" for _ in results.wire)]
            yield from shown


def _verdict(judged: Judged | None) -> str:
    if judged is None:
        return _NOTHING
    seconds = f", {judged.seconds:.0f} s" if judged.seconds >= _SLOW else ""
    return f"{judged.verdict.value}{seconds}"


def _reasons(results: Results) -> Iterator[str]:
    for name, cases in results.wire.items():
        reasons = Counter(
            (judged.verdict.value, _cell(judged.why))
            for judged in cases.values()
            if judged.verdict is not Verdict.WHOLE
        )
        if reasons:
            told = "; ".join(f"{verdict}: {why} ({times})" for (verdict, why), times in reasons.most_common())
            yield f"- {name}: {told}."


def _turns(results: Results) -> Iterator[str]:
    names = list(results.turns)
    for in_terminal in (True, False):
        yield f"\n## What the user of Claude Code sees, {client_part.mode(in_terminal=in_terminal)}\n"
        rows = [
            [
                fault.name,
                *(
                    client_part.line(turn) if (turn := results.turns[name].get((fault.name, in_terminal))) else _NOTHING
                    for name in names
                ),
            ]
            for fault in FAULTS
            if fault.name in client_part.SUBSET
        ]
        yield from _table(("fault", *names), rows)


def _endings(results: Results) -> Iterator[str]:
    yield "\n## How Claude Code takes the ways to end an answer that can't go on\n"
    yield f"Without a gateway. Interactive, then `-p`; a turn is lost if nothing is asked for {turns.QUIET:g} s.\n"
    for in_terminal in (True, False):
        rows = [
            [state, *(_ending(results, state, ending, in_terminal=in_terminal) for ending in ENDINGS)]
            for state in STATES
        ]
        yield from _table((client_part.mode(in_terminal=in_terminal), *ENDINGS), rows)
        yield ""


def _ending(results: Results, state: str, ending: str, *, in_terminal: bool) -> str:
    turn = results.endings.get((state, ending, in_terminal))
    if turn is None:
        return _NOTHING
    return f"{turn.seen.value}{f', {turn.again}' if turn.again else ''}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")[:160]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]] | Iterator[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    yield from (f"| {' | '.join(row)} |" for row in rows)
