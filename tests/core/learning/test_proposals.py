"""Whatever form an error has, and whatever a provider says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.adapt import Adapted
from claude_proxy.core.learning.proposals import MAX_RULES, propose_rules
from core.refused_requests import EXTRA, IMAGE, anthropic_error, rules_from, sent_request

WRAPPED = json.dumps({"error": {"type": "invalid_request_error", "message": f"thinking.display: {EXTRA}"}})
VLLM = (
    "1 validation error:\n  {'type': 'literal_error', 'loc': ('body', 'messages', 1, 'role'), "
    "'msg': \"Input should be 'user' or 'assistant'\", 'input': 'system'}"
)


def fastapi(*loc: str | int, kind: str, msg: str, given: object = None) -> bytes:
    return json.dumps({"detail": [{"type": kind, "loc": ["body", *loc], "msg": msg, "input": given}]}).encode()


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        (
            fastapi("messages", 1, "role", kind="literal_error", msg="Input should be 'user' or 'assistant'"),
            ["role:system"],
        ),
        (
            fastapi("context_management", kind="extra_forbidden", msg=EXTRA, given={"edits": []}),
            ["field:context_management"],
        ),
        (
            fastapi(
                "messages",
                3,
                "content",
                1,
                "type",
                kind="literal_error",
                msg="Input should be 'text'",
                given="document",
            ),
            ["block:document"],
        ),
        (
            json.dumps(
                {"errors": [{"loc": ["body", "messages", 1, "role"], "msg": "Input should be 'user' or 'assistant'"}]}
            ).encode(),
            ["role:system"],
        ),
        (
            json.dumps({"object": "error", "message": VLLM, "type": "Bad Request", "code": 400}).encode(),
            ["role:system"],
        ),
        (json.dumps({"error": {"message": "not known", "param": "context_management"}}).encode(), []),
        (
            json.dumps({"error": {"message": "Unknown parameter", "param": "context_management"}}).encode(),
            ["field:context_management"],
        ),
        (
            json.dumps({"error": {"code": 400, "message": WRAPPED, "status": "INVALID_ARGUMENT"}}).encode(),
            ["field:thinking.display"],
        ),
        (
            json.dumps(
                {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": WRAPPED}}}
            ).encode(),
            ["field:thinking.display"],
        ),
        (
            json.dumps(
                {"type": "error", "error": {"type": "request_fail", "upstream_error": json.loads(WRAPPED)}}
            ).encode(),
            ["field:thinking.display"],
        ),
        (
            f"litellm.BadRequestError: AnthropicException - {WRAPPED}. Received Model Group=x".encode(),
            ["field:thinking.display"],
        ),
        (b'[{"error":{"code":400,"message":"Thought signature is not valid."}}]', ["thinking:unknown"]),
        (b'{"error":5,"message":null}', []),
        (b'{"base_resp":{"status_code":2013,"status_msg":"invalid params"}}', []),
    ],
)
def test_reads_the_forms_that_errors_have(body: bytes, rules: list[str]) -> None:
    assert rules_from(body) == rules
    assert rules_from(body, status=422) == rules


def test_learns_everything_that_one_error_lists() -> None:
    detail = [{"loc": ["body", name], "msg": EXTRA} for name in ("context_management", "output_config", "nonsense")]
    expected = ["field:context_management", "field:output_config.effort"]
    assert rules_from(json.dumps({"detail": detail}).encode(), status=422) == expected
    both = "Unexpected value(s) `effort-2025-11-24`, `context-1m-2025-08-07` for the `anthropic-beta` header."
    assert rules_from(anthropic_error(both)) == ["beta:context-1m-2025-08-07", "beta:effort-2025-11-24"]
    names = [f"beta-{number}" for number in range(MAX_RULES + 5)]
    many = anthropic_error(f"Unexpected value(s) {', '.join(names)} for the anthropic-beta header")
    assert len(rules_from(many, sent_request(betas=",".join(names)))) == MAX_RULES


def test_proposes_to_drop_foreign_thinking_first_then_all_of_it() -> None:
    error = anthropic_error("messages.1.content.0: Invalid `signature` in `thinking` block")
    found = propose_rules(400, error, sent_request())
    told = [({str(rule) for rule in lesson.rules}, lesson.lasting) for lesson in found]
    assert told == [({"thinking:unknown"}, True), ({"thinking:all"}, False)]


def test_learns_nothing_from_what_an_error_quotes_after_the_path() -> None:
    quoted = (
        "messages.0.content: too long: 'unknown field `metadata`, context_management: Extra inputs are not permitted'"
    )
    assert rules_from(anthropic_error(quoted)) == []


def test_keeps_what_the_user_asked_for() -> None:
    request = sent_request(output_config={"effort": "high", "format": {"type": "json_schema"}})
    assert rules_from(anthropic_error(f"output_config: {EXTRA}"), request) == []
    # nor may what was learned of another request, which had none, take it out of the next one
    assert rules_from(anthropic_error(f"output_config: {EXTRA}")) == ["field:output_config.effort"]
    assert rules_from(anthropic_error(f"output_config.effort: {EXTRA}"), request) == ["field:output_config.effort"]


@pytest.mark.parametrize("status", [401, 403, 413, 429, 504, 529])
def test_learns_nothing_from_other_statuses(status: int) -> None:
    assert rules_from(anthropic_error(f"context_management: {EXTRA}"), status=status) == []


def test_reads_only_the_beginning_of_an_error() -> None:
    assert rules_from(b"x" * 5000 + b"invalid beta flag") == []
    assert rules_from(anthropic_error("x" * 5000 + " invalid beta flag")) == []
    assert rules_from(b'{"message":"invalid beta flag","x":"' + b"x" * 2**20 + b'"}') == ["beta:*"]  # read as a text


@pytest.mark.parametrize(
    "request_body",
    [b"", b"[]", b'{"messages":5}', b'{"messages":[{"content":[{"type":5}]}]}', b"{" * 9, b'{"tools":[1]}'],
)
def test_accepts_a_request_of_any_form(request_body: bytes) -> None:
    odd = Adapted(b"POST / HTTP/1.1\r\n\r\n", request_body, "m")
    for message in ("System messages are not allowed", "unknown field `strict`", "Model only support text input"):
        assert rules_from(anthropic_error(message), odd) == []


def test_does_not_follow_blocks_nested_too_deep() -> None:
    block: dict[str, Any] = IMAGE
    for _ in range(20):
        block = {"type": "tool_result", "content": [block]}
    request = sent_request(messages=[{"role": "user", "content": [block]}])
    assert rules_from(anthropic_error("Model only support text input"), request) == []


def test_does_not_follow_errors_nested_too_deep() -> None:
    error: dict[str, Any] = {"message": "invalid beta flag"}
    for _ in range(20):
        error = {"error": error}
    assert rules_from(json.dumps(error).encode()) == []


WORDS = [
    "thinking",
    "messages.1.role: ",
    "unknown field `",
    "not supported",
    "'loc': ('body', ",
    '"message": "',
    "{",
    "\\",
]


@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=20)), st.binary(max_size=50))
def test_raises_nothing_whatever_a_provider_says(words: list[str], noise: bytes) -> None:
    text = "".join(words)
    for body in (noise, text.encode(errors="replace") + noise, anthropic_error(text.encode(errors="replace").decode())):
        propose_rules(400, body, sent_request())
