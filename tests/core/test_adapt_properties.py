"""What holds for every request and every provider."""

from __future__ import annotations

import itertools
import json
import re
from random import Random
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.adapt import Adapted, adapt
from claude_proxy.core.adaptation.constraints import constraints_of
from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.ordered_rules import RULES, steps
from claude_proxy.core.adaptation.thinking_mode import THINKING_MODE
from claude_proxy.core.auth import Auth
from claude_proxy.core.request import MalformedRequestError, MessagesRequest
from claude_proxy.core.routing import Candidate
from claude_proxy.core.traits import ForcedTool, Kind, ModelFacts, Rule, Thinking, Traits
from core.builders import MODEL, compact, provider, request, rules

BILLING = "x-anthropic-billing-header: 1"
MANUAL = {"type": "enabled", "budget_tokens": 2000}
MAKERS = ("minimax", "zai", "deepseek", "unknown", "")
OWNERS = {f"{maker}-signature": provider(maker).upstream for maker in MAKERS[:3]}

texts = st.sampled_from(["hi", '"image" "thinking"', "\u00e9\n", ""])
names = st.sampled_from(
    [
        "temperature",
        "thinking",
        "thinking.display",
        "output_config.effort",
        "context_management",
        "image",
        "document",
        "tool_reference",
        "system",
        "server_tool_use",
        "web_search_tool_result",
        "redacted_thinking",
        "unknown",
        "all",
        "defer_loading",
        "strict",
        "a",
        "a.b",
        "x",
    ]
)
learned = st.frozensets(st.builds(Rule, st.sampled_from(Kind), names), max_size=6)
traits = st.builds(
    Traits,
    is_anthropic=st.booleans(),
    rejects=learned,
    thinking_on_tool_turns=st.booleans(),
    server_tools=st.sampled_from([None, (), ("web_search_",)]),
    efforts=st.sampled_from([(), ("high", "max")]),
    effort_without_thinking=st.booleans(),
)
facts = st.builds(
    ModelFacts,
    max_output=st.sampled_from([None, 1, 1024, 32000]),
    images=st.sampled_from([None, False, True]),
    thinking=st.sampled_from([None, *Thinking]),
    forced_tool=st.sampled_from(ForcedTool),
)


@st.composite
def candidates(draw: st.DrawFn, allowed: st.SearchStrategy[Traits] = traits) -> Candidate:
    known = MappingProxyType({MODEL: draw(facts)})
    auth = draw(st.sampled_from([Auth.BEARER, Auth.CLIENT]))
    name = draw(st.sampled_from(MAKERS[:3]))
    return Candidate(provider(name, facts=known, traits=draw(allowed), auth=auth), MODEL)


def text(of: str) -> dict[str, Any]:
    return {"type": "text", "text": of}


signatures = st.sampled_from([f"{maker}-signature" for maker in MAKERS[:4]] + [""])
thoughts = st.one_of(
    st.builds(
        lambda signature, said: {"type": "thinking", "thinking": said, "signature": signature}, signatures, texts
    ),
    st.builds(lambda data: {"type": "redacted_thinking", "data": data}, signatures),
    st.just({"type": "thinking", "thinking": "Hm."}),
)
files = st.sampled_from(
    [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}},
        {"type": "document", "source": {"type": "text", "data": "All of it."}, "cache_control": {"type": "ephemeral"}},
        {"type": "tool_reference", "tool_name": "Later"},
    ]
)
searches = st.just(
    [
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"type": "web_search_result", "url": "u"}]},
    ]
)
system_messages = st.lists(st.builds(lambda said: {"role": "system", "content": said}, texts), max_size=2)
asked = st.one_of(texts, st.lists(st.one_of(texts.map(text), files), min_size=1, max_size=3))


@st.composite
def exchanges(draw: st.DrawFn, number: int) -> list[dict[str, Any]]:
    """One question with its answer: thinking, a search, a tool and its result."""
    messages = [*draw(system_messages), {"role": "user", "content": draw(asked)}, *draw(system_messages)]
    answer = [*draw(st.lists(thoughts, max_size=2)), *draw(st.one_of(st.just([]), searches))]
    if draw(st.booleans()):
        call = {"type": "tool_use", "id": f"t{number}", "name": "Read", "input": {"type": "image", "thinking": 1}}
        result = {"type": "tool_result", "tool_use_id": f"t{number}", "content": draw(asked)}
        messages += [{"role": "assistant", "content": [*answer, call]}, *draw(system_messages)]
        messages += [{"role": "user", "content": [result, *draw(st.lists(files, max_size=1))]}, *draw(system_messages)]
        answer = draw(st.lists(thoughts, max_size=1))
    return [*messages, {"role": "assistant", "content": [*answer, text("hello")]}]


