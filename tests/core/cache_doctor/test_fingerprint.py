"""What makes a difference to a prompt cache, and what does not."""

from __future__ import annotations

import json
import sys
from array import array
from collections import Counter
from typing import Any

import pytest

from claude_proxy.core.cache_doctor.fingerprint import Fingerprint, take_fingerprint
from claude_proxy.core.cache_doctor.prompt_pieces import SentPrompt
from core.builders import compact, request
from core.cache_doctor.prompts import HOUR, MARK, body, sent, taken, text, turns


def of(content: Any = "hello", **fields: Any) -> Fingerprint:
    """Return the fingerprint of a request with one message."""
    messages = [{"role": "user", "content": content}]
    return taken(SentPrompt(request(compact({"model": "m", "messages": messages, **fields})), {}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("hello", [text("hello", MARK)], id="a text that is marked"),
        pytest.param([text("a"), text("b")], [text("a", HOUR), text("b", MARK)], id="marks of blocks"),
        pytest.param(
            [{"type": "text", "text": "a"}],
            [{"cache_control": MARK, "type": "text", "text": "a"}],
            id="a mark in front",
        ),
        pytest.param([{"x": 1}], [{"x": 1, "cache_control": None}], id="no mark"),
        pytest.param('say "hi" \\', [text('say "hi" \\', MARK)], id="quotes"),
    ],
)
def test_a_mark_is_no_change(one: Any, other: Any) -> None:
    assert of(one).counting == of(other).counting
    assert of(one).sent != of(other).sent


def test_a_text_that_is_marked_may_stand_before_other_members() -> None:
    one, other = (
        taken(SentPrompt(request(compact({"model": "m", "messages": [{"role": "system", **message}]})), {}))
        for message in ({"content": "a", "output_config": {}}, {"content": [text("a", MARK)], "output_config": {}})
    )
    assert one.counting == other.counting


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("hello", "hello!", id="a text"),
        pytest.param([text("a"), text("b")], [text("b"), text("a")], id="the order"),
        pytest.param("a", [text("a"), text("")], id="a block more"),
        pytest.param([text("a", MARK)], [text("b", MARK)], id="a text that is marked"),
        pytest.param('"cache_control":null', '"cache_control":null,', id="a mark within a text"),
    ],
)
def test_another_content_is_a_change(one: Any, other: Any) -> None:
    assert of(one).counting != of(other).counting


def test_marks_with_space_around_them_are_no_change_either() -> None:
    raw = json.dumps({"model": "m", "messages": [{"role": "user", "content": [{"x": 1, "cache_control": HOUR}]}]})
    bare = json.dumps({"model": "m", "messages": [{"role": "user", "content": [{"x": 1}]}]})
    one, other = (taken(SentPrompt(request(each.encode()), {})) for each in (raw, bare))
    assert one.counting == other.counting


def test_says_for_how_long_the_last_marks_ask() -> None:
    assert (of().marked, of().for_an_hour) == (False, False)
    short, long = of([text("a", MARK)]), of([text("a", HOUR)])
    assert (short.marked, short.for_an_hour) == (True, False)
    assert (long.marked, long.for_an_hour) == (True, True)
    prompt = SentPrompt(request(body(turns(3), mark=HOUR)), {})
    assert taken(prompt, taken(prompt)).for_an_hour


def test_the_billing_block_of_anthropic_is_read_over() -> None:
    other = body(turns(1)).replace(b"cch=0", b"cch=abc")
    assert other != body(turns(1))
    for is_anthropic in (True, False):
        one, two = (taken(sent(raw, is_anthropic=is_anthropic)) for raw in (body(turns(1)), other))
        assert one.counting == two.counting


def test_a_text_behind_the_billing_header_counts() -> None:
    one, other = (
        of(system=f"x-anthropic-billing-header: cch={number};\n{words}") for number, words in ((1, "a"), (2, "b"))
    )
    same = of(system="x-anthropic-billing-header: cch=3;\na")
    assert one.counting == same.counting != other.counting


def test_a_known_fingerprint_makes_no_difference_to_the_result() -> None:
    long, longer = (sent(body(turns(count))) for count in (21, 23))
    assert taken(longer, taken(long)) == taken(longer)
    assert taken(long, taken(longer)) == taken(long)
    assert taken(long, of()) == taken(long)


def test_what_a_provider_has_read_is_not_hashed_again() -> None:
    long, longer = (sent(body(turns(count))) for count in (41, 43))
    known = taken(long)
    false = Fingerprint(known.sizes, array("q", [1]) * len(known), array("q", [2]) * len(known), True, False)
    found = take_fingerprint(longer, false, proven=True)
    assert found
    copied = list(found.counting).count(2)
    assert 0.7 * len(known) < copied < 0.9 * len(known)
    assert found.counting[copied:] == taken(longer).counting[copied:]
    other = sent(body([{"role": "user", "content": "another"}, *turns(41)[1:]]))
    unproven = take_fingerprint(other, false, proven=True)
    assert unproven
    assert list(unproven.counting).count(2) == 3  # up to the first piece of another size


def test_a_conversation_that_goes_back_within_what_was_read_needs_no_hash() -> None:
    known = taken(sent(body(turns(41))))
    short = {"role": "user", "content": [text("x" * 900, MARK)]}
    long = [*turns(40), short]
    found = take_fingerprint(sent(body(long[:10])), known, proven=True)
    assert found == taken(sent(body(long[:10])))
    raw = SentPrompt(request(compact({"model": "m", "messages": turns(3)})), {})
    more = SentPrompt(request(compact({"model": "m", "messages": turns(30)})), {})
    assert take_fingerprint(raw, taken(more), proven=True) == taken(raw)


def test_its_text_has_no_content() -> None:
    assert repr(of("secret", system="secret")) == "<Fingerprint of 4 pieces, 43 bytes>"


@pytest.mark.parametrize(
    "hostile",
    [
        b'"cache_control":{' * 20_000,
        b"," + b" " * 200_000 + b"x",
        b'"x-anthropic-billing-header' + b"\\\\" * 100_000,
        b'{"role":"user","content":[{"type":"text","text":"' + b'\\"' * 100_000,
        (b"," + b" " * 300) * 700,
    ],
)
def test_no_content_makes_it_slow(hostile: bytes) -> None:
    raw = compact(
        {"model": "m", "messages": [{"role": "user", "content": hostile.decode()}], "system": hostile.decode()}
    )
    in_a_text = taken(SentPrompt(request(raw), {}))
    assert len(in_a_text) == 4
    written = {"messages": b'[{"role":"user","content":[{"type":"text","text":"' + b'\\"' * 100_000 + b'"},1]}]'}
    assert len(taken(SentPrompt(request(raw), written))) == 4


def test_blanks_before_a_mark_and_many_marks_take_few_steps() -> None:
    bodies = [
        b'{"model":"m","messages":[{"role":"user","content":"x",' + b" " * 50_000 + b'"cache_control":null}]}',
        b'{"model":"m","messages":[{"content":[' + b",".join([b'{"cache_control":null}'] * 5_000) + b"]}]}",
    ]
    prompts = [SentPrompt(request(each), {}) for each in bodies]
    calls = Counter[str]()
    sys.setprofile(lambda _frame, event, _argument: calls.update([event]))
    try:
        for prompt in prompts:
            take_fingerprint(prompt)
    finally:
        sys.setprofile(None)
    assert calls.total() < 5_000
    assert taken(prompts[0]).counting == of("x").counting
