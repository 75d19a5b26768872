"""What is remembered of each conversation, and the verdict on a request's use of the prompt cache.

                     no request before it ─► nothing expected
       the last one was short for a cache ─► below the least length
      the last one was another provider's ─► provider changed
       what was read ends where it differs ─► that piece changed
       the last one is longer ago than that ─► idle past the cache's life
                      anything else differs ─► that piece changed
                                  otherwise ─► unexplained

What should be read is what the last request left in the cache, as far as it is in this one too. A change in front makes
a provider read all that comes behind it anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from claude_proxy.core.affinity import SessionKey
from claude_proxy.core.bounded import BoundedDict
from claude_proxy.core.cache_doctor.comparison import Comparison, compare
from claude_proxy.core.cache_doctor.finding import IDLE, PROVIDER_CHANGED, TOO_SHORT, UNEXPLAINED, CacheFinding
from claude_proxy.core.cache_doctor.fingerprint import Fingerprint, take_fingerprint
from claude_proxy.core.cache_doctor.prompt_pieces import SentPrompt
from claude_proxy.core.client_hints import ClientHints
from claude_proxy.core.routing import CandidateKey
from claude_proxy.core.types import Usage

MAX_SESSIONS: Final = 256
"""Sessions, and subagents in them, that are remembered: more than a machine has in an hour."""
MAX_CONVERSATIONS: Final = 6
"""Of one session. Usually it has one; without hints, its subagents and titles are others."""
MAX_PIECES: Final = 200_000
"""Of all conversations together, at 24 bytes each: under 5 MB. A long conversation has a thousand."""
MAX_CANDIDATES: Final = 512

LIFE: Final = 300.0
LIFE_OF_AN_HOUR: Final = 3600.0
"""Seconds for which a cache keeps what is not asked for: Anthropic's two, and what the others come near to."""
LEAST_LENGTH: Final = 1024
"""Tokens below which nobody caches."""
LEAST_LENGTH_OF_SOME: Final = 4096
"""Tokens below which some models of Anthropic's do not."""
NEGLIGIBLE: Final = 256
"""Tokens: caches work in steps of 64 to 256."""
NEGLIGIBLE_SHARE: Final = 0.1
"""Of what was expected: a share of a prompt is known by its bytes only, and not all bytes make as many tokens."""
FULL_READ: Final = 1 - NEGLIGIBLE_SHARE


class RequestSeries(NamedTuple):
    """Requests that may continue each other: of one session with one model, made for the same, by the same agent."""

    session: bytes
    model: str
    agent: str = ""
    is_auxiliary: bool = False

    @classmethod
    def of(cls, session: SessionKey, hints: ClientHints) -> RequestSeries:
        """Return the series of a request. A compaction has the beginning of the conversation, a title does not."""
        return cls(*session, hints.agent, hints.request_class == "auxiliary")


class _Remembered(msgspec.Struct, frozen=True, gc=False):
    """The last request of a conversation to one candidate, with what it left in the cache."""

    candidate: CandidateKey
    print: Fingerprint
    tokens: int
    """Of the whole prompt."""
    cached: int
    """Of these, how many the next request should read."""
    too_short: bool
    """Whether it was too short to be cached."""
    at: float


class _Asked(msgspec.Struct, frozen=True, gc=False):
    """A request that was answered."""

    candidate: CandidateKey
    print: Fingerprint
    usage: Usage
    at: float

    @property
    def tokens(self) -> int:
        return prompt_tokens(self.usage)


class _Base(msgspec.Struct, frozen=True, gc=False):
    """The request that a later one is measured by."""

    remembered: _Remembered
    comparison: Comparison
    candidate_changed: bool = False


