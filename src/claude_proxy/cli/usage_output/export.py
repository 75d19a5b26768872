"""What `usage` shows, for programs: JSON, and CSV that a spreadsheet takes for nothing but text and numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, TypeAlias

from claude_proxy.cli.usage_output.report import PERIOD, CacheReport, UsageReport
from claude_proxy.core.text import encodable, printable
from claude_proxy.core.usage_totals import CacheMisses, Group, Sum, Totals

Facts: TypeAlias = dict[str, object]

_FORMULA: Final = tuple("=+-@\uff1d\uff0b\uff0d\uff20\t\r\n")
"""What a spreadsheet takes for the beginning of a formula; in Chinese or Japanese, the wide forms too."""


def usage_facts(report: UsageReport) -> Facts:
    """Return a report as JSON has it. Groups that may overlap have no total."""
    total = {} if report.by == PERIOD else {"total": _totals(report.total)}
    groups = [_group(group) for group in report.groups]
    return {"by": report.by, "from": _moment(report.start), "to": _moment(report.end), "groups": groups, **total}


def cache_facts(report: CacheReport) -> Facts:
    """Return a report as JSON has it."""
    return {
        "from": _moment(report.start),
        "to": _moment(report.end),
        "cache_share": report.total.cache_share,
        "reasons": [_misses(misses) for misses in report.misses],
    }


def usage_csv(report: UsageReport) -> str:
    """Return a row for each group, under a row of names."""
    return _csv((_group(group) for group in report.groups), _group(Group("", 0.0, 0.0, Totals())))


def cache_csv(report: CacheReport) -> str:
    """Return a row for each reason, under a row of names."""
    return _csv((_misses(misses) for misses in report.misses), _misses(CacheMisses("", 0, 0, Sum())))


def _group(group: Group) -> Facts:
    name = printable(encodable(group.name))
    return {"name": name, "from": _moment(group.first), "to": _moment(group.last), **_totals(group.totals)}


def _misses(misses: CacheMisses) -> Facts:
    reason = printable(encodable(misses.reason))
    return {"reason": reason, "requests": misses.requests, "tokens": misses.tokens, **_sum("cost", misses.cost)}


def _totals(totals: Totals) -> Facts:
    return {
        "requests": totals.requests,
        "failed": totals.failed,
        "failovers": totals.failovers,
        "answers_saved": totals.answers_saved,
        "input_tokens": totals.input_tokens,
        "output_tokens": totals.output_tokens,
        "cache_read_tokens": totals.cache_read_tokens,
        "cache_write_5m_tokens": totals.cache_write_5m_tokens,
        "cache_write_1h_tokens": totals.cache_write_1h_tokens,
        "cache_share": totals.cache_share,
        **_sum("cost", totals.cost),
        **_sum("plan_cost", totals.plan_cost),
        **_sum("anthropic_cost", totals.anthropic_cost),
        "saving": round(totals.saving, 9),
    }


def _sum(name: str, amount: Sum) -> Facts:
    """Return a sum with the number of requests that it leaves out; None if it leaves out all that cost something."""
    known = amount.dollars or not amount.unknown
    return {name: round(amount.dollars, 9) if known else None, f"{name}_unknown": amount.unknown}


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="seconds")


def _csv(rows: Iterable[Facts], names: Iterable[str]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(names), quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(_cells, rows))
    return text.getvalue()


def _cells(facts: Mapping[str, object]) -> Facts:
    return {name: _cell(value) for name, value in facts.items()}


def _cell(value: object) -> object:
    if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
