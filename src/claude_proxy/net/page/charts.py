"""Numbers as places in a drawing: across in percent of its width, so that it fits any; down in pixels.

The templates write them as SVG, with classes in place of colours: the style sheet sets those, for dark and for light,
and no style stands in the page (see docs/decisions/0007-page.md).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from claude_proxy.core.amounts import dollars_of, short_dollars
from claude_proxy.core.reasons import label_in_words
from claude_proxy.core.text import printable
from claude_proxy.core.usage_totals import Sum, Totals
from claude_proxy.net.page.figures import Slot
from claude_proxy.net.page.wording import provider_name
from claude_proxy.store.usage_db.requests import Failures

COLOURS: Final = 8
"""How many the style sheet has; of more providers, some share one."""
HEIGHT: Final = 180.0
"""Of the bars, in pixels."""
_HEAD: Final = 16.0
"""Pixels above the bars, for the label of the highest line."""
_LEAST: Final = 1.5
"""Pixels of a part of a bar that is not zero, so that it is seen."""
_GAP: Final = 0.25
"""Part of a slot that stays free between two bars."""
_LABELS: Final = 6
"""Of the time, below a drawing: as many as a phone has room for."""
LANE: Final = 40.0
"""Pixels for each provider on the time line."""
_DOT: Final = 3.0
_LARGEST_DOT: Final = 9.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a bar: the cost of one provider in one slot. `left` and `width` in percent."""

    left: float
    width: float
    top: float
    height: float
    colour: int
    is_plan: bool
    title: str


@dataclass(frozen=True, slots=True)
class Label:
    """A label, at a place in percent across or in pixels down."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class CostChart:
    """Bars of costs that stand on a line, and the lines behind them."""

    bars: Sequence[Bar]
    lines: Sequence[Label]
    times: Sequence[Label]
    bottom: float = _HEAD + HEIGHT


@dataclass(frozen=True, slots=True)
class Dot:
    """Failures of a provider in one part of the time, the more the larger."""

    at: float
    radius: float
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    """The failures of one provider."""

    provider: str
    colour: int
    top: float
    count: int
    why: str
    """Each reason once, in words."""
    dots: Sequence[Dot]


@dataclass(frozen=True, slots=True)
class TimeLine:
    """A lane for each provider that failed."""

    lanes: Sequence[Lane]
    times: Sequence[Label]

    @property
    def bottom(self) -> float:
        return LANE * len(self.lanes)


def cost_chart(slots: Sequence[Slot], colours: Mapping[str, int], name: Callable[[float], str]) -> CostChart | None:
    """Return the costs by slot and provider; None if there are none. `name` words the time of a slot."""
    highest = max((sum(totals.value for totals in slot.by_provider.values()) for slot in slots), default=0.0)
    if highest <= 0:
        return None
    step = _round_step(highest / 3)
    top = step * math.ceil(highest / step - 1e-9)
    across = 100 / len(slots)
    bars = [
        bar
        for number, slot in enumerate(slots)
        for bar in _bars(slot.by_provider, (number * across, across), top, colours, name(slot.period.start))
    ]
    lines = [Label(_down(step * n, top), short_dollars(step * n)) for n in range(1, round(top / step) + 1)]
    return CostChart(bars, lines, _times([slot.period.start for slot in slots], name))


def _bars(
    totals: Mapping[str, Totals], place: tuple[float, float], top: float, colours: Mapping[str, int], when: str
) -> list[Bar]:
    """Return the parts of one bar, from the bottom up: the providers in the order of their colours.

    `place` is where its slot begins and how wide that is; a bar as high as `top` dollars takes all the height.
    """
    left, width = round(place[0] + place[1] * _GAP / 2, 3), round(place[1] * (1 - _GAP), 3)
    bars: list[Bar] = []
    at = _HEAD + HEIGHT
    for provider in sorted(totals, key=lambda each: colours.get(each, len(colours))):
        for amount, is_plan in ((totals[provider].cost, False), (totals[provider].plan_cost, True)):
            if amount.dollars <= 0:
                continue
            height = max(_LEAST, HEIGHT * amount.dollars / top)
            at -= height
            title = f"{when}, {provider_name(provider)}: {dollars_of(amount)}{' by plan' if is_plan else ''}"
            colour = colours.get(provider, 0) % COLOURS
            bars.append(Bar(left, width, round(at, 2), round(height, 2), colour, is_plan, title))
    return bars


def _down(dollars: float, top: float) -> float:
    return round(_HEAD + HEIGHT * (1 - dollars / top), 2)


def _round_step(least: float) -> float:
    """Return the next number of the kind 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= least * (1 - 1e-9))


def _times(starts: Sequence[float], name: Callable[[float], str]) -> list[Label]:
    """Return some labels at the middles of slots, the last one always."""
    every = math.ceil(len(starts) / _LABELS)
    last = len(starts) - 1
    return [
        Label(round((number + 0.5) * 100 / len(starts), 3), name(start))
        for number, start in enumerate(starts)
        if (last - number) % every == 0
    ]


def time_line(
    found: Sequence[Failures],
    parts: int,
    slots: Sequence[Slot],
    colours: Mapping[str, int],
    name: Callable[[float], str],
    moment: Callable[[float], str],
) -> TimeLine | None:
    """Return the failures of providers over time; None if there are none. `moment` words the time of a dot."""
    if not found:
        return None
    start, end = slots[0].period.start, slots[-1].period.end
    by_provider: dict[str, list[Failures]] = defaultdict(list)
    for each in found:
        by_provider[each.provider].append(each)
    most = max(each.count for each in found)
    lanes: list[Lane] = []
    for provider in sorted(by_provider, key=lambda each: (colours.get(each, len(colours)), each)):
        dots = [
            Dot(
                round((each.part + 0.5) * 100 / parts, 3),
                round(_DOT + (_LARGEST_DOT - _DOT) * math.sqrt((each.count - 1) / max(1, most - 1)), 2),
                f"{moment(start + each.part * (end - start) / parts)}: {_failed(each)}",
            )
            for each in by_provider[provider]
        ]
        count = sum(each.count for each in by_provider[provider])
        why = reasons(outcome for each in by_provider[provider] for outcome in each.outcomes)
        colour = colours.get(provider, 0) % COLOURS
        lanes.append(Lane(provider, colour, LANE * len(lanes), count, why, dots))
    return TimeLine(lanes, _times([slot.period.start for slot in slots], name))


def _failed(found: Failures) -> str:
    return f"{found.count} failure{'s' if found.count > 1 else ''}: {reasons(found.outcomes)}"


def reasons(outcomes: Iterable[str]) -> str:
    """Return why attempts failed, in words, each once."""
    return printable(", ".join(dict.fromkeys(label_in_words(outcome) for outcome in outcomes)))


def cost_of(totals: Totals) -> tuple[str, str]:
    """Return what is charged, and what plans pay for, in words; the second is empty if no plan does."""
    has_plan = totals.plan_cost != Sum()
    charged = "" if has_plan and totals.cost == Sum() else dollars_of(totals.cost)
    return charged, dollars_of(totals.plan_cost) if has_plan else ""


def in_words(totals: Totals) -> str:
    """Return both in a few words: `$1.24`, `plan $0.80`, `$1.24, plan $0.80`."""
    charged, planned = cost_of(totals)
    return ", ".join(part for part in (charged, planned and f"plan {planned}") if part)
