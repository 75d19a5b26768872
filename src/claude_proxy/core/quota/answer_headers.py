"""What each answer of Anthropic's says in its head of the limits of a plan, or of an API key.

anthropic-ratelimit-unified-5h-utilization: 0.42        a window of a plan: 5h, 7d, or 7d_opus for a family
anthropic-ratelimit-unified-5h-reset: 1800000000        in seconds since the epoch
anthropic-ratelimit-unified-overage-status: allowed     what is above the plan's limit is answered, and paid for
anthropic-ratelimit-tokens-{limit,remaining,reset}      what an API key may use in a minute
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from claude_proxy.core.quota import reading
from claude_proxy.core.quota.quota_report import QuotaWindow
from claude_proxy.core.quota.reading import DAY, HOUR, Quota, number
from claude_proxy.core.types import Headers

PREFIX: Final = b"anthropic-ratelimit-"
MAX_FIELDS: Final = 64
"""Fields that are read; Anthropic sends about twenty."""

_UTILIZATION: Final = re.compile(r"unified-(\d{1,3})([hd])(?:_([a-z0-9_.-]{1,32}))?-utilization")
_LENGTHS: Final = {"h": HOUR, "d": DAY}
_ALLOWED: Final = frozenset({"allowed", "allowed_warning"})
_PACES: Final = ("requests", "tokens", "input-tokens", "output-tokens")
_MAX_UTILIZATION: Final = 2.0
"""A plan can be a little overdrawn. More is no fraction."""


def read_headers(headers: Headers, now: float) -> Quota | None:
    """Return what the head of an answer says; None if it says nothing."""
    named = [(name, value) for name, value in headers if name.startswith(PREFIX)][:MAX_FIELDS]
    if not named:
        return None
    fields = {name[len(PREFIX) :].decode("latin-1"): value[:64].decode("latin-1").strip() for name, value in named}
    windows = reading.worst([*_of_a_plan(fields, now), *_of_a_key(fields, now)])
    return Quota(windows) if windows else None


def _of_a_plan(fields: Mapping[str, str], now: float) -> Iterator[QuotaWindow]:
    goes_on = fields.get("unified-overage-status") in _ALLOWED
    for name, value in fields.items():
        if match := _UTILIZATION.fullmatch(name):
            used = number(value)
            known = used is not None and used <= _MAX_UTILIZATION
            length, family = reading.span(int(match[1]) * _LENGTHS[match[2]]), match[3]
            yield from reading.window(
                f"{length} ({family})" if family and length else length,
                reading.share(used, 1.0) if known else None,
                reading.moment(fields.get(name.replace("-utilization", "-reset")), now),
                blocks=not family and not goes_on,
            )


def _of_a_key(fields: Mapping[str, str], now: float) -> Iterator[QuotaWindow]:
    for pace in _PACES:
        if (limit := fields.get(f"{pace}-limit")) is None:
            continue
        used = reading.counted(limit, None, fields.get(f"{pace}-remaining"))
        if used is not None:
            resets_at = reading.moment(fields.get(f"{pace}-reset"), now)
            yield QuotaWindow(f"{pace.replace('-', ' ')} a minute", used, resets_at, is_pace=True)
