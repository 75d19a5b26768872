"""A line of proxy.log as people read it: local time, providers that failed or answered, how long, what it cost.

16:58:20 sonnet-5-5  anthropic plan limit → minimax MiniMax-M3  0.6 s  12k cached, 40 out  $0.003
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain
from textwrap import wrap
from typing import Final, TypeAlias

import click

from claude_proxy.core.amounts import short_count, short_dollars, short_duration
from claude_proxy.core.model_names import strip_context_suffix
from claude_proxy.core.reasons import label_in_words
from claude_proxy.store.log_line import LoggedEvent, LoggedExchange, read_line

Words: TypeAlias = list[tuple[str, str]]
"""Texts, each with its colour; `dim` is one too."""

_TIME: Final = "00:00:00 "
_GAP: Final = "  "
_ARROW: Final = (" → ", "dim")
_NEW_LINE: Final = ("\n" + " " * len(_TIME), "")
_MOST: Final = (21, 60, 8, 24)
"""The widest that each column is made for the sake of the others."""
_ENDINGS: Final = {
    "recovered": ("saved", "green"),
    "client_left": ("client left", "dim"),
    "truncated": ("broke off", "red"),
    "stalled": ("fell silent", "red"),
    "internal": ("out of memory", "red"),
}


@dataclass(slots=True)
class ReadableLog:
    """Turns lines into text for a terminal. Columns are as wide as what was seen in them so far."""

    columns: int
    """Of the terminal."""
    colour: bool
    today: date
    """The day whose lines show no date; the first line of another one comes under its date."""
    _widths: list[int] = field(default_factory=lambda: [0] * len(_MOST))

    def render(self, lines: Sequence[str]) -> list[str]:
        """Return the lines, and one more for each new day. What is no line of ours is not changed."""
        read = [read_line(line) for line in lines]
        cells = [_cells(entry) if isinstance(entry, LoggedExchange) else [] for entry in read]
        self._widen(cells)
        rendered: list[str] = []
        for line, entry, found in zip(lines, read, cells, strict=True):
            if entry is None:
                rendered.append(line)
                continue
            then = datetime.fromtimestamp(entry.at).astimezone()
            if then.date() != self.today:
                self.today = then.date()
                rendered.append(self._painted([(f"{self.today:%Y-%m-%d}", "bold")]))
            words = self._event(entry.text) if isinstance(entry, LoggedEvent) else self._row(found)
            rendered.append(self._painted([(f"{then:%H:%M:%S} ", "dim"), *words]).rstrip())
        return rendered

    def _widen(self, rows: Iterable[list[Words]]) -> None:
        for row in rows:
            for number, most in enumerate(_MOST[: len(row)]):
                self._widths[number] = max(self._widths[number], min(most, _width(row[number])))

    def _event(self, text: str) -> Words:
        """Return what the service says, in lines if there is no room; a word that is longer than one stays whole."""
        room = max(1, self.columns - len(_TIME))
        lines = wrap(text, room, break_long_words=False, break_on_hyphens=False) if len(text) > room else [text]
        return [(_NEW_LINE[0].join(lines), "cyan")]

    def _row(self, row: list[Words]) -> Words:
        """Return the cells of a row below each other's; close together, or in two lines, if there is no room."""
        if not row:
            return []
        widths = list(self._widths)
        fixed = len(_TIME) + sum(widths) - widths[1] + len(_GAP) * len(widths) + len("$0.000")
        widths[1] = min(widths[1], max(0, self.columns - fixed))  # the route is as wide as the rest lets it be
        aligned = _joined([*(_filled(words, width) for words, width in zip(row, widths, strict=False)), row[-1]])
        if len(_TIME) + _width(aligned) <= self.columns:
            return aligned
        first = _joined([_filled(row[0], widths[0]), row[1]])
        others = _joined([words for words in row[2:] if _width(words)])
        close = _joined([first, others])
        if len(_TIME) + _width(close) <= self.columns:
            return close
        return [*_broken(first, self.columns - len(_TIME)), _NEW_LINE, *others]

    def _painted(self, words: Words) -> str:
        return "".join(_paint(text, style) if self.colour and style else text for text, style in words)


def _filled(words: Words, width: int) -> Words:
    return [*words, (" " * max(0, width - _width(words)), "")]


def _joined(cells: Sequence[Words]) -> Words:
    return list(chain.from_iterable([(_GAP if number else "", ""), *words] for number, words in enumerate(cells)))


