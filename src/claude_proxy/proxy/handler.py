"""What every request of a client goes through, whatever it asks for.

read ─► route ─► … each kind of request in its own way … ─► account
                        │  ▲
                        ▼  │
           adapt ─► send ─► judge, and once more without what was refused
"""

from __future__ import annotations

import abc
import asyncio
from dataclasses import replace
from typing import ClassVar

from claude_proxy.core.account_errors import account_notice
from claude_proxy.core.adapt import Adapted, adapt
from claude_proxy.core.learning.body_size import infer_max_bytes
from claude_proxy.core.learning.learned_rules import LIFETIME, LearnedRule
from claude_proxy.core.memory_budget import NOT_COUNTED
from claude_proxy.core.messages import ACCOUNT_STATUSES
from claude_proxy.core.outcome import Rejected
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.routing import Candidate, Route
from claude_proxy.core.traits import UNKNOWN_THINKING, Rule
from claude_proxy.core.types import MAX_RECORDED, Fault, Reply
from claude_proxy.proxy.attempt import Outcome, Told, ask
from claude_proxy.proxy.gateway import Gateway, RefusedError, RequestHead, find_route, read
from claude_proxy.proxy.in_flight import Progress
from claude_proxy.proxy.ports import Client, ClientLeftError, UpstreamRequest
from claude_proxy.proxy.recorder import Recorder
from claude_proxy.proxy.retry import Retry, judged, plan_retry, rules_to_keep

MAX_MESSAGE = 200
"""Characters that are kept of the error that taught a rule."""


