"""Numbers as people read them: `12k` tokens, `$0.003`, `0.6 s`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:  # some commands load this file alone
    from claude_proxy.core.status_report import Spent

_SIZES: Final = ((1_000_000_000, "B"), (1_000_000, "M"), (1000, "k"))
_CENTS_MATTER: Final = 1000
_LEAST: Final = 0.0005
_LONG: Final = 99_999.5


class PartlyKnown(Protocol):
    """A sum of money in dollars, and of how many requests the price is not known."""

    @property
    def dollars(self) -> float: ...

    @property
    def unknown(self) -> int: ...


def short_count(count: int) -> str:
    """Return a count in at most four characters below a trillion: `987`, `1.2k`, `12k`, `1.2M`."""
    for size, letter in _SIZES:
        if count >= 0.9995 * size:
            return f"{count / size:.{1 if count < 9.95 * size else 0}f}{letter}"
    return str(count)


def short_dollars(dollars: float) -> str:
    """Return a sum of money; parts of a cent show only where they are most of it: `$0.003`, `$1.24`, `$1,240`."""
    sign, amount = ("-" if dollars < 0 else ""), abs(dollars)
    if amount < _LEAST:
        return "<$0.001" if dollars > 0 else "$0"
    if amount < 0.0995:
        return f"{sign}${amount:.3f}"
    if amount >= _LONG:
        return f"{sign}${short_count(round(amount))}"
    return f"{sign}${amount:,.{2 if amount < _CENTS_MATTER else 0}f}"


def dollars_of(amount: PartlyKnown) -> str:
    """Return a sum of which a part may not be known: `$1.24`, `at least $1.24`, `?`."""
    if not amount.unknown:
        return short_dollars(amount.dollars)
    return f"at least {short_dollars(amount.dollars)}" if amount.dollars else "?"


def short_share(share: float | None) -> str:
    """Return a part of a whole in percent, `-` if there is no whole. Only all of it is 100 %, only none of it 0 %."""
    if share is None:
        return "-"
    percent = round(100 * share)
    if 0 < share < 1:
        percent = min(99, max(1, percent))
    return f"{percent} %"


def short_duration(milliseconds: float) -> str:
    """Return how long something took: `0.6 s`, `12 s`, `2 min 5 s`."""
    seconds = milliseconds / 1000
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


def spent_in_words(spent: Spent) -> str:
    """Return what requests cost: `$1.24`, `at least $1.24, 3 requests without a price, $3.20 by plan`."""
    parts = [dollars_of(spent)] if spent.dollars or spent.unknown else []
    if spent.unknown:
        parts.append(f"{spent.unknown} request{'s' if spent.unknown > 1 else ''} without a price")
    if spent.plan_dollars:
        parts.append(f"{short_dollars(spent.plan_dollars)} by plan")
    return ", ".join(parts)
