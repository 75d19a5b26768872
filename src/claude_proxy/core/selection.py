"""Which candidates a request is sent to, and in which order.

route              pin, model, class, length: the user's own route, or the order of the providers
login              without the client's own login, those that need it are skipped
budgets            those that would cost money are passed over if their budget is used up
context windows    those that the request does not fit into are skipped
required features  those that lack something it needs are asked after the others
size               those that are known to take smaller requests only are asked after all others
session affinity   the one that took the session over is asked first
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec
from msgspec.structs import replace

from claude_proxy.core.affinity import SessionKey, Sessions
from claude_proxy.core.bounded import BoundedDict
from claude_proxy.core.budgets import HOW_TO_RAISE, Budgets
from claude_proxy.core.capabilities import Capabilities, capabilities_of
from claude_proxy.core.client_login import NoLogin, open_to
from claude_proxy.core.learning.learned_rules import LearnedRules
from claude_proxy.core.required_features import RequiredFeatures
from claude_proxy.core.routing import Candidate, CandidateKey, Exceeds, NoSuchProvider, Route, Routes, route
from claude_proxy.core.tokens import Calibration, PromptSize
from claude_proxy.core.types import MAX_MODEL_LENGTH, Failback, Provider

MIN_SIZE: Final = 256 * 1024
"""Bytes. Every provider takes a request of this size, so that nothing has to be looked up for it."""

MAX_KNOWN: Final = 512
"""Candidates whose capabilities are cached. A client may name any model, of any length: a long one is not kept."""

_NONE: Final = frozenset[CandidateKey]()


class Criteria(msgspec.Struct, frozen=True, gc=False):
    """What of a request decides which providers are asked."""

    model: str
    prompt: PromptSize
    pin: str | None = None
    required_features: RequiredFeatures = msgspec.field(default_factory=RequiredFeatures)
    """Read only if it makes a difference."""
    session: SessionKey | None = None
    login: bool = True
    """Whether the client's own login comes with it."""
    size: int = 0
    """Of its body, in bytes."""
    request_class: str = ""
    """What it is made for; empty if that is not said, or no route depends on it."""


class TooLong(msgspec.Struct, frozen=True, gc=False):
    """The request fits into no candidate's window. `window` is the largest, `tokens` what its candidate would count."""

    tokens: int
    window: int
    route: Route


class OverBudget(msgspec.Struct, frozen=True, gc=False):
    """A budget is used up, and no candidate is left; `message` says which, until when, and how to raise it."""

    message: str
    route: Route


Selection: TypeAlias = Route | NoSuchProvider | NoLogin | OverBudget | TooLong


