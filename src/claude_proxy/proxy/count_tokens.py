"""`count_tokens`: asked of a provider that offers it, estimated where none answers; never held against a provider."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import msgspec

from claude_proxy.core import reply
from claude_proxy.core.health import State
from claude_proxy.core.judge import Accepted
from claude_proxy.core.messages import JSON
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.routing import Candidate, Route
from claude_proxy.core.tokens import weighed
from claude_proxy.core.types import Ending, Fault, Headers, Reply
from claude_proxy.proxy.gateway import Gateway, RefusedError, RequestHead, find_route, read
from claude_proxy.proxy.ports import Client, ClientLeftError
from claude_proxy.proxy.recorder import Recorder
from claude_proxy.proxy.retry import attempt

_NOT_OFFERED: Final = frozenset({"404", "405", "501"})


class CountTokens:
    """A request to `/v1/messages/count_tokens`. `run` answers it and accounts for it, on every path."""

    def __init__(self, gateway: Gateway, client: Client, head: RequestHead) -> None:
        self._gateway = gateway
        self._client = client
        self._head = head
        self._notes = Recorder(gateway, head, "count_tokens")

    async def run(self) -> None:
        try:
            request = await read(self._gateway, self._client, self._head)
            self._notes.begin(request)
            route = find_route(self._gateway, self._head, request, counting=True)
            await self._answer(await self._count(request, route))
        except ClientLeftError:
            pass  # which is what the notes say already
        except RefusedError as refused:
            await self._answer(refused.reply)
        finally:
            self._gateway.ledger.record(self._notes.account())

    async def _answer(self, answer: Reply) -> None:
        self._notes.status = answer.status
        await self._client.send(answer)
        self._notes.ending = Ending.ERROR if answer.status >= HTTPStatus.BAD_REQUEST else Ending.COMPLETE

    async def _count(self, request: MessagesRequest, route: Route) -> Reply:
        notes = self._notes
        notes.route = route
        candidate = self._first_that_counts(route)
        if candidate is None:
            return self._estimated(request, route, ())
        outcome, _ = await attempt(self._gateway, notes, candidate, request)
        if isinstance(outcome, Accepted) or (outcome.fault is Fault.REQUEST and outcome.label not in _NOT_OFFERED):
            answer = outcome.reply
            if answer:
                return reply.relayed(answer, notes.attempts, candidate.provider.name)
        return self._estimated(request, route, reply.attribution_headers(notes.attempts, ""))

    def _first_that_counts(self, route: Route) -> Candidate | None:
        now, healths = self._gateway.clock.wall(), self._gateway.healths
        for candidate in route.candidates:
            provider = candidate.provider
            if provider.counts_tokens and (route.pinned or healths[provider.name].state(now) is State.READY):
                return candidate
        return None

    def _estimated(self, request: MessagesRequest, route: Route, headers: Headers) -> Reply:
        ratio = self._gateway.memory.tokens.ratio(route.candidates[0].upstream_model)
        body = msgspec.json.encode({"input_tokens": weighed(request.body).tokens(ratio)})
        return Reply(200, (*headers, (b"x-claude-proxy-estimate", b"1"), (b"content-type", JSON)), body)
