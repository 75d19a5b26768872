"""The nouns of the proxy: frozen values that every other part speaks in."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NewType, TypeAlias

import msgspec

from claude_proxy.core.auth import Auth, KeySource
from claude_proxy.core.cache_doctor.finding import CacheFinding
from claude_proxy.core.client_hints import NO_HINTS, ClientHints
from claude_proxy.core.memory_budget import DEFAULT_LIMIT
from claude_proxy.core.prices import Prices
from claude_proxy.core.reasons import Reason, label
from claude_proxy.core.traits import ModelFacts, Traits

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""Header fields as they stand on the wire, names in lower case, order kept."""

MAX_SESSION_LENGTH: Final = 64
MAX_MODEL_LENGTH: Final = 200
"""Characters; Claude Code's ids have 36. Of longer ones, which a client may send, nothing is remembered."""
MAX_RECORDED: Final = 4 * MAX_MODEL_LENGTH
"""Characters of such a name that an account holds: thousands of accounts may wait to be written. As many are looked at
to show the first ones."""


class Fault(enum.Enum):
    """Whose fault a failed attempt is; that alone decides what happens next."""

    PROVIDER = "provider"
    QUOTA = "quota"
    REQUEST = "request"
    INCOMPATIBLE = "incompatible"
    """This provider can't take this request and another one may: too long for its window, a model it does not know, an
    address that leads back to the proxy."""
    INTERNAL = "internal"
    """The proxy's own: this machine has no descriptors left, so that no provider can be reached, or the memory budget
    is used up."""


class Ending(enum.Enum):
    """How an exchange ended, seen from the client."""

    COMPLETE = "complete"
    RECOVERED = "recovered"
    """Complete, though a stream of it died: the rest was asked for."""
    TRUNCATED = "truncated"
    STALLED = "stalled"
    ERROR = "error"
    INTERNAL = "internal"
    """The proxy could not go on, through no fault of the provider."""
    CLIENT_LEFT = "client_left"


