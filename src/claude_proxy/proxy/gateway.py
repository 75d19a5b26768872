"""What a request works with, as it stood when it came in: a changed configuration makes a new `Gateway`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import assert_never

from claude_proxy.core.affinity import Sessions, session_key
from claude_proxy.core.body_limit import over_limit
from claude_proxy.core.cache_doctor.doctor import CacheDoctor
from claude_proxy.core.client_hints import request_class
from claude_proxy.core.client_login import NoLogin, has_login
from claude_proxy.core.cooldowns import Cooldowns
from claude_proxy.core.health import Health
from claude_proxy.core.hops import Hops
from claude_proxy.core.learning.learned_rules import LearnedRules
from claude_proxy.core.memory_budget import MemoryBudget, MemoryShare, OverBudgetError
from claude_proxy.core.prices import Prices
from claude_proxy.core.provenance import SignatureOwners
from claude_proxy.core.reply import NO_RETRY, error_reply, loop_detected, nothing_there, prompt_too_long, refusal
from claude_proxy.core.request import MalformedRequestError, MessagesRequest
from claude_proxy.core.routing import Candidate, NoSuchProvider, Route
from claude_proxy.core.selection import Criteria, OverBudget, Selector, TooLong
from claude_proxy.core.text import PROGRAM, with_program
from claude_proxy.core.tokens import Calibration, Prompt
from claude_proxy.core.types import Headers, Policy, Provider, Reply
from claude_proxy.proxy.defects import Defects
from claude_proxy.proxy.in_flight import RequestsInFlight
from claude_proxy.proxy.ports import Client, Clock, Ledger, Transport
from claude_proxy.proxy.quota_watch import QuotaWatch


@dataclass(frozen=True, slots=True)
class Memory:
    """What one request leaves behind for the next; it outlives a changed configuration."""

    signature_owners: SignatureOwners = field(default_factory=SignatureOwners)
    learned_rules: LearnedRules = field(default_factory=LearnedRules)
    tokens: Calibration = field(default_factory=Calibration)
    sessions: Sessions = field(default_factory=Sessions)
    cooldowns: Cooldowns = field(default_factory=Cooldowns)
    cache_doctor: CacheDoctor = field(default_factory=CacheDoctor)

    @property
    def changes(self) -> int:
        """A number that grows with all that is worth keeping across a restart."""
        tables = (self.signature_owners, self.learned_rules, self.tokens, self.cooldowns)
        return sum(table.changes for table in tables)


@dataclass(frozen=True, slots=True)
class Gateway:
    """The providers in the order of failover, their health by name, and the world outside."""

    providers: tuple[Provider, ...]
    healths: Mapping[str, Health]
    selector: Selector
    """Chooses which of them are asked, by the user's routes and what `memory` holds."""
    policy: Policy
    transport: Transport
    clock: Clock
    ledger: Ledger
    memory: Memory
    defects: Defects
    budget: MemoryBudget = field(default_factory=MemoryBudget)
    """What all requests and answers hold; `memory` is what outlives them."""
    in_flight: RequestsInFlight = field(default_factory=RequestsInFlight)
    hops: Hops = field(default_factory=Hops)
    """Knows requests that come back."""
    auto_mode: Candidate | None = None
    """The model that checks tool calls for Claude Code's auto mode."""
    claude_prices: Mapping[str, Prices] = field(default_factory=lambda: MappingProxyType({}))
    """What Claude models cost at Anthropic, by their names."""
    quota: QuotaWatch | None = None
    """Takes what answers say of the limits of plans."""
    program: str = PROGRAM
    """How the user calls this program, for messages to clients."""


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request's head that has passed the guard: `path` without the pin, and the pin (a provider's name) or None.

    The one credential that `headers` may still hold is the client's own login, in `authorization`.
    """

    path: str
    query: bytes
    headers: Headers = field(repr=False)
    pin: str | None
    hops: bytes = b""
    """The proxies that it has passed; empty if it comes from a client."""
    trace_parent: bytes = b""
    """Its `traceparent`, which no provider gets."""


class RefusedError(Exception):
    """The request is refused before any provider is asked; `reply` is what the client gets."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


async def read(gateway: Gateway, client: Client, head: RequestHead, memory: MemoryShare) -> MessagesRequest:
    """Read a request to its end. Raises `RefusedError` and `ClientLeftError`."""
    if head.hops and (fault := gateway.hops.fault(head.hops)):
        raise RefusedError(loop_detected(fault))
    body = await _read_body(client, gateway.policy.max_body_bytes, memory)
    try:
        return MessagesRequest.parse(head.path, head.query, head.headers, body)
    except MalformedRequestError as error:
        raise RefusedError(refusal("invalid_request_error", str(error))) from None


async def _read_body(client: Client, limit: int, memory: MemoryShare) -> bytes:
    """Return the body. It is held twice: as its pieces while it comes, later as it is and as a provider gets it."""
    body, over_budget = None, ""
    try:
        body = await client.read_body(limit, lambda size: memory.hold(2 * size))
    except OverBudgetError as error:
        over_budget = str(error)  # the error itself holds on to the pieces
    if body is not None:
        return body
    memory.hold(0)
    if over_budget:
        raise RefusedError(error_reply(503, "api_error", over_budget))
    raise RefusedError(refusal("request_too_large", over_limit(limit)))


def find_route(gateway: Gateway, head: RequestHead, request: MessagesRequest, *, counting: bool = False) -> Route:
    """Return the route of a request. Raises `RefusedError` if it fits nowhere, or names no provider that can be asked.

    A request whose tokens are only counted need not fit.
    """
    selected = gateway.selector.choose(_criteria(gateway, head, request), gateway.clock.wall(), counting=counting)
    match selected:
        case Route():
            return selected
        case NoSuchProvider(message):
            raise RefusedError(nothing_there(message))
        case NoLogin(message):
            named = with_program(message, gateway.program)
            raise RefusedError(refusal("authentication_error", named, NO_RETRY))
        case OverBudget(message):
            raise RefusedError(refusal("rate_limit_error", message, NO_RETRY))
        case TooLong(tokens, window):
            raise RefusedError(prompt_too_long(tokens, window))
        case _:
            assert_never(selected)


def _criteria(gateway: Gateway, head: RequestHead, request: MessagesRequest) -> Criteria:
    """Return what of a request decides which candidates are asked."""
    session = session_key(head.headers, request.model)
    with_login = has_login(head.headers)
    features, size = request.required_features, len(request.body)
    made_for = request_class(head.headers) if gateway.selector.routes.by_class else ""
    return Criteria(request.model, Prompt(request.body), head.pin, features, session, with_login, size, made_for)
