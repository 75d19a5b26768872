"""What the proxy contributes to Claude Code's status line: what to fix, who is silent, who answered, costs, cooldowns.

The command that prints the line has to be quick and loads next to nothing, so it gets these facts as ready texts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Final, Literal, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from claude_proxy.core.amounts import dollars_of, short_dollars
from claude_proxy.core.auth import Auth
from claude_proxy.core.body_limit import limit_in_words
from claude_proxy.core.health import State
from claude_proxy.core.local_time import clock_time
from claude_proxy.core.quota.quota_report import QuotaReport
from claude_proxy.core.status_report import BudgetStatus, ProviderStatus, Spent, StatusReport
from claude_proxy.core.text import printable

_DAY: Final = 86_400
_SHOWN_AT_LEAST: Final = 300.0
"""Seconds for which a refused request is shown: Claude Code's small requests, such as for a title, go on."""
_MAX_WORD: Final = 64
"""Characters of a name or a model: the line is short."""


Style: TypeAlias = Literal["plain", "strong", "warning", "error"]


class StatuslineQuery(msgspec.Struct, frozen=True):
    """Which terminal asks: its session, the provider that it is pinned to if any, and its clock (seconds from UTC)."""

    session: str = ""
    pin: str = ""
    utc_offset: Annotated[int, msgspec.Meta(gt=-_DAY, lt=_DAY)] = 0


