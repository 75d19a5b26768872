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
"""What is not closed, a text in its line or a comment, is taken too: it is read once, however much of that there is."""
_NO_LINE_END = re.compile(r"[^\r\n]")


@dataclass(frozen=True, slots=True)
class Comment:
    """Where a comment stands in a text; the end of its line is no part of it."""

    start: int
    end: int
    to_line_end: bool
    """Whether it is of the kind that whatever follows on its line would belong to."""


def comments(text: str) -> Iterator[Comment]:
    """Yield the comments of a JSON text in their order; what stands within a text in quotes is none."""
    for found in _TEXT_OR_COMMENT.finditer(text):
        if comment := found["comment"]:
            yield Comment(found.start(), found.end(), comment.startswith("//"))


def blanked(text: str) -> str:
    """Return the text with spaces for its comments: what is left stands in the same lines and columns."""
    pieces, kept = list[str](), 0
    for comment in comments(text):
        pieces += (text[kept : comment.start], _NO_LINE_END.sub(" ", text[comment.start : comment.end]))
        kept = comment.end
    return "".join((*pieces, text[kept:]))
