"""What the proxy contributes to Claude Code's status line: what to fix, who is silent, the last answer, cooldowns.

The command that prints the line has to be quick and loads next to nothing, so it gets these facts as ready texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Final
from urllib.parse import parse_qsl

import msgspec

from claude_proxy.core.auth import Auth
from claude_proxy.core.body_limit import limit_in_words
from claude_proxy.core.health import State
from claude_proxy.core.local_time import clock_time
from claude_proxy.core.status_report import ProviderStatus, StatusReport
from claude_proxy.core.text import printable

_DAY: Final = 86_400
_SHOWN_AT_LEAST: Final = 300.0
"""Seconds for which a refused request is shown: Claude Code's small requests, such as for a title, go on."""
_MAX_WORD: Final = 64
"""Characters of a name or a model: the line is short."""


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


def statusline_facts(report: StatusReport, query: StatuslineQuery, now: float) -> list[str]:
    """Return what the line says behind the terminal's mode, for example `["zai (glm-5.3)", "minimax: cooldown"]`.

    What only the user can fix comes first.
    """
    of_terminal = [each for each in report.providers if query.pin in {"", each.name}]
    return [
        *(["no such provider"] if query.pin and not of_terminal else ()),
        *_to_fix(of_terminal),
        *_too_large(report, query.session, now),
        *_waiting(report, query),
        *_last_answer(report, query.session),
        *_cooldowns(of_terminal, query, now),
    ]


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


def _last_answer(report: StatusReport, session: str) -> Iterator[str]:
    if answer := report.sessions.get(session):
        model = printable(answer.model, _MAX_WORD)
        yield f"{answer.provider} ({model})" if model else answer.provider


def _cooldowns(providers: Sequence[ProviderStatus], query: StatuslineQuery, now: float) -> Iterator[str]:
    cooling = [each for each in providers if each.state == State.COOLDOWN.value and not _is_to_fix(each)]
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
