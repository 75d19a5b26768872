"""What providers have taught by refusing it: rules for a provider and a model, with their date and an end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from claude_proxy.core.model import LONGEST_MODEL
from claude_proxy.core.traits import Rule

LIFETIME: Final = 30 * 86400.0
"""Seconds after which a rule is tried without again: providers mend what they do not take."""

MAX_RULES: Final = 64
"""Rules for one provider and model: more than a request has things that it can do without."""

MAX_PAIRS: Final = 256
"""Providers and models for which rules are kept."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """A rule that a provider's error taught. Times in seconds since the epoch."""

    provider: str
    model: str
    rule: Rule
    at: float
    expires: float
    message: str = field(repr=False)
    """The error's own words, shortened and without a key: for the user's eyes alone."""


class Lessons:
    """All that was learnt, by provider and model."""

    __slots__ = ("_learnt", "changes")

    def __init__(self) -> None:
        self._learnt: dict[tuple[str, str], dict[Rule, Learnt]] = {}
        self.changes = 0
        """Counts what was learnt and forgotten, so that who keeps it on disk sees when to write."""

    def rules(self, provider: str, model: str, now: float) -> frozenset[Rule]:
        """Return the rules that hold for a request now."""
        known = self._learnt.get((provider, model))
        if not known:
            return frozenset()
        return frozenset(rule for rule, learnt in known.items() if learnt.expires > now)

    def keep(self, learnt: Learnt) -> None:
        """Remember a rule; of too many, the oldest go. None for a name of a model that is longer than any."""
        if len(learnt.model) > LONGEST_MODEL:
            return
        pair = (learnt.provider, learnt.model)
        known = self._learnt.setdefault(pair, {})
        known.pop(learnt.rule, None)
        known[learnt.rule] = learnt
        if len(known) > MAX_RULES:
            del known[next(iter(known))]
        if len(self._learnt) > MAX_PAIRS:
            del self._learnt[next(iter(self._learnt))]
        self.changes += 1

    def kept(self, now: float) -> Iterator[Learnt]:
        """Yield what has not expired."""
        for known in self._learnt.values():
            yield from (learnt for learnt in known.values() if learnt.expires > now)

    def forget(self, provider: str | None = None) -> int:
        """Forget the rules of one provider, or all; return how many there were."""
        pairs = [pair for pair in self._learnt if provider in (None, pair[0])]
        self.changes += bool(pairs)
        return sum(len(self._learnt.pop(pair)) for pair in pairs)