conversations = st.lists(st.integers(), max_size=4).flatmap(
    lambda turns: st.tuples(*(exchanges(number) for number in range(len(turns) + 1)))
)
tops = st.fixed_dictionaries(
    {"max_tokens": st.sampled_from([1000, 64000])},
    optional={
        "thinking": st.sampled_from([{"type": "adaptive", "display": "omitted"}, {"type": "disabled"}, MANUAL]),
        "system": st.sampled_from([f"{BILLING}\nhi", [text(BILLING), text("hi")]]),
        "tools": st.lists(
            st.sampled_from(
                [
                    {"name": "Read", "input_schema": {}, "defer_loading": True},
                    {"type": "web_search_20250305", "name": "web_search"},
                    {"type": "tool_search_tool_regex_1", "name": "tool_search"},
                ]
            ),
            max_size=3,
        ),
        "tool_choice": st.sampled_from([{"type": "any"}, {"type": "tool", "name": "web_search"}]),
        "output_config": st.sampled_from([{"effort": "low"}, {"effort": "max", "x": 1}]),
        "context_management": st.just({"edits": [{"type": "clear_thinking_1"}]}),
        "temperature": st.just(1.0),
    },
)


def adapted(candidate: Candidate, body: bytes) -> Adapted:
    return adapt(request(body), candidate, (), OWNERS.get)


def bodies(top: dict[str, Any], turns: tuple[list[dict[str, Any]], ...]) -> list[bytes]:
    """Return what the client sends turn after turn: all that was said, and the beginning of something new."""
    said: list[dict[str, Any]] = []
    result = []
    for number, turn in enumerate(turns):
        for index, message in enumerate(turn):
            said.append(message)
            if message["role"] != "assistant" and (turn[index + 1]["role"] == "assistant"):
                result.append(compact({"model": MODEL, **top, "messages": said, "number": number}))
    return result


@given(candidates(), tops, conversations)
def test_adapting_twice_is_adapting_once(candidate: Candidate, top: Any, turns: Any) -> None:
    for body in bodies(top, turns)[-2:]:
        once = adapted(candidate, body)
        assert adapted(candidate, once.body).body == once.body


@given(candidates(), tops, conversations)
def test_what_is_sent_in_one_turn_begins_what_is_sent_in_the_next(candidate: Candidate, top: Any, turns: Any) -> None:
    sent = [seen(adapted(candidate, body).body) for body in bodies(top, turns)]
    for before, after in itertools.pairwise(sent):
        assert after[: len(before)] == before


def family(change: str) -> str:
    return re.split(r"[:*]", change)[0]


DOCUMENTED = {family(word) for rule in RULES for word in rule.records}


@given(candidates(), tops, conversations)
def test_each_change_was_described(candidate: Candidate, top: Any, turns: Any) -> None:
    provider, rejects = candidate.provider, candidate.provider.traits.rejects
    for rule in RULES:
        draft = Draft(request(bodies(top, turns)[-1]), constraints_of(candidate, frozenset()), OWNERS.get)
        for step in steps([rule]):
            step(draft)
        if draft.changes.words() and provider.auth is not Auth.CLIENT:
            described = any(rule.describe(provider.traits, candidate.facts))
            rejected = any({rejected, rejected.kind} & set(rule.rejections) for rejected in rejects)
            assert {family(word) for word in draft.changes.words()} <= DOCUMENTED
            assert described or rejected or (rule is THINKING_MODE and Rule(Kind.FIELD, "thinking") in rejects)


def seen(body: bytes) -> list[Any]:
    """Return system prompt and conversation as a model sees them: blocks, each with its role, without cache marks."""
    read = json.loads(body)
    blocks: list[Any] = [read.get("system"), read.get("tools")]
    for message in read["messages"]:
        content = message["content"]
        for block in [text(content)] if isinstance(content, str) else content:
            kept = {name: value for name, value in block.items() if name != "cache_control"}
            if kept != text(""):
                blocks.append((message["role"], kept))
    return blocks


@given(candidates(), tops, conversations)
def test_what_is_sent_is_still_a_conversation(candidate: Candidate, top: Any, turns: Any) -> None:
    for body in bodies(top, turns)[-1:]:
        read = json.loads(adapted(candidate, body).body)
        roles = {message["role"] for message in read["messages"]}
        assert roles <= {"user", "assistant", "system"}
        if Rule(Kind.ROLE, "system") in candidate.provider.traits.rejects:
            assert "system" not in roles or candidate.provider.auth is Auth.CLIENT
        before: set[str] = set()
        for message in read["messages"]:
            if message["role"] == "system":
                continue
            assert message["content"] or message["role"] == "user"
            blocks = message["content"] if isinstance(message["content"], list) else []
            results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
            assert set(results) == before
            assert [block["type"] for block in blocks[: len(results)]] == ["tool_result"] * len(results)
            before = {block["id"] for block in blocks if block["type"] == "tool_use"}
            server = [block.get("id", block.get("tool_use_id")) for block in blocks if block["type"] in SERVER_BLOCKS]
            assert len(server) in (0, 2)


SERVER_BLOCKS = ("server_tool_use", "web_search_tool_result")


