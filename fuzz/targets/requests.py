"""A client's request: read without a copy, and adapted to any provider without harm to what it asks for."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

from fuzz.source import Source

from claude_proxy.core.adapt import adapt
from claude_proxy.core.auth import Auth
from claude_proxy.core.messages import MESSAGES_PATH
from claude_proxy.core.request import MalformedRequestError, MessagesRequest
from claude_proxy.core.routing import Candidate
from claude_proxy.core.traits import ForcedTool, ModelFacts, Rule, Thinking, Traits
from claude_proxy.core.types import Origin, Provider

MODEL = "claude-opus-5-5"
RULES = tuple(
    map(
        Rule.parse,
        (
            *("field:temperature", "field:thinking", "field:output_config.effort", "field:context_management"),
            *("tool_field:strict", "beta:*", "block:image", "block:document", "block:tool_reference", "role:system"),
            *("thinking:all", "thinking:unknown", "thinking_mode:adaptive", "thinking_mode:enabled"),
            *("mark:cache_control", "mark:cache_control.scope", "requires:thinking_on_tool_turns"),
            "requires:plain_call_ids",
        ),
    )
)
TRAITS = (
    Traits(),
    Traits(is_anthropic=True, checks_signatures=True),
    Traits(server_tools=(), efforts=("high", "max"), effort_without_thinking=False),
    Traits(thinking_on_tool_turns=True, plain_call_ids=True, session_header="x-session"),
)
FACTS = (
    ModelFacts(),
    ModelFacts(max_output=1000, images=False, thinking=Thinking.ENABLED, forced_tool=ForcedTool.WITHOUT_THINKING),
    ModelFacts(thinking=Thinking.ADAPTIVE_ONLY, forced_tool=ForcedTool.NO),
    ModelFacts(thinking=Thinking.ENABLED_ONLY, max_output=100),
    ModelFacts(thinking=Thinking.ALWAYS),
)


def candidate(traits: Traits, facts: ModelFacts) -> Candidate:
    """Return a candidate with these properties."""
    provider = Provider(
        "fuzz", "https://fuzz.example/v", Origin("https", "fuzz.example", 443), Auth.BEARER, "sk-fuzz", "FUZZ_KEY"
    )
    return Candidate(_with(provider, traits, facts), MODEL)


def _with(provider: Provider, traits: Traits, facts: ModelFacts) -> Provider:
    from dataclasses import replace  # noqa: PLC0415

    return replace(provider, traits=traits, facts=MappingProxyType({MODEL: facts}))


def read(body: bytes) -> MessagesRequest | None:
    """Read a body; None if it is refused, with a text that can be sent."""
    try:
        return MessagesRequest.parse(MESSAGES_PATH, b"", (), body)
    except MalformedRequestError as error:
        assert str(error).encode()
        return None


def check(data: bytes) -> None:
    """Check one body and one candidate."""
    source = Source(data)
    to = candidate(source.choice(TRAITS), source.choice(FACTS))
    rules = frozenset(source.subset(RULES))
    request = read(source.rest)
    if request is None:
        return
    sent: dict[str, Any] = load(request.body)
    assert list(request.spans) == list(sent)
    for name, span in request.spans.items():
        assert same(load(request.body[span]), sent[name])
    adapted = adapt(request, to, rules)
    again = read(adapted.body)
    assert again is not None
    assert (
        adapted.head.endswith(b"content-length: %d\r\n\r\n" % len(adapted.body))
        or b"content-length: %d\r\n" % len(adapted.body) in adapted.head
    )
    assert adapted.head.count(b"\r\n\r\n") == 1
    for name, span in request.spans.items():
        if name not in CHANGEABLE:
            assert adapted.body[again.spans[name]] == request.body[span]
    assert adapt(again, to, rules).body == adapted.body


def load(body: bytes) -> Any:
    """Read JSON; what is not UTF-8 within a text goes on as it is, for the provider to judge."""
    return json.loads(body.decode("utf-8", "surrogateescape"))


def same(one: object, other: object) -> bool:
    """Whether two values are equal; NaN is no JSON, but Python's parser takes it."""
    return json.dumps(one) == json.dumps(other)


CHANGEABLE = frozenset(
    {
        *("model", "messages", "system", "tools", "tool_choice", "thinking", "temperature", "max_tokens"),
        *("context_management", "output_config", "mcp_servers"),
    }
)
