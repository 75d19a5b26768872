from __future__ import annotations

from claude_proxy.core.continuation.continued_answer import MAX_RESTS, ContinuedAnswer
from claude_proxy.core.types import Usage
from core.builders import request
from core.continuation.answers import Text, ToolCall, stream_of

BODY = b'{"model":"claude-opus-5-5","messages":[{"role":"user","content":"go"}],"stream":true}'
HALF = b"".join(stream_of([Text(["I go on and on without an e"])])[:-3])
REST = b"".join(stream_of([Text(["without an end."])]))
CALL = b"".join(stream_of([ToolCall("Write", ["{}"])])[:-2])


def answer(*, holds: bool = True) -> ContinuedAnswer:
    return ContinuedAnswer(request(BODY), holds_tool_calls=holds)


def test_an_answer_in_one_stream_is_passed_on_as_it_is() -> None:
    whole = b"".join(stream_of([Text(["done"])]))
    made = answer()
    assert made.take(whole) == whole
    assert (made.rests, made.is_stuck, made.broken) == (0, False, False)


def test_an_answer_in_two_streams_goes_on_where_the_first_one_died() -> None:
    made = answer()
    made.take(HALF)
    made.died(Usage(10, 1))
    assert made.own_end() == b""
    rest = made.next_request()
    assert rest is not None
    assert rest.body != BODY
    made.begin_rest(counts_cache=False)
    assert b"d." in made.take(REST)
    assert (made.rests, made.is_stuck) == (1, False)


def test_a_rest_that_brings_nothing_new_is_stuck() -> None:
    made = answer()
    made.take(HALF)
    made.died(Usage())
    made.begin_rest(counts_cache=False)
    made.take(HALF)
    assert made.is_stuck


def test_it_is_not_gone_on_with_for_ever() -> None:
    made = answer()
    made.take(HALF)
    for _ in range(MAX_RESTS):
        made.died(Usage())
        assert made.next_request() is not None
        made.begin_rest(counts_cache=True)
    made.died(Usage())
    assert made.next_request() is None


def test_whole_tool_calls_end_an_answer_by_themselves() -> None:
    made = answer()
    made.take(CALL)
    made.died(Usage(10, 1))
    assert b'"stop_reason":"tool_use"' in made.own_end()
    assert made.next_request() is None


def test_a_broken_tool_call_is_known_only_if_calls_are_held() -> None:
    whole = b"".join(stream_of([ToolCall("Write", ["{half"])], "tool_use"))
    held, eager = answer(), answer(holds=False)
    assert b"Write" not in held.take(whole)
    assert held.broken
    assert eager.take(whole) == whole
    assert not eager.broken
    eager.died(Usage())
    eager.begin_rest(counts_cache=False)
    assert not eager.broken


def test_what_is_held_of_a_call_is_counted() -> None:
    call = b"".join(list(ToolCall("Write", ["{}"]).events(0))[:2])
    held, eager = answer(), answer(holds=False)
    held.take(call)
    eager.take(call)
    assert held.held_bytes == len(call)
    assert eager.held_bytes == 0
