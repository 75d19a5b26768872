"""What is left of providers' plans and balances, as `status` shows it: a bar for each window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from claude_proxy.cli.output.console import table, when
from claude_proxy.core.quota.quota_report import Balance, QuotaReport, QuotaWindow
from claude_proxy.core.status_report import ProviderStatus
from claude_proxy.core.text import printable

WIDTH: Final = 10
"""Characters of a bar."""


def quota_table(providers: Sequence[ProviderStatus]) -> Table | None:
    """Return a row for each window and balance that is known; None if none is."""
    known = [(each.name, each.quota) for each in providers if each.quota and (each.quota.windows or each.quota.balance)]
    if not known:
        return None
    rows = table("quota", "of", "used", "reset")
    for name, quota in known:
        for number, row in enumerate(_rows(quota)):
            rows.add_row(name if number == 0 else "", *row)
    return rows


def _rows(quota: QuotaReport) -> Iterator[tuple[str, Text, str]]:
    last = f"(as of {when(quota.read_at)}: {printable(quota.unknown, 60)})" if quota.unknown and quota.read_at else ""
    for window in quota.windows:
        reset = when(window.resets_at) if window.resets_at else ""
        yield printable(window.name, 40), _bar(window), f"{reset} {last}".strip()
        last = ""
    if quota.balance:
        yield "balance", _money(quota.balance), last


def _bar(window: QuotaWindow) -> Text:
    """Return `########..  82 %`; in colour if it is nearly used up."""
    full = min(int(window.used * WIDTH + 1e-9), WIDTH)
    style = "red" if window.blocks else "yellow" if window.is_nearly_used_up else ""
    return Text(f"{'#' * full}{'.' * (WIDTH - full)} {window.percent:>3} %", style)


def _money(balance: Balance) -> Text:
    text = f"{balance.amount:.2f} {printable(balance.currency, 8)}{' (low)' if balance.is_low else ''}"
    return Text(text, "yellow" if balance.is_low else "")
