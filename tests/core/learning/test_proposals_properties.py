"""Whatever a provider says, what the user asked for in words stays."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.adapt import adapt
from claude_proxy.core.learning.proposals import MAX_RULES, propose_rules
from claude_proxy.core.learning.refused_fields import FIELDS
from core.builders import MODEL, candidate, compact, request
from core.refused_requests import BETAS, REQUEST, anthropic_error

TO = candidate()
SAID = ("Take temperature: Extra inputs are not permitted", "All of the document", "What was found")
ASKED: dict[str, Any] = {
    **REQUEST,
    "model": MODEL,
    "stream": True,
    "stop_sequences": ["STOP"],
    "tool_choice": {"type": "auto"},
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": SAID[0]},
                {"type": "document", "source": {"type": "text", "data": SAID[1]}},
                {"type": "search_result", "content": [{"type": "text", "text": SAID[2]}]},
            ],
        },
        *REQUEST["messages"],
    ],
}
SENT = request(compact(ASKED), ((b"anthropic-beta", BETAS.encode()),))
PROTECTED = ("model", "max_tokens", "stream", "stop_sequences", "tool_choice")

names = st.sampled_from(
    [
        *PROTECTED,
        *sorted(FIELDS),
        *("messages", "system", "tools", "user", "assistant", "role", "content", "type", "input", "signature"),
        *("text", "tool_use", "tool_result", "image", "document", "search_result", "adaptive", "effort-2025-11-24"),
        *("messages.0.content.0.text", "messages[1].role", "system.0.text", "tools.0.name", "tools[0].input_schema"),
    ]
)
phrases = st.sampled_from(
    [
        "{}: Extra inputs are not permitted",
        "unknown field `{}`",
        "unknown variant `{}`, expected `{}`",
        "{} is not supported",
        "this model does not support {}",
        "{}: Input tag '{}' found using 'type' does not match any of the expected tags",
        'Unexpected role "{}"',
        "Unexpected value(s) `{}` for the `anthropic-beta` header",
        "`{}` and `{}` cannot both be specified",
        "{} must be passed back",
        "Invalid `signature` in `thinking` block",
        "must start with a thinking block",
        "illegal request",
    ]
)
complaints = st.lists(st.builds(lambda phrase, name: phrase.replace("{}", name), phrases, names), max_size=5)


@given(complaints, st.sampled_from([". ", "\n", " "]), st.booleans())
def test_no_error_removes_what_was_asked_for(told: list[str], between: str, bare: bool) -> None:
    error = between.join(told)
    for lesson in propose_rules(400, error.encode() if bare else anthropic_error(error), adapt(SENT, TO)):
        assert len(lesson.rules) <= MAX_RULES
        body = adapt(SENT, TO, lesson.rules).body
        mended = json.loads(body)
        assert [mended[name] for name in PROTECTED] == [ASKED[name] for name in PROTECTED]
        assert [tool["name"] for tool in mended["tools"]] == [tool["name"] for tool in ASKED["tools"]]
        for words in (*SAID, "say hi", "environment", "be brief"):
            assert words in body.decode()
