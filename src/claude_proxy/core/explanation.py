"""What would happen to a request now, candidate by candidate, and why: in words, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode

import msgspec

from claude_proxy.core import reasons
from claude_proxy.core.adaptation.rules import describe_changes
from claude_proxy.core.adaptation.thinking_blocks import OF_OTHERS
from claude_proxy.core.affinity import session_key
from claude_proxy.core.client_login import NoLogin
from claude_proxy.core.headers import SESSION
from claude_proxy.core.health import Health
from claude_proxy.core.required_features import RequiredFeatures
from claude_proxy.core.routing import LONG_CONTEXT, Candidate, NoSuchProvider, Route
from claude_proxy.core.selection import Criteria, Selector, TooLong
from claude_proxy.core.tokens import FixedCount
from claude_proxy.core.types import Auth

MAX_TOKENS: Final = 10**9
"""What may be asked about; no window is near it."""


class ExplainQuery(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is asked about: a request for `model` of about `tokens` tokens; `provider` pins it."""

    model: str
    tokens: int = 0
    image: bool = False
    session: str = ""
    provider: str = ""

    def query(self) -> str:
        """Return it as a query string."""
        told = {**msgspec.to_builtins(self), **({"image": 1} if self.image else {})}
        return urlencode(told, errors="replace")

    def asked(self) -> Criteria:
        """Return what decides who is asked."""
        session = session_key(((SESSION, self.session.encode(errors="replace")),), self.model)
        return Criteria(
            self.model,
            FixedCount(self.tokens),
            self.provider or None,
            RequiredFeatures.of("image") if self.image else RequiredFeatures.of(),
            session,
        )


def parse_query(query: bytes) -> ExplainQuery:
    """Read a query string. Raises `ValueError`, whose text says what is wrong."""
    given = dict(parse_qsl(query.decode("latin-1"), max_num_fields=16))
    asked = msgspec.convert(given, ExplainQuery, strict=False)
    if not asked.model or not 0 <= asked.tokens <= MAX_TOKENS:
        raise ValueError(f"`model` must be a name, `tokens` a number from 0 to {MAX_TOKENS}")
    return asked


class CandidateReport(msgspec.Struct, frozen=True):
    """What a candidate would have to do with the request; `place` in the order of asking, 0 where it is not asked.

    `cooldown_until` in seconds since the epoch, `cooldown_reason` in the words of `status`. `window` and `tokens`: what
    it holds, and what the request is to it.
    """

    provider: str
    model: str = ""
    place: int = 0
    why: tuple[str, ...] = ()
    cooldown_until: float | None = None
    cooldown_reason: str = ""
    window: int | None = None
    tokens: int = 0
    changes: tuple[str, ...] = ()


class Explanation(msgspec.Struct, frozen=True):
    """What would happen to a request now. `order` says which order it is, `verdict` what comes of it."""

    model: str
    order: str
    verdict: str
    candidates: tuple[CandidateReport, ...] = ()
    health_known: bool = True


def explain_request(
    asked: ExplainQuery, selector: Selector, healths: Mapping[str, Health] | None, now: float
) -> Explanation:
    """Return what would happen to a request; without `healths`, as if nobody rested."""
    found = selector.choose(asked.asked(), now)
    known = healths is not None
    if isinstance(found, NoSuchProvider | NoLogin):
        return Explanation(asked.model, "pinned to a provider that is not there", found.message, health_known=known)
    return _Explaining(asked, selector, healths or {}, now).told(found, health_known=known)