@dataclass(frozen=True, slots=True)
class Selector:
    """Selects among these providers, by the user's settings and by what was learned from earlier requests."""

    providers: tuple[Provider, ...]
    keyless: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    routes: Routes = field(default_factory=Routes)
    failback: Failback = Failback.CACHE_AWARE
    tokens: Calibration = field(default_factory=Calibration)
    sessions: Sessions = field(default_factory=Sessions)
    learned_rules: LearnedRules = field(default_factory=LearnedRules)
    budgets: Budgets = field(default_factory=Budgets)
    _known: BoundedDict[CandidateKey, Capabilities] = field(
        default_factory=lambda: BoundedDict(MAX_KNOWN), init=False, repr=False, compare=False
    )
    """The capabilities of candidates without learned rules, which are the same for each request."""

    def choose(self, criteria: Criteria, now: float, *, counting: bool = False) -> Selection:
        """Return the candidates in the order to ask them. A request whose tokens are to be counted need not fit."""
        exceeds = self._exceeds(criteria)
        routed = route(
            self.providers,
            criteria.pin,
            criteria.model,
            self.keyless,
            self.routes,
            exceeds,
            request_class=criteria.request_class,
        )
        allowed = routed if isinstance(routed, NoSuchProvider) else open_to(routed, with_login=criteria.login)
        if not isinstance(allowed, Route):
            return allowed
        if self.budgets.passes_over and not counting:
            affordable = self._affordable(allowed)
            if isinstance(affordable, OverBudget):
                return affordable
            allowed = affordable
        fitting = allowed if counting else self._fitting(allowed, criteria, exceeds)
        if isinstance(fitting, TooLong) or fitting.pinned:
            return fitting
        return self._in_order(fitting, criteria, now)

    def estimate(self, candidate: Candidate, criteria: Criteria) -> int:
        """Return about how many tokens a candidate would count in a request."""
        return criteria.prompt.tokens(self.tokens.ratio(candidate.upstream_model))

    def _affordable(self, allowed: Route) -> Route | OverBudget:
        """Skip the candidates whose budget is used up. They are no last resort either."""
        blocked = {each.key: budget for each in allowed.candidates if (budget := self.budgets.blocking(each))}
        if not blocked:
            return allowed
        left = tuple([each for each in allowed.candidates if each.key not in blocked])
        skipped = tuple([each for each in allowed.candidates if each.key in blocked])
        if not left:
            used_up = dict.fromkeys(blocked.values())
            words = "; ".join(self.budgets.in_words(budget) for budget in used_up)
            return OverBudget(f"{words}. To go on now, {HOW_TO_RAISE}", replace(allowed, over_budget=skipped))
        return replace(allowed, candidates=left, over_budget=skipped)

    def _exceeds(self, criteria: Criteria) -> Exceeds:
        return lambda candidate, limit: criteria.prompt.exceeds(limit, self.tokens.ratio(candidate.upstream_model))

    def _fitting(self, allowed: Route, criteria: Criteria, exceeds: Exceeds) -> Route | TooLong:
        """Skip the candidates whose window is too small. One whose window is not known is asked."""
        windows = [(candidate, candidate.facts.context) for candidate in allowed.candidates]
        fitting = tuple([each for each, window in windows if window is None or not exceeds(each, window)])
        if len(fitting) == len(windows):
            return allowed
        too_small = [(each, window) for each, window in windows if window is not None and each not in fitting]
        largest, window = max(too_small, key=lambda pair: pair[1])
        overlong = self.estimate(largest, criteria), window
        if not fitting:
            return TooLong(*overlong, allowed)
        skipped = tuple([candidate for candidate, _ in too_small])
        return replace(allowed, candidates=fitting, too_small=skipped, overlong=overlong)

    def _taking_less(self, candidates: tuple[Candidate, ...], size: int, now: float) -> frozenset[CandidateKey]:
        """Return the candidates that are known to take smaller requests only."""
        return frozenset([each.key for each in candidates if size > self._max_bytes(each, now)])

    def _max_bytes(self, candidate: Candidate, now: float) -> float:
        traits = candidate.provider.traits.having(self.learned_rules.rules(candidate.upstream_model, now))
        return math.inf if traits.max_bytes is None else traits.max_bytes

    def capabilities(self, candidate: Candidate, now: float) -> Capabilities:
        """Return what a candidate can do, as far as is known and was learned."""
        learned = self.learned_rules.rules(candidate.upstream_model, now)
        if learned:
            return capabilities_of(candidate, learned)
        known = self._known.get(candidate.key)
        if known is None:
            known = capabilities_of(candidate, learned)
            if len(candidate.model) <= MAX_MODEL_LENGTH:
                self._known[candidate.key] = known
        return known

    def _in_order(self, fitting: Route, criteria: Criteria, now: float) -> Route:
        """Put the least able candidates last, and the one that took the session over first, if it is as able."""
        candidates = fitting.candidates
        lacking, taking_less = self._lacking(candidates, criteria, now), _NONE
        if criteria.size > MIN_SIZE:
            taking_less = self._taking_less(candidates, criteria.size, now)

        def inability(key: CandidateKey) -> tuple[bool, bool]:
            return key in taking_less, key in lacking

        if lacking or taking_less:
            candidates = tuple(sorted(candidates, key=lambda candidate: inability(candidate.key)))
        first = candidates[0]
        holder = self.sessions.holder(criteria.session, first.key, self.failback, now)
        if holder and inability(holder) == inability(first.key):
            candidates = tuple(sorted(candidates, key=lambda candidate: candidate.key != holder))
        return replace(fitting, candidates=candidates, first_choice=first)

    def _lacking(self, candidates: tuple[Candidate, ...], criteria: Criteria, now: float) -> frozenset[CandidateKey]:
        """Return the candidates that lack what the request needs; none if all have the same capabilities."""
        capabilities = [self.capabilities(candidate, now) for candidate in candidates]
        if capabilities.count(capabilities[0]) == len(capabilities):
            return frozenset()
        required, able = criteria.required_features, zip(candidates, capabilities, strict=True)
        return frozenset(candidate.key for candidate, known in able if known.missing(required))
