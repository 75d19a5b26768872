"""What providers have taught by refusing it: rules for a provider and a model, with their date and an end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from claude_proxy.core.bounded import BoundedDict
from claude_proxy.core.traits import Rule
from claude_proxy.core.types import MAX_MODEL_LENGTH

LIFETIME: Final = 30 * 86400.0
"""Seconds after which a rule is tried without again: providers mend what they do not take."""

MAX_RULES: Final = 64
"""Rules for one provider and model: more than a request has things that it can do without."""

MAX_PAIRS: Final = 256
"""Providers and models for which rules are kept."""


@dataclass(frozen=True, slots=True)
class LearnedRule:
    """A rule that a provider's error taught. Times in seconds since the epoch."""

    provider: str
    model: str
    rule: Rule
    at: float
    expires: float
    message: str = field(repr=False)
    """The error's own words, shortened and without a key: for the user's eyes alone."""


class LearnedRules:
    """All that was learned, by provider and model."""

    __slots__ = ("_learned", "changes")

    def __init__(self) -> None:
        self._learned = BoundedDict[tuple[str, str], BoundedDict[Rule, LearnedRule]](MAX_PAIRS)
        self.changes = 0
        """Counts what was learned and forgotten, so that who keeps it on disk sees when to write."""

    def rules(self, provider: str, model: str, now: float) -> frozenset[Rule]:
        """Return the rules that hold for a request now."""
        known = self._learned.get((provider, model))
        if not known:
            return frozenset()
        return frozenset(rule for rule, learned in known.items() if learned.expires > now)

    def keep(self, learned: LearnedRule) -> None:
        """Remember a rule; of too many, the oldest go. None for a name of a model that is longer than any."""
        if len(learned.model) > MAX_MODEL_LENGTH:
            return
        pair = (learned.provider, learned.model)
        known = self._learned.get(pair) or BoundedDict[Rule, LearnedRule](MAX_RULES)
        known.put(learned.rule, learned)
        self._learned.put(pair, known)
        self.changes += 1

    def kept(self, now: float) -> Iterator[LearnedRule]:
        """Yield what has not expired."""
        for known in self._learned.values():
            yield from (learned for learned in known.values() if learned.expires > now)

    def forget(self, provider: str | None = None) -> int:
        """Forget the rules of one provider, or all; return how many there were."""
        pairs = [pair for pair in self._learned if provider in (None, pair[0])]
        self.changes += bool(pairs)
        return sum(len(self._learned.pop(pair) or ()) for pair in pairs)
