from __future__ import annotations

import pytest

from claude_proxy.core.body_limit import how_to_raise, limit_in_words, over_limit

MB = 1024 * 1024


@pytest.mark.parametrize(
    ("limit", "words"), [(10 * MB, "10 MB"), (MB // 2, "0.5 MB"), (MB // 10, "0.1 MB"), (1024 * MB, "1024 MB")]
)
def test_a_limit_is_written_as_the_setting_is(limit: int, words: str) -> None:
    assert limit_in_words(limit) == words


@pytest.mark.parametrize(("limit", "higher"), [(10 * MB, 32), (32 * MB, 64), (33 * MB, 64), (1000 * MB, 1024)])
def test_the_user_is_told_the_setting_and_a_higher_value(limit: int, higher: int) -> None:
    assert f"max_body_mb in config.json, such as to {higher};" in over_limit(limit)
    assert "the proxy's own limit" in over_limit(limit)


def test_nothing_is_higher_than_the_highest_limit() -> None:
    assert "cannot be higher" in how_to_raise(1024 * MB)
