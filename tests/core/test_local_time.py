from __future__ import annotations

import pytest

from claude_proxy.core.local_time import clock_time

NOON = 20_000 * 86_400.0 + 12 * 3600


@pytest.mark.parametrize(
    ("at", "offset", "shown"),
    [
        (NOON + 60, 0, "12:01"),
        (NOON + 60, -5 * 3600, "07:01"),
        (NOON + 3600, 11 * 3600, "2024-10-05 00:00"),
        (NOON - 86_400, 0, "2024-10-03 12:00"),
    ],
)
def test_a_moment_is_shown_by_the_users_clock_with_another_days_date(at: float, offset: int, shown: str) -> None:
    assert clock_time(at, NOON, offset) == shown
