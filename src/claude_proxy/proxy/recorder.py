"""Records one request while it is served: what becomes its account, and what later requests are decided by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Final

from msgspec.structs import replace

from claude_proxy.core.adapt import Adapted
from claude_proxy.core.affinity import SessionKey, session_key
from claude_proxy.core.auth import Auth
from claude_proxy.core.cache_doctor.doctor import RequestSeries
from claude_proxy.core.cache_doctor.finding import CacheFinding
from claude_proxy.core.cache_doctor.miss_cost import cost_of_miss
from claude_proxy.core.cache_doctor.prompt_pieces import SentPrompt
from claude_proxy.core.client_hints import ClientHints, read_hints
from claude_proxy.core.client_login import secret_for
from claude_proxy.core.headers import SESSION, find
from claude_proxy.core.learning.refused_tools import tools_at_fault
from claude_proxy.core.learning.sent_request import SentRequest
from claude_proxy.core.messages import STATUS_OF_ERROR
from claude_proxy.core.outcome import Rejected, Whole
from claude_proxy.core.pricing import anthropic_dollars, cost_of
from claude_proxy.core.reasons import Reason
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.routing import Candidate, Route
from claude_proxy.core.text import redacted
from claude_proxy.core.tokens import BodySize, measure_body
from claude_proxy.core.types import MAX_RECORDED, Account, Attempt, Ending, Fault, Usage
from claude_proxy.core.usage import total, usage_of
from claude_proxy.proxy.attempt import Outcome, Told
from claude_proxy.proxy.gateway import Gateway, RequestHead

MAX_TEXT = 300
"""How many characters of a provider's own words the user gets to read."""

MAX_READ = 2000
"""How many of them are looked at for the tool that they are about."""

MAX_TOOL_NAME = 64

_NOTHING: Final = Usage()

CLIENT_CLOSED_REQUEST = 499
"""The status of a client that left before it was sent one; no client ever sees it (nginx's convention)."""


