"""What requests cost, in words for the user."""

from __future__ import annotations

from claude_proxy.core.amounts import dollars_of, short_dollars
from claude_proxy.core.status_report import Spent


def spent_in_words(spent: Spent) -> str:
    """Return what requests cost: `$1.24`, `at least $1.24, 3 requests without a price, $3.20 by plan`."""
    parts = [dollars_of(spent)] if spent.dollars or spent.unknown else []
    if spent.unknown:
        parts.append(f"{spent.unknown} request{'s' if spent.unknown > 1 else ''} without a price")
    if spent.plan_dollars:
        parts.append(f"{short_dollars(spent.plan_dollars)} by plan")
    return ", ".join(parts)
