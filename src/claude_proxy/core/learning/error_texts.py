"""What an error body complains of, as short texts: `context_management: Extra inputs are not permitted`.

Providers put their words into Anthropic's form, OpenAI's, FastAPI's list with `loc`, the repr of such a list, plain
text, or another provider's error inside a message of their own. All of it comes out as `words`, or `path: words` where
the error says where in the request it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

import msgspec

from claude_proxy.core.json_values import try_decode

MAX_BYTES: Final = 1024 * 1024
"""Of a body; FastAPI's errors quote what they refuse, which may be most of the request."""

MAX_TEXT_LENGTH: Final = 4096
"""Characters of a text that are looked at: what is wrong comes first, quotations after it."""

MAX_TEXTS: Final = 32
"""Texts of one error."""

MAX_CHARACTERS: Final = 16_384
"""Of all texts together: a hostile error costs some milliseconds, not a second."""

_MAX_DEPTH: Final = 8
_MAX_INPUT: Final = 40
_MAX_PATH_LENGTH: Final = 20

QUOTE: Final = "[`'\"\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}]?"
"""What may stand around a name in a text."""

_anything = msgspec.json.Decoder()

_TELLING: Final = (
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
"""The keys behind which providers put their words."""

_SAID_INSIDE: Final = re.compile(r'"(?:message|msg)"\s*:\s*"((?:[^"\\]|\\.){1,1000})"')
_LOCATED: Final = re.compile(
    r"'loc': [(\[]([^)\]]{1,300})[)\]], 'msg': (\"[^\"]{1,400}\"|'[^']{1,400}')(?:, 'input': '([^']{1,40})')?"
)
_STEP: Final = re.compile(r"[\w-]+")


def pattern(*alternatives: str) -> re.Pattern[str]:
    """Return one pattern for texts, from several, that ignores case. Each repetition in them must have a bound."""
    return re.compile("|".join(alternatives), re.IGNORECASE)


def error_texts(body: bytes) -> tuple[str, ...]:
    """Return what an error body says, the outermost words first, each text once."""
    value = try_decode(_anything, body) if len(body) <= MAX_BYTES else None
    found = _said(body[:MAX_TEXT_LENGTH].decode("utf-8", "replace") if value is None else value)
    return tuple(_bounded(dict.fromkeys(islice(found, MAX_TEXTS))))


def _bounded(texts: Iterable[str]) -> Iterator[str]:
    left = MAX_CHARACTERS
    for text in texts:
        if left <= 0:
            return
        yield text[:left]
        left -= len(text)


def _said(value: object, depth: int = 0) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str):
        yield from _in_text(value[:MAX_TEXT_LENGTH])
    elif isinstance(value, list):
        for one in value[:MAX_TEXTS]:
            yield from _said(one, depth + 1)
    elif isinstance(value, dict):
        yield from _located(value)
        for key in _TELLING:
            if key in value:
                yield from _said(value[key], depth + 1)


def _located(error: Mapping[object, object]) -> Iterator[str]:
    """Yield `path: words` of an error that names its place apart: FastAPI's `loc`, OpenAI's `param`."""
    loc, words = error.get("loc"), error.get("msg", error.get("message"))
    path = ".".join(map(str, loc[:_MAX_PATH_LENGTH])) if isinstance(loc, list) else error.get("param")
    if isinstance(path, str) and path and isinstance(words, str):
        given = error.get("input")
        quoted = given if isinstance(given, str) and len(given) <= _MAX_INPUT else ""
        yield _placed(path, words, quoted)


def _placed(path: str, words: str, given: str) -> str:
    told = f"{path[:MAX_TEXT_LENGTH].removeprefix('body.')}: {words}"[:MAX_TEXT_LENGTH]
    return f"{told} (input '{given}')" if given else told


def _in_text(text: str) -> Iterator[str]:
    """Yield a text, and what another provider's error that it quotes says."""
    yield text
    for path, words, given in _LOCATED.findall(text):
        yield _placed(".".join(_STEP.findall(path)), words[1:-1], given)
    yield from _SAID_INSIDE.findall(text.replace('\\"', '"'))
