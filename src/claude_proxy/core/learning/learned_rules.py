"""Rules that were learned from errors, by upstream and model, with the time at which they expire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from claude_proxy.core.bounded import BoundedDict, Shares
from claude_proxy.core.traits import Rule
from claude_proxy.core.types import MAX_MODEL_LENGTH, Upstream, UpstreamModel
from claude_proxy.core.upstream_names import UpstreamNames

LIFETIME: Final = 30 * 86400.0
"""Seconds after which a request is tried without a rule again: providers change what they accept."""

MAX_RULES: Final = 64
"""Rules for one upstream and model: more than a request has things that it can do without."""

MAX_MODELS: Final = 64
"""Models of one upstream for which rules are kept: more than anyone uses of one provider in a month."""

MAX_PAIRS: Final = 256
"""Upstreams and models for which rules are kept: with more than four upstreams, each has a smaller share."""


@dataclass(frozen=True, slots=True)
class LearnedRule:
    """A rule that was learned from an upstream's error. Times in seconds since the epoch."""

    upstream: Upstream
    model: str
    rule: Rule
    at: float
    expires: float
    message: str = field(repr=False)
    """The error's own words, shortened and without a key: shown to the user only."""


class RuleReport(msgspec.Struct, frozen=True, gc=False):
    """A learned rule as it is shown: `providers` are the names of its upstream."""

    providers: tuple[str, ...]
    learned: LearnedRule


class LearnedRules:
    """All that was learned, by upstream and model."""

    __slots__ = ("_learned", "changes")

    def __init__(self) -> None:
        self._learned = Shares[Upstream, str, BoundedDict[Rule, LearnedRule]](MAX_MODELS, MAX_PAIRS)
        self.changes = 0
        """Counts what was learned and forgotten, to show when to write it to disk."""

    def rules(self, key: UpstreamModel, now: float) -> frozenset[Rule]:
        """Return the rules that hold for a request now."""
        known = self._learned.get(*key)
        if not known:
            return frozenset()
        return frozenset(rule for rule, learned in known.items() if learned.expires > now)

    def keep(self, learned: LearnedRule) -> None:
        """Remember a rule. The oldest of its upstream make room. A model with too long a name is ignored."""
        if len(learned.model) > MAX_MODEL_LENGTH:
            return
        known = self._learned.get(learned.upstream, learned.model) or BoundedDict[Rule, LearnedRule](MAX_RULES)
        known[learned.rule] = learned
        self._learned.put(learned.upstream, learned.model, known)
        self.changes += 1

    def kept(self, now: float) -> Iterator[LearnedRule]:
        """Yield what has not expired."""
        for _, _, known in self._learned.items():
            yield from (learned for learned in known.values() if learned.expires > now)

    def report(self, names: UpstreamNames, now: float) -> list[RuleReport]:
        """Return what has not expired, the newest last."""
        learned_rules = sorted(self.kept(now), key=lambda learned: learned.at)
        return [RuleReport(names.names(learned.upstream), learned) for learned in learned_rules]

    def forget(self, upstream: Upstream | None = None) -> int:
        """Forget the rules of one upstream, or all; return how many there were."""
        upstreams = self._learned.owners() if upstream is None else [upstream]
        forgotten = sum(len(known) for each in upstreams for known in self._learned.pop(each).values())
        self.changes += bool(forgotten)
        return forgotten
