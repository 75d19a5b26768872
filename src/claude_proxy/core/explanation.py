"""What would happen to a request now, candidate by candidate, and why: in words, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode

import msgspec

from claude_proxy.core import reasons
from claude_proxy.core.adaptation.ordered_rules import describe_changes
from claude_proxy.core.adaptation.thinking_blocks import OF_OTHERS
from claude_proxy.core.affinity import session_key
from claude_proxy.core.auth import Auth
from claude_proxy.core.client_login import NoLogin
from claude_proxy.core.headers import SESSION
from claude_proxy.core.health import Health, State
from claude_proxy.core.required_features import RequiredFeatures
from claude_proxy.core.routing import LONG_CONTEXT, ROUTED_CLASSES, Candidate, NoSuchProvider, Route
from claude_proxy.core.selection import Criteria, OverBudget, Selector, TooLong
from claude_proxy.core.tokens import FixedCount

MAX_TOKENS: Final = 10**9
"""The largest number of tokens in a query; no context window is near it."""


IN_COOLDOWN: Final = "in cooldown"
"""Begins each reason that says what the cooldown of a candidate means for the request."""


class ExplainQuery(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is asked about: a request for `model` of about `tokens` tokens; `provider` pins it.

    `request_class` is what it is made for, in Claude Code's words.
    """

    model: str
    tokens: int = 0
    image: bool = False
    session: str = ""
    provider: str = ""
    request_class: str = msgspec.field(default="", name="class")

    def query(self) -> str:
        """Return it as a query string."""
        fields = {**msgspec.to_builtins(self), **({"image": 1} if self.image else {})}
        return urlencode(fields, errors="replace")

    def criteria(self) -> Criteria:
        """Return what decides which providers are tried."""
        session = session_key(((SESSION, self.session.encode(errors="replace")),), self.model)
        features = RequiredFeatures.of("image") if self.image else RequiredFeatures.of()
        return Criteria(
            self.model,
            FixedCount(self.tokens),
            self.provider or None,
            features,
            session,
            request_class=self.request_class,
        )


