"""Limits in plain text, in a list of errors, in a code, and behind a 403."""

from __future__ import annotations

import pytest

from claude_proxy.core.types import Fault
from core.limit_errors import LONG, NO_CREDIT, NO_MODEL, PLAN, REQUEST, error, judged


@pytest.mark.parametrize(
    ("body", "meaning"),
    [
        (b"prompt is too long: 9 tokens > 5 maximum\n", LONG),
        (b'[{"error":{"code":400,"message":"The input token count (9) exceeds the maximum (5)."}}]', LONG),
        (b"model not found", NO_MODEL),
        (b"<p>prompt is too long: 9 tokens > 5 maximum</p>", (Fault.PROVIDER, "page")),
        (b'"prompt is too long: 9 tokens > 5 maximum"', REQUEST),
        (b"[]", REQUEST),
    ],
)
def test_reads_plain_text_and_a_list_of_errors(body: bytes, meaning: tuple[Fault, str]) -> None:
    found = judged(400, body)
    assert (found.fault, found.label) == meaning


@pytest.mark.parametrize(
    ("code", "words", "meaning"),
    [
        ("insufficient_user_quota", "no", NO_CREDIT),
        ("", "user quota is not enough", NO_CREDIT),
        ("", "You don't have enough credits", NO_CREDIT),
        ("", "用户额度不足", NO_CREDIT),
        ("AccountOverdue", "no", NO_CREDIT),
        ("quota_exceeded", "no", PLAN),
        ("", "Key limit exceeded (total limit)", PLAN),
        ("", "not enough permissions to use credits", (Fault.REQUEST, "403")),
        ("", "the quota project is not set", (Fault.REQUEST, "403")),
    ],
)
def test_a_403_of_an_account_with_nothing_left_is_a_quota(code: str, words: str, meaning: tuple[Fault, str]) -> None:
    found = judged(403, error(words, code=code, type="permission_error"))
    assert (found.fault, found.label) == meaning


def test_a_code_says_what_the_words_do_not() -> None:
    found = judged(400, error("no", code="model_max_prompt_tokens_exceeded"))
    assert (found.fault, found.label) == LONG
    assert judged(400, error("no", code="message_limit_exceeded")).fault is Fault.REQUEST
