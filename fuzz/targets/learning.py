"""What an error teaches: only rules about what was sent, and the request without it is still a request."""

from __future__ import annotations

import json

from fuzz.source import Source
from fuzz.targets.requests import FACTS, MODEL, TRAITS, candidate, read

from claude_proxy.core.adapt import adapt
from claude_proxy.core.learning.error_texts import MAX_CHARACTERS, MAX_TEXTS, error_texts
from claude_proxy.core.learning.proposals import MAX_RULES, propose_rules
from claude_proxy.core.messages import MESSAGES_PATH, error_body
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.traits import Kind

SENT = {
    "model": MODEL,
    "max_tokens": 64,
    "stream": True,
    "system": [{"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral", "scope": "global"}}],
    "thinking": {"type": "adaptive", "display": "omitted"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015"}]},
    "output_config": {"effort": "high"},
    "metadata": {"user_id": "u"},
    "temperature": 1,
    "top_k": 4,
    "tools": [{"name": "t", "input_schema": {"type": "object"}, "strict": True, "defer_loading": True}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "hello"}, {"type": "image", "source": {}}]},
        {"role": "system", "content": "the date has changed"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "tool_use", "id": "t.1", "name": "t", "input": {}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t.1", "content": "done"}]},
    ],
}
BODY = json.dumps(SENT, separators=(",", ":")).encode()
HEADERS = ((b"anthropic-beta", b"context-1m-2025-08-07,effort-2025-11-24"),)
REQUEST = MessagesRequest.parse(MESSAGES_PATH, b"", HEADERS, BODY)
NEVER_CHANGED = ("model", "max_tokens", "stream")


def check(data: bytes) -> None:
    """Check one error, as a body and as the message of one."""
    source = Source(data)
    to = candidate(source.choice(TRAITS), source.choice(FACTS))
    status = source.choice([400, 415, 422, 501])
    sent = adapt(REQUEST, to)
    for body in (source.rest, error_body("invalid_request_error", source.text())):
        texts = error_texts(body)
        assert len(texts) <= MAX_TEXTS
        assert sum(map(len, texts)) <= MAX_CHARACTERS
        for proposal in propose_rules(status, body, sent):
            assert 0 < len(proposal.rules) <= MAX_RULES
            adapted = adapt(REQUEST, to, proposal.rules)
            fields = json.loads(adapted.body)
            assert all(fields[name] == SENT[name] or name == "max_tokens" for name in NEVER_CHANGED)
            assert b"hello" in adapted.body
            assert b"the date has changed" in adapted.body
            again = read(adapted.body)
            assert again is not None
            assert adapt(again, to, proposal.rules).body == adapted.body
            named = {rule.name for rule in proposal.rules if rule.kind is Kind.FIELD}
            assert all(name.partition(".")[0].encode() in sent.body for name in named)
