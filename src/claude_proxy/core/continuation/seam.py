"""Joins two halves of a text that a model wrote in two goes.

The second half is asked to begin with the last words of the first. Models do that, or go straight on, or begin again
from the start, or apologise first; and what they repeat may differ in white space and quotation marks. So the beginning
of the second half is held until it is clear which part of it the client has already:

    feed ─► None: not clear yet ─► feed … finish ─► Joint: the text that is new, and whether it continues the sentence
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

import msgspec

FRAGMENT_CHARS: Final = 40
"""How much of the first half the second is asked to repeat. Models repeat that much word for word."""

HOLD_CHARS: Final = 300
"""How much of the second half is held while its repeat is looked for; a longer apology is not expected."""

MAX_BLANKS: Final = 4_096
"""How much white space is held beyond that: it is compared as one space."""

STEP_CHARS: Final = 4_096
"""How much of the second half is looked at in one go; an event may hold megabytes, and most need not be looked at."""

DISTINCT_CHARS: Final = 16
"""From this length on, a repeat is believed wherever it stands in what is held, not only at its start."""

START_SLACK: Final = 8
"""Characters that may stand before a shorter repeat: a dash, dots, a quotation mark."""

SHORTEST_OVERLAP: Final = 6
"""Fewer characters that end one half and begin the other may be chance."""

_QUOTES: Final = dict.fromkeys(map(ord, "\"'`´‘’‚‛“”„‟«»‹›「」『』"), '"')  # noqa: RUF001 - other scripts have marks of their own
_SENTENCE_ENDS: Final = frozenset(".!?:;…。！？：；．")  # noqa: RUF001 - other scripts have marks of their own
_CLOSING: Final = "\"'`)]}*_»”’」』）】"  # noqa: RUF001 - other scripts have marks of their own
_MARKS: Final = " \t\r\n-–—.…*_>#~([\"'`´‘’‚‛“”„‟«»‹›「」『』"  # noqa: RUF001 - other scripts have marks of their own
"""What may stand before words that are repeated."""
_FENCE: Final = "```"
_RUN: Final = re.compile(r"\S+|\s+")


class Joint(msgspec.Struct, frozen=True, gc=False):
    """What of the second half is new, and whether it belongs into the same block as the first half."""

    text: str
    same_block: bool


def fragment_of(text: str) -> str:
    """Return the last words of a text, which its continuation is asked to repeat."""
    text = text.rstrip()
    fragment = text[-FRAGMENT_CHARS:]
    if len(text) > FRAGMENT_CHARS and not text[-FRAGMENT_CHARS - 1].isspace():
        _, space, words = fragment.partition(" ")
        if space and len(words.strip()) >= DISTINCT_CHARS:  # else one long word, or a script without spaces
            fragment = words
    return fragment.strip()


def is_within_sentence(text: str) -> bool:
    """Whether a text breaks off where nothing ends: in a sentence, or in a block of code."""
    if is_within_fence(text):
        return True
    bare = text.rstrip()
    if not bare or "\n" in text[len(bare) :]:
        return False
    return bare.rstrip(_CLOSING)[-1:] not in _SENTENCE_ENDS


def is_within_fence(text: str) -> bool:
    """Whether a text breaks off in a block of code."""
    return sum(line.lstrip().startswith(_FENCE) for line in text.split("\n")) % 2 == 1


class Seam:
    """Finds where the second half of a text begins to be new. `first` is all of the first half.

    `asked`: whether the second half was asked to begin with the last words of the first. In a text that repeats itself,
    only then is a repeat told from what goes on: to lose words is worse than to have some twice.
    """

    def __init__(self, first: str, *, asked: bool) -> None:
        self._first = first
        self._asked = asked
        self._expected = _normalised(first)
        self._start = self._expected[:FRAGMENT_CHARS].rstrip()
        self._anchor = _normalised(fragment_of(first)).rstrip()
        self._held = list[str]()
        self._most = 2 * len(first) + MAX_BLANKS  # characters held of a second half that repeats the first
        self._seen = _Normalised()
        self._is_repetitive = self._expected.find(self._anchor) != self._expected.rfind(self._anchor)
        self._repeat: _Repeat | None = None

    def feed(self, text: str) -> Joint | None:
        """Take more of the second half; None while it is not clear what of it is new."""
        for start in range(0, len(text), STEP_CHARS):
            behind = start + STEP_CHARS
            if joint := self._feed(text[start:behind]):
                return Joint(joint.text + text[behind:], joint.same_block)
        return None

    def _feed(self, text: str) -> Joint | None:
        self._held.append(text)
        self._seen.feed(text)
        if self._is_repetitive and not self._asked:
            return self._without_repeat()
        if self._follows_from_start() and self._seen.length <= self._most:
            return None
        if (end := self._end_of_repeat()) is not None:
            joint = self._cut_behind(end)
            is_clear = joint.text or not self._first[-1].isspace()  # else its first white space is not new
            return joint if is_clear or self._seen.length > self._most else None
        is_enough = len(self._seen.chars) >= HOLD_CHARS or self._seen.length >= MAX_BLANKS
        return self._without_repeat() if is_enough else None

    def finish(self) -> Joint:
        """Decide by what has come: the second half is over."""
        if self._is_repetitive and not self._asked:
            return self._without_repeat()
        if (end := self._end_of_repeat()) is not None:
            return self._cut_behind(end)
        seen = self._seen.text.rstrip()
        if len(seen) >= SHORTEST_OVERLAP and self._expected.startswith(seen):
            return Joint("", same_block=True)  # it began again, and came less far than the first half
        return self._without_repeat()

    def _follows_from_start(self) -> bool:
        """Whether the model is writing the first half again, from its start, and has not come to its end."""
        if self._is_repetitive and self._seen.text.find(self._anchor, 0, START_SLACK + len(self._anchor)) >= 0:
            return False  # the last words of such a text may be its first words too
        if self._repeat is None:
            start = self._seen.text.find(self._start) if self._start else -1
            if start < 0 or (start > 0 and (len(self._start) < DISTINCT_CHARS or not self._is_behind_preamble(start))):
                return False
            self._repeat = _Repeat(start)
        return self._repeat.follow(self._seen.chars, self._expected)

    def _end_of_repeat(self) -> int | None:
        """Return where in what was seen the repeat ends; None if there is none."""
        repeat = self._repeat
        if repeat and repeat.is_whole(self._expected):
            return repeat.start + len(self._expected.rstrip())  # the white space behind it may be new in part
        seen = self._seen.text
        found = seen.find(self._anchor) if self._anchor else -1
        while found > 0 and not self._is_believed(found):
            found = seen.find(self._anchor, found + 1)
        return None if found < 0 else found + len(self._anchor)

    def _is_believed(self, found: int) -> bool:
        """Whether what stands in the middle of what was seen is a repeat: marks or an apology stand before it.

        Else what stands there is new, and the words are there once more, as in a list or in code.
        """
        if found <= START_SLACK and not self._before(found).strip(_MARKS):
            return True
        if self._is_repetitive:
            return False
        if len(self._anchor) < DISTINCT_CHARS:
            return self._before(found).endswith("\n\n")
        return self._is_behind_preamble(found)

    def _is_behind_preamble(self, found: int) -> bool:
        """Whether only what a model says before it goes on with the first half stands before: whole sentences."""
        before = self._before(found)
        bare = before.lstrip(_MARKS)
        if not bare[:1].isalpha() or bare[0].islower():
            return False
        if is_within_fence(self._first):
            return before.endswith("\n\n") or before.rstrip("\n").rpartition("\n")[2].startswith(_FENCE)
        return before.endswith("\n") or before.rstrip().rstrip(_CLOSING)[-1:] in _SENTENCE_ENDS

    def _before(self, found: int) -> str:
        return "".join(self._held)[: self._seen.ends[found - 1]]

    def _cut_behind(self, end: int) -> Joint:
        new = "".join(self._held)[self._seen.ends[end - 1] :]
        return Joint(_without_space_of(self._first, new), is_within_sentence(self._first))

    def _without_repeat(self) -> Joint:
        """Join by an overlap, or where there is no doubt; else what came is a text of its own."""
        held = "".join(self._held)
        overlap = 0 if self._is_repetitive else _overlap(self._expected.rstrip(), self._seen.text)
        if overlap:
            return self._cut_behind(overlap)
        line = self._first.rpartition("\n")[2]
        if self._asked and len(line) >= SHORTEST_OVERLAP and line.strip() and held.lstrip("\n").startswith(line):
            rest = held.lstrip("\n").removeprefix(line)  # a line of code is begun anew, with its indentation
            return Joint(rest, is_within_sentence(self._first))
        if not is_within_sentence(self._first):
            return Joint(held, same_block=False)
        if is_within_fence(self._first):
            return Joint(held, same_block=True)
        if _goes_on(self._first, held):
            return Joint(_spaced(self._first, held), same_block=True)
        return Joint(held, same_block=False)


def _normalised(text: str) -> str:
    """Return a text as it is compared: white space is one space, none at the start, and quotation marks are alike."""
    words = " ".join(text.translate(_QUOTES).split())
    return f"{words} " if words and text[-1].isspace() else words


class _Normalised:
    """A text as it is compared, read piece by piece."""

    __slots__ = ("chars", "ends", "length")

    def __init__(self) -> None:
        self.length = 0
        """Of the text itself."""
        self.chars = list[str]()
        self.ends = list[int]()
        """Where each of its characters ends in the text itself."""

    def feed(self, text: str) -> None:
        """Take more of the text."""
        chars, ends, before = self.chars, self.ends, self.length
        for run in _RUN.finditer(text.translate(_QUOTES)):
            start, end = before + run.start(), before + run.end()
            if not run[0].isspace():
                chars.extend(run[0])
                ends.extend(range(start + 1, end + 1))
            elif chars and chars[-1] != " ":
                chars.append(" ")
                ends.append(end)
            elif chars:
                ends[-1] = end
        self.length = before + len(text)

    @property
    def text(self) -> str:
        return "".join(self.chars)


class _Repeat:
    """A first half that is written again: from where on, and up to where it is the same."""

    __slots__ = ("matched", "start")

    def __init__(self, start: int) -> None:
        self.start = self.matched = start

    def follow(self, seen: Sequence[str], expected: str) -> bool:
        """Return whether all that was seen is the same, and more of the same is expected."""
        offset, at = self.start, self.matched
        if expected.startswith("".join(seen[at:]), at - offset):
            at = len(seen)
        while at < len(seen) and at - offset < len(expected) and seen[at] == expected[at - offset]:
            at += 1
        self.matched = at
        return at == len(seen) and not self.is_whole(expected)

    def is_whole(self, expected: str) -> bool:
        """Return whether all of the first half was written again; white space at its end does not count."""
        left = len(expected) - (self.matched - self.start)
        return left == 0 or (left == 1 and expected[-1] == " ")


def _overlap(first: str, second: str) -> int:
    """Return how many characters that begin the second text end the first, at the beginning of a word."""
    for length in range(min(len(first), len(second), HOLD_CHARS), SHORTEST_OVERLAP - 1, -1):
        before = first[-length - 1 : -length]
        if first.endswith(second[:length]) and not (before.isalnum() and second[0].isalnum()):
            return length
    return 0


def _without_space_of(first: str, rest: str) -> str:
    """Return the rest of a repeated text, without the white space that the first half ends with already."""
    had = first[len(first.rstrip()) :]
    if not had:
        return rest
    bare = rest.lstrip()
    space = rest[: len(rest) - len(bare)]
    return rest[len(had) :] if space.startswith(had) else bare


def _goes_on(first: str, second: str) -> bool:
    """Whether there is no doubt that the second text continues the sentence, and how the two are spaced."""
    bare = second.lstrip()
    if not bare or bare[0].isupper():
        return False
    return first[-1].isspace() or second[0].isspace() or (_is_unspaced(first[-1]) and _is_unspaced(second[0]))


def _is_unspaced(char: str) -> bool:
    """Whether a character belongs to a script that puts no spaces between words."""
    return unicodedata.east_asian_width(char) in ("W", "F")


def _spaced(first: str, second: str) -> str:
    """Return the second text as it continues a sentence: a new paragraph becomes a space, none is twice."""
    if first[-1].isspace():
        return _without_space_of(first, second)
    bare = second.lstrip()
    return f" {bare}" if "\n\n" in second[: len(second) - len(bare)] else second
