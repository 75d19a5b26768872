"""What the body of an error says, as short texts: `context_management: Extra inputs are not permitted`.

Providers use Anthropic's form, OpenAI's, FastAPI's list with `loc`, the repr of such a list, plain text, or quote
another provider's error in a message of their own. All of it comes out as `words`, or as `path: words` if the error
says which part of the request it is about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice
from typing import Final

import msgspec

from claude_proxy.core.json_values import is_json, read_first, read_text, read_text_start, try_decode

MAX_BYTES: Final = 1024 * 1024
"""Of a body; FastAPI's errors quote what they reject, which may be most of the request."""

MAX_TEXT_LENGTH: Final = 2048
"""Characters of a text that are read: what is wrong comes first, quotations after it."""

MAX_TEXTS: Final = 32
"""Texts of one error."""

MAX_CHARACTERS: Final = 8192
"""Of all texts together: a hostile error takes some milliseconds, not a second."""

_MAX_DEPTH: Final = 8
_MAX_INPUT: Final = 40
_MAX_INPUT_BYTES: Final = 12 * _MAX_INPUT + 2
_MAX_PATH_LENGTH: Final = 20

QUOTE: Final = "[`'\"\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}]?"
"""What may stand around a name in a text."""

THINKING_WITHIN: Final = r"thinking(?:(?!thinking)[^\n])"
"""Before `{0,80}`: the word, at most 80 characters of its line before what follows. Each is looked at once."""

MAX_VALUES: Final = 256
"""Objects, lists and texts of one error that are looked at."""

_ABSENT: Final = msgspec.Raw(b"")


class _Error(msgspec.Struct):
    """The keys under which providers put their messages, in the order in which they are looked at; the rest is skipped.

    `loc`, `path`, `param` and the like say which part of the request it is about, and `input` what was there.
    """

    message: msgspec.Raw = _ABSENT
    msg: msgspec.Raw = _ABSENT
    detail: msgspec.Raw = _ABSENT
    details: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT
    errors: msgspec.Raw = _ABSENT
    metadata: msgspec.Raw = _ABSENT
    raw: msgspec.Raw = _ABSENT
    upstream_error: msgspec.Raw = _ABSENT
    data: msgspec.Raw = _ABSENT
    loc: msgspec.Raw = _ABSENT
    path: msgspec.Raw = _ABSENT
    instance_path: msgspec.Raw = msgspec.field(name="instancePath", default=_ABSENT)
    pointer: msgspec.Raw = _ABSENT
    field: msgspec.Raw = _ABSENT
    param: msgspec.Raw = _ABSENT
    input: msgspec.Raw = _ABSENT

    @property
    def places(self) -> tuple[msgspec.Raw, ...]:
        return self.loc, self.path, self.instance_path, self.pointer, self.field, self.param

    @property
    def nested(self) -> tuple[msgspec.Raw, ...]:
        return (
            *(self.message, self.msg, self.detail, self.details, self.error, self.errors),
            *(self.metadata, self.raw, self.upstream_error, self.data),
        )


_error = msgspec.json.Decoder(_Error)
_step = msgspec.json.Decoder(str | int)

_QUOTED_MESSAGE: Final = re.compile(r'"(?:message|msg)"\s*:\s*"((?:[^"\\]|\\.){1,1000})"')
_QUOTED_LOCATION: Final = re.compile(
    r"'loc': [(\[]([^()\[\]]{1,300}+)[)\]], 'msg': (\"[^\"]{1,400}\"|'[^']{1,400}')(?:, 'input': '([^']{1,40})')?"
)
_STEP: Final = re.compile(r"[\w-]+")


class Pattern:
    """Several patterns as one that ignores case. Each repetition in them must have a bound.

    It is compiled when it is first used: that takes a millisecond, and only errors that refuse a request need it.
    """

    def __init__(self, *alternatives: str) -> None:
        self._alternatives = alternatives

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile("|".join(self._alternatives), re.IGNORECASE)

    def search(self, text: str) -> re.Match[str] | None:
        return self.compiled.search(text)

    def match(self, text: str) -> re.Match[str] | None:
        return self.compiled.match(text)

    def findall(self, text: str) -> list[str]:
        return self.compiled.findall(text)


def error_texts(body: bytes) -> tuple[str, ...]:
    """Return what the body of an error says, the outermost message first, each text once."""
    if len(body) <= MAX_BYTES and is_json(body):
        texts = _Reader().read(msgspec.Raw(body))
    else:
        texts = _texts_in(body[:MAX_TEXT_LENGTH].decode("utf-8", "replace"))
    return tuple(_bounded(dict.fromkeys(islice(texts, MAX_TEXTS))))


def _bounded(texts: Iterable[str]) -> Iterator[str]:
    left = MAX_CHARACTERS
    for text in texts:
        if left <= 0:
            return
        yield text[:left]
        left -= len(text)


class _Reader:
    """Finds the messages in an error: values inside values, up to `MAX_VALUES` of them."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = MAX_VALUES

    def read(self, value: msgspec.Raw, depth: int = 0) -> Iterator[str]:
        if depth > _MAX_DEPTH or self._left <= 0:
            return
        self._left -= 1
        if text := read_text_start(value, MAX_TEXT_LENGTH):
            yield from _texts_in(text)
        elif error := try_decode(_error, value):
            yield from _with_location(error)
            for inner in error.nested:
                if inner:
                    yield from self.read(inner, depth + 1)
        else:
            for item in read_first(MAX_TEXTS, value) or ():
                yield from self.read(item, depth + 1)


def _with_location(error: _Error) -> Iterator[str]:
    """Yield `path: words` for an error that has the path in a key of its own: FastAPI's `loc`, OpenAI's `param`."""
    words = read_text_start(error.msg or error.message, MAX_TEXT_LENGTH)
    if words is None:
        return
    if path := next(filter(None, map(_path, error.places)), ""):
        given = read_text(error.input) if len(error.input) <= _MAX_INPUT_BYTES else None
        yield _path_and_words(path, words, given if given and len(given) <= _MAX_INPUT else "")


def _path(place: msgspec.Raw) -> str:
    steps = read_first(_MAX_PATH_LENGTH, place)
    if steps is None:
        return read_text_start(place, MAX_TEXT_LENGTH) or ""
    return ".".join([str(try_decode(_step, step)) for step in steps])


def _path_and_words(path: str, words: str, given: str) -> str:
    text = f"{path[:MAX_TEXT_LENGTH].removeprefix('body.')}: {words}"[:MAX_TEXT_LENGTH]
    return f"{text} (input '{given}')" if given else text


def _texts_in(text: str) -> Iterator[str]:
    """Yield a text, and what it quotes of another provider's error."""
    yield text
    for path, words, given in _QUOTED_LOCATION.findall(text):
        yield _path_and_words(".".join(_STEP.findall(path)), words[1:-1], given)
    yield from _QUOTED_MESSAGE.findall(text.replace('\\"', '"'))
