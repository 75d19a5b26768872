"""Stop reasons that the API has not."""

from __future__ import annotations

import json

import pytest

from claude_proxy.core.answer_forms.stop_reasons import API_REASONS, api_reason, fault_of, with_api_reasons


@pytest.mark.parametrize("has_content", [True, False])
@pytest.mark.parametrize("reason", ["", *sorted(API_REASONS)])
def test_the_apis_own_are_no_fault_and_stay(reason: str, has_content: bool) -> None:
    assert (fault_of(reason, has_content=has_content), api_reason(reason)) == ("", reason)


@pytest.mark.parametrize(
    "reason", ["network_error", "timed_out", "timeout", "Cancelled", "upstream_unavailable", "failed"]
)
def test_a_failure_is_one_with_content_too(reason: str) -> None:
    assert fault_of(reason, has_content=True) == f'the answer stopped with "{reason}"'


@pytest.mark.parametrize("reason", ["stop", "length", "tool_calls", "content_filter", "something_new"])
def test_any_other_is_a_fault_without_content_alone(reason: str) -> None:
    assert fault_of(reason, has_content=False)
    assert not fault_of(reason, has_content=True)


@pytest.mark.parametrize(
    ("given", "expected"), [("length", "max_tokens"), ("TOOL_CALLS", "tool_use"), ("something_new", "something_new")]
)
def test_gives_the_apis_word(given: str, expected: str) -> None:
    block = b'event: message_delta\ndata: {"type":"message_delta","delta":{"a":1.50,"stop_reason":"%b"},"u": 2}\n\n'
    [name, data, *_] = with_api_reasons(block % given.encode()).split(b"\n")
    assert name == b"event: message_delta"
    assert json.loads(data[6:])["delta"]["stop_reason"] == expected
    assert b'"a":1.50' in data


@pytest.mark.parametrize(
    "block",
    [
        b'event: ping\ndata: {"delta":{"stop_reason":"stop"}}\n\n',
        b"event: message_delta\ndata: 7\n\n",
        b": hi\n\n",
        b"rest",
    ],
)
def test_leaves_all_else_byte_for_byte(block: bytes) -> None:
    assert with_api_reasons(block) == block


def test_of_a_long_reason_the_beginning_is_read() -> None:
    assert fault_of("error" + "x" * 1000, has_content=True)
    assert not fault_of("x" * 1000 + "error", has_content=True)
