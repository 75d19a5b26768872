"""What the body of an error says, as short texts: `context_management: Extra inputs are not permitted`.

Providers use Anthropic's form, OpenAI's, FastAPI's list with `loc`, the repr of such a list, plain text, or quote
another provider's error in a message of their own. All of it comes out as `words`, or as `path: words` if the error
says which part of the request it is about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

import msgspec

from claude_proxy.core.json_values import try_decode

MAX_BYTES: Final = 1024 * 1024
"""Of a body; FastAPI's errors quote what they reject, which may be most of the request."""

MAX_TEXT_LENGTH: Final = 4096
"""Characters of a text that are read: what is wrong comes first, quotations after it."""

MAX_TEXTS: Final = 32
"""Texts of one error."""

MAX_CHARACTERS: Final = 16_384
"""Of all texts together: a hostile error takes some milliseconds, not a second."""

_MAX_DEPTH: Final = 8
_MAX_INPUT: Final = 40
_MAX_PATH_LENGTH: Final = 20

QUOTE: Final = "[`'\"\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}]?"
"""What may stand around a name in a text."""

_anything = msgspec.json.Decoder()

_MESSAGE_KEYS: Final = (
    "message",
    "msg",
    "detail",
    "details",
    "error",
    "errors",
    "metadata",
    "raw",
    "upstream_error",
    "data",
)
"""The keys under which providers put their messages."""

_QUOTED_MESSAGE: Final = re.compile(r'"(?:message|msg)"\s*:\s*"((?:[^"\\]|\\.){1,1000})"')
_QUOTED_LOCATION: Final = re.compile(
    r"'loc': [(\[]([^)\]]{1,300})[)\]], 'msg': (\"[^\"]{1,400}\"|'[^']{1,400}')(?:, 'input': '([^']{1,40})')?"
)
_STEP: Final = re.compile(r"[\w-]+")


def pattern(*alternatives: str) -> re.Pattern[str]:
    """Return several patterns as one that ignores case. Each repetition in them must have a bound."""
    return re.compile("|".join(alternatives), re.IGNORECASE)


def error_texts(body: bytes) -> tuple[str, ...]:
    """Return what the body of an error says, the outermost message first, each text once."""
    value = try_decode(_anything, body) if len(body) <= MAX_BYTES else None
    texts = _messages(body[:MAX_TEXT_LENGTH].decode("utf-8", "replace") if value is None else value)
    return tuple(_bounded(dict.fromkeys(islice(texts, MAX_TEXTS))))


def _bounded(texts: Iterable[str]) -> Iterator[str]:
    left = MAX_CHARACTERS
    for text in texts:
        if left <= 0:
            return
        yield text[:left]
        left -= len(text)


def _messages(value: object, depth: int = 0) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str):
        yield from _texts_in(value[:MAX_TEXT_LENGTH])
    elif isinstance(value, list):
        for item in value[:MAX_TEXTS]:
            yield from _messages(item, depth + 1)
    elif isinstance(value, dict):
        yield from _with_location(value)
        for key in _MESSAGE_KEYS:
            if key in value:
                yield from _messages(value[key], depth + 1)


def _with_location(error: Mapping[object, object]) -> Iterator[str]:
    """Yield `path: words` for an error that has the path in a key of its own: FastAPI's `loc`, OpenAI's `param`."""
    loc, words = error.get("loc"), error.get("msg", error.get("message"))
    path = ".".join(map(str, loc[:_MAX_PATH_LENGTH])) if isinstance(loc, list) else error.get("param")
    if isinstance(path, str) and path and isinstance(words, str):
        given = error.get("input")
        quoted = given if isinstance(given, str) and len(given) <= _MAX_INPUT else ""
        yield _path_and_words(path, words, quoted)


def _path_and_words(path: str, words: str, given: str) -> str:
    text = f"{path[:MAX_TEXT_LENGTH].removeprefix('body.')}: {words}"[:MAX_TEXT_LENGTH]
    return f"{text} (input '{given}')" if given else text


def _texts_in(text: str) -> Iterator[str]:
    """Yield a text, and what it quotes of another provider's error."""
    yield text
    for path, words, given in _QUOTED_LOCATION.findall(text):
        yield _path_and_words(".".join(_STEP.findall(path)), words[1:-1], given)
    yield from _QUOTED_MESSAGE.findall(text.replace('\\"', '"'))
