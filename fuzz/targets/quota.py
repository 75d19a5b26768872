"""Answers about quotas: whatever they hold, a share is from 0 to 1, and a reset is near now or not known."""

from __future__ import annotations

import math

from fuzz.source import Source

from claude_proxy.core.quota.answer_headers import read_headers
from claude_proxy.core.quota.quota_report import QuotaWindow
from claude_proxy.core.quota.reading import MAX_AHEAD, NoQuota
from claude_proxy.core.quota.sources import SOURCES

NOW = 1_800_000_000.0
NAMES = (
    b"anthropic-ratelimit-unified-5h-utilization",
    b"anthropic-ratelimit-unified-5h-reset",
    b"anthropic-ratelimit-unified-7d_opus-utilization",
    b"anthropic-ratelimit-unified-overage-status",
    b"anthropic-ratelimit-tokens-limit",
    b"anthropic-ratelimit-tokens-remaining",
)


def check(data: bytes) -> None:
    """Check an answer of one of the providers, and the same as the values of header fields."""
    source = Source(data)
    read = SOURCES[source.byte() % len(SOURCES)].read
    names = source.subset(NAMES)
    reading = read(source.rest, NOW)
    if isinstance(reading, NoQuota):
        assert reading.reason.isprintable()
        assert len(reading.reason) <= 60
    else:
        check_windows(reading.windows)
        assert reading.balance is None or math.isfinite(reading.balance.amount)
    quota = read_headers(tuple(zip(names, source.rest.split(b"\n"), strict=False)), NOW)
    check_windows(quota.windows if quota else ())


def check_windows(windows: tuple[QuotaWindow, ...]) -> None:
    """Check that windows can be shown."""
    for window in windows:
        assert 0.0 <= window.used <= 1.0
        assert window.used == 1.0 or not window.blocks
        assert window.resets_at is None or abs(window.resets_at - NOW) <= MAX_AHEAD
        assert 0 < len(window.name) <= 60
