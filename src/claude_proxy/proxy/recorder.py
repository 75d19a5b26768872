"""What is noted of a request while it is served, and becomes its account."""

from __future__ import annotations

from collections.abc import Iterable

from claude_proxy.core import messages
from claude_proxy.core.adapt import Adapted, adapt
from claude_proxy.core.affinity import SessionKey, session_key
from claude_proxy.core.client_login import secret_for
from claude_proxy.core.headers import SESSION, find
from claude_proxy.core.judge import Accepted, Outcome, Rejected
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.routing import Candidate, Route
from claude_proxy.core.text import redacted
from claude_proxy.core.tokens import Weight, weighed
from claude_proxy.core.traits import UNKNOWN_THINKING, Rule
from claude_proxy.core.types import Account, Attempt, Auth, Ending, Usage
from claude_proxy.core.usage import usage_of
from claude_proxy.proxy.attempt import Stream, ask
from claude_proxy.proxy.gateway import Gateway, RequestHead

MAX_TEXT = 300
"""How many characters of a provider's own words the user gets to read."""

CLIENT_CLOSED_REQUEST = 499
"""The status noted for a client that left before it was sent one; no client ever sees it (nginx's convention)."""


class Recorder:
    """One request's notes. Its ending is that the client left, until it is known better."""

    def __init__(self, gateway: Gateway, head: RequestHead, kind: str) -> None:
        self._gateway = gateway
        self._head = head
        self._kind = kind
        self._wall = gateway.clock.wall()
        self._began = gateway.clock.monotonic()
        self._first_byte_ms: float | None = None
        self._used_model = ""
        self._requested_model = ""
        self._streaming = False
        self._session: SessionKey | None = None
        self._candidate: Candidate | None = None
        self._weight: Weight | None = None
        self.route: Route | None = None
        self.attempts: list[Attempt] = []
        self.status = CLIENT_CLOSED_REQUEST
        self.usage = Usage()
        self.ending = Ending.CLIENT_LEFT

    @property
    def counting(self) -> bool:
        """Whether tokens are counted and no answer is given."""
        return self._kind == "count_tokens"

    def begin(self, request: MessagesRequest) -> None:
        """Note what is asked for."""
        self._requested_model = request.model
        self._streaming = request.streaming
        self._session = session_key(self._head.headers, request.model)

    def adapted(self, candidate: Candidate, request: MessagesRequest, rules: frozenset[Rule]) -> Adapted:
        """Return the request as a candidate gets it under these rules."""
        now, signature_owners, provider = (
            self._gateway.clock.wall(),
            self._gateway.memory.signature_owners,
            candidate.provider,
        )
        matters = UNKNOWN_THINKING in rules or UNKNOWN_THINKING in provider.traits.rejects
        if not matters and not signature_owners.others_than(provider.upstream):
            return adapt(request, candidate, rules)  # all thinking that is known is its own, and stays
        return adapt(request, candidate, rules, lambda signature: signature_owners.of(signature, now))

    async def attempt(
        self, candidate: Candidate, request: MessagesRequest, adapted: Adapted
    ) -> tuple[Outcome, Stream | None]:
        """Send a candidate its request, and note what came of it."""
        provider, memory, clock = candidate.provider, self._gateway.memory, self._gateway.clock
        self._used_model = adapted.model
        started = clock.monotonic()
        outcome, stream = await ask(
            self._gateway, provider, adapted, streaming=request.streaming, counting=self.counting
        )
        self._candidate = candidate
        if isinstance(outcome, Accepted) and not self.counting:
            # now, since the request is gone when its usage is known
            self._weight = (
                weighed(request.body) if memory.tokens.due(candidate.upstream_model, len(request.body)) else None
            )
        secret = secret_for(provider, request.headers)
        text = redacted(outcome.text, secret, MAX_TEXT) if isinstance(outcome, Rejected) else ""
        milliseconds = (clock.monotonic() - started) * 1000
        by_login, model = provider.auth is Auth.CLIENT, adapted.model
        self.attempts.append(
            Attempt(provider.name, outcome.label, milliseconds, text, adapted.changes, by_login, model)
        )
        return outcome, stream

    def read_usage(self, answer: bytes) -> None:
        """Note what a whole answer, the last attempt's, says of its tokens."""
        counts_cache = self._candidate is not None and self._candidate.provider.traits.input_counts_cache
        self.usage = usage_of(answer, counts_cache=counts_cache)

    def minted(self, signatures: Iterable[str]) -> None:
        """Note whose the signatures of the answer are; they come as hashes."""
        now, signature_owners = self._gateway.clock.wall(), self._gateway.memory.signature_owners
        if self._candidate:
            for digest in signatures:
                signature_owners.note(digest, self._candidate.provider.upstream, now)

    def cut_by_stop(self) -> None:
        """Note that the proxy was told to stop at once, and the request did not get to its end."""
        self.ending = Ending.ERROR
        if self.status == CLIENT_CLOSED_REQUEST:
            self.status = messages.STATUS_OF_ERROR["overloaded_error"]

    def committed(self) -> None:
        """Note that the answer's first byte goes out now."""
        self._first_byte_ms = self._elapsed_ms()
        self._hold_session()

    def remember(self) -> None:
        """Leave behind what later requests are decided by: how long a token is, and who holds the session."""
        if self._answered and self._candidate:
            self._hold_session()
            if self._weight:
                self._gateway.memory.tokens.learn(self._candidate.upstream_model, self._weight, self.usage)

    def _hold_session(self) -> None:
        if self._candidate and self.route and self.route.first_choice:
            first, now = self.route.first_choice.key, self._gateway.clock.wall()
            self._gateway.memory.sessions.note(self._session, self._candidate.key, first, now)

    @property
    def _answered(self) -> bool:
        return bool(self.attempts) and self.attempts[-1].outcome == "200"

    def _elapsed_ms(self) -> float:
        return (self._gateway.clock.monotonic() - self._began) * 1000

    def account(self) -> Account:
        return Account(
            started_at=self._wall,
            session=(find(self._head.headers, SESSION) or b"").decode("latin-1"),
            kind=self._kind,
            streaming=self._streaming,
            requested_model=self._requested_model,
            used_model=self._used_model,
            provider=self.attempts[-1].provider if self._answered else "",
            pinned=self.route is not None and self.route.pinned,
            status=self.status,
            attempts=tuple(self.attempts),
            usage=self.usage,
            ending=self.ending,
            first_byte_ms=self._first_byte_ms,
            total_ms=self._elapsed_ms(),
        )
