from __future__ import annotations

import pytest

from claude_proxy.core.model import Usage
from claude_proxy.core.usage import updated

BEFORE = Usage(1, 2, 3, 4)


@pytest.mark.parametrize(
    ("data", "usage"),
    [
        (
            b'{"type":"message_start","message":{"model":"m","usage":{"input_tokens":9,"output_tokens":0}}}',
            Usage(9, 0, 3, 4),
        ),
        (b'{"type":"message_delta","delta":{},"usage":{"output_tokens":50}}', Usage(1, 50, 3, 4)),
        (b'{"usage":{"cache_creation_input_tokens":7,"cache_read_input_tokens":8}}', Usage(1, 2, 7, 8)),
        (b'{"usage":{"output_tokens":null,"input_tokens":9,"service_tier":"x"}}', Usage(9, 2, 3, 4)),
        (b'{"usage":{"output_tokens":6},"message":{"usage":{"output_tokens":5}}}', Usage(1, 6, 3, 4)),
        (b'{"usage":{"output_tokens":1000000000000}}', Usage(1, 10**12, 3, 4)),
    ],
)
def test_the_newest_counts_hold_and_what_is_not_told_stays(data: bytes, usage: Usage) -> None:
    assert updated(BEFORE, data) == usage


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[DONE]",
        b'{"type":"ping"}',
        b'{"message":{}}',
        b'{"message":null,"usage":null}',
        b'{"usage":{"output_tokens":-1}}',
        b'{"usage":{"output_tokens":1000000000001}}',
        b'{"usage":{"output_tokens":"12"}}',
        b'{"usage":[]}',
    ],
)
def test_what_does_not_read_as_counts_changes_nothing(data: bytes) -> None:
    assert updated(BEFORE, data) == BEFORE
