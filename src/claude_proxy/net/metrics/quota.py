"""The windows of a plan, under names that a provider cannot make up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from claude_proxy.core.model_names import TIERS
from claude_proxy.core.quota.quota_report import QuotaWindow
from claude_proxy.core.traffic import OTHER

MAX_WINDOWS: Final = 16
"""Of one provider; the fullest ones are shown. None has more than six."""

_FOR_A_FAMILY: Final = re.compile(r"(.+) \((.+)\)")


def by_label(windows: Iterable[QuotaWindow]) -> Mapping[str, QuotaWindow]:
    """Return windows by their labels; of several with one label, the fullest."""
    found = dict[str, QuotaWindow]()
    for window in sorted(windows, key=lambda each: -each.used):
        if len(found) < MAX_WINDOWS:
            found.setdefault(_label(window.name), window)
    return found


def _label(name: str) -> str:
    """Return a window's name. The family in `week (opus)` comes from an answer's head: one of no tier is `other`."""
    match = _FOR_A_FAMILY.fullmatch(name)
    return name if match is None or match[2] in TIERS else f"{match[1]} ({OTHER})"