class Recorder:
    """What is known of one request so far. It sends nothing and reads nothing.

    A request without a recorded ending is an error, since only a defect ends one that way.
    """

    def __init__(self, gateway: Gateway, head: RequestHead, *, counting: bool) -> None:
        self._gateway = gateway
        self._head = head
        self._counting = counting
        self._started_at = gateway.clock.wall()
        self._started = gateway.clock.monotonic()
        self._first_byte_ms: float | None = None
        self._requested_model = ""
        self._streaming = False
        self._session: SessionKey | None = None
        self._answering: Candidate | None = None
        self._body_size: BodySize | None = None
        self._cache: CacheFinding | None = None
        self.prompt: SentPrompt | None = None
        """What the candidate that answers was sent, if its use of the prompt cache is to be looked at."""
        self.route: Route | None = None
        self.used_model = ""
        """The model that was asked for last."""
        self._answering_model = ""
        self.attempts: list[Attempt] = []
        self._checks: list[Attempt] = []
        self.status: int | None = None
        """The status that the client got; None until one is sent."""
        self.ending: Ending | None = None

    @cached_property
    def _hints(self) -> ClientHints:
        return read_hints(self._head.headers)

    def begin(self, request: MessagesRequest) -> None:
        """Record what is asked for."""
        self._requested_model = request.model[:MAX_RECORDED]
        self._streaming = request.streaming
        self._session = session_key(self._head.headers, request.model)

    def add(
        self,
        candidate: Candidate,
        adapted: Adapted,
        outcome: Outcome | None,
        milliseconds: float,
        reading: Sequence[Told] = (),
    ) -> None:
        """Record an attempt that is over; without an outcome, nobody waits for it any longer.

        `reading`: what was read of its answer, the newest last. The tokens of an accepted one are recorded later.
        """
        attempt = self._attempt(candidate, adapted, outcome, milliseconds)
        if outcome is None or isinstance(outcome, Rejected):
            with self._gateway.defects:
                attempt = self._with_usage(attempt, candidate, _told(candidate, outcome, reading))
        self.prompt = adapted.prompt if self._session and attempt.accepted and not self._counting else None
        self.attempts.append(attempt)

    def add_check(self, judge: Candidate, adapted: Adapted, outcome: Outcome | None, milliseconds: float) -> None:
        """Record a question about tool calls, which the client has not asked."""
        check = self._attempt(judge, adapted, outcome, milliseconds)
        with self._gateway.defects:
            check = self._with_usage(check, judge, _told(judge, outcome, ()))
        self._checks.append(check)

    def _attempt(self, candidate: Candidate, adapted: Adapted, outcome: Outcome | None, milliseconds: float) -> Attempt:
        provider = candidate.provider
        rejected = outcome if isinstance(outcome, Rejected) else None
        reason, status = (rejected.reason, rejected.status) if rejected else (None, 200)
        if outcome is None:
            reason, status = Reason.ABANDONED, None
        words = _with_tools(rejected, adapted) if rejected else ""
        text = redacted(words, secret_for(provider, self._head.headers), MAX_TEXT) if words else ""
        by_login = provider.auth is Auth.CLIENT
        return Attempt(
            provider.name,
            reason,
            status,
            milliseconds,
            text,
            adapted.changes,
            by_login,
            adapted.model[:MAX_RECORDED],
            provider.api_key_env,
            self._elapsed_ms() - milliseconds,
        )

    def answered_by(self, candidate: Candidate) -> None:
        """Record the candidate that answers."""
        self._answering = candidate
        self._answering_model = self.used_model

    def died(self, ending: Ending) -> None:
        """Record how the answer that is being sent broke off; another attempt may give the rest of it."""
        reason = Reason(ending.value)
        text = f"a stream ended {ending.value}"
        self.attempts[-1] = replace(self.attempts[-1], reason=reason, status=None, text=text)
        self._body_size = self.prompt = None  # the answer's usage is no longer that of the request alone

    def measure(self, candidate: Candidate, body: bytes) -> None:
        """Measure the request that is answered, while its body is there, if its usage is to be learned from."""
        if self._gateway.memory.tokens.is_due(candidate.upstream_model, len(body)):
            self._body_size = measure_body(body)

    def read_usage(self, answer: bytes) -> None:
        """Record what a whole answer says of its tokens."""
        if self._answering:
            self.charged(_usage_in(answer, self._answering))

    def charged(self, usage: Usage) -> None:
        """Record what the answer of the last attempt says of its tokens, and what they cost."""
        if self._answering and self.attempts:
            self.attempts[-1] = self._with_usage(self.attempts[-1], self._answering, usage)

    def _with_usage(self, attempt: Attempt, candidate: Candidate, usage: Usage) -> Attempt:
        cost = cost_of(candidate, usage, self._gateway.clock.wall())
        return replace(attempt, usage=usage, cost=cost)

    def record_signatures(self, signatures: Iterable[str]) -> None:
        """Remember which upstream made the signatures of the answer; they come as hashes."""
        if self._answering is None:
            return
        now, owners = self._gateway.clock.wall(), self._gateway.memory.signature_owners
        for digest in signatures:
            owners.note(digest, self._answering.provider.upstream, now)

    def first_byte(self) -> None:
        """Record that the answer's first byte goes out now."""
        self._first_byte_ms = self._elapsed_ms()
        self._remember_session()

    def client_left(self) -> None:
        """Record that the client hung up before its answer had ended."""
        self.ending = self.ending or Ending.CLIENT_LEFT

    def stopped(self) -> None:
        """Record that the proxy was told to stop at once, before the request came to its end."""
        self.ending = Ending.ERROR
        self.status = self.status or STATUS_OF_ERROR["overloaded_error"]

    def remember(self) -> None:
        """Keep what later requests are decided by: how long a token is, and which candidate has the session."""
        if self._answering:
            self._remember_session()
            if self._body_size:
                self._gateway.memory.tokens.learn(
                    self._answering.upstream_model, self._body_size, self.attempts[-1].usage
                )
            if self._session and self.prompt and self.ending is Ending.COMPLETE:
                self._cache = self._diagnose(self._answering, self._session, self.prompt)

    def _diagnose(self, candidate: Candidate, session: SessionKey, prompt: SentPrompt) -> CacheFinding | None:
        """Return how the request used the prompt cache, and remember it for the next one."""
        gateway, usage = self._gateway, self.attempts[-1].usage
        series = RequestSeries.of(session, self._hints)
        finding = gateway.memory.cache_doctor.diagnose(series, candidate.key, prompt, usage, self._started_at)
        if finding is None or not finding.missed_tokens:
            return finding
        return replace(finding, cost=cost_of_miss(candidate, usage, finding.missed_tokens, gateway.clock.wall()))

    def _remember_session(self) -> None:
        if self._answering and self.route and self.route.first_choice:
            first, now = self.route.first_choice.key, self._gateway.clock.wall()
            self._gateway.memory.sessions.note(self._session, self._answering.key, first, now)

    def _elapsed_ms(self) -> float:
        return (self._gateway.clock.monotonic() - self._started) * 1000

    def _final_status(self, ending: Ending) -> int:
        if self.status is not None:
            return self.status
        return CLIENT_CLOSED_REQUEST if ending is Ending.CLIENT_LEFT else STATUS_OF_ERROR["api_error"]

    def account(self) -> Account:
        ending = self.ending or Ending.ERROR
        return Account(
            started_at=self._started_at,
            session=(find(self._head.headers, SESSION) or b"")[:MAX_RECORDED].decode("latin-1"),
            kind="count_tokens" if self._counting else "messages",
            streaming=self._streaming,
            requested_model=self._requested_model,
            used_model=self._answering_model if self._answering else self.used_model,
            provider=self._answering.provider.name if self._answering else "",
            pinned=self.route is not None and self.route.pinned,
            status=self._final_status(ending),
            attempts=tuple(self.attempts),
            usage=total([attempt.usage for attempt in (*self.attempts, *self._checks)]),
            ending=ending,
            first_byte_ms=self._first_byte_ms,
            total_ms=self._elapsed_ms(),
            hints=self._hints,
            checks=tuple(self._checks),
            anthropic_dollars=self._anthropic_dollars(),
            trace_parent=self._head.trace_parent.decode("latin-1"),
            cache=self._cache,
        )

    def _anthropic_dollars(self) -> float | None:
        prices, model, now = self._gateway.claude_prices, self._requested_model, self._gateway.clock.wall()
        dollars = 0.0
        for attempt in self.attempts:  # each alone, since a price may depend on the length of the prompt
            cost = anthropic_dollars(prices, model, attempt.usage, now)
            if cost is None:
                return None
            dollars += cost
        return dollars


def _told(candidate: Candidate, outcome: Outcome | None, reading: Sequence[Told]) -> Usage:
    """Return what an answer that is not relayed has said of its tokens: a provider may charge for it nevertheless."""
    if isinstance(outcome, Whole):
        return _usage_in(outcome.reply.body, candidate)
    return reading[-1].usage if reading else _NOTHING


def _usage_in(answer: bytes, candidate: Candidate) -> Usage:
    return usage_of(answer, counts_cache=candidate.provider.traits.input_counts_cache)


def _with_tools(rejected: Rejected, adapted: Adapted) -> str:
    """Return an error's words, with the names of the tools that they are about if they do not say those."""
    if rejected.fault is not Fault.REQUEST:
        return rejected.text
    names = tools_at_fault(rejected.text[:MAX_READ], SentRequest(adapted))
    own = ", ".join(adapted.tool_names.get(name, name)[:MAX_TOOL_NAME] for name in names)
    return f"{'tool' if len(names) == 1 else 'tools'} {own}: {rejected.text}" if own else rejected.text
