"""`count_tokens`: asked of a provider that offers it, estimated if none answers; never held against a provider."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

import msgspec

from claude_proxy.core import reply
from claude_proxy.core.health import State
from claude_proxy.core.messages import JSON, read_error
from claude_proxy.core.outcome import Rejected, Whole
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.routing import Candidate, Route
from claude_proxy.core.tokens import measure_body
from claude_proxy.core.types import Ending, Fault, Headers, Reply
from claude_proxy.proxy.attempt import Outcome
from claude_proxy.proxy.handler import Handler

_COUNTED_PART: Final = re.compile(r"[`'\"]?(?:messages|system|tools|tool_choice|thinking)\b")
"""How an error begins that is about a part of what is counted: `messages.0.role: …`."""

_NOT_OFFERED: Final = re.compile(
    r"\b(?:not|n't) (?:yet |currently )?(?:supported|allowed|permitted|available|support)\b|\bun(?:supported|known)\b",
    re.IGNORECASE,
)
"""Says what this provider lacks, which is no fault of the request."""


class CountTokens(Handler):
    """A request to `/v1/messages/count_tokens`."""

    counting = True

    async def _answer(self) -> None:
        request, route = await self._read()
        answer = await self._count(request, route)
        await self._send(answer)
        self._recorder.ending = Ending.ERROR if answer.status >= HTTPStatus.BAD_REQUEST else Ending.COMPLETE

    async def _count(self, request: MessagesRequest, route: Route) -> Reply:
        candidate = self._first_that_counts(route)
        if candidate is None:
            return self._estimated(request, route, ())
        outcome = await self._ask(candidate, request)
        if isinstance(outcome, Whole):
            self._recorder.answered_by(candidate)
        attempts = self._recorder.attempts
        if answer := _relayable(outcome):
            name = candidate.provider.name
            return reply.relayed(answer, attempts, name, self._account_notice(name, answer))
        return self._estimated(request, route, reply.attribution_headers(attempts, ""))

    def _first_that_counts(self, route: Route) -> Candidate | None:
        now, healths = self._gateway.clock.wall(), self._gateway.healths
        for candidate in route.candidates:
            provider = candidate.provider
            if provider.counts_tokens and (route.pinned or healths[provider.name].state(now) is State.READY):
                return candidate
        return None

    def _estimated(self, request: MessagesRequest, route: Route, headers: Headers) -> Reply:
        ratio = self._gateway.memory.tokens.ratio(route.candidates[0].upstream_model)
        body = msgspec.json.encode({"input_tokens": measure_body(request.body).tokens(ratio)})
        return Reply(200, (*headers, (b"x-claude-proxy-estimate", b"1"), (b"content-type", JSON)), body)


def _relayable(outcome: Outcome) -> Reply | None:
    """Return a provider's count, or its error if the request is wrong in itself; anything else can be estimated."""
    if isinstance(outcome, Rejected):
        return outcome.reply if _finds_request_wrong(outcome) else None
    return outcome.reply if isinstance(outcome, Whole) else None


def _finds_request_wrong(outcome: Rejected) -> bool:
    reply = outcome.reply
    known = read_error(reply.body) if reply and outcome.fault is Fault.REQUEST else None
    if known is None or outcome.status != HTTPStatus.BAD_REQUEST or known[0] != "invalid_request_error":
        return False
    return _COUNTED_PART.match(known[1]) is not None and _NOT_OFFERED.search(known[1]) is None
