from __future__ import annotations

import re
from typing import Any

import pytest

from claude_proxy.core.adaptation.call_ids import plain_id
from claude_proxy.core.auth import Auth
from core.builders import MODEL, adapted, compact, read

ODD = "functions.Bash:0"


def messages(*ids: str) -> list[dict[str, Any]]:
    """Return a conversation with these calls, and their results."""
    calls = [{"type": "tool_use", "id": one, "name": "Bash", "input": {"id": ODD}} for one in ids]
    results = [{"type": "tool_result", "tool_use_id": one, "content": [{"type": "text", "text": ODD}]} for one in ids]
    return [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": [{"type": "text", "text": "so"}, *calls]},
        {"role": "user", "content": results},
    ]


@pytest.mark.parametrize("given", ["toolu_01Aq9", "call-1", "a", "0_-"])
def test_keeps_a_plain_id(given: str) -> None:
    assert plain_id(given) == given


@pytest.mark.parametrize("given", [ODD, "Bash:0", "a|b", "a b", "Größe", "\ud800", "x" * 400 + "."])
def test_makes_a_distinct_plain_id_of_an_odd_one(given: str) -> None:
    plain = plain_id(given)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", plain)
    assert plain_id(plain) == plain
    assert len({plain, plain_id(f"{given}:"), plain_id(given.replace(":", "."))}) == (3 if ":" in given else 2)


@pytest.mark.parametrize(
    "to", [{"is_anthropic": True}, {"checks_signatures": True}, {"plain_call_ids": True}, {"auth": Auth.CLIENT}]
)
def test_keeps_call_and_result_a_pair_for_providers_of_claude(to: dict[str, Any]) -> None:
    result = adapted({"messages": messages(ODD, "toolu_1", "Bash:1")}, **to)
    assert read(result)["messages"] == messages(plain_id(ODD), "toolu_1", plain_id("Bash:1"))
    assert result.changes == ("call-id*4",)


def test_changes_no_id_for_other_providers() -> None:
    assert adapted({"messages": messages(ODD)}).changes == ()


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"claude-opus-5-5","messages":[{"content":[{"tool_use_id" : "a","type":"tool_result"}]}]}',
        b'{"model":"claude-opus-5-5","messages":[{"content":[{"tool_use_id":"\\u0061","type":"tool_result"}]}]}',
        b'{"model":"claude-opus-5-5","messages":[{"content":[{"tool_use_id":7,"type":"tool_result"}]}, 8]}',
        b'{"model":"claude-opus-5-5","messages":{"tool_use_id":"a.b"}}',
        b'{"model":"claude-opus-5-5","metadata":{"tool_use_id":"a.b"}}',
    ],
)
def test_keeps_messages_without_odd_ids_byte_for_byte(body: bytes) -> None:
    assert adapted(body, is_anthropic=True).body == body


def test_writes_only_messages_with_odd_ids() -> None:
    kept = b'{"role":"user","content":[{"type":"tool_result","tool_use_id" : "a"}]}'
    call = b'{"role":"assistant","content":[{"type":"tool_use","id":"%b"}]}'
    result = b'{"role":"user","content":[{"type":"tool_result","tool_use_id":"%b"}]}'
    body = b'{"model":"claude-opus-5-5","messages":[' + b",".join((call, kept, call, result, kept)) + b"]}"
    plain = plain_id("a:1").encode()
    assert adapted(body % (b"a", b"a:1", b"a:1"), is_anthropic=True).body == body % (b"a", plain, plain)


@pytest.mark.parametrize("member", [b'"id" : "a:1"', b'"id":"a:1"', b'"id":"\\u0061:1"'])
def test_finds_it_however_it_is_written(member: bytes) -> None:
    call = b'{"role":"assistant","content":[{"type":"tool_use",%b}]}' % member
    body = b'{"model":"claude-opus-5-5","messages":[%b]}' % call
    [message] = read(adapted(body, is_anthropic=True))["messages"]
    assert message["content"][0]["id"] == plain_id("a:1")


def test_a_result_follows_its_call_whatever_the_order_of_the_members() -> None:
    question, call, result = messages(ODD)
    turned = dict(reversed(call.items()))
    assert list(turned) == ["content", "role"]
    assert read(adapted({"messages": [question, turned, result]}, is_anthropic=True))["messages"] == messages(
        plain_id(ODD)
    )


# Ids that stand twice


def turn(*ids: str) -> list[dict[str, Any]]:
    """Return calls with these ids, and their results, which say which call they belong to."""
    calls = [{"type": "tool_use", "id": one, "name": "Bash", "input": {"n": n}} for n, one in enumerate(ids)]
    results = [{"type": "tool_result", "tool_use_id": one, "content": f"of {n}"} for n, one in enumerate(ids)]
    return [{"role": "assistant", "content": calls}, {"role": "user", "content": results}]


