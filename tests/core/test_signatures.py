from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.provenance import digest_of
from claude_proxy.core.signatures import MAX_MARK_BYTES, MAX_SIGNATURES, Signatures, signatures_in


def start(block: Mapping[str, Any], index: int = 0) -> bytes:
    return json.dumps({"type": "content_block_start", "index": index, "content_block": block}).encode()


def delta(signature: str, index: int = 0) -> bytes:
    piece = {"type": "signature_delta", "signature": signature}
    return json.dumps({"type": "content_block_delta", "index": index, "delta": piece}).encode()


def gathered(*events: bytes) -> set[str]:
    signatures = Signatures()
    for event in events:
        signatures.read(event)
    return set(signatures.take_hashes())


THINKING = {"type": "thinking", "thinking": "", "signature": ""}


def test_reads_a_signature_in_one_delta() -> None:
    assert gathered(start(THINKING), delta("abc")) == {digest_of("abc")}


def test_joins_the_pieces_of_a_signature_and_keeps_the_last_too() -> None:
    assert gathered(start(THINKING), delta("ab"), delta("cd"), delta("e")) == {digest_of("abcde"), digest_of("e")}


def test_reads_a_signature_in_the_start_of_its_block() -> None:
    assert gathered(start({"type": "thinking", "thinking": "", "signature": "xy"})) == {digest_of("xy")}


def test_takes_the_data_of_redacted_thinking_for_its_signature() -> None:
    assert gathered(start({"type": "redacted_thinking", "data": "secret"})) == {digest_of("secret")}


def test_tells_blocks_apart_by_their_index() -> None:
    assert gathered(delta("a", 0), delta("b", 2), delta("c", 0)) == {digest_of("ac"), digest_of("c"), digest_of("b")}


@pytest.mark.parametrize(
    "event",
    [
        start(THINKING),
        start({"type": "thinking", "signature": None}),
        start({"type": "tool_use", "input": {"signature": "x"}}),
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\\"signature\\":\\"x\\""}}',
        b'{"index":"zero","delta":{"signature":"x"}}',
        b'{"signature"',
        b'{"signature": "x"}',
    ],
)
def test_ignores_what_is_no_signature(event: bytes) -> None:
    assert gathered(event) == set()


def test_forgets_the_hashes_that_were_taken() -> None:
    signatures = Signatures()
    signatures.read(delta("a"))
    assert signatures.take_hashes() == [digest_of("a")]
    signatures.read(delta("b"))
    assert signatures.take_hashes() == [digest_of("b")]
    assert signatures.take_hashes() == []


def test_keeps_only_the_first_of_too_many_signatures() -> None:
    many = MAX_SIGNATURES + 10
    assert len(gathered(*(delta(f"s{n}", n) for n in range(many)), delta("more", 0))) == MAX_SIGNATURES + 1
    content = [{"type": "thinking", "thinking": "", "signature": f"s{n}"} for n in range(many)]
    assert len(signatures_in(json.dumps({"content": content}).encode())) == MAX_SIGNATURES


def test_ignores_a_signature_that_is_longer_than_all_thinking() -> None:
    assert gathered(delta("s" * (MAX_MARK_BYTES + 1)), delta("a", 1)) == {digest_of("a")}


def test_reads_the_signatures_of_a_whole_answer() -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "abc"},
        {"type": "redacted_thinking", "data": "def"},
        {"type": "text", "text": "hello"},
        {"type": "new_tool_result", "data": {"x": 1}, "signature": 7},
    ]
    assert signatures_in(json.dumps({"type": "message", "content": blocks}).encode()) == [
        digest_of("abc"),
        digest_of("def"),
    ]
    assert signatures_in(b'{"content": "signature"}') == []
    assert signatures_in(b'{"content": [{"signature": 5}], "signature": 1}') == []


@given(st.lists(st.binary() | st.sampled_from([b'"signature"', b'{"index":', b"[" * 2000, b'"redacted_thinking"'])))
def test_no_data_breaks_the_reading_of_signatures(pieces: list[bytes]) -> None:
    gathered(b"".join(pieces), *pieces)
    signatures_in(b"".join(pieces))
