"""A request with everything that a provider may reject, and the rules inferred from an error about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from claude_proxy.core.adapt import Adapted
from claude_proxy.core.learning.proposals import propose_rules
from claude_proxy.core.messages import error_body

BETAS = "claude-code-20250219,context-1m-2025-08-07,prompt-caching-scope-2026-01-05,effort-2025-11-24"
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "c2lnbmVk"}
MARK = {"type": "ephemeral", "scope": "global", "ttl": "1h"}
CALL = {"type": "tool_use", "id": "t1", "name": "Read", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": [IMAGE, {"type": "tool_reference", "tool_name": "x"}]}
REQUEST: Mapping[str, Any] = {
    "model": "m",
    "max_tokens": 32000,
    "messages": [
        {"role": "user", "content": "say hi"},
        {"role": "system", "content": "environment"},
        {"role": "assistant", "content": [THOUGHT, CALL]},
        {"role": "user", "content": [RESULT, {"type": "document", "source": {}}]},
    ],
    "system": [{"type": "text", "text": "be brief", "cache_control": MARK}],
    "tools": [{"name": "Read", "input_schema": {}}, {"name": "Deferred", "defer_loading": True, "input_schema": {}}],
    "thinking": {"type": "adaptive", "display": "omitted"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015"}]},
    "output_config": {"effort": "high"},
    "metadata": {"user_id": "u"},
    "temperature": 0.2,
    "top_p": 0.9,
    "service_tier": "auto",
}
PLAIN = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "say hi"}]}


def sent_request(request: Mapping[str, Any] = REQUEST, betas: str = BETAS, **changes: Any) -> Adapted:
    """Return a request as it is sent; a field with None is left out."""
    fields = {name: value for name, value in {**request, **changes}.items() if value is not None}
    head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\n{f'anthropic-beta: {betas}' if betas else 'x: y'}\r\n\r\n"
    return Adapted(head.encode(), json.dumps(fields).encode(), "m")


def rules_from(body: bytes, request: Adapted | None = None, status: int = 400) -> list[str]:
    """Return the rules that are proposed first, with `!` before one for this request alone."""
    found = propose_rules(status, body, request or sent_request())
    return sorted(("" if found[0].lasting else "!") + str(rule) for rule in found[0].rules) if found else []


def anthropic_error(message: str) -> bytes:
    return error_body("invalid_request_error", message)


EXTRA = "Extra inputs are not permitted"