class _Explaining:
    """One explanation in the making."""

    def __init__(self, asked: ExplainQuery, selector: Selector, healths: Mapping[str, Health], now: float) -> None:
        self._question = asked
        self._asked = asked.asked()
        self._chooser = selector
        self._healths = healths
        self._now = now

    def told(self, found: Route | TooLong, *, health_known: bool) -> Explanation:
        route = found.route if isinstance(found, TooLong) else found
        in_turn = () if isinstance(found, TooLong) else self._in_turn(route)
        passed_over = route.candidates if isinstance(found, TooLong) else route.too_small
        verdict = _too_long(found) if isinstance(found, TooLong) else self._verdict(in_turn, pinned=route.pinned)
        fates = (
            *[self._asked_at(place, one, route) for place, one in enumerate(in_turn, 1)],
            *[self._report(one, 0, ("the request does not fit into its context window",)) for one in passed_over],
            *self._not_asked(route),
        )
        return Explanation(self._question.model, self._order(route), verdict, fates, health_known)

    def _in_turn(self, found: Route) -> tuple[Candidate, ...]:
        """Return the candidates as failover comes to them: those that rest after the others, by their return."""
        if found.pinned:
            return found.candidates
        return tuple(sorted(found.candidates, key=self._returns_at))

    def _returns_at(self, one: Candidate) -> float:
        health = self._healths.get(one.provider.name)
        return 0.0 if health is None or health.admits(self._now) else health.cooldown_until or 0.0

    def _order(self, found: Route) -> str:
        if found.pinned:
            return f"pinned to {found.candidates[0].provider.name}: nobody else is asked"
        if found.name == LONG_CONTEXT:
            return f"your route for requests over {self._chooser.routes.long_context_tokens} tokens"
        return f"your route for {found.name}" if found.name else "the order of the providers in config.json"

    def _verdict(self, candidates: tuple[Candidate, ...], *, pinned: bool) -> str:
        first, *others = [one.provider.name for one in candidates]
        if pinned:
            return f"{first} would be asked, and its answer is the answer, an error too."
        then = f" If it fails before its answer begins: {', then '.join(others)}." if others else ""
        if self._returns_at(candidates[0]):
            return f"All of them rest. {first}, which returns first, would be asked all the same.{then}"
        return f"{first} would be asked first.{then}"

    def _asked_at(self, place: int, one: Candidate, found: Route) -> CandidateReport:
        return self._report(one, place, (*self._about_the_order(one, found), *self._about_health(one, place, found)))

    def _about_the_order(self, one: Candidate, found: Route) -> Iterator[str]:
        holder, first = found.candidates[0], found.first_choice or found.candidates[0]
        if holder is not first and one is holder:
            yield f"it took this session over from {first.provider.name} and has it in its prompt cache"
        elif holder is not first and one is first:
            yield f"the first choice, but {holder.provider.name} has this session in its prompt cache"
        if one.provider.auth is Auth.CLIENT:
            instead = any(other.provider.auth is not Auth.CLIENT for other in found.candidates)
            without = "passes it by" if instead else "is refused"
            yield f"it is asked with Claude Code's own login: a request that brings none {without}"
        for demand in self._chooser.capabilities(one, self._now).missing(self._asked.required_features):
            yield f"it is known not to take {demand}: asked after those that do"

    def _about_health(self, one: Candidate, place: int, found: Route) -> Iterator[str]:
        health = self._healths.get(one.provider.name)
        if health is None or health.cooldown_until is None:
            return
        if health.admits(self._now):
            yield "its rest is over: this request would try it"
        elif found.pinned:
            yield "it rests, but is asked since it is pinned"
        elif place == 1:
            yield "it rests as all of them do, and returns first"
        elif health.cooldown_until <= self._now:
            yield "another request is trying it after its rest; this one goes past"
        else:
            yield "it rests: asked only if all others fail"

    def _report(self, one: Candidate, place: int, why: tuple[str, ...]) -> CandidateReport:
        health = self._healths.get(one.provider.name)
        rests = health is not None and not health.admits(self._now)
        learned = self._chooser.learned_rules.rules(one.upstream_model, self._now)
        as_it_is = one.provider.auth is Auth.CLIENT
        return CandidateReport(
            *one.key,
            place,
            why,
            cooldown_until=health.cooldown_until if health and rests else None,
            cooldown_reason=reasons.in_words(health.reason, health.status, one.provider.api_key_env)
            if health and rests
            else "",
            window=one.facts.context,
            tokens=self._chooser.estimate(one, self._asked),
            changes=(OF_OTHERS,) if as_it_is else describe_changes(one.provider.traits, one.facts, learned),
        )

    def _not_asked(self, found: Route) -> Iterator[CandidateReport]:
        if found.pinned:
            return
        there = {one.provider.name for one in (*found.candidates, *found.too_small)}
        for provider in self._chooser.providers:
            if provider.name not in there:
                yield CandidateReport(provider.name, why=("it does not stand in this route",))
        for name, variable in self._chooser.keyless.items():
            yield CandidateReport(name, why=(f"it has no key: set {variable} in .env",))


def _too_long(found: TooLong) -> str:
    told = f"prompt is too long: {found.tokens} tokens > {found.window} maximum"
    return f'Nobody is asked. Claude Code is told "{told}", and compacts the conversation.'
