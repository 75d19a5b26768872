"""Comments in config.json, `// …` and `/* … */`, which JSON itself does not have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TEXT_OR_COMMENT = re.compile(
    r'"(?:[^"\\\r\n]|\\[^\r\n])*+"?'
    r"|(?P<comment>//[^\r\n]*|/\*.*?\*/)"
    r"|/\*.*",
    re.DOTALL,
)
"""It also matches what is not closed, a text in its line or a comment, so that each character is read once."""
_NO_LINE_END = re.compile(r"[^\r\n]")


@dataclass(frozen=True, slots=True)
class Comment:
    """Where a comment is in a text, without the end of its line."""

    start: int
    end: int
    to_line_end: bool
    """Whether it is a `//` comment: whatever follows on its line would belong to it."""


def comments(text: str) -> Iterator[Comment]:
    """Yield the comments of a JSON text in their order. What is inside a text in quotes is no comment."""
    for found in _TEXT_OR_COMMENT.finditer(text):
        if comment := found["comment"]:
            yield Comment(found.start(), found.end(), comment.startswith("//"))


def blanked(text: str) -> str:
    """Return the text with spaces in place of its comments: all the rest stays in the same lines and columns."""
    pieces, kept = list[str](), 0
    for comment in comments(text):
        pieces += (text[kept : comment.start], _NO_LINE_END.sub(" ", text[comment.start : comment.end]))
        kept = comment.end
    return "".join((*pieces, text[kept:]))
