"""A request that is longer than a model's window: recognised in any provider's words, reported in Anthropic's.

Claude Code compacts a conversation when it reads `prompt is too long: N tokens > M maximum`, and asks for a shorter
answer when it reads ``input length and `max_tokens` exceed context limit: N + A > M``.
"""

from __future__ import annotations

import re
from typing import Final

from claude_proxy.core.messages import JSON, error_body, read_error
from claude_proxy.core.token_excess import Excess, read_excess
from claude_proxy.core.types import Headers, Reply

_PROMPT_TOO_LONG: Final = re.compile(r"prompt is too long: \d+ tokens > \d+ maximum")
_ANSWER_TOO_LONG: Final = re.compile(r"input length and `max_tokens` exceed context limit: \d+ \+ \d+ > \d+")
"""What Claude Code looks for; Anthropic says more behind it."""

_MAX_LENGTH: Final = 300
"""Characters of a provider's own words that are passed on behind `prompt is too long`."""


def says_too_long(words: str) -> bool:
    """Whether an error's words say that the request does not fit into the model's window."""
    excess = read_excess(words)
    return excess is not None and excess.kind is not Excess.OUTPUT


def asks_for_shorter_answer(reply: Reply) -> bool:
    """Whether an error is Anthropic's own for a prompt that fits, but not together with `max_tokens`.

    Claude Code then asks the same provider for less, which keeps the conversation where it is.
    """
    words = _anthropics_words(reply)
    return words is not None and _ANSWER_TOO_LONG.match(words) is not None


def as_anthropic_error(reply: Reply, words: str) -> Reply:
    """Return an error with this message in Anthropic's form; an error that has that form stays byte for byte."""
    known = _anthropics_words(reply)
    if known is not None and (_PROMPT_TOO_LONG.fullmatch(known) or _ANSWER_TOO_LONG.match(known)):
        return reply
    headers: Headers = tuple(pair for pair in reply.headers if pair[0] not in (b"content-type", b"x-should-retry"))
    return Reply(400, (*headers, (b"content-type", JSON)), error_body("invalid_request_error", _message(words)))


def _anthropics_words(reply: Reply) -> str | None:
    known = read_error(reply.body)
    return known[1] if reply.status == 400 and known and known[0] == "invalid_request_error" else None


def _message(words: str) -> str:
    excess = read_excess(words)
    if excess and excess.given and excess.limit:
        if excess.output:
            return (
                f"input length and `max_tokens` exceed context limit: {excess.given} + {excess.output} > "
                f"{excess.limit}, decrease input length or `max_tokens` and try again"
            )
        return f"prompt is too long: {excess.given} tokens > {excess.limit} maximum"
    return f"prompt is too long: {words[:_MAX_LENGTH]}" if words else "prompt is too long"
