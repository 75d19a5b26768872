"""What happens in the running proxy now: the answer to `/admin/live`, read by `top` and shown on the page.

It holds no content and no secret. Times are seconds since the epoch, durations what their names say. As
`status_report.py`, this file loads little else of the core, since a command reads it.
"""

from __future__ import annotations

import msgspec

from claude_proxy.core.status_report import BudgetStatus, ProviderStatus, Spent


class LiveAttempt(msgspec.Struct, frozen=True):
    """One request to a provider that is over, but for the stream of an answer that was accepted."""

    provider: str
    outcome: str
    """A status or a word, as in `proxy.log`: `200` if the answer was accepted."""
    why: str = ""
    """Why it was rejected, in plain words."""
    milliseconds: float = 0.0


class LiveRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request in flight."""

    number: int
    """Of all requests since the proxy started: it is the same in the next report."""
    kind: str
    """`messages` or `count_tokens`."""
    session: str = ""
    request_class: str = ""
    """What Claude Code says that it is for, such as `main` or `subagent`; empty if it does not say."""
    requested_model: str = ""
    provider: str = ""
    """The provider that was asked last: it is waited for, or it answers. Empty while the request comes in."""
    model: str = ""
    """What that provider was asked for."""
    started_at: float
    seconds: float
    """Since its start."""
    silent_seconds: float | None = None
    """How long the provider has said nothing; None if nothing is waited for, as when the client is slow to read."""
    then: str = ""
    """Who is asked next if this provider fails; empty if there is nobody."""
    first_byte_ms: float | None = None
    """When the answer began; None if it has not."""
    output_tokens: int = 0
    """Of the answer so far, estimated from its bytes."""
    tokens_per_second: float | None = None
    """Since the answer began; None while there is too little of it."""
    attempts: tuple[LiveAttempt, ...] = ()
    """In their order; the last one answers, if its outcome says so."""


class LiveFailover(msgspec.Struct, frozen=True, kw_only=True):
    """A request that is over, and that more than one provider was asked for."""

    at: float
    """When the first provider failed."""
    session: str = ""
    requested_model: str = ""
    attempts: tuple[LiveAttempt, ...]
    provider: str = ""
    """The provider that answered; empty if none did."""
    ending: str = ""
    """The value of a `core.types.Ending`."""


class LiveReport(msgspec.Struct, frozen=True, kw_only=True):
    """The requests in flight, the oldest first, the providers, and the last failovers, the newest last."""

    at: float
    started_at: float
    draining: bool = False
    in_flight: int = 0
    """How many requests there are; `requests` may be fewer."""
    requests: tuple[LiveRequest, ...] = ()
    providers: tuple[ProviderStatus, ...] = ()
    """In the order of failover."""
    failovers: tuple[LiveFailover, ...] = ()
    budgets: tuple[BudgetStatus, ...] = ()
    spent_today: Spent = Spent()
    """What today's requests cost, those in flight not included."""
