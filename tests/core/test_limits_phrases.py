"""Providers' words for their limits where no code says it: what they mean, and what only looks like one of them."""

from __future__ import annotations

import pytest

from claude_proxy.core.limits import LONG_COOLDOWN
from claude_proxy.core.types import Fault, Reply
from core.limit_errors import FAST, JSON, LONG, NO_CREDIT, NO_MODEL, PLAN, SHORTER, error, judged

PHRASES = [
    ("You're out of extra usage", PLAN, LONG_COOLDOWN),
    ("You have reached your specified API usage limits.", PLAN, LONG_COOLDOWN),
    ("Claude AI usage limit reached|1", PLAN, LONG_COOLDOWN),
    ("usage limit reached for 5 hours", PLAN, 0.0),
    ("You have hit your 5-hour usage limit", PLAN, 0.0),
    ("You exceeded your quota for today", PLAN, 0.0),
    ("Weekly/Monthly Limit Exhausted.", PLAN, 0.0),
    ("daily limit reached", PLAN, 0.0),
    ("已达到使用上限", PLAN, 0.0),
    ("您的额度已用完", PLAN, 0.0),
    ("Your credit balance is too low", NO_CREDIT, LONG_COOLDOWN),
    ("Insufficient account balance", NO_CREDIT, LONG_COOLDOWN),
    ("insufficient funds", NO_CREDIT, LONG_COOLDOWN),
    ("you are out of credits", NO_CREDIT, LONG_COOLDOWN),
    ("This request requires more credits", NO_CREDIT, LONG_COOLDOWN),
    ("You exceeded your current quota", NO_CREDIT, LONG_COOLDOWN),
    ("Your account is in arrears", NO_CREDIT, LONG_COOLDOWN),
    ("余额不足", NO_CREDIT, LONG_COOLDOWN),
    ("You exceeded your current quota. See https://help.example/model-studio/error-code#token-limit", FAST, 0.0),
    ("账户欠费", NO_CREDIT, LONG_COOLDOWN),
    ("Extra usage is required for long context requests.", SHORTER, 0.0),
    ("Unknown Model, please check", NO_MODEL, 0.0),
    ("no such model", NO_MODEL, 0.0),
    ("invalid model name", NO_MODEL, 0.0),
    ("Invalid model: x", NO_MODEL, 0.0),
    ("Not found the model kimi-k9", NO_MODEL, 0.0),
    ("No endpoints found for vendor/x", NO_MODEL, 0.0),
    ("The model `x` does not exist", NO_MODEL, 0.0),
    ("model x doesn't exist", NO_MODEL, 0.0),
    ("vendor/x is not a valid model ID", NO_MODEL, 0.0),
    ("模型不存在", NO_MODEL, 0.0),
    ("模型 x 不存在", NO_MODEL, 0.0),
]


@pytest.mark.parametrize(("words", "meaning", "cooldown"), PHRASES)
def test_understands_a_phrase_without_a_code(words: str, meaning: tuple[Fault, str], cooldown: float) -> None:
    for status in (200, 400) if meaning == NO_MODEL else (200, 400, 429, 500):
        found = judged(status, error(words, type="x"))
        label = "429" if meaning == FAST and status == 429 else meaning[1]
        assert (found.fault, found.label, found.cooldown) == (meaning[0], label, cooldown), status


LITELLM = "litellm.BadRequestError: AnthropicException - "
QUOTED = '{"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long"}}'


