"""A request that is longer than a model's window: recognised in any provider's words, reported in Anthropic's.

Claude Code compacts a conversation when it reads `prompt is too long: N tokens > M maximum`. Sources of the words:
the errors of the providers of the catalogue, of vLLM, SGLang, llama.cpp, LM Studio and OpenRouter.
"""

from __future__ import annotations

import re
from typing import Final

from claude_proxy.core.messages import JSON, error_body, read_error
from claude_proxy.core.types import Headers, Reply

_WORDS: Final = re.compile(
    r"prompt (?:is )?too long|input (?:is )?too long|prompt exceeds max|too many (?:input |prompt )?tokens(?! per)"
    r"|maximum (?:context|prompt) length|range of input length|reduce the length of the (?:messages|prompt)"
    r"|input length and \W?max_tokens\W? exceed"
    r"|exceed\w{0,3}\b[^.]{0,60}\b(?:context (?:length|window|size|limit)|model token limit|available context)"
    r"|context[ _](?:length|window|size|limit)[^.]{0,40}exceed|input token count[^.]{0,40}exceeds"
    r"|(?:longer|greater) than the (?:model'?s? )?(?:maximum )?(?:context|model) length"
    r"|上下文.{0,12}(?:超|过长)|(?:输入|提示词|prompt|token).{0,12}(?:过长|超长|超出|超过)",
    re.IGNORECASE,
)
_ABOUT_THE_ANSWER: Final = re.compile(r"max_(?:completion_)?tokens\W[^.]{0,60}too large", re.IGNORECASE)
"""Says that the requested answer is too long: a shorter conversation would not help."""

_ANTHROPICS: Final = re.compile(
    r"prompt is too long: \d+ tokens > \d+ maximum|input length and `max_tokens` exceed context limit: \d+ \+ \d+ > \d+"
)
"""Claude Code reads both, and does the right thing: it compacts, or asks for a shorter answer."""

_NUMBERS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<tokens>\d{1,12}) \+ (?P<more>\d{1,12}) > (?P<window>\d{1,12})",
        r"(?P<tokens>\d{1,12}) tokens? > (?P<window>\d{1,12})",
        r"length (?:is|of) (?P<window>\d{1,12})\D{0,40}(?:requested|resulted|contain|has)\D{0,30}(?P<tokens>\d{1,12})",
        r"\((?P<tokens>\d{1,12})(?: tokens)?\)\D{0,100}\b(?:longer|exceeds)\b\D{0,100}(?P<window>\d{1,12})",
        r"token limit\D{0,5}(?P<window>\d{1,12})\D{0,20}requested\D{0,5}(?P<tokens>\d{1,12})",
    )
)
_THOUSANDS: Final = re.compile(r"(?<=\d),(?=\d{3})")
_MAX_SEARCHED: Final = 1000
"""Characters in which numbers are looked for: what comes later is a quotation."""
_MAX_LENGTH: Final = 300
"""Characters of a provider's own words that are passed on behind `prompt is too long`."""


def says_too_long(words: str) -> bool:
    """Whether an error's words say that the request does not fit into the model's window."""
    return bool(_WORDS.search(words)) and not _ABOUT_THE_ANSWER.search(words)


def as_anthropic_error(reply: Reply, words: str) -> Reply:
    """Return an error with this message in Anthropic's form; an error that has that form stays byte for byte."""
    known = read_error(reply.body)
    if reply.status == 400 and known and known[0] == "invalid_request_error" and _ANTHROPICS.fullmatch(known[1]):
        return reply
    headers: Headers = tuple(pair for pair in reply.headers if pair[0] not in (b"content-type", b"x-should-retry"))
    return Reply(400, (*headers, (b"content-type", JSON)), error_body("invalid_request_error", _message(words)))


def _message(words: str) -> str:
    if numbers := _numbers(_THOUSANDS.sub("", words[:_MAX_SEARCHED])):
        return "prompt is too long: {} tokens > {} maximum".format(*numbers)
    return f"prompt is too long: {words[:_MAX_LENGTH]}" if words else "prompt is too long"


def _numbers(words: str) -> tuple[int, int] | None:
    """Return how long the request was and how long it may be; None if the words do not say so, or make no sense."""
    for pattern in _NUMBERS:
        if match := pattern.search(words):
            groups = match.groupdict()
            tokens, window = int(groups["tokens"]) + int(groups.get("more") or 0), int(groups["window"])
            return (tokens, window) if tokens > window > 0 else None
    return None