@given(candidates(), tops, conversations, st.integers().map(Random))
def test_the_way_of_writing_makes_no_difference(candidate: Candidate, top: Any, turns: Any, how: Random) -> None:
    for body in bodies(top, turns)[-1:]:
        plain, odd = adapted(candidate, body), adapted(candidate, written(json.loads(body), how).encode())
        assert (json.loads(odd.body), odd.changes) == (json.loads(plain.body), plain.changes)


def written(value: Any, how: Random) -> str:
    """Write JSON with members in any order, and spaces."""
    space = how.choice(["", " ", "\n"])
    if isinstance(value, list):
        return f"[{space}{f',{space}'.join([written(one, how) for one in value])}]"
    if not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=how.choice([True, False]))
    members = [f"{json.dumps(name)}{space}:{written(one, how)}" for name, one in value.items()]
    how.shuffle(members)
    return f"{{{space}{','.join(members)}{space}}}"


@given(conversations, tops)
def test_a_request_with_nothing_to_adapt_leaves_as_it_came(turns: Any, top: Any) -> None:
    to = Candidate(provider(traits=Traits(is_anthropic=False)), "k3")
    top = {name: value for name, value in top.items() if name != "system"}
    for body in bodies(top, turns)[-1:]:
        result = adapt(request(body), to)
        assert result.body == body.replace(b'"model":"%b"' % MODEL.encode(), b'"model":"k3"', 1)
        assert result.changes == ()


anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        texts,
        st.just("system"),
        st.sampled_from(["assistant", "user", "thinking", "image", "enabled", "web_search_1", "tool_result", "any"]),
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "role",
                    "content",
                    "type",
                    "thinking",
                    "signature",
                    "text",
                    "edits",
                    "effort",
                    "source",
                    "tool_use_id",
                    "id",
                    "name",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
fields = st.dictionaries(
    st.sampled_from(
        [
            "messages",
            "system",
            "tools",
            "tool_choice",
            "thinking",
            "output_config",
            "max_tokens",
            "context_management",
            "a",
            "x",
            "mcp_servers",
        ]
    ),
    anything,
)


@given(candidates(), fields, st.integers(0, 2))
def test_no_json_is_too_odd(candidate: Candidate, odd: dict[str, Any], indent: int) -> None:
    body = json.dumps({"model": MODEL, **odd}, indent=indent or None).encode()
    once = adapted(candidate, body)
    json.loads(once.body)
    assert adapted(candidate, once.body).body == once.body


DEEP = b"[" * 5000 + b"]" * 5000
ALL = tuple(
    f"{kind}:{name}"
    for kind, name in [
        ("role", "system"),
        ("block", "image"),
        ("thinking", "all"),
        ("field", "a.b"),
        ("mark", "cache_control"),
    ]
)


@pytest.mark.parametrize(
    "odd",
    [
        b"1e999",
        b"-1e999",
        b"1" * 500,
        b'"\\ud800"',
        b'{"type":"image","type":"enabled","budget_tokens":1e999}',
        b'{"b":"\\ud800","effort":"\\ud800","type":"thinking"}',
        DEEP,
        b'"\xff"',
        b'{"type":"enabled","\xff":1}',
        b'[{"type":"thinking","thinking":"x","signature":"\xff"},{"type":"image"}]',
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"claude-opus-5-5","messages":%b}',
        b'{"model":"claude-opus-5-5","messages":[%b]}',
        b'{"model":"claude-opus-5-5","messages":[{"role":"assistant","content":%b}]}',
        b'{"model":"claude-opus-5-5","messages":[{"role":"assistant","content":[%b,{"type":"image"}]}]}',
        b'{"model":"claude-opus-5-5","messages":[{"role":%b,"content":[{"type":"thinking","thinking":%b}]}]}',
        b'{"model":"claude-opus-5-5","messages":[{"role":"assistant","content":[{"type":"thinking","signature":%b}]}]}',
        b'{"model":"claude-opus-5-5","system":%b,"tools":%b,"thinking":%b,"max_tokens":%b,"a":%b,"output_config":%b}',
        b'{"model":"claude-opus-5-5","system":["x-anthropic-billing-header",%b],"tools":[%b],"tool_choice":%b}',
    ],
)
def test_nor_is_any_that_only_looks_like_json(body: bytes, odd: bytes) -> None:
    known = MappingProxyType({MODEL: ModelFacts(max_output=1, thinking=Thinking.ENABLED, forced_tool=ForcedTool.NO)})
    strict = Traits(
        is_anthropic=True,
        checks_signatures=True,
        rejects=rules(*ALL),
        thinking_on_tool_turns=True,
        server_tools=(),
        efforts=("a",),
    )
    try:
        sent = MessagesRequest.parse("/v1/messages", b"", (), body.replace(b"%b", odd))
    except MalformedRequestError:
        return
    result = adapt(sent, Candidate(provider(traits=strict, facts=known), MODEL), (), OWNERS.get)
    assert msgspec.json.decode(result.body, type=dict[str, msgspec.Raw])
