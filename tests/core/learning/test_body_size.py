from __future__ import annotations

import pytest

from claude_proxy.core.learning.body_size import MIN_LIMIT, infer_max_bytes
from claude_proxy.core.outcome import Rejected
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Fault

MB = 1024 * 1024
SENT = 12 * MB


def learned(text: str, status: int = 413, sent: int = SENT, reason: Reason = Reason.STATUS) -> int | None:
    rule = infer_max_bytes(Rejected(Fault.REQUEST, reason, status, text), sent)
    return int(rule.name) if rule else None


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("", SENT - 1),
        ("Request Entity Too Large", SENT - 1),
        ("Request exceeds the maximum size", SENT - 1),
        ("the limit is 10MB", 10 * MB),
        ("Request body too large: 12582912 bytes > 10485760 bytes", 10 * MB),
        ("payload of 12 MiB exceeds 8.5 MiB", 17 * MB // 2),
        ("the maximum is 12 MB", 12_000_000),
        ("the maximum is 40 MB", SENT - 1),
        ("at most 10 KB of headers", SENT - 1),
    ],
)
def test_a_413_tells_how_large_a_request_may_be(text: str, limit: int) -> None:
    assert learned(text) == limit


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize(
    "text",
    [
        "Request body is too large (max 10485760 bytes)",
        "Exceeded limit on max bytes to request body: 10485760 bytes",
        "payload size exceeds 10485760 bytes",
        "content length 12582912 bytes exceeds the maximum of 10485760 bytes",
    ],
)
def test_words_that_mean_a_413_do_so_with_other_statuses(text: str, status: int) -> None:
    assert learned(text, status) == 10 * MB
    assert learned(text, 500) is None


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Request too large for model x: tokens per minute 6000", 413),
        ("this context is too large", 413),
        ("image exceeds 5 MB maximum: 6291456 bytes > 5242880 bytes", 413),
        ("The request exceeds your limit of 100 requests", 400),
        ("the file of the request body is too large, 5 MB", 400),
        ("messages: field required", 400),
    ],
)
def test_what_is_about_something_else_than_the_request_as_a_whole_tells_nothing(text: str, status: int) -> None:
    assert learned(text, status) is None


def test_a_small_request_and_a_prompt_that_is_too_long_tell_nothing() -> None:
    assert learned("", sent=MIN_LIMIT) is None
    assert learned("", reason=Reason.TOO_LONG) is None
