"""Who is asked for a request, in which order: the user's route, then what fits, what it demands, and who holds it.

route            pin, model, length  → the user's own order, or that of the providers
login            those that are asked with the client's own are passed over where it brings none
context windows  those that can't hold the request are passed over
demands          those that can't do what it asks for go behind those that can
affinity         who holds the session goes first
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, TypeAlias

from claude_proxy.core.affinity import SessionKey, Sessions
from claude_proxy.core.bounded import BoundedDict
from claude_proxy.core.capabilities import Capabilities, capabilities_of
from claude_proxy.core.client_login import NoLogin, open_to
from claude_proxy.core.learning.learned_rules import LearnedRules
from claude_proxy.core.required_features import RequiredFeatures
from claude_proxy.core.routing import Candidate, Exceeds, NoSuchProvider, Route, Routes, route
from claude_proxy.core.tokens import Calibration, PromptSize
from claude_proxy.core.types import Failback, Provider

MAX_KNOWN: Final = 512
"""Candidates whose abilities are kept at hand; a client may name any model."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """What of a request decides who is asked."""

    model: str
    prompt: PromptSize
    pin: str | None = None
    required_features: RequiredFeatures = field(default_factory=RequiredFeatures)
    """Read only if it makes a difference."""
    session: SessionKey | None = None
    login: bool = True
    """Whether the client's own login comes with it."""


@dataclass(frozen=True, slots=True)
class TooLong:
    """The request fits into no candidate's window; `window` is the largest, `tokens` what its owner would count."""

    tokens: int
    window: int
    route: Route


Selection: TypeAlias = Route | NoSuchProvider | NoLogin | TooLong


@dataclass(frozen=True, slots=True)
class Selector:
    """Chooses among these providers, by what the user decided and what earlier requests left behind."""

    providers: tuple[Provider, ...]
    keyless: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    routes: Routes = field(default_factory=Routes)
    failback: Failback = Failback.CACHE_AWARE
    tokens: Calibration = field(default_factory=Calibration)
    sessions: Sessions = field(default_factory=Sessions)
    learned_rules: LearnedRules = field(default_factory=LearnedRules)
    _known: BoundedDict[tuple[str, str], Capabilities] = field(
        default_factory=lambda: BoundedDict(MAX_KNOWN), init=False, repr=False, compare=False
    )
    """The abilities of those of which nothing was learned: the same for each request."""

    def choose(self, asked: Criteria, now: float, *, counting: bool = False) -> Selection:
        """Return the candidates in the order in which they are asked. To count its tokens, a request need not fit."""
        found = route(self.providers, asked.pin, asked.model, self.keyless, self.routes, self._exceeds(asked))
        opened = found if isinstance(found, NoSuchProvider) else open_to(found, with_login=asked.login)
        if not isinstance(opened, Route):
            return opened
        fitting = opened if counting else self._fitting(opened, asked)
        if isinstance(fitting, TooLong) or fitting.pinned:
            return fitting
        return self._in_order(fitting, asked, now)

    def estimate(self, candidate: Candidate, asked: Criteria) -> int:
        """Return about how many tokens a request has to a candidate."""
        return asked.prompt.tokens(self.tokens.ratio(candidate.upstream_model))

    def _exceeds(self, asked: Criteria) -> Exceeds:
        return lambda candidate, limit: asked.prompt.exceeds(limit, self.tokens.ratio(candidate.upstream_model))

    def _fitting(self, found: Route, asked: Criteria) -> Route | TooLong:
        """Leave out whose window is too small. One of which the window is not known is asked."""
        exceeds = self._exceeds(asked)
        windows = [(one, one.facts.context) for one in found.candidates]
        fitting = tuple([one for one, window in windows if window is None or not exceeds(one, window)])
        if len(fitting) == len(windows):
            return found
        too_small = [(one, window) for one, window in windows if window is not None and one not in fitting]
        largest, window = max(too_small, key=lambda pair: pair[1])
        overlong = self.estimate(largest, asked), window
        if not fitting:
            return TooLong(*overlong, found)
        passed_over = tuple([one for one, _ in too_small])
        return replace(found, candidates=fitting, too_small=passed_over, overlong=overlong)

    def capabilities(self, candidate: Candidate, now: float) -> Capabilities:
        """Return what a candidate can do, as far as is known and was learned."""
        key = candidate.key
        learned = self.learned_rules.rules(candidate.upstream_model, now)
        if learned:
            return capabilities_of(candidate, learned)
        known = self._known.get(key)
        if known is None:
            known = capabilities_of(candidate, learned)
            self._known[key] = known
        return known

    def _in_order(self, found: Route, asked: Criteria, now: float) -> Route:
        """Put behind who lacks what is demanded, and first who holds the session, if that one is as able."""
        candidates = found.candidates
        lacking = self._lacking(candidates, asked, now)
        if lacking:
            candidates = tuple(sorted(candidates, key=lambda one: one.key in lacking))
        first = candidates[0]
        holder = self.sessions.holder(asked.session, first.key, self.failback, now)
        if holder and (holder in lacking) == (first.key in lacking):
            candidates = tuple(sorted(candidates, key=lambda one: one.key != holder))
        return Route(
            candidates, rule=found.rule, first_choice=first, too_small=found.too_small, overlong=found.overlong
        )

    def _lacking(self, candidates: tuple[Candidate, ...], asked: Criteria, now: float) -> frozenset[tuple[str, str]]:
        """Return who lacks what the request demands; nobody where all are alike, since then it makes no difference."""
        able = [self.capabilities(one, now) for one in candidates]
        if able.count(able[0]) == len(able):
            return frozenset()
        required = asked.required_features
        return frozenset(one.key for one, its in zip(candidates, able, strict=True) if its.missing(required))