@pytest.mark.parametrize(
    "words",
    [
        f"{LITELLM}b'{QUOTED}'",
        LITELLM + QUOTED.replace(": ", ":").replace(", ", ","),
        LITELLM + QUOTED.replace('"', '\\"'),
        "{'error': {'message': 'prompt is too long', 'code': 400}}",
        """{'error': {'message': "This model's maximum context length is 5 tokens"}}""",
        """{"error": {"message": "This model's maximum context length is 5 tokens, and more that was cut""",
        f"{LITELLM}input length and `max_tokens` exceed context limit: 9 + 2 > 10",
    ],
)
def test_reads_the_message_of_an_error_that_a_relay_quotes(words: str) -> None:
    found = judged(400, error(words[:1000], type="invalid_request_error"))
    assert (found.fault, found.label) == LONG


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, error('messages.0.content: "insufficient balance" is no block', type="invalid_request_error")),
        (400, error("messages.0: `You're out of extra usage` is no block", type="invalid_request_error")),
        (400, error("the user paid (1008)", type="invalid_request_error")),
        (422, error("the user paid (1008)", type="invalid_request_error")),
        (400, error("[1308] is no block", type="invalid_request_error")),
        (400, error('messages.0: "why is my prompt too long?" is no block', type="invalid_request_error")),
        (400, error("messages.0: `The model does not exist` is no block", type="invalid_request_error")),
        (400, error("[{'msg': 'Extra inputs', 'input': 'prompt is too long, out of credits'}]", type="BadRequest")),
        (400, error("[{'msg': 'Extra inputs', 'input': 'it says " + "prompt is too long" * 99, type="BadRequest")),
        (400, error('messages.0: "我的余额不足" is no block', type="invalid_request_error")),
        (400, error("x" * 2000 + " credit balance is too low", type="invalid_request_error")),
        (400, error("tool 1308 has 1211 faults", type="invalid_request_error")),
        (400, error("max_tokens is too large: 9. This model's maximum context length is 5 tokens", code=400)),
        (400, error("'max_completion_tokens' is too large: 9. This model's maximum context length is 5 tokens")),
        (400, error("max_tokens: 9 > 5, which is the maximum allowed number of output tokens", type="x")),
        (400, error("thinking.type disabled is not supported by this model", type="invalid_request_error")),
        (400, error("Invalid key", type="invalid_authentication_error")),
        (404, error("Not Found", type="not_found_error")),
        (404, error("insufficient balance", type="not_found_error")),
        (404, b'{"detail":"Not Found"}'),
        (400, b"no"),
        (400, b'"model not found"'),
        (413, error("Request exceeds the maximum size", type="request_too_large")),
        (422, b'{"detail":[{"msg":"Field required","input":"unknown model"}]}'),
        (401, error("insufficient balance", code="1113")),
        (402, error("Insufficient Balance", type="unknown_error")),
        (403, error("unknown model", type="permission_error")),
        (403, error("only available for Coding Agents", type="access_terminated_error")),
    ],
)
def test_an_error_without_a_limit_stays_an_error_about_the_request_byte_for_byte(status: int, body: bytes) -> None:
    found = judged(status, body)
    assert (found.fault, found.label, found.reply) == (Fault.REQUEST, str(status), Reply(status, (JSON,), body))


@pytest.mark.parametrize(
    ("status", "body", "fault", "label"),
    [
        (429, error("see the 1113 (1305) for the price", type="rate_limit_error"), Fault.QUOTA, "429"),
        (429, error("too many tokens per minute", type="rate_limit_error"), Fault.QUOTA, "429"),
        (429, error("unknown model", type="rate_limit_error"), Fault.QUOTA, "429"),
        (429, error("no", type="invalid_authentication_error"), Fault.QUOTA, "429"),
        (429, error("[1002] says Z.ai of a key", type="rate_limit_error"), Fault.QUOTA, "429"),
        (529, error("busy", type="overloaded_error"), Fault.PROVIDER, "529"),
        (500, error("invalid (2013)", type="api_error"), Fault.PROVIDER, "500"),
        (500, error("busy", type="overloaded_error"), Fault.PROVIDER, "overloaded_error"),
        (503, error("no channel", code="model_not_found"), Fault.INCOMPATIBLE, "unknown_model"),
    ],
)
def test_a_retried_status_counts_if_the_error_says_nothing_more(
    status: int, body: bytes, fault: Fault, label: str
) -> None:
    found = judged(status, body)
    assert (found.fault, found.label) == (fault, label)
