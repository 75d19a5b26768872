from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.types import Usage
from claude_proxy.core.usage import Tally, usage_of

BEFORE = b'{"usage":{"input_tokens":1,"output_tokens":2,"cache_creation_input_tokens":3,"cache_read_input_tokens":4}}'


def told(*events: bytes, counts_cache: bool = False) -> Usage:
    tally = Tally(counts_cache=counts_cache)
    for event in events:
        tally.read(event)
    return tally.usage


def start(counts: str) -> bytes:
    return b'{"type":"message_start","message":{"model":"m","usage":{%b}}}' % counts.encode()


def delta(counts: str) -> bytes:
    return b'{"type":"message_delta","delta":{},"usage":{%b}}' % counts.encode()


@pytest.mark.parametrize(
    ("data", "usage"),
    [
        (start('"input_tokens":9,"output_tokens":5'), Usage(9, 5, 3, 4)),
        (delta('"output_tokens":50'), Usage(1, 50, 3, 4)),
        (b'{"usage":{"cache_creation_input_tokens":7,"cache_read_input_tokens":8}}', Usage(1, 2, 7, 8)),
        (b'{"usage":{"output_tokens":null,"input_tokens":9,"service_tier":"x"}}', Usage(9, 2, 3, 4)),
        (b'{"usage":{"output_tokens":6},"message":{"usage":{"output_tokens":5}}}', Usage(1, 6, 3, 4)),
        (b'{"usage":{"output_tokens":100000000}}', Usage(1, 10**8, 3, 4)),
        (delta('"input_tokens":-9,"output_tokens":6'), Usage(1, 6, 3, 4)),
    ],
)
def test_the_newest_counts_win_and_missing_ones_stay(data: bytes, usage: Usage) -> None:
    assert told(BEFORE, data) == usage


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[DONE]",
        b'{"type":"ping"}',
        b'{"message":{}}',
        b'{"message":null,"usage":null}',
        b'{"usage":{}}',
        b'{"usage":{"input_tokens":0,"output_tokens":0,"cache_read_input_tokens":0}}',
        b'{"usage":{"output_tokens":-1}}',
        b'{"usage":{"output_tokens":100000001}}',
        b'{"usage":{"output_tokens":1000000000000}}',
        b'{"usage":{"output_tokens":"12"}}',
        b'{"usage":{"output_tokens":true}}',
        b'{"usage":{"output_tokens":12.5}}',
        b'{"usage":[]}',
    ],
)
def test_a_zero_and_what_is_no_count_change_nothing(data: bytes) -> None:
    assert told(BEFORE, data) == usage_of(BEFORE) == Usage(1, 2, 3, 4)


@pytest.mark.parametrize(
    ("events", "usage"),
    [
        pytest.param([start('"input_tokens":0'), delta('"input_tokens":9')], Usage(9), id="zero at first"),
        pytest.param([start('"input_tokens":9'), delta('"input_tokens":0')], Usage(9), id="zero at last"),
        pytest.param([start('"input_tokens":9'), delta('"input_tokens":5')], Usage(5), id="the smaller one is newer"),
        pytest.param([delta('"output_tokens":5'), delta('"output_tokens":9')], Usage(0, 9), id="not summed"),
        pytest.param([delta('"output_tokens":9'), delta('"output_tokens":9')], Usage(0, 9), id="sent twice"),
        pytest.param([], Usage(), id="nothing told"),
    ],
)
def test_corrects_streams_that_count_oddly(events: list[bytes], usage: Usage) -> None:
    assert told(*events) == usage


@pytest.mark.parametrize(
    ("events", "fresh"),
    [
        pytest.param(['"input_tokens":100,"cache_read_input_tokens":80'], 20, id="read from the cache"),
        pytest.param(['"input_tokens":100,"cache_creation_input_tokens":30'], 70, id="written to it"),
        pytest.param(['"input_tokens":100', '"cache_read_input_tokens":80'], 20, id="told later"),
        pytest.param(['"input_tokens":100,"cache_read_input_tokens":80', '"input_tokens":100'], 20, id="told twice"),
        pytest.param(
            ['"input_tokens":100,"cache_read_input_tokens":80', '"input_tokens":20'], 20, id="taken off later"
        ),
        pytest.param(['"input_tokens":100,"cache_read_input_tokens":80', '"input_tokens":0'], 20, id="a zero is none"),
        pytest.param(['"input_tokens":9,"cache_read_input_tokens":80'], 0, id="never negative"),
        pytest.param(['"input_tokens":9'], 9, id="no cache"),
    ],
)
def test_subtracts_the_cache_if_the_provider_counts_it_as_input(events: list[str], fresh: int) -> None:
    assert told(*map(delta, events), counts_cache=True).input_tokens == fresh


def test_subtracts_nothing_if_the_provider_does_not_count_the_cache_as_input() -> None:
    whole = delta('"input_tokens":100,"cache_read_input_tokens":80')
    assert usage_of(whole) == Usage(100, 0, 0, 80)
    assert usage_of(whole, counts_cache=True) == Usage(20, 0, 0, 80)


counts: st.SearchStrategy[object] = st.sampled_from([None, "x", -1, 0, 1, 50, 10**13, True, []])


@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(("input_tokens", "cache_read_input_tokens"), counts))))
def test_no_count_is_ever_negative(usages: list[dict[str, object]]) -> None:
    tally = Tally(counts_cache=True)
    for usage in usages:
        tally.read(str({"usage": usage}).replace("'", '"').replace("None", "null").replace("True", "true").encode())
        assert tally.usage.input_tokens >= 0
        assert tally.usage.cache_read_input_tokens >= 0


def test_counts_that_cannot_be_read_leave_the_others() -> None:
    usage = '"input_tokens":{"a":[1,2]},"output_tokens":1.5,"cache_read_input_tokens":7,"x":[[]]'
    assert told(BEFORE, start(usage)) == Usage(1, 2, 3, 7)


@pytest.mark.parametrize(
    ("written", "for_an_hour"),
    [
        ('{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":5}', 5),
        ('{"ephemeral_5m_input_tokens":7}', 0),
        ('{"ephemeral_1h_input_tokens":900}', 7),  # never more than was written in all
        ("null", 0),
        ('"7"', 0),
        ("[]", 0),
    ],
)
def test_what_was_written_for_an_hour_is_told_apart(written: str, for_an_hour: int) -> None:
    counts = f'"cache_creation_input_tokens":7,"cache_creation":{written}'
    assert told(start(counts)) == Usage(0, 0, 7, 0, for_an_hour)
