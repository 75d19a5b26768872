"""The state of the running proxy: made by the server, read by the commands, by doctor and for the status line.

In JSON it is the answer to `/admin/status`, and what `claude-proxy status --json` prints. It holds no secret. Times are
seconds since the epoch. What a proxy of an older version may leave out has a default. This file loads only
values from the core, since the commands that read the report have no use for the rest.
"""

from __future__ import annotations

from typing import Final

import msgspec

from claude_proxy.core.auth import Auth
from claude_proxy.core.client_requirements import ClientRequirements
from claude_proxy.core.quota.quota_report import NEARLY, QuotaReport

READY: Final = "ready"
"""The value of `core.health.State.READY`, which would take longer to load."""


class LastError(msgspec.Struct, frozen=True):
    """What went wrong with a provider last; `at` in seconds since the epoch."""

    at: float
    text: str
    answered: bool = False
    """Whether the provider has answered since: then it is history."""


class ProviderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One provider as the proxy sees it now."""

    name: str
    base_url: str = ""
    key: str = ""
    """The variable that holds its key."""
    key_source: str = ""
    """The value of a `core.auth.KeySource`: where that variable is set; empty if there is no key."""
    auth: str = ""
    """The value of a `core.auth.Auth`."""
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
    over_budget: bool = False
    """Whether it is passed over, since a budget is used up."""
    client: ClientRequirements = ClientRequirements()
    """What it needs of Claude Code."""
    quota: QuotaReport | None = None
    """What is left of its plan, or on its account; None if there is no way to know."""


class SkippedStatus(msgspec.Struct, frozen=True):
    """A configured provider that is not used, since `variable` holds no key."""

    name: str
    variable: str


class WaitingRequest(msgspec.Struct, frozen=True):
    """A request whose provider is silent for long: for how many seconds, and which one is asked `then`."""

    provider: str
    seconds: float
    then: str = ""
    session: str = ""


class LastAnswer(msgspec.Struct, frozen=True):
    """The provider that answered last, and the model that it was asked for."""

    provider: str
    model: str
    at: float


class Spent(msgspec.Struct, frozen=True):
    """What some requests cost, in US dollars."""

    dollars: float = 0.0
    """What is charged for those whose price is known; a plan's tokens count nothing here."""
    unknown: int = 0
    """Of how many the price is not known."""
    plan_dollars: float = 0.0
    """What the tokens that plans pay for would have cost."""
    failovers: int = 0
    """How often another provider was asked."""

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            self.dollars + other.dollars,
            self.unknown + other.unknown,
            self.plan_dollars + other.plan_dollars,
            self.failovers + other.failovers,
        )


class BudgetStatus(msgspec.Struct, frozen=True):
    """A budget, and what was spent of it."""

    provider: str
    """Whose requests it is for; empty: those of all providers."""
    per: str
    """`day` or `month`."""
    dollars: float
    """What may be spent."""
    spent: float
    """What was, as far as prices are known."""
    unknown: int
    """How many answers of models without a price are not counted."""
    begins_anew: float
    passes: bool = True
    """Whether providers are passed over when it is used up."""

    @property
    def is_nearly_used_up(self) -> bool:
        return self.share >= NEARLY

    @property
    def share(self) -> float:
        """The part that was spent: 1 if it is used up."""
        return self.spent / self.dollars


class TooLarge(msgspec.Struct, frozen=True):
    """The last request that was refused as larger than the proxy's own limit, which is in bytes."""

    at: float
    session: str
    limit: int
    count: int = 1
    """How many there were since the proxy started, or since the limit was raised."""


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
    answers_saved: int = 0
    """How many answers broke off since the proxy started, and were carried to their end."""
    spent_today: Spent = Spent()
    """What today's requests cost, by the day of the proxy's clock."""
    budgets: tuple[BudgetStatus, ...] = ()
    too_large: TooLarge | None = None
    sessions: dict[str, LastAnswer] = {}
    """The last answer of each session, by its id; the newest is last."""
    waiting: tuple[WaitingRequest, ...] = ()
    """The longest silence is first."""
    config_problems: tuple[str, ...] = ()
    """What is wrong with the changed configuration, while the one before it stays in use."""
    warnings: tuple[str, ...] = ()
    egress: str = ""
    """The way to the providers, in words; empty from an older proxy."""


def state_in_words(provider: ProviderStatus) -> str:
    """Return the state of a provider: what only the user can fix comes first, since it answers nothing till then."""
    if provider.key_rejected:
        return "key refused" if provider.auth != Auth.CLIENT.value else "login refused"
    if provider.out_of_credit:
        return "no credit"
    if provider.over_budget:
        return "over budget"
    if provider.state != READY:
        return provider.state
    return "unknown model" if provider.unknown_model else provider.state