class CacheDoctor:
    """Remembers fingerprints of conversations and how much of each was cached; never content. Times are wall time."""

    __slots__ = ("_of_series", "_pieces", "_reporting")

    def __init__(self, sessions: int = MAX_SESSIONS) -> None:
        self._of_series = BoundedDict[RequestSeries, tuple[_Remembered, ...]](sessions)
        self._pieces = 0
        self._reporting = BoundedDict[CandidateKey, bool](MAX_CANDIDATES)
        """The candidates that tell of their caches, and whether they tell of what is written to it."""

    def diagnose(
        self, series: RequestSeries, candidate: CandidateKey, prompt: SentPrompt, usage: Usage, at: float
    ) -> CacheFinding | None:
        """Return what was read from the cache and what should have been; None if nothing can be said.

        `usage` is that of a whole answer to `prompt`, which was sent `at` a time.
        """
        kept = self._of_series.get(series, ())
        self._note_report(candidate, usage)
        if not prompt_tokens(usage) or not (kept or candidate in self._reporting):
            return None
        taken = _taken(prompt, kept, candidate, usage)
        if taken is None:
            return None
        asked = _Asked(candidate, taken, usage, at)
        compared = [_Base(one, compare(one.print, taken)) for one in kept]
        base = _base_of([each for each in compared if each.comparison.related], candidate)
        self._remember(series, asked, compared)
        if base is None:
            return CacheFinding(0)
        if not base.candidate_changed and candidate not in self._reporting:
            return None
        return _finding(base, asked)

    def _note_report(self, candidate: CandidateKey, usage: Usage) -> None:
        writes = usage.cache_creation_input_tokens > 0
        if (writes or usage.cache_read_input_tokens) and not self._reporting.get(candidate):
            self._reporting[candidate] = writes

    def _remembered(self, asked: _Asked) -> _Remembered:
        usage, tokens = asked.usage, asked.tokens
        in_cache = usage.cache_read_input_tokens + usage.cache_creation_input_tokens
        by_marks = self._reporting.get(asked.candidate, False)  # else it caches by itself, whatever is marked
        least = LEAST_LENGTH_OF_SOME if by_marks else LEAST_LENGTH
        too_short = not in_cache and tokens < least and (asked.print.marked or not by_marks)
        cached = in_cache if by_marks and not too_short else tokens
        return _Remembered(asked.candidate, asked.print, tokens, cached, too_short, asked.at)

    def _remember(self, series: RequestSeries, asked: _Asked, compared: Sequence[_Base]) -> None:
        """Keep a request in place of those that it continues at the same candidate."""
        others = [base.remembered for base in compared if not _is_continued(base, asked)]
        self._drop(series)
        self._put(series, (*others[-(MAX_CONVERSATIONS - 1) :], self._remembered(asked)))

    def _put(self, series: RequestSeries, conversations: tuple[_Remembered, ...]) -> None:
        if len(self._of_series) >= self._of_series.limit:
            self._drop(next(iter(self._of_series)))
        self._of_series[series] = conversations
        self._pieces += _pieces_of(conversations)
        while self._pieces > MAX_PIECES:
            self._drop(next(iter(self._of_series)))

    def _drop(self, series: RequestSeries) -> None:
        self._pieces -= _pieces_of(self._of_series.pop(series, ()))

    def __len__(self) -> int:
        return len(self._of_series)

    def __repr__(self) -> str:
        return f"<CacheDoctor {len(self)} sessions, {self._pieces} pieces>"


def prompt_tokens(usage: Usage) -> int:
    """Return the tokens of a request, read from a cache or not."""
    return usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens


def _pieces_of(conversations: Sequence[_Remembered]) -> int:
    return sum(len(each.print) for each in conversations)


def _taken(
    prompt: SentPrompt, kept: Sequence[_Remembered], candidate: CandidateKey, usage: Usage
) -> Fingerprint | None:
    """Return a prompt's fingerprint, with as little work as the last one to the same candidate allows."""
    if not kept:
        return take_fingerprint(prompt)
    known = next((each for each in reversed(kept) if each.candidate == candidate), kept[-1])
    proven = known.candidate == candidate and usage.cache_read_input_tokens >= FULL_READ * known.tokens
    return take_fingerprint(prompt, known.print, proven=proven)


def _is_continued(base: _Base, asked: _Asked) -> bool:
    whole = base.comparison.common == len(base.remembered.print)
    return whole and base.remembered.candidate == asked.candidate


def _base_of(related: Sequence[_Base], candidate: CandidateKey) -> _Base | None:
    """Return the request that this one continues: by the longest beginning, or else the last by another candidate."""
    own = [each for each in related if each.remembered.candidate == candidate]
    last = max((each.remembered.at for each in own), default=float("-inf"))
    others = [each for each in related if each.remembered.candidate != candidate and each.remembered.at > last]
    if others:
        newest = max(others, key=lambda each: each.remembered.at)
        return _Base(newest.remembered, newest.comparison, candidate_changed=True)
    return max(own, key=lambda each: (each.comparison.common_share, each.remembered.at), default=None)


def _finding(base: _Base, asked: _Asked) -> CacheFinding:
    before, comparison = base.remembered, base.comparison
    is_continued = comparison.common == len(before.print)
    share = before.cached if is_continued else min(before.cached, int(comparison.expected_share * before.tokens))
    expected = min(share, asked.tokens)
    missed = expected - asked.usage.cache_read_input_tokens
    if missed <= max(NEGLIGIBLE, NEGLIGIBLE_SHARE * expected):
        return CacheFinding(expected)
    return CacheFinding(expected, missed, _reason(base, asked))


def _reason(base: _Base, asked: _Asked) -> str:
    before, comparison, read = base.remembered, base.comparison, asked.usage.cache_read_input_tokens
    if before.too_short:
        return TOO_SHORT
    if base.candidate_changed:
        return PROVIDER_CHANGED
    life = LIFE_OF_AN_HOUR if before.print.for_an_hour else LIFE
    if comparison.changed and read and read >= FULL_READ * comparison.common_share * before.tokens:
        return comparison.changed
    if asked.at - before.at > life:
        return IDLE
    return comparison.changed or UNEXPLAINED
