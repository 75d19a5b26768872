"""A request that is too long: the error that the client gets is one by which it compacts."""

from __future__ import annotations

import re

from fuzz.source import Source

from claude_proxy.core.messages import error_body, read_error
from claude_proxy.core.too_long import as_anthropic_error, says_too_long
from claude_proxy.core.types import Reply

_NUMBERS = re.compile(r"prompt is too long: (\d+) tokens > (\d+) maximum")
_STARTS = ("prompt is too long", "input length and `max_tokens` exceed context limit")


def check(data: bytes) -> None:
    """Check one message of an error."""
    source = Source(data)
    status = source.choice([400, 413, 422, 500])
    words = source.text()
    body = error_body("invalid_request_error", words)
    reply = as_anthropic_error(Reply(status, ((b"x-a", b"b"),), body), words)
    assert reply.status == 400
    error = read_error(reply.body)
    assert error is not None
    kind, message = error
    assert kind == "invalid_request_error"
    assert message.startswith(_STARTS)
    numbers = _NUMBERS.fullmatch(message)
    if numbers and reply.body != body and message != f"{_STARTS[0]}: {words}":  # its own words pass as they are
        assert int(numbers[1]) > int(numbers[2]) > 0
    assert not says_too_long("")
    assert isinstance(says_too_long(words), bool)
    assert as_anthropic_error(reply, message).body == reply.body or not numbers
