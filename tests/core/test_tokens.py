from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.tokens import (
    DEFAULT_RATIO,
    EVERY,
    FIRST_REPORTS,
    MAX_PAIRS,
    MAX_RATIO,
    MIN_FILE_BYTES,
    MIN_RATIO,
    TOKENS_PER_FILE,
    WORTH_LEARNING,
    Calibration,
    FixedCount,
    Prompt,
    Weight,
    weighed,
)
from claude_proxy.core.types import Upstream, Usage

MINIMAX = Upstream("https://api.minimax.example")
PAIR = (MINIMAX, "MiniMax-M3")
TEXT = Weight(100_000)


def block(data: str) -> dict[str, object]:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


def body(*blocks: object) -> bytes:
    return json.dumps({"model": "opus", "messages": [{"role": "user", "content": blocks}]}).encode()


PICTURE = base64.b64encode(b"\xff\x01\x7e" * 30_000).decode()


# What a request weighs


def test_text_is_weighed_by_its_bytes() -> None:
    assert weighed(b"x" * 400) == Weight(400)
    assert Weight(400).tokens(4.0) == 100
    assert Weight(400).tokens(8.0) == 50
    assert Weight(0).tokens(4.0) == 1


@pytest.mark.parametrize("count", [1, 2, 5])
def test_each_file_counts_as_one_whatever_its_size(count: int) -> None:
    weight = weighed(body(*[block(PICTURE)] * count))
    assert weight.files == count
    assert weight.text < 200 * (count + 1)
    assert weight.tokens(4.0) == weight.text // 4 + count * TOKENS_PER_FILE


def test_what_is_short_or_no_base64_counts_as_text() -> None:
    for data in ("x" * (MIN_FILE_BYTES - 1), "a text. " * 1000):
        whole = body(block(data))
        assert weighed(whole) == Weight(len(whole))


def test_a_file_that_has_no_end_goes_to_the_end() -> None:
    assert weighed(b'{"data": "' + b"A" * 10_000) == Weight(1, 1)


def test_a_request_is_never_more_than_its_length_allows() -> None:
    """By which a short request needs no weighing."""
    for data in ("A" * MIN_FILE_BYTES, PICTURE):
        whole = body(*[block(data)] * 20)
        assert weighed(whole).tokens(MIN_RATIO) <= len(whole) / MIN_RATIO


def test_a_prompt_exceeds_a_limit_by_its_tokens() -> None:
    prompt = Prompt(b"x" * 40_000)
    assert prompt.exceeds(9_999, 4.0)
    assert not prompt.exceeds(10_000, 4.0)
    assert prompt.exceeds(10_000, 3.9)
    assert prompt.tokens(4.0) == 10_000


def test_a_prompt_full_of_files_is_not_judged_by_its_length() -> None:
    prompt = Prompt(body(*[block(PICTURE)] * 4))
    assert not prompt.exceeds(4 * TOKENS_PER_FILE + 500, 4.0)
    assert prompt.exceeds(4 * TOKENS_PER_FILE, 4.0)


def test_a_number_that_is_told_is_taken_as_it_is() -> None:
    assert FixedCount(200_000).tokens(1.5) == 200_000
    assert FixedCount(200_001).exceeds(200_000, 4.0)
    assert not FixedCount(200_000).exceeds(200_000, 4.0)


# What is learned of the ratio


def reports(calibration: Calibration, usage: Usage, times: int = 20, weight: Weight = TEXT) -> float:
    for _ in range(times):
        calibration.learn(PAIR, weight, usage)
    return calibration.ratio(PAIR)


def test_the_ratio_comes_near_to_what_is_reported() -> None:
    usage = Usage(
        input_tokens=5_000, cache_read_input_tokens=30_000, cache_creation_input_tokens=5_000, output_tokens=9
    )
    calibration = Calibration()
    assert calibration.ratio(PAIR) == DEFAULT_RATIO
    once = reports(calibration, usage, 1)
    assert 2.5 < once < DEFAULT_RATIO
    assert reports(calibration, usage) == pytest.approx(2.5, abs=0.01)
    assert calibration.ratio((MINIMAX, "other")) == DEFAULT_RATIO


@pytest.mark.parametrize(("tokens", "ends_at"), [(100_000, MIN_RATIO), (6_000, MAX_RATIO)])
def test_what_is_beyond_the_bounds_is_pulled_to_them(tokens: int, ends_at: float) -> None:
    assert reports(Calibration(), Usage(input_tokens=tokens), 100) == pytest.approx(ends_at)


@pytest.mark.parametrize("tokens", [0, 1, 3_000, 200_000, 10**12])
def test_absurd_reports_are_passed_over(tokens: int) -> None:
    calibration = Calibration()
    assert reports(calibration, Usage(input_tokens=tokens)) == DEFAULT_RATIO
    assert calibration.changes == 0


def test_a_request_with_files_tells_nothing() -> None:
    assert reports(Calibration(), Usage(input_tokens=40_000), weight=Weight(100_000, 1)) == DEFAULT_RATIO


@given(st.lists(st.tuples(st.integers(0, 10**8), st.integers(0, 10**12), st.integers(0, 10**12))))
def test_no_report_gets_the_ratio_out_of_its_bounds(told: list[tuple[int, int, int]]) -> None:
    calibration = Calibration()
    for text, fresh, cached in told:
        calibration.learn(PAIR, Weight(text), Usage(input_tokens=fresh, cache_read_input_tokens=cached))
        assert MIN_RATIO <= calibration.ratio(PAIR) <= MAX_RATIO


def test_the_first_answers_are_learned_from_and_then_one_in_some() -> None:
    calibration = Calibration()
    due = [calibration.due(PAIR, WORTH_LEARNING) for _ in range(FIRST_REPORTS + 4 * EVERY)]
    assert all(due[:FIRST_REPORTS])
    assert sum(due[FIRST_REPORTS:]) == 4


def test_a_small_request_is_not_worth_it() -> None:
    assert not Calibration().due(PAIR, WORTH_LEARNING - 1)


def test_nor_is_a_model_whose_name_is_no_name() -> None:
    calibration = Calibration()
    assert not calibration.due((MINIMAX, "m" * 201), WORTH_LEARNING)
    assert list(calibration.kept()) == []
    assert calibration.due((MINIMAX, "m" * 200), WORTH_LEARNING)


def test_what_is_kept_comes_back() -> None:
    before, after = Calibration(), Calibration()
    reports(before, Usage(input_tokens=40_000))
    assert before.changes == 20
    for pair, ratio in before.kept():
        after.restore(pair, ratio)
    assert after.ratio(PAIR) == before.ratio(PAIR) < 2.6


@pytest.mark.parametrize("ratio", [0.0, MIN_RATIO - 0.1, MAX_RATIO + 0.1, float("nan"), float("inf")])
def test_what_was_kept_wrong_is_passed_over(ratio: float) -> None:
    calibration = Calibration()
    calibration.restore(PAIR, ratio)
    assert calibration.ratio(PAIR) == DEFAULT_RATIO


def test_of_too_many_models_the_one_that_was_met_longest_ago_goes() -> None:
    calibration = Calibration()
    for number in range(MAX_PAIRS):
        calibration.restore((MINIMAX, str(number)), 3.0)
    calibration.restore((MINIMAX, "0"), 3.0)
    calibration.restore((MINIMAX, "one more"), 3.0)
    kept = [model for (_, model), _ in calibration.kept()]
    assert len(kept) == MAX_PAIRS
    assert "0" in kept
    assert "1" not in kept
