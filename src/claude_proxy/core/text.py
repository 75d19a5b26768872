"""Text from outside, made safe to show: one line, no control characters, bounded, and without a provider's key."""

from __future__ import annotations

import re

MAX_TEXT = 300
"""Characters kept of a text by default: enough for a provider's error, and one line of a terminal or two."""


MASK = "***"

PROGRAM = "claude-proxy"
"""How messages and documents call the program."""

_NAMED = re.compile(rf"(?<![\w./~-]){PROGRAM} (?=[a-z-])")

_TELLING_PART = 8
"""Characters of a key's beginning; fewer, of which some are the same in each key of a provider, tell nothing."""


def printable(text: str, limit: int = MAX_TEXT) -> str:
    """Return `text` as one line of at most `limit` characters.

    Whatever a terminal or a log would act on goes: white space of any kind becomes one space, other control characters
    and direction marks become `?`.
    """
    if len(text) <= limit and text.isprintable() and text == " ".join(text.split()):
        return text
    shown = "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text[: 4 * limit])
    line = " ".join(shown.split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def neutral(text: str) -> str:
    """Return a text of several lines without what a terminal would act on, as `printable` does for one line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else " " if c.isspace() else "?" for c in text)


def escape_controls(text: str) -> str:
    """Return JSON text with escapes for what a terminal would act on, which JSON leaves as it is inside of strings.

    These are the control characters from U+007F on, direction marks, and line separators.
    """
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else _escape(c) for c in text)


def _escape(character: str) -> str:
    data = character.encode("utf-16-be")
    return "".join(f"\\u{data[i : i + 2].hex()}" for i in range(0, len(data), 2))


def with_program(text: str, program: str) -> str:
    """Return a text that names commands as `claude-proxy stop`, with how this user calls the program instead."""
    return _NAMED.sub(lambda _: f"{program} ", text)


def encodable(text: str) -> str:
    """Return `text` as JSON can hold it: what is not UTF-8 in the name of a file becomes `?`."""
    return text.encode(errors="replace").decode()


def word(text: str, limit: int = 100) -> str:
    """Return `text` as one word, `-` where it is empty, so that it can stand as a value in a `key=value` line.

    Spaces, quotes, commas and equals signs become `_`: none of them can start another value.
    """
    if len(text) <= limit and _PLAIN_WORD.fullmatch(text):  # as nearly all are, many times a request
        return text
    return printable(text, limit).translate(_NOT_IN_A_WORD) or "-"


def redacted(text: str, secret: str, limit: int) -> str:
    """Return at most `limit` characters of `text`, without `secret`.

    It is replaced before the text is cut: half a key would not be found any more. For the same reason a beginning of
    it at the end of the text, which may have been cut already, goes as well.
    """
    if not secret:
        return text[:limit]
    text = text.replace(secret, MASK)
    for length in range(len(secret) - 1, _TELLING_PART - 1, -1):
        if text.endswith(secret[:length]):
            text = text[:-length] + MASK
            break
    return text[:limit]


_PLAIN_WORD = re.compile(r"[A-Za-z0-9_.:/\[\]-]+")
_NOT_IN_A_WORD = str.maketrans(dict.fromkeys(" \"',=", "_"))