class Handler(abc.ABC):
    """One request of a client. `run` answers it and accounts for it, on every path."""

    counting: ClassVar[bool] = False
    """Whether tokens are counted and no answer is given."""

    def __init__(self, gateway: Gateway, client: Client, head: RequestHead) -> None:
        self._gateway = gateway
        self._client = client
        self._head = head
        self._recorder = Recorder(gateway, head, counting=self.counting)
        self._progress = Progress(self._recorder.account)
        self._memory = gateway.budget.share()  # of the request itself; what is held of answers are its parts

    async def run(self) -> None:
        self._gateway.in_flight.begin(self._progress)
        try:
            await self._answer()
        except RefusedError as refused:
            await self._send(refused.reply)
        except ClientLeftError:
            self._recorder.client_left()
        except asyncio.CancelledError:
            if self._client.left:
                self._recorder.client_left()
            else:
                self._recorder.stopped()
            raise
        finally:
            self._gateway.in_flight.end(self._progress)
            self._memory.close()
            with self._gateway.defects:
                self._gateway.ledger.record(self._recorder.account())

    @abc.abstractmethod
    async def _answer(self) -> None:
        """Read the request, answer it, and record how that ended."""

    async def _read(self) -> tuple[MessagesRequest, Route]:
        """Read the request, and find its candidates. Raises `RefusedError` and `ClientLeftError`."""
        request = await read(self._gateway, self._client, self._head, self._memory)
        self._recorder.begin(request)
        self._recorder.route = route = find_route(self._gateway, self._head, request, counting=self.counting)
        return request, route

    async def _ask(self, candidate: Candidate, request: MessagesRequest) -> Outcome:
        """Ask a candidate, and once more without what it refused if that can be left out; return the last outcome."""
        known = self._learned_rules(candidate)
        adapted = self._adapt(candidate, request, known)
        outcome = await self._attempt(candidate, request, adapted)
        if not isinstance(outcome, Rejected):
            return outcome
        retry: Retry | None = None
        with self._gateway.defects:
            retry = plan_retry(candidate, adapted, outcome, known, lambda rules: self._adapt(candidate, request, rules))
        if retry is None:
            return outcome
        refusal = self._recorder.attempts[-1].text
        outcome = judged(retry, await self._attempt(candidate, request, retry.adapted))
        if not self.counting:
            with self._gateway.defects:
                self._learn(candidate, rules_to_keep(retry, outcome), refusal[:MAX_MESSAGE])
        return outcome

    async def _attempt(self, candidate: Candidate, request: MessagesRequest, adapted: Adapted) -> Outcome:
        """Send one adapted request, and record what came of it."""
        now, provider, progress = self._gateway.clock.monotonic, candidate.provider, self._progress
        self._recorder.used_model = adapted.model[:MAX_RECORDED]
        started = progress.since = now()
        progress.provider = provider.name
        streaming = request.streaming and not self.counting
        memory = self._memory.part()
        head = self._gateway.hops.added_to(adapted.head, self._head.hops, provider)
        upstream_request = UpstreamRequest(provider.origin, head, adapted.body)
        reading = list[Told]()
        try:
            outcome = await ask(
                self._gateway,
                provider,
                upstream_request,
                memory,
                streaming=streaming,
                counting=self.counting,
                tool_names=adapted.tool_names,
                reading=reading.append,
            )
        except asyncio.CancelledError:
            self._recorder.add(candidate, adapted, None, (now() - started) * 1000, reading)
            raise
        progress.since = None
        if isinstance(outcome, Rejected) and (outcome.reply is None or len(outcome.reply.body) <= NOT_COUNTED):
            memory.close()
        self._recorder.add(candidate, adapted, outcome, (now() - started) * 1000, reading)
        if isinstance(outcome, Rejected):
            with self._gateway.defects:
                return self._heed_size(candidate, outcome, request, len(adapted.body))
        return outcome

    def _adapt(self, candidate: Candidate, request: MessagesRequest, rules: frozenset[Rule]) -> Adapted:
        """Return the request as a candidate gets it under these rules."""
        provider, owners = candidate.provider, self._gateway.memory.signature_owners
        unknown_matters = UNKNOWN_THINKING in rules or UNKNOWN_THINKING in provider.traits.rejects
        if not unknown_matters and not owners.has_others_than(provider.upstream):
            return adapt(request, candidate, rules)  # all thinking that is known is its own, and stays
        now = self._gateway.clock.wall()
        return adapt(request, candidate, rules, lambda signature: owners.owner(signature, now))

    def _heed_size(self, candidate: Candidate, outcome: Rejected, request: MessagesRequest, sent: int) -> Rejected:
        """Learn how large a request a candidate takes, if it says that it rejects one for its size.

        If that was known before, it was asked because the others had failed: then their errors go to the client.
        """
        limit = infer_max_bytes(outcome, sent)
        if limit is None:
            return outcome
        known = candidate.provider.traits.having(self._learned_rules(candidate)).max_bytes
        if known is None or int(limit.name) < known:
            self._learn(candidate, frozenset({limit}), self._recorder.attempts[-1].text[:MAX_MESSAGE])
        if known is None or len(request.body) <= known:
            return outcome
        return replace(outcome, fault=Fault.INCOMPATIBLE)

    def _learned_rules(self, candidate: Candidate) -> frozenset[Rule]:
        return self._gateway.memory.learned_rules.rules(candidate.upstream_model, self._gateway.clock.wall())

    def _learn(self, candidate: Candidate, rules: frozenset[Rule], message: str) -> None:
        now = self._gateway.clock.wall()
        for rule in rules:
            learned = LearnedRule(*candidate.upstream_model, rule, now, now + LIFETIME, message)
            self._gateway.memory.learned_rules.keep(learned)

    def _account_notice(self, name: str, answer: Reply | None) -> str:
        """Return what is said before a provider's error if that is about its key or its credit, else nothing."""
        route = self._recorder.route
        if answer is None or route is None or answer.status not in ACCOUNT_STATUSES:
            return ""
        provider = next(each.provider for each in route.candidates if each.provider.name == name)
        others = len(route.candidates) > 1 and not self._gateway.policy.failover_on_auth
        return account_notice(provider, answer.status, others=others)

    async def _send(self, reply: Reply) -> None:
        """Send the client a whole answer."""
        self._recorder.status = reply.status
        await self._client.send(reply)