def _broken(words: Words, columns: int) -> Words:
    """Return words in lines of at most so many columns, broken behind arrows if there are any."""
    lines: list[Words] = [[]]
    for step in _steps(words):
        if lines[-1] and _width([*lines[-1], *step]) > columns:
            lines.append([])
        lines[-1] += step
    return list(chain.from_iterable([*([_NEW_LINE] if number else []), *line] for number, line in enumerate(lines)))


def _steps(words: Words) -> Iterator[Words]:
    """Yield pieces that end with an arrow, and the rest."""
    step: Words = []
    for word in words:
        step.append(word)
        if word == _ARROW:
            yield step
            step = []
    if step:
        yield step


def _paint(text: str, style: str) -> str:
    if style in {"dim", "bold"}:
        return click.style(text, **{style: True})
    return click.style(text, fg=style)


def _width(words: Words) -> int:
    return sum(len(text) for text, _ in words)


def _cells(entry: LoggedExchange) -> list[Words]:
    """Return the columns: model, route, time, tokens, and how it ended."""
    took = entry.milliseconds("total")
    return [
        _model(entry),
        _route(entry),
        [(short_duration(took) if took is not None else "", "")],
        [(_tokens(entry), "")],
        _joined([words for words in (_cost(entry), _ending(entry)) if words]),
    ]


def _model(entry: LoggedExchange) -> Words:
    requested, _ = entry.models
    words: Words = [(strip_context_suffix(requested).removeprefix("claude-"), "")]
    request_class = entry.text("class")
    if entry.text("kind") == "count_tokens":
        return [*words, (" counted", "dim")]
    return [*words, (f" {request_class}", "dim")] if request_class not in {"", "main"} else words


def _route(entry: LoggedExchange) -> Words:
    """Return each provider that failed with the reason, then the one that answered, with its name for the model."""
    steps: list[Words] = [
        [(f"{attempt.provider} ", ""), (label_in_words(attempt.outcome), "yellow")]
        for attempt in entry.attempts
        if attempt.outcome != "200"
    ]
    if provider := _answered(entry):
        requested, used = entry.models
        steps.append([(provider, "green"), (f" {used}" if used != requested else "", "")])
    if entry.text("pinned") == "yes" and steps:
        steps[-1] = [*steps[-1], (" pinned", "dim")]
    return list(chain.from_iterable([*step, _ARROW] for step in steps))[:-1]


def _answered(entry: LoggedExchange) -> str:
    return next((attempt.provider for attempt in reversed(entry.attempts) if attempt.outcome == "200"), "")


def _tokens(entry: LoggedExchange) -> str:
    counts = (
        (entry.count("in") + entry.count("cache_write"), "in"),
        (entry.count("cache_read"), "cached"),
        (entry.count("out"), "out"),
    )
    return ", ".join(f"{short_count(count)} {name}" for count, name in counts if count)


def _cost(entry: LoggedExchange) -> Words:
    if not _tokens(entry) or "cost" not in entry.values:
        return []
    cost, plan = entry.dollars("cost"), entry.dollars("plan_cost")
    if cost == 0 and plan != 0:
        return [("plan", "cyan"), (f" {_dollars(plan)}", "dim")]
    return [(_dollars(cost), "")]


def _dollars(amount: float | None) -> str:
    return "$?" if amount is None else short_dollars(amount)


def _ending(entry: LoggedExchange) -> Words:
    ending, status = entry.text("ending"), entry.count("status")
    if ending != "client_left" and status >= 400:
        return [(f"error {status}", "red")]
    words, style = _ENDINGS.get(ending, ("" if ending == "complete" else ending, "red"))
    return [(words, style)] if words else []


def has_failed(entry: LoggedExchange) -> bool:
    """Whether the request failed, or a provider that it went to."""
    broken = entry.text("ending") not in {"complete", "client_left"} or entry.count("status") >= 400
    return (broken and entry.text("ending") != "client_left") or any(one.outcome != "200" for one in entry.attempts)


def concerns(entry: LoggedExchange | LoggedEvent, provider: str) -> bool:
    """Whether a line is about a provider: it was asked, or the service says something of it."""
    if isinstance(entry, LoggedEvent):
        return entry.text.startswith(f"{provider}: ")
    return provider == entry.text("provider") or any(one.provider == provider for one in entry.attempts)
