"""A list in a JSON text as it is written: its elements, their comments, and the gaps between them.

A comment belongs to the element on its line, or to the element directly below it. Every other comment is part of a gap,
which stays where it is when elements move.

    "providers": [      // in this order     gap
      // the cheap one                       lead
      {"preset": "minimax"}, // for now      body, mid (nothing), after
                                             gap
      {"preset": "zai"} /* dear */           body, mid
    ]                                        gap
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from claude_proxy.config.comments import Comment, blanked, comments
from claude_proxy.config.json_text import (
    DECODER,
    LINE_END,
    find_member,
    indentation,
    line_end_of,
    past_blanks,
    past_comma,
)

_NEW_LINE = re.compile(r"[ \t]*[\r\n]")


class _Span(NamedTuple):
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Element:
    """An element and what belongs to it: comments before it, between it and its comma, and behind the comma."""

    body: str
    lead: str = ""
    mid: str = ""
    after: str = ""

    def pieces(self, *, comma: bool) -> tuple[str, ...]:
        """Return what is written, with or without a comma after it."""
        return (self.lead, self.body, *((self.mid, ",") if comma else (self.mid.rstrip(),)), self.after)


@dataclass(frozen=True, slots=True)
class List:
    """A list in a text, with a gap before each element and one at the end."""

    text: str
    start: int
    end: int
    elements: tuple[Element, ...]
    gaps: tuple[str, ...]

    @property
    def line_end(self) -> str:
        """How the lines of the text end."""
        return line_end_of(self.text)

    def with_elements(self, elements: Sequence[Element], gaps: Sequence[str]) -> str:
        """Return the text with other elements in this list."""
        pieces = list[str]()
        for number, (element, gap) in enumerate(zip(elements, gaps, strict=False), start=1):
            pieces += [self._fit(gap, element), *element.pieces(comma=number < len(elements))]
        return self.text[: self.start] + _joined([*pieces, gaps[-1], self.text[self.end :]], self.line_end)

    def _fit(self, gap: str, element: Element) -> str:
        """Return a gap behind which the comments above an element begin on a line of their own."""
        if _is_above(element.lead) and not LINE_END.search(gap):
            return gap.rstrip() + self.line_end + indentation(element.lead)
        return gap


def find_list(text: str, key: str) -> List | None:
    """Return the list under a key of the outermost object; None if there is no such key.

    The text is known to be an object in which the key, if it is there, holds a list.
    """
    member = find_member(text, key)
    if member is None:
        return None
    plain, start = blanked(text), member.value + 1
    bodies = list(_items(plain, start))
    return _laid_out(text, plain, _Span(start, member.end - 1), bodies)


def _items(plain: str, position: int) -> Iterator[_Span]:
    """Yield where the elements of a list stand whose inside begins at a position."""
    position = past_blanks(plain, position)
    while plain[position] != "]":
        end = DECODER.raw_decode(plain, position)[1]
        yield _Span(position, end)
        position = past_comma(plain, end)


def _laid_out(text: str, plain: str, inside: _Span, bodies: Sequence[_Span]) -> List:
    """Return a list in which everything between the elements belongs to one of them or to a gap."""
    notes = tuple(comments(text))
    elements, gaps, behind = list[Element](), list[str](), inside.start
    above = _end_of_line_notes(text, notes, _Span(inside.start, bodies[0].start)) if bodies else inside.start
    for body, following in zip(bodies, [*bodies[1:], None], strict=False):
        lead = _start_of_lead(text, notes, _Span(above, body.start))
        gaps.append(text[behind:lead])
        if following:
            comma = past_blanks(plain, body.end)
            behind = _end_of_line_notes(text, notes, _Span(comma + 1, following.start))
            tail = text[body.end : comma], text[comma + 1 : behind]
        else:
            behind = _end_of_line_notes(text, notes, _Span(body.end, inside.end), last=True)
            tail = _last_tail(text[body.end : behind])
        elements.append(Element(text[body.start : body.end], text[lead : body.start], *tail))
        above = behind
    return List(text, inside.start, inside.end, tuple(elements), (*gaps, text[behind : inside.end]))


def _end_of_line_notes(text: str, notes: Sequence[Comment], region: _Span, *, last: bool = False) -> int:
    """Return where the comments end that are on the line on which a region begins.

    That is the beginning of the region if there are none, or if the next element follows on that line.
    """
    end = region.start
    for note in _within(notes, region):
        if LINE_END.search(text, end, note.start):
            break
        end = note.end
    return end if last or LINE_END.search(text, end, region.end) else region.start


def _start_of_lead(text: str, notes: Sequence[Comment], region: _Span) -> int:
    """Return where the comments begin that are directly above the element at a region's end."""
    start = region.end
    for note in reversed(_within(notes, region)):
        if len(LINE_END.findall(text, note.end, start)) > 1:
            break
        start = note.start
    return start


def _last_tail(tail: str) -> tuple[str, str]:
    """Return what belongs before and behind the comma that the last element does not have yet."""
    return ("", tail) if any(note.to_line_end for note in comments(tail)) else (tail, "")


def _within(notes: Sequence[Comment], region: _Span) -> list[Comment]:
    return [note for note in notes if region.start <= note.start < region.end]


def _joined(pieces: Sequence[str], line_end: str) -> str:
    """Return pieces in a row. What comes after a comment that runs to the end of its line gets a new line."""
    text, open_comment = "", False
    for piece in filter(None, pieces):
        text += line_end + piece if open_comment and _NEW_LINE.match(piece) is None else piece
        last = list(comments(piece))[-1:]
        open_comment = any(note.to_line_end and note.end == len(piece) for note in last)
    return text


def _is_above(lead: str) -> bool:
    """Tell whether comments before an element are on lines of their own."""
    notes = list(comments(lead))
    ends = [*(note.start for note in notes[1:]), len(lead)]
    return any(LINE_END.search(lead, note.end, end) for note, end in zip(notes, ends, strict=False))