class Failback(enum.Enum):
    """When a session that another provider took over goes back to the first choice."""

    CACHE_AWARE = "cache-aware"
    """When the other's prompt cache has had time to expire, or a new session begins."""
    IMMEDIATE = "immediate"
    """As soon as the first choice can answer."""
    NEVER = "never"
    """Not while the other answers."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a provider may take, in seconds.

    `connect` covers name look-up, TCP, a proxy's tunnel and TLS. The next two run from the request's last byte:
    `first_event` to the first byte of a stream, `first_content` to its first content, or to the head of an answer that
    is not streamed (which then has as long again to come in). `stall` is the longest silence after a first byte; a ping
    or a comment ends it. For so long as `first_content` a stream may live on these alone, also between two pieces of
    content: the API holds back the values of a tool call, and hidden thinking, for minutes.
    """

    connect: float = 10.0
    first_event: float = 60.0
    first_content: float = 600.0  # as long as the official clients wait for an answer that is not streamed
    stall: float = 60.0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection goes: scheme `http` or `https`, host without brackets, port."""

    scheme: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class ClaudeCode:
    """How Claude Code has to be set to work with a provider."""

    timeout_ms: int | None = None
    """How long it has to wait for an answer, at least; None: as long as it does by itself."""
    tool_search: bool = True
    """Whether it may look for its tools, which adds blocks and fields that not every provider accepts."""


Upstream = NewType("Upstream", str)
"""What identifies an upstream: its base URL, which stays the same after a restart or if the provider is renamed."""

UpstreamModel: TypeAlias = tuple[Upstream, str]
"""A model at an upstream."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What an upstream knows the proxy by."""

    upstream: Upstream
    auth: Auth
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Provider:
    """An upstream that speaks the Anthropic Messages API, and the credential to use there; everything is filled in.

    What is true whatever the key is kept by `upstream`: who signed thinking, learned rules, bytes a token. What
    depends on the key is kept by `name`: health, a rejected key, missing credit, whose prompt cache holds a session.
    So several keys for one upstream are several providers, each with a name of its own and the same `base_url`. To the
    core they are candidates as any others: only the configuration has to make them.
    """

    name: str
    base_url: str
    """In its normal form: scheme and host in lower case, no default port, no slash at the end."""
    origin: Origin
    auth: Auth
    api_key: str = field(repr=False)
    api_key_env: str
    """The variable that holds the key: what a message names, since the key itself is never shown."""
    api_key_source: KeySource | None = None
    """Where that variable is set; None if there is no key."""
    models: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """From a tier, or `default`, to the provider's name for the model. Empty: names go through unchanged."""
    own_models: tuple[str, ...] = ()
    """Names of the models that it is known to have."""
    facts: Mapping[str, ModelFacts] = field(default_factory=lambda: MappingProxyType({}))
    """What is known of its models, by their names."""
    prices: Mapping[str, Prices] = field(default_factory=lambda: MappingProxyType({}))
    """What models cost there, by their names in lower case."""
    is_plan: bool = False
    """Whether a plan pays: `prices` are what its tokens would cost without."""
    smallest_window: int | None = None
    """Of the models that Claude's are mapped to, in tokens; None if that is not known, or the models are Claude's."""
    traits: Traits = field(default_factory=Traits)
    claude_code: ClaudeCode = ClaudeCode()
    counts_tokens: bool = True
    """Whether `count_tokens` is worth asking: false only if it is known not to exist."""
    headers: Headers = field(default=(), repr=False)
    """The user's own, sent with each request."""
    timeouts: Timeouts = Timeouts()
    quota: str = ""
    """What tells how much of its plan is left: see `core/quota/sources.py`. Empty: nothing does."""
    relay_branch: str = ""
    """Set if other providers at this address have other models: a relay, which may serve several companies."""

    @property
    def upstream(self) -> Upstream:
        return Upstream(f"{self.base_url}#{self.relay_branch}" if self.relay_branch else self.base_url)

    @property
    def credential(self) -> Credential:
        return Credential(self.upstream, self.auth, self.api_key)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the user decides about all providers."""

    retry_statuses: frozenset[int] = frozenset({408, 425, 429, *range(500, 600)}) - {501}
    """By default what is no fault of the request: any 5xx but 501 (which says what a provider can't do), a request
    that took too long to arrive or came too early, and too many of them."""
    cooldown: float = 1800.0
    """The longest cooldown after strikes, and the cooldown after a quota fault that names no time, in seconds."""
    max_body_bytes: int = 10 * 1024 * 1024
    ping_after: float = 5.0
    """Seconds without a committed answer after which a streaming client is sent its head and pings."""
    failover_on_auth: bool = False
    """Whether 401, 402 and 403 send us to the next provider instead of going to the client."""
    failback: Failback = Failback.CACHE_AWARE
    ping_interval: float = 20.0
    """Seconds of silence after which such a client gets a ping. Claude Code gives a silent stream up after 300."""
    memory_budget: int = DEFAULT_LIMIT
    """What all requests and answers may hold together, in bytes."""
    continue_answers: bool = True
    """Whether the rest of an answer is asked for if its stream dies."""
    eager_tool_streaming: bool = False
    """Whether a client that asks for the pieces of a tool call as they come gets them so."""


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens that an answer was charged for, with Anthropic's own field names."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    ephemeral_1h_input_tokens: int = 0
    """Of `cache_creation_input_tokens`, those that stay in the cache for an hour; the others stay five minutes."""


class Cost(msgspec.Struct, frozen=True, gc=False):
    """What tokens cost in US dollars, by the provider's prices; None if one that counts is not known."""

    dollars: float | None = None
    is_plan: bool = False
    """Whether a plan pays: `dollars` is what the tokens would have cost."""

    @property
    def charged(self) -> float | None:
        return 0.0 if self.is_plan else self.dollars

    @property
    def paid_by_plan(self) -> float | None:
        return self.dollars if self.is_plan else 0.0


NO_COST: Final = Cost(0.0)


class Reply(msgspec.Struct, frozen=True, gc=False):
    """A whole answer: a provider's, fit to be relayed as it stands, or one of our own."""

    status: int
    headers: Headers
    body: bytes

    def __repr__(self) -> str:
        return f"<Reply {self.status}, {len(self.body)} bytes>"


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """One request to a provider, and what came of it."""

    provider: str
    reason: Reason | None
    """Why it was rejected; None if it was accepted."""
    status: int | None
    milliseconds: float
    """Until it was rejected, or its first content came."""
    text: str = ""
    """The fault in the provider's own words: for the user's eyes, never for a log, since it may quote the request."""
    adapted: tuple[str, ...] = ()
    """What was changed for this provider, in words that are safe in a header: `billing-block`, `block:image*2`."""
    by_login: bool = False
    """Whether it was asked with the client's own login: if that is rejected, the client can fix it."""
    model: str = ""
    """What it was asked for."""
    credential: str = ""
    """The variable that holds the key which was used; empty if there is none."""
    started_ms: float = 0.0
    """From the exchange's start to its own."""
    usage: Usage = Usage()
    """What it said of its tokens. An answer that goes on at another provider is charged in parts."""
    cost: Cost = NO_COST

    @property
    def accepted(self) -> bool:
        return self.reason is None

    @property
    def outcome(self) -> str:
        """A status (`429`) or a word (`refused`, `overloaded_error`), safe in a header and in a log."""
        return label(self.reason, self.status)

    def __str__(self) -> str:
        return f"{self.provider}={self.outcome}"

    def __repr__(self) -> str:
        return f"<Attempt {self} {self.milliseconds:.0f} ms>"


class Account(msgspec.Struct, frozen=True, gc=False):
    """What is kept of an exchange when it is over: never a key, never content."""

    started_at: float
    """Seconds since the epoch."""
    session: str
    """The client's session id, or an empty text."""
    kind: str
    """`messages` or `count_tokens`."""
    streaming: bool
    requested_model: str
    used_model: str
    provider: str
    """The provider that answered; empty if none did."""
    pinned: bool
    status: int
    """The status that the client got; 499 if it left before it got one."""
    attempts: tuple[Attempt, ...]
    usage: Usage
    ending: Ending
    first_byte_ms: float | None
    total_ms: float
    hints: ClientHints = NO_HINTS
    """What Claude Code says of the request."""
    checks: tuple[Attempt, ...] = ()
    """The questions to the model that checks tool calls for auto mode; `usage` has their tokens too."""
    anthropic_dollars: float | None = None
    """What the same tokens of the requested model cost at Anthropic; None if that is not known."""
    trace_parent: str = ""
    """Where it belongs in the client's own trace: the `traceparent` of W3C's Trace Context, as it was sent."""
    cache: CacheFinding | None = None
    """What was read from the prompt cache, and what should have been; None if that can't be said."""

    @property
    def cost(self) -> float | None:
        """What is charged for it, in dollars; None if a part is not known. What a plan pays for counts nothing."""
        return _sum(attempt.cost.charged for attempt in (*self.attempts, *self.checks))

    @property
    def plan_cost(self) -> float | None:
        """What the tokens that a plan pays for would have cost; None if a part is not known."""
        return _sum(attempt.cost.paid_by_plan for attempt in (*self.attempts, *self.checks))


def _sum(parts: Iterable[float | None]) -> float | None:
    dollars = 0.0
    for part in parts:
        if part is None:
            return None
        dollars += part
    return dollars
