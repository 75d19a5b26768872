from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.tokens import (
    DEFAULT_RATIO,
    FIRST_REPORTS,
    MAX_MODELS,
    MAX_PAIRS,
    MAX_RATIO,
    MIN_FILE_BYTES,
    MIN_LEARNING_BYTES,
    MIN_RATIO,
    SAMPLE_EVERY,
    TOKENS_PER_FILE,
    BodySize,
    Calibration,
    FixedCount,
    Prompt,
    measure_body,
)
from claude_proxy.core.types import Upstream, Usage

MINIMAX = Upstream("https://api.minimax.example")
KEY = (MINIMAX, "MiniMax-M3")
TEXT = BodySize(100_000)


def block(data: str) -> dict[str, object]:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


def body(*blocks: object) -> bytes:
    return json.dumps({"model": "opus", "messages": [{"role": "user", "content": blocks}]}).encode()


PICTURE = base64.b64encode(b"\xff\x01\x7e" * 30_000).decode()


# The size of a request


def test_measures_text_by_its_bytes() -> None:
    assert measure_body(b"x" * 400) == BodySize(400)
    assert BodySize(400).tokens(4.0) == 100
    assert BodySize(400).tokens(8.0) == 50
    assert BodySize(0).tokens(4.0) == 1


@pytest.mark.parametrize("count", [1, 2, 5])
def test_counts_each_file_as_one_whatever_its_size(count: int) -> None:
    size = measure_body(body(*[block(PICTURE)] * count))
    assert size.files == count
    assert size.text < 200 * (count + 1)
    assert size.tokens(4.0) == size.text // 4 + count * TOKENS_PER_FILE


def test_counts_short_data_and_data_that_is_not_base64_as_text() -> None:
    for data in ("x" * (MIN_FILE_BYTES - 1), "a text. " * 1000):
        whole = body(block(data))
        assert measure_body(whole) == BodySize(len(whole))


def test_a_file_without_an_end_extends_to_the_end_of_the_body() -> None:
    assert measure_body(b'{"data": "' + b"A" * 10_000) == BodySize(1, 1)


def test_a_request_never_has_more_tokens_than_its_length_allows() -> None:
    """So a short request need not be measured."""
    for data in ("A" * MIN_FILE_BYTES, PICTURE):
        whole = body(*[block(data)] * 20)
        assert measure_body(whole).tokens(MIN_RATIO) <= len(whole) / MIN_RATIO


def test_compares_the_tokens_of_a_prompt_with_a_limit() -> None:
    prompt = Prompt(b"x" * 40_000)
    assert prompt.exceeds(9_999, 4.0)
    assert not prompt.exceeds(10_000, 4.0)
    assert prompt.exceeds(10_000, 3.9)
    assert prompt.tokens(4.0) == 10_000


def test_does_not_judge_a_prompt_full_of_files_by_its_length() -> None:
    prompt = Prompt(body(*[block(PICTURE)] * 4))
    assert not prompt.exceeds(4 * TOKENS_PER_FILE + 500, 4.0)
    assert prompt.exceeds(4 * TOKENS_PER_FILE, 4.0)


def test_a_fixed_count_does_not_depend_on_the_ratio() -> None:
    assert FixedCount(200_000).tokens(1.5) == 200_000
    assert FixedCount(200_001).exceeds(200_000, 4.0)
    assert not FixedCount(200_000).exceeds(200_000, 4.0)


# Learning the ratio


def learn(calibration: Calibration, usage: Usage, times: int = 20, size: BodySize = TEXT) -> float:
    for _ in range(times):
        calibration.learn(KEY, size, usage)
    return calibration.ratio(KEY)


def test_the_ratio_approaches_what_is_reported() -> None:
    usage = Usage(
        input_tokens=5_000, cache_read_input_tokens=30_000, cache_creation_input_tokens=5_000, output_tokens=9
    )
    calibration = Calibration()
    assert calibration.ratio(KEY) == DEFAULT_RATIO
    once = learn(calibration, usage, 1)
    assert 2.5 < once < DEFAULT_RATIO
    assert learn(calibration, usage) == pytest.approx(2.5, abs=0.01)
    assert calibration.ratio((MINIMAX, "other")) == DEFAULT_RATIO


