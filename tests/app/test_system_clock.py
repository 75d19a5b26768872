"""The system is asked for the local time once in a quarter of an hour, and what it says is right in each."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from unittest import mock

import pytest

from claude_proxy.app.proxy import SystemClock


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="Windows takes the zone from its own settings")
def test_the_offset_changes_with_the_clock_on_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    forward = datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp()
    clock = SystemClock()
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        offsets = [clock.utc_offset(at) for at in (forward - 900, forward - 0.001, forward, forward + 900, forward - 1)]
    time.tzset()
    assert offsets == [3600, 3600, 7200, 7200, 3600]


def test_the_system_is_asked_once_in_a_quarter_of_an_hour() -> None:
    clock, quarter = SystemClock(), 900 * 2_000_000.0
    with mock.patch.object(time, "localtime", wraps=time.localtime) as asked:
        for second in range(1800):
            clock.utc_offset(quarter + second)
    assert asked.call_count == 2
