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
from claude_proxy.core.demands import Demands
from claude_proxy.core.learnt import Lessons
from claude_proxy.core.login import NoLogin, open_to
from claude_proxy.core.model import Failback, Provider
from claude_proxy.core.routing import Candidate, Exceeds, NoSuchProvider, Route, Routes, route
from claude_proxy.core.tokens import Calibration, Prompt, Told
from claude_proxy.core.traits import Kind, Rule

NO_DEMANDS: Final = Demands()
_IMAGE: Final = Rule(Kind.BLOCK, "image")


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a request decides who is asked."""

    model: str
    prompt: Prompt | Told
    pin: str | None = None
    demands: Demands = NO_DEMANDS
    session: SessionKey | None = None
    login: bool = True
    """Whether the client's own comes with it."""


@dataclass(frozen=True, slots=True)
class TooLong:
    """The request fits into no candidate's window; `window` is the largest, `tokens` what its owner would count."""

    tokens: int
    window: int
    route: Route


Choice: TypeAlias = Route | NoSuchProvider | NoLogin | TooLong


@dataclass(frozen=True, slots=True)
class Chooser:
    """Chooses among these providers, by what the user decided and what earlier requests left behind."""

    providers: tuple[Provider, ...]
    keyless: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    routes: Routes = field(default_factory=Routes)
    failback: Failback = Failback.CACHE_AWARE
    tokens: Calibration = field(default_factory=Calibration)
    sessions: Sessions = field(default_factory=Sessions)
    lessons: Lessons = field(default_factory=Lessons)

    def choose(self, asked: Asked, now: float, *, counting: bool = False) -> Choice:
        """Return the candidates in the order in which they are asked. To count its tokens, a request need not fit."""
        found = route(self.providers, asked.pin, asked.model, self.keyless, self.routes, self._exceeds(asked))
        opened = found if isinstance(found, NoSuchProvider) else open_to(found, with_login=asked.login)
        if not isinstance(opened, Route):
            return opened
        fitting = opened if counting else self._fitting(opened, asked)
        if isinstance(fitting, TooLong) or fitting.pinned:
            return fitting
        return self._kept_warm(self._by_demands(fitting, asked.demands, now), asked, now)

    def estimate(self, candidate: Candidate, asked: Asked) -> int:
        """Return about how many tokens a request has to a candidate."""
        return asked.prompt.tokens(self.tokens.ratio(candidate.key))

    def _exceeds(self, asked: Asked) -> Exceeds:
        return lambda candidate, limit: asked.prompt.exceeds(limit, self.tokens.ratio(candidate.key))

    def _fitting(self, found: Route, asked: Asked) -> Route | TooLong:
        """Leave out whose window is too small. One of which the window is not known is asked."""
        exceeds = self._exceeds(asked)
        windows = [(one, one.facts.context) for one in found.candidates]
        fitting = tuple([one for one, window in windows if window is None or not exceeds(one, window)])
        if len(fitting) == len(windows):
            return found
        if not fitting:
            largest, window = max(windows, key=lambda pair: pair[1] or 0)
            return TooLong(self.estimate(largest, asked), window or 0, found)
        too_small = tuple([one for one, _ in windows if one not in fitting])
        return replace(found, candidates=fitting, too_small=too_small)

    def unmet(self, candidate: Candidate, demands: Demands, now: float) -> tuple[str, ...]:
        """Return what of a request's demands a candidate is known not to meet: `images`, types of server tools."""
        traits, refused = candidate.provider.traits, _IMAGE in self.rejects(candidate, now)
        images = ("images",) if demands.images and (refused or candidate.facts.images is False) else ()
        if traits.server_tools is None:
            return images
        return images + tuple([tool for tool in demands.server_tools if not tool.startswith(traits.server_tools)])

    def rejects(self, candidate: Candidate, now: float) -> frozenset[Rule]:
        """Return what a candidate does not take, what it has taught among it."""
        return candidate.provider.traits.rejects | self.lessons.rules(*candidate.key, now)

    def _by_demands(self, found: Route, demands: Demands, now: float) -> Route:
        if demands == NO_DEMANDS:
            return found
        return replace(
            found, candidates=tuple(sorted(found.candidates, key=lambda one: bool(self.unmet(one, demands, now))))
        )

    def _kept_warm(self, found: Route, asked: Asked, now: float) -> Route:
        """Put first who holds the session, unless it can't do what is asked for and the first choice can."""
        candidates, first = found.candidates, found.candidates[0]
        holder = self.sessions.holder(asked.session, first.key, self.failback, now)
        for one in candidates if holder else ():
            if one.key == holder and self._as_able(one, first, asked.demands, now):
                candidates = (one, *[other for other in candidates if other is not one])
        return Route(candidates, rule=found.rule, first_choice=first, too_small=found.too_small)

    def _as_able(self, one: Candidate, first: Candidate, demands: Demands, now: float) -> bool:
        return demands == NO_DEMANDS or bool(self.unmet(first, demands, now)) or not self.unmet(one, demands, now)
