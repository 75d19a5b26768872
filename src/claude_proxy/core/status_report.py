"""The state of the running proxy: made by the server, read by the commands, by doctor and for the status line.

In JSON it is the answer to `/admin/status`, and what `claude-proxy status --json` prints. It holds no secret. Times are
seconds since the epoch. What a proxy of an older version may leave out has a default.
"""

from __future__ import annotations

import msgspec

from claude_proxy.core import reasons
from claude_proxy.core.health import Health, State
from claude_proxy.core.issues import Issues, LastError
from claude_proxy.core.types import Provider


class ProviderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One provider as the proxy sees it now."""

    name: str
    base_url: str = ""
    key: str = ""
    """The variable that holds its key."""
    key_source: str = ""
    """The value of a `core.types.KeySource`: where that variable is set; empty if there is no key."""
    auth: str = ""
    """The value of a `core.types.Auth`."""
    state: str
    """The value of a `core.health.State`."""
    cooldown_until: float | None = None
    reason: str | None = None
    """Why it is in cooldown, as headers and the log say it."""
    why: str | None = None
    """The same in plain words."""
    strikes: int = 0
    last_error: LastError | None = None
    key_rejected: bool = False
    out_of_credit: bool = False
    unknown_model: str | None = None
    """A model that the configuration asks it for, and that it does not know."""


class SkippedStatus(msgspec.Struct, frozen=True):
    """A configured provider that is not used, since `variable` holds no key."""

    name: str
    variable: str


class LastAnswer(msgspec.Struct, frozen=True):
    """The provider that answered last, and the model that it was asked for."""

    provider: str
    model: str
    at: float


class StatusReport(msgspec.Struct, frozen=True, kw_only=True):
    """The proxy, and its providers in the order of failover."""

    version: str
    instance: str
    pid: int
    started_at: float
    host: str
    port: int
    in_flight: int = 0
    draining: bool = False
    """Whether it is stopping, and only finishes the requests that it has."""
    providers: tuple[ProviderStatus, ...]
    skipped: tuple[SkippedStatus, ...] = ()
    last_answer: LastAnswer | None = None
    sessions: dict[str, LastAnswer] = {}
    """The last answer of each session, by its id; the newest is last."""
    config_problems: tuple[str, ...] = ()
    """What is wrong with the changed configuration, while the one before it stays in use."""
    warnings: tuple[str, ...] = ()


def provider_status(provider: Provider, health: Health, issues: Issues, now: float) -> ProviderStatus:
    """Return the state of one provider."""
    state = health.state(now)
    reason = None if state is State.READY else health.label
    return ProviderStatus(
        name=provider.name,
        base_url=provider.base_url,
        key=provider.api_key_env,
        key_source=provider.api_key_source.value if provider.api_key_source else "",
        auth=provider.auth.value,
        state=state.value,
        cooldown_until=health.cooldown_until,
        reason=reason,
        why=reason and reasons.in_words(health.reason, health.status, provider.api_key_env),
        strikes=health.strikes,
        last_error=issues.last_error,
        key_rejected=issues.key_rejected,
        out_of_credit=issues.out_of_credit,
        unknown_model=_configured(issues.unknown_model, provider),
    )


def _configured(model: str | None, provider: Provider) -> str | None:
    """Return a model if the configuration still asks for it; there is nothing to fix about another."""
    return model if not provider.models or model in provider.models.values() else None