def ids_in(conversation: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the ids of each call and of the result that says it is its own; raise if they are no pairs."""
    pairs = list[tuple[str, str]]()
    for call, result in zip(conversation[::2], conversation[1::2], strict=True):
        for use, of in zip(call["content"], result["content"], strict=True):
            assert of["content"] == f"of {use['input']['n']}"
            pairs.append((use["id"], of["tool_use_id"]))
    return pairs


REPEATED: list[list[tuple[str, ...]]] = [
    [("list_dir:0",), ("list_dir:0",), ("list_dir:0",)],
    [("list_dir:0", "list_dir:0", "read:1"), ("list_dir:0",)],
    [("call_0",), ("call_0", "call_1"), ("call_1", "call_0")],
    [("a", "a"), ("a_2",), ("a",), ("a_2", "a_3")],
    [("a_2",), ("a",), ("a",)],
    [("a:1",), ("a.1",), ("a:1",), (plain_id("a:1"),)],
    [("toolu_1",), ("toolu_2",), ("toolu_1",)],
    [("0",) * 8],
]


@pytest.mark.parametrize("turns", REPEATED)
def test_each_call_has_an_id_of_its_own_and_its_result_the_same(turns: list[tuple[str, ...]]) -> None:
    conversation = [message for ids in turns for message in turn(*ids)]
    pairs = ids_in(read(adapted({"messages": conversation}, is_anthropic=True))["messages"])
    assert all(call == result for call, result in pairs)
    assert len({call for call, _ in pairs}) == len(pairs)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", call) for call, _ in pairs)


@pytest.mark.parametrize("turns", REPEATED)
def test_each_turn_begins_with_what_the_turn_before_it_was_sent(turns: list[tuple[str, ...]]) -> None:
    conversation, before = [message for ids in turns for message in turn(*ids)], b""
    for length in range(1, len(conversation) + 1):
        sent = adapted(compact({"model": MODEL, "messages": conversation[:length]}), is_anthropic=True).body
        assert sent.startswith(before)
        before = sent.removesuffix(b"]}")


def test_the_first_of_the_same_ids_stays_and_so_does_what_is_not_affected() -> None:
    kept = b'{"role":"assistant","content":[{"type":"tool_use","id":"b" , "name":"x","input":{"id":"a"}}]}'
    call = b'{"role":"assistant","content":[{"type":"tool_use","id":"%b"}]}'
    result = b'{"role":"user","content":[{"type":"tool_result","tool_use_id":"%b"}]}'
    text = b'{"role" : "user","content":"\\"tool_use\\",\\"id\\":\\"a\\""}'
    given = (call % b"a", result % b"a", kept, result % b"b", text, call % b"a", result % b"a")
    sent = (*given[:5], call % b"a_2", result % b"a_2")
    body = b'{"model":"claude-opus-5-5","messages":[%b]}'
    assert adapted(body % b",".join(given), is_anthropic=True).body == body % b",".join(sent)


def test_a_call_without_a_result_leaves_the_next_turns_result_to_its_own_call() -> None:
    first, second = turn("a"), turn("a")
    interrupted = {"role": "user", "content": [{"type": "text", "text": "stop"}]}
    sent = read(adapted({"messages": [first[0], interrupted, *second]}, is_anthropic=True))["messages"]
    assert ids_in(sent[2:]) == [("a_2", "a_2")]


def test_calls_in_two_messages_in_a_row_get_their_results_in_order() -> None:
    first, second = turn("a"), turn("a")
    results = {"role": "user", "content": [*first[1]["content"], *second[1]["content"]]}
    sent = read(adapted({"messages": [first[0], second[0], results]}, is_anthropic=True))["messages"]
    assert [block["tool_use_id"] for block in sent[2]["content"]] == ["a", "a_2"]


def test_a_result_that_comes_twice_stays_with_its_call() -> None:
    first, second = turn("a"), turn("a")
    again = {"role": "user", "content": second[1]["content"] * 2}
    sent = read(adapted({"messages": [*first, second[0], again]}, is_anthropic=True))["messages"]
    assert [block["tool_use_id"] for block in sent[3]["content"]] == ["a_2", "a_2"]


@pytest.mark.parametrize("order", ["id first", "spaced"])
def test_finds_the_same_id_however_the_call_is_written(order: str) -> None:
    call = b'{"id":"a","type":"tool_use"}' if order == "id first" else b'{"type": "tool_use", "id": "a"}'
    message = b'{"role":"assistant","content":[%b]}' % call
    body = b'{"model":"claude-opus-5-5","messages":[%b,%b]}' % (message, message)
    first, second = read(adapted(body, is_anthropic=True))["messages"]
    assert (first["content"][0]["id"], second["content"][0]["id"]) == ("a", "a_2")


def test_providers_that_take_them_get_the_same_ids_twice() -> None:
    assert adapted({"messages": [*turn("a"), *turn("a")]}).changes == ()


def test_thousands_of_the_same_id_are_told_apart_in_one_pass() -> None:
    sent = read(adapted({"messages": turn(*["a"] * 20_000)}, is_anthropic=True))["messages"]
    assert ids_in(sent)[-1] == ("a_20000", "a_20000")