@pytest.mark.parametrize(("tokens", "ends_at"), [(100_000, MIN_RATIO), (6_000, MAX_RATIO)])
def test_a_report_beyond_the_bounds_counts_as_the_bound(tokens: int, ends_at: float) -> None:
    assert learn(Calibration(), Usage(input_tokens=tokens), 100) == pytest.approx(ends_at)


@pytest.mark.parametrize("tokens", [0, 1, 3_000, 200_000, 10**12])
def test_ignores_implausible_reports(tokens: int) -> None:
    calibration = Calibration()
    assert learn(calibration, Usage(input_tokens=tokens)) == DEFAULT_RATIO
    assert calibration.changes == 0


def test_learns_nothing_from_a_request_with_files() -> None:
    assert learn(Calibration(), Usage(input_tokens=40_000), size=BodySize(100_000, 1)) == DEFAULT_RATIO


@given(st.lists(st.tuples(st.integers(0, 10**8), st.integers(0, 10**12), st.integers(0, 10**12))))
def test_no_report_moves_the_ratio_out_of_its_bounds(reports: list[tuple[int, int, int]]) -> None:
    calibration = Calibration()
    for text, fresh, cached in reports:
        calibration.learn(KEY, BodySize(text), Usage(input_tokens=fresh, cache_read_input_tokens=cached))
        assert MIN_RATIO <= calibration.ratio(KEY) <= MAX_RATIO


def test_learns_from_the_first_answers_then_from_one_in_some() -> None:
    calibration = Calibration()
    due = [calibration.is_due(KEY, MIN_LEARNING_BYTES) for _ in range(FIRST_REPORTS + 4 * SAMPLE_EVERY)]
    assert all(due[:FIRST_REPORTS])
    assert sum(due[FIRST_REPORTS:]) == 4


def test_learns_nothing_from_a_small_request() -> None:
    assert not Calibration().is_due(KEY, MIN_LEARNING_BYTES - 1)


def test_learns_nothing_of_a_model_with_an_overlong_name() -> None:
    calibration = Calibration()
    assert not calibration.is_due((MINIMAX, "m" * 201), MIN_LEARNING_BYTES)
    assert list(calibration.kept()) == []
    assert calibration.is_due((MINIMAX, "m" * 200), MIN_LEARNING_BYTES)


def test_restores_what_was_kept() -> None:
    before, after = Calibration(), Calibration()
    learn(before, Usage(input_tokens=40_000))
    assert before.changes == 20
    for pair, ratio in before.kept():
        after.restore(pair, ratio)
    assert after.ratio(KEY) == before.ratio(KEY) < 2.6


@pytest.mark.parametrize("ratio", [0.0, MIN_RATIO - 0.1, MAX_RATIO + 0.1, float("nan"), float("inf")])
def test_ignores_a_kept_ratio_out_of_bounds(ratio: float) -> None:
    calibration = Calibration()
    calibration.restore(KEY, ratio)
    assert calibration.ratio(KEY) == DEFAULT_RATIO


def test_drops_the_model_used_longest_ago_if_there_are_too_many() -> None:
    calibration = Calibration()
    for number in range(MAX_MODELS):
        calibration.restore((MINIMAX, str(number)), 3.0)
    calibration.restore((MINIMAX, "0"), 3.0)
    calibration.restore((MINIMAX, "one more"), 3.0)
    kept = [model for (_, model), _ in calibration.kept()]
    assert len(kept) == MAX_MODELS
    assert "0" in kept
    assert "1" not in kept


def test_no_upstream_pushes_out_the_ratios_of_another() -> None:
    calibration = Calibration()
    calibration.restore((Upstream("another"), "m"), 3.0)
    for number in range(2 * MAX_PAIRS):
        calibration.restore((MINIMAX, str(number)), 3.0)
    assert calibration.ratio((Upstream("another"), "m")) == 3.0
