from __future__ import annotations

import json

import pytest

from claude_proxy.core.judge_body import ClassifierConfig, judge_body
from claude_proxy.core.messages import error_body
from claude_proxy.core.outcome import Rejected
from claude_proxy.core.too_long import as_anthropic_error, says_too_long
from claude_proxy.core.traits import Traits
from claude_proxy.core.types import Fault, Policy, Reply
from core.builders import NOW

JSON = (b"content-type", b"application/json")

WORDS = [
    ("prompt is too long: 205000 tokens > 200000 maximum", (205000, 200000)),
    ("This model's maximum context length is 131,072 tokens. However, you requested 140,000 tokens", (140000, 131072)),
    ("This model's maximum context length is 8192 tokens. However, your messages resulted in 9000", (9000, 8192)),
    ("This endpoint's maximum context length is 5 tokens. However, you requested about 9 tokens", (9, 5)),
    ("This model's maximum prompt length is 5 but the request contains 9 tokens.", (9, 5)),
    ("the request (9 tokens) exceeds the available context size (5 tokens), try increasing it", (9, 5)),
    ("The input (9 tokens) is longer than the model's context length (5 tokens).", (9, 5)),
    ("The input token count (9) exceeds the maximum number of tokens allowed (5).", (9, 5)),
    ("Your request exceeded model token limit: 5 (requested: 9)", (9, 5)),
    ("Your request exceeded model token limit: 5", None),
    ("prompt is too long: 5 tokens > 9 maximum", None),
    ("prompt is too long: 5 tokens > 5 maximum", None),
    ("prompt is too long: 5 tokens > 0 maximum", None),
    ("Your input exceeds the context window of this model.", None),
    ("invalid params, context window exceeds limit", None),
    ("context_length_exceeded", None),
    ("Input is too long for requested model.", None),
    ("Prompt exceeds max length", None),
    ("too many tokens in the request", None),
    ("Range of input length should be [1, 98304]", None),
    ("Please reduce the length of the messages or completion.", None),
    ("The number of tokens to keep is greater than the context length", None),
    ("输入长度超过模型限制", None),
    ("prompt 超长", None),
    ("上下文长度超出限制", None),
]


@pytest.mark.parametrize(("words", "numbers"), WORDS)
def test_rewrites_each_providers_words_as_anthropics(words: str, numbers: tuple[int, int] | None) -> None:
    body = json.dumps({"error": {"type": "odd", "message": words}}).encode()
    told = "prompt is too long: {} tokens > {} maximum".format(*numbers or ()) if numbers else None
    expected = error_body("invalid_request_error", told or f"prompt is too long: {words}")
    for status in (200, 400, 413, 422, 500):
        outcome = judge_body(
            Reply(status, ((b"x-should-retry", b"true"), (b"x-odd", b"kept"), JSON), body), CONFIG, NOW
        )
        assert isinstance(outcome, Rejected), status
        assert (outcome.fault, outcome.label, outcome.text) == (Fault.INCOMPATIBLE, "too_long", words), status
        assert outcome.reply == Reply(400, ((b"x-odd", b"kept"), JSON), expected), status


CONFIG = ClassifierConfig(Policy(), Traits())


ANTHROPICS_SHORTER = "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000"
TAIL = ", decrease input length or `max_tokens` and try again"


def anthropic_reply(words: str) -> Reply:
    body = b' {"error":{"message":"%b","type":"invalid_request_error"},"type":"error"} ' % words.encode()
    return Reply(400, ((b"x-should-retry", b"false"), JSON), body)


def test_leaves_a_prompt_that_is_too_long_byte_for_byte_if_it_is_in_anthropics_form() -> None:
    words = "prompt is too long: 205000 tokens > 200000 maximum"
    outcome = judge_body(anthropic_reply(words), CONFIG, NOW)
    assert isinstance(outcome, Rejected)
    assert (outcome.fault, outcome.label, outcome.reply) == (Fault.INCOMPATIBLE, "too_long", anthropic_reply(words))
    assert as_anthropic_error(Reply(413, (JSON,), anthropic_reply(words).body), words).status == 400


@pytest.mark.parametrize(
    "words", [ANTHROPICS_SHORTER, ANTHROPICS_SHORTER + TAIL, ANTHROPICS_SHORTER + ". Ask for less."]
)
def test_an_answer_that_is_too_long_in_anthropics_form_is_the_clients_to_hear_byte_for_byte(words: str) -> None:
    outcome = judge_body(anthropic_reply(words), CONFIG, NOW)
    assert isinstance(outcome, Rejected)
    assert (outcome.fault, outcome.label, outcome.reply) == (Fault.REQUEST, "400", anthropic_reply(words))


VLLM_SHORTER = (
    "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 32768 tokens "
    "and your request has 17459 input tokens (32000 > 32768 - 17459)."
)


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (VLLM_SHORTER, "17459 + 32000 > 32768"),
        (ANTHROPICS_SHORTER.replace("`", "") + TAIL, "188240 + 21333 > 200000"),
        (f"litellm.BadRequestError: AnthropicException - {ANTHROPICS_SHORTER}", "188240 + 21333 > 200000"),
        ("max_tokens + prompt > window: 32000 + 17459 > 32768 tokens of context", "17459 + 32000 > 32768"),
    ],
)
def test_an_answer_that_is_too_long_in_other_words_is_told_in_anthropics_with_their_numbers(
    words: str, numbers: str
) -> None:
    body = json.dumps({"error": {"type": "BadRequestError", "message": words}}).encode()
    outcome = judge_body(Reply(400, (JSON,), body), CONFIG, NOW)
    assert isinstance(outcome, Rejected)
    assert (outcome.fault, outcome.label, outcome.text) == (Fault.INCOMPATIBLE, "too_long", words)
    told = f"input length and `max_tokens` exceed context limit: {numbers}{TAIL}"
    assert outcome.reply == Reply(400, (JSON,), error_body("invalid_request_error", told))


def test_cuts_long_words_and_adds_none() -> None:
    reply = Reply(400, (), b"")
    assert as_anthropic_error(reply, "x" * 999).body == error_body(
        "invalid_request_error", "prompt is too long: " + "x" * 300
    )
    numbers = "9 tokens > 5 maximum"
    assert numbers in as_anthropic_error(reply, "x" * 979 + " " + numbers).body.decode()
    assert numbers not in as_anthropic_error(reply, "x" * 989 + " " + numbers).body.decode()
    assert as_anthropic_error(reply, "").body == error_body("invalid_request_error", "prompt is too long")


@pytest.mark.parametrize(
    "words",
    [
        "",
        "too many tokens per minute",
        "max_tokens is too large: 9. This model's maximum context length is 5 tokens",
        "'max_completion_tokens' is too large: 9. This model's maximum context length is 5 tokens",
        "max_tokens: 9 > 5, which is the maximum allowed number of output tokens",
        "Request exceeds the maximum size",
        "exceedingly odd: see the context window",
        "the context_management field is not supported",
    ],
)
def test_does_not_take_other_words_for_a_prompt_that_is_too_long(words: str) -> None:
    assert not says_too_long(words)