def parse_statusline_query(query: bytes) -> StatuslineQuery:
    """Read a query string. Raises `ValueError`."""
    fields = dict(parse_qsl(query.decode("latin-1"), max_num_fields=16))
    try:
        return msgspec.convert(fields, StatuslineQuery, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


class Fact(msgspec.Struct, frozen=True, array_like=True):
    """A part of the line, and how it is coloured."""

    text: str
    style: Style = "plain"


def statusline_facts(
    report: StatusReport, query: StatuslineQuery, now: float, spent: Spent | None = None
) -> list[Fact]:
    """Return what the line says behind the terminal's mode, for example `zai (glm-5.3)` and `minimax: cooldown`.

    What only the user can fix comes first. `spent` is what the session cost so far; None if that is not known.
    """
    of_terminal = [each for each in report.providers if query.pin in {"", each.name}]
    return [
        *(_styled("error", ["no such provider"] if query.pin and not of_terminal else ())),
        *_styled("error", _to_fix(of_terminal)),
        *_styled("error", _too_large(report, query.session, now)),
        *_styled("warning", _waiting(report, query)),
        *_last_answer(report, query.session),
        *_styled("plain", _cost(report.spent_today, spent)),
        *_budgets(report.budgets, query),
        *_styled("plain", _failovers(spent)),
        *_cooldowns(of_terminal, query, now),
    ]


def _styled(style: Style, texts: Iterable[str]) -> Iterator[Fact]:
    return (Fact(text, style) for text in texts)


def _to_fix(providers: Sequence[ProviderStatus]) -> Iterator[str]:
    for provider in providers:
        if provider.key_rejected:
            variable = f"key refused ({printable(provider.key, _MAX_WORD)})"
            yield f"! {provider.name}: {'login refused' if provider.auth == Auth.CLIENT.value else variable}"
        elif provider.out_of_credit:
            yield f"! {provider.name}: no credit"
        if provider.unknown_model:
            yield f"! {provider.name}: unknown model {printable(provider.unknown_model, _MAX_WORD)}"


def _waiting(report: StatusReport, query: StatuslineQuery) -> Iterator[str]:
    """Name the silent provider that the session waits for longest; without a session, that of any."""
    for wait in report.waiting:
        if query.session in {"", wait.session}:
            then = f", then {wait.then}" if wait.then else ""
            yield f"waiting for {wait.provider}, {wait.seconds:.0f} s{then}"
            return


def _too_large(report: StatusReport, session: str, now: float) -> Iterator[str]:
    """Say that a request of this session was refused, until it goes on: Claude Code only says that it is too large."""
    refused, answer = report.too_large, report.sessions.get(session)
    if refused is None or not session or refused.session != session:
        return
    if answer is None or answer.at < refused.at or now - refused.at < _SHOWN_AT_LEAST:
        yield f"request over {limit_in_words(refused.limit)}: raise max_body_mb in config.json"


def _last_answer(report: StatusReport, session: str) -> Iterator[Fact]:
    """Name the provider that answered the session last, and what is left of that provider's plan or balance."""
    if answer := report.sessions.get(session):
        model = printable(answer.model, _MAX_WORD)
        yield Fact(f"{answer.provider} ({model})" if model else answer.provider, "strong")
        quota = next((each.quota for each in report.providers if each.name == answer.provider), None)
        if quota:
            yield from _quota(quota)


def _quota(quota: QuotaReport) -> Iterator[Fact]:
    if window := quota.fullest:
        style: Style = "error" if window.used >= 1 else "warning" if window.is_nearly_used_up else "plain"
        yield Fact(f"{printable(window.name, _MAX_WORD)} {window.percent} %", style)
    elif balance := quota.balance:
        words = f"{balance.amount:.2f} {printable(balance.currency, _MAX_WORD)} left"
        yield Fact(words, "warning" if balance.is_low else "plain")


def _cost(today: Spent, session: Spent | None) -> Iterator[str]:
    """Say what the session and the day cost, once if that is the same."""
    of_session, of_today = _money(session) if session else "", _money(today)
    if of_session and of_session != of_today:
        yield f"session {of_session}, today {of_today}" if of_today else f"session {of_session}"
    elif of_today:
        yield f"today {of_today}"


def _money(spent: Spent) -> str:
    """Return a cost: `$1.24`, `at least $1.24`, `?`, `$1.24 + plan`, `plan ($3.20)`; nothing if nothing was spent."""
    charged = dollars_of(spent) if spent.dollars or spent.unknown else ""
    if not spent.plan_dollars:
        return charged
    return f"{charged} + plan" if charged else f"plan ({short_dollars(spent.plan_dollars)})"


def _budgets(budgets: Iterable[BudgetStatus], query: StatuslineQuery) -> Iterator[Fact]:
    """Name the budgets that are nearly used up, or used up, of the providers that the terminal uses."""
    for budget in budgets:
        if not budget.is_nearly_used_up or (query.pin and budget.provider not in {"", query.pin}):
            continue
        whose = f" ({budget.provider})" if budget.provider else ""
        words = f"budget{whose} {short_dollars(budget.spent)} of {short_dollars(budget.dollars)} a {budget.per}"
        yield Fact(words, "error" if budget.share >= 1 else "warning")


def _failovers(session: Spent | None) -> Iterator[str]:
    if session and session.failovers:
        yield f"{session.failovers} failover{'s' if session.failovers > 1 else ''}"


def _cooldowns(providers: Sequence[ProviderStatus], query: StatuslineQuery, now: float) -> Iterator[Fact]:
    usable = [each for each in providers if not _is_to_fix(each)]
    cooling = [each for each in usable if _cools(each, now)]
    if len(cooling) == len(usable) > 1:
        first = min(cooling, key=lambda each: math.inf if each.cooldown_until is None else each.cooldown_until)
        back = "" if first.cooldown_until is None else clock_time(first.cooldown_until, now, query.utc_offset)
        yield Fact(f"all in cooldown, {first.name} is back at {back}" if back else "all in cooldown", "error")
    else:
        yield from _styled("warning", _some_cooldowns(cooling, query, now))


def _cools(provider: ProviderStatus, now: float) -> bool:
    is_over = provider.cooldown_until is not None and provider.cooldown_until <= now
    return provider.state == State.COOLDOWN.value and not is_over


def _some_cooldowns(cooling: Sequence[ProviderStatus], query: StatuslineQuery, now: float) -> Iterator[str]:
    if not cooling:
        return
    ends = [_until(provider, query, now) for provider in cooling]
    match [f"{provider.name}{end}" for provider, end in zip(cooling, ends, strict=True)]:
        case [_]:
            why = f" ({printable(cooling[0].why, _MAX_WORD)})" if cooling[0].why else ""
            yield f"{cooling[0].name}: cooldown{ends[0]}{why}"
        case [first, second]:
            yield f"cooldown: {first}, {second}"
        case several:
            yield f"cooldown: {several[0]} and {len(several) - 1} more"


def _is_to_fix(provider: ProviderStatus) -> bool:
    return provider.key_rejected or provider.out_of_credit


def _until(provider: ProviderStatus, query: StatuslineQuery, now: float) -> str:
    """Return the end of a cooldown by the terminal's clock, with the date if that is not today's."""
    if provider.cooldown_until is None:
        return ""
    return f" until {clock_time(provider.cooldown_until, now, query.utc_offset)}"
