"""The parts of what `top` shows, as rows: the requests in flight, the providers, the last failovers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from rich.text import Text

from claude_proxy.cli.live_view.columns import Row
from claude_proxy.cli.output.console import when
from claude_proxy.core.amounts import short_count, short_duration
from claude_proxy.core.live_report import LiveFailover, LiveRequest
from claude_proxy.core.live_words import (
    ACCEPTED,
    MAX_WORD,
    Tone,
    doing,
    failure_in_words,
    kind_of,
    last_failure,
    provider_state,
    short_model,
    why_in_words,
)
from claude_proxy.core.quota.quota_report import QuotaReport, QuotaWindow
from claude_proxy.core.status_report import ProviderStatus
from claude_proxy.core.text import printable

STYLES: Final[Mapping[Tone, str]] = MappingProxyType(
    {"good": "green", "busy": "cyan", "warning": "yellow", "bad": "bold red", "quiet": "dim"}
)
BAR: Final = 8
"""Columns of a bar."""
MAX_WINDOWS: Final = 2
"""Of a plan, those that are shown: the shortest ones come first."""


def request_rows(requests: Sequence[LiveRequest], *, with_session: bool) -> list[Row]:
    """Return the requests in flight below their titles; nothing if there are none."""
    if not requests:
        return []
    titles = ["request", *(["session"] if with_session else []), "model", "provider", "state"]
    rows = [[*map(_title, titles), *map(_right_title, ("time", "tokens", "tokens/s"))]]
    for request in requests:
        words = [
            kind_of(request),
            *([request.session[:8]] if with_session else []),
            short_model(request.requested_model),
        ]
        rate = "" if request.tokens_per_second is None else f"{request.tokens_per_second:.0f}"
        rows.append(
            [
                *(Text(printable(word, MAX_WORD)) for word in words),
                Text(printable(request.provider, MAX_WORD) or "-", "bold"),
                _doing(request),
                *map(
                    _number,
                    (
                        short_duration(request.seconds * 1000),
                        short_count(request.output_tokens) if request.output_tokens else "",
                        rate,
                    ),
                ),
            ]
        )
    return [*rows]


def _doing(request: LiveRequest) -> Text:
    """Return what happens to a request, and what has been tried."""
    words, tone = doing(request)
    text = Text(words, STYLES.get(tone, ""))
    return text.append(f", after {failure}", "dim") if (failure := last_failure(request)) else text


def provider_rows(providers: Sequence[ProviderStatus], *, blocks: bool) -> list[Row]:
    """Return the providers below their titles; `blocks` says whether bars are drawn with block characters."""
    titles = [_title("provider"), _title("state"), _title("quota")]
    return [titles, *(_provider(provider, blocks) for provider in providers)]


def _provider(provider: ProviderStatus, blocks: bool) -> Row:
    name = Text(printable(provider.name, MAX_WORD), "bold")
    return [name, state_text(provider), _quota(provider.quota, blocks)]


def state_text(provider: ProviderStatus) -> Text:
    """Return a provider's state, until when it lasts, and why."""
    words, tone = provider_state(provider)
    state = Text(words, STYLES.get(tone, ""))
    if provider.state == "cooldown" and provider.cooldown_until is not None:
        state.append(f"{'' if words == 'cooldown' else ', cooldown'} until {when(provider.cooldown_until)}")
    return state.append(f" ({why})") if (why := why_in_words(provider)) else state


def _quota(quota: QuotaReport | None, blocks: bool) -> Text:
    if quota is None:
        return Text()
    windows = [window for window in quota.windows if not window.is_pace][:MAX_WINDOWS]
    parts = [bar(window, blocks=blocks) for window in windows]
    if quota.balance:
        amount = f"{quota.balance.amount:.2f} {printable(quota.balance.currency, MAX_WORD)}"
        parts.append(Text(amount, "red" if quota.balance.is_low else ""))
    return Text("  ").join(parts)


def bar(window: QuotaWindow, *, blocks: bool) -> Text:
    """Return how much of a window is used, as a bar and in percent: `5 h ######.. 78 %`."""
    used = min(1.0, max(0.0, window.used))
    filled = min(BAR, max(round(BAR * used), used > 0))
    full, empty = ("█", "░") if blocks else ("#", ".")
    style = "red" if used >= 1 else "yellow" if window.is_nearly_used_up else "green"
    words = Text(f"{printable(window.name, MAX_WORD)} ")
    words.append(full * filled, style).append(empty * (BAR - filled), "dim")
    return words.append(f" {max(0, window.percent)} %")


def failover_rows(failovers: Sequence[LiveFailover], *, arrow: str) -> list[Row]:
    """Return the last failovers, the newest first."""
    return [
        [
            Text(datetime.fromtimestamp(failover.at).astimezone().strftime("%H:%M:%S"), "dim"),
            Text(short_model(failover.requested_model)),
            _way(failover, arrow),
        ]
        for failover in reversed(failovers)
    ]


def _way(failover: LiveFailover, arrow: str) -> Text:
    """Return which provider failed, why, and which one answered: `minimax overloaded → moonshot`."""
    steps = [failure_in_words(attempt) for attempt in failover.attempts if attempt.outcome != ACCEPTED]
    end = Text(printable(failover.provider, MAX_WORD), "green") if failover.provider else Text("no answer", "bold red")
    return Text(f" {arrow} ").join([*map(Text, steps), end])


def _title(word: str) -> Text:
    return Text(word, "bold")


def _right_title(word: str) -> Text:
    return Text(word, "bold", justify="right")


def _number(word: str) -> Text:
    return Text(word, justify="right")