def parse_query(query: bytes) -> ExplainQuery:
    """Read a query string. Raises `ValueError`, whose text says what is wrong."""
    fields = dict(parse_qsl(query.decode("latin-1"), max_num_fields=16))
    try:
        parsed = msgspec.convert(fields, ExplainQuery, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    if not parsed.model or not 0 <= parsed.tokens <= MAX_TOKENS:
        raise ValueError(f"`model` must be a name, `tokens` a number from 0 to {MAX_TOKENS}")
    return parsed


class CandidateReport(msgspec.Struct, frozen=True):
    """What would happen to the request at one candidate; `place` is its turn, 0 if it would not be tried.

    `cooldown_until` is in seconds since the epoch, `cooldown_reason` in the words of `status`. `window` is its context
    window, `tokens` about how many tokens the request has for it.
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
    """What would happen to a request now. `order` says where the order comes from, `verdict` what would happen."""

    model: str
    order: str
    verdict: str
    candidates: tuple[CandidateReport, ...] = ()
    health_known: bool = True


def explain_request(
    query: ExplainQuery, selector: Selector, healths: Mapping[str, Health] | None, now: float
) -> Explanation:
    """Return what would happen to a request; without `healths`, as if no provider was in cooldown."""
    selection = selector.choose(query.criteria(), now)
    known = healths is not None
    if isinstance(selection, NoSuchProvider | NoLogin):
        order = "pinned to a provider that is not there"
        return Explanation(query.model, order, selection.message, health_known=known)
    return _Explainer(query, selector, healths or {}, now).explain(selection, health_known=known)


class _Explainer:
    """Makes one explanation."""

    def __init__(self, query: ExplainQuery, selector: Selector, healths: Mapping[str, Health], now: float) -> None:
        self._query = query
        self._criteria = query.criteria()
        self._selector = selector
        self._healths = healths
        self._now = now

    def explain(self, selection: Route | OverBudget | TooLong, *, health_known: bool) -> Explanation:
        if isinstance(selection, TooLong):
            route, too_small, verdict = selection.route, selection.route.candidates, _too_long(selection)
            in_turn = tuple[Candidate, ...]()
        elif isinstance(selection, OverBudget):
            route, too_small, verdict = selection.route, (), f"No provider is tried: {selection.message}."
            in_turn = ()
        else:
            route, too_small, in_turn = selection, selection.too_small, self._in_turn(selection)
            verdict = self._verdict(in_turn, pinned=route.pinned)
        reports = (
            *[self._report_tried(place, candidate, route) for place, candidate in enumerate(in_turn, 1)],
            *[self._report(each, 0, ("the request does not fit into its context window",)) for each in too_small],
            *[
                self._report(each, 0, (f"passed over: {self._selector.budgets.why(each)}",))
                for each in route.over_budget
            ],
            *self._report_others(route),
        )
        return Explanation(self._query.model, self._order(route), verdict, reports, health_known)

    def _in_turn(self, route: Route) -> tuple[Candidate, ...]:
        """Return the candidates in the order of failover: those in cooldown come last, by the time of their return."""
        if route.pinned:
            return route.candidates
        return tuple(sorted(route.candidates, key=self._returns_at))

    def _returns_at(self, candidate: Candidate) -> float:
        health = self._healths.get(candidate.provider.name)
        return 0.0 if health is None or health.admits(self._now) else health.cooldown_until or 0.0

    def _order(self, route: Route) -> str:
        if route.pinned:
            return f"pinned to {route.candidates[0].provider.name}: no other provider is tried"
        if route.name == LONG_CONTEXT:
            return f"your route for requests over {self._selector.routes.long_context_tokens} tokens"
        if route.name in ROUTED_CLASSES:
            return f"your route for requests of the class {route.name}"
        return f"your route for {route.name}" if route.name else "the order of the providers in config.json"

    def _verdict(self, candidates: tuple[Candidate, ...], *, pinned: bool) -> str:
        first, *others = [candidate.provider.name for candidate in candidates]
        if pinned:
            return f"{first} would be tried, and its answer is relayed, even an error."
        then = f" If it fails before its answer begins: {', then '.join(others)}." if others else ""
        if self._returns_at(candidates[0]):
            return f"All providers are in cooldown. {first}, which returns first, would be tried anyway.{then}"
        return f"{first} would be tried first.{then}"

    def _report_tried(self, place: int, candidate: Candidate, route: Route) -> CandidateReport:
        reasons_for_place = (*self._about_order(candidate, route), *self._about_health(candidate, place, route))
        return self._report(candidate, place, reasons_for_place)

    def _about_order(self, candidate: Candidate, route: Route) -> Iterator[str]:
        holder, first = route.candidates[0], route.first_choice or route.candidates[0]
        if holder is not first and candidate is holder:
            yield f"it took this session over from {first.provider.name} and has it in its prompt cache"
        elif holder is not first and candidate is first:
            yield f"the first choice, but {holder.provider.name} has this session in its prompt cache"
        if candidate.provider.auth is Auth.CLIENT:
            others = any(other.provider.auth is not Auth.CLIENT for other in route.candidates)
            without = "skips it" if others else "is refused"
            yield f"it is used with Claude Code's own login: a request without one {without}"
        capabilities = self._selector.capabilities(candidate, self._now)
        for feature in capabilities.missing(self._criteria.required_features):
            yield f"it is known not to accept {feature}: tried after those that do"

    def _about_health(self, candidate: Candidate, place: int, route: Route) -> Iterator[str]:
        health = self._healths.get(candidate.provider.name)
        if health is None or health.cooldown_until is None:
            return
        if health.admits(self._now):
            yield "its cooldown is over: this request would try it"
        elif route.pinned:
            yield f"{IN_COOLDOWN}, but tried because it is pinned"
        elif place == 1:
            yield f"{IN_COOLDOWN}, like all of them, and returns first"
        elif health.cooldown_until <= self._now:
            yield "another request is trying it after its cooldown; this one skips it"
        else:
            yield f"{IN_COOLDOWN}: tried only if all others fail"

    def _report(self, candidate: Candidate, place: int, why: tuple[str, ...]) -> CandidateReport:
        provider = candidate.provider
        until, reason = self._cooldown(candidate)
        learned = self._selector.learned_rules.rules(candidate.upstream_model, self._now)
        unchanged = provider.auth is Auth.CLIENT
        return CandidateReport(
            *candidate.key,
            place,
            why,
            cooldown_until=until,
            cooldown_reason=reason,
            window=candidate.facts.context,
            tokens=self._selector.estimate(candidate, self._criteria),
            changes=(OF_OTHERS,) if unchanged else describe_changes(provider.traits, candidate.facts, learned),
        )

    def _cooldown(self, candidate: Candidate) -> tuple[float | None, str]:
        """Return until when a candidate is in cooldown, and why; None and an empty text if it is not."""
        health = self._healths.get(candidate.provider.name)
        if health is None or health.admits(self._now) or health.state(self._now) is State.PROBING:
            return None, ""
        return health.cooldown_until, reasons.in_words(health.reason, health.status, candidate.provider.api_key_env)

    def _report_others(self, route: Route) -> Iterator[CandidateReport]:
        if route.pinned:
            return
        in_route = {candidate.provider.name for candidate in (*route.candidates, *route.too_small, *route.over_budget)}
        for provider in self._selector.providers:
            if provider.name not in in_route:
                yield CandidateReport(provider.name, why=("it is not in this route",))
        for name, variable in self._selector.keyless.items():
            yield CandidateReport(name, why=(f"it has no key: set {variable} in .env",))


def _too_long(selection: TooLong) -> str:
    error = f"prompt is too long: {selection.tokens} tokens > {selection.window} maximum"
    return f'No provider is tried. Claude Code gets "{error}", and compacts the conversation.'
