"""`count_tokens`: asked of a provider that offers it, estimated where none answers; never held against a provider."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

import msgspec

from claude_proxy.core import reply
from claude_proxy.core.health import State
from claude_proxy.core.judge import Accepted
from claude_proxy.core.messages import JSON
from claude_proxy.core.model import Ending, Fault, Headers, Reply
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.routing import Candidate, Route
from claude_proxy.gateway import Gateway, RefusedError, RequestHead, find_route, read
from claude_proxy.notes import Notes
from claude_proxy.ports import Client, ClientLeftError

BYTES_PER_TOKEN: Final = 4
"""English text and JSON come to about four bytes a token."""

TOKENS_PER_FILE: Final = 1600
"""What a large image is charged for; its base64 would count a hundred times as much."""

_FILE: Final = re.compile(rb'"data"\s*:\s*"[A-Za-z0-9+/=]{1024,}"')
_NOT_OFFERED: Final = frozenset({"404", "405", "501"})


def estimate(body: bytes) -> int:
    """Return about how many tokens a request holds."""
    text, files = _FILE.subn(b"", body)
    return max(1, len(text) // BYTES_PER_TOKEN) + files * TOKENS_PER_FILE


class Counting:
    """A request to `/v1/messages/count_tokens`. `run` answers it and accounts for it, on every path."""

    def __init__(self, gateway: Gateway, client: Client, head: RequestHead) -> None:
        self._gateway = gateway
        self._client = client
        self._head = head
        self._notes = Notes(gateway, head, "count_tokens")

    async def run(self) -> None:
        try:
            request = await read(self._gateway, self._client, self._head)
            self._notes.begin(request)
            await self._answer(await self._count(request, find_route(self._gateway, self._head, request)))
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
        notes.pinned = route.pinned
        candidate = self._first_that_counts(route)
        if candidate is None:
            return _estimated(request, ())
        outcome, _ = await notes.attempt(candidate, request)
        if isinstance(outcome, Accepted) or (outcome.fault is Fault.REQUEST and outcome.label not in _NOT_OFFERED):
            answer = outcome.reply
            if answer:
                return reply.relayed(answer, notes.attempts, candidate.provider.name)
        return _estimated(request, reply.named(notes.attempts, ""))

    def _first_that_counts(self, route: Route) -> Candidate | None:
        now, healths = self._gateway.clock.wall(), self._gateway.healths
        for candidate in route.candidates:
            provider = candidate.provider
            if provider.counts_tokens and (route.pinned or healths[provider.name].state(now) is State.READY):
                return candidate
        return None


def _estimated(request: MessagesRequest, headers: Headers) -> Reply:
    body = msgspec.json.encode({"input_tokens": estimate(request.body)})
    return Reply(200, (*headers, (b"x-claude-proxy-estimate", b"1"), (b"content-type", JSON)), body)
