"""One request for an answer, from its first byte to its last. Read this first.

    read ─► route ─► ┌─ decide ─► adapt ─► send ─► judge ─┬─► relay ─► account
                     └───────── next provider ◄───────────┘

The commit rule: nothing of an answer goes to the client before its head and its first meaningful event are judged.
Until then failover is free; from then on the bytes pass as they are, in whole events. A client that waits long for the
commit is kept alive by pings, which commit to nothing but a 200.
"""

from __future__ import annotations

import asyncio
from typing import Final, assert_never

from claude_proxy.core import messages, reply
from claude_proxy.core.continuation.continued_answer import ContinuedAnswer
from claude_proxy.core.continuation.unfinished_answer import is_claude_code
from claude_proxy.core.failover import Decision, Failover, GiveUp, Relay, Try
from claude_proxy.core.limits import TOO_LONG
from claude_proxy.core.outcome import Rejected, Whole
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.routing import Candidate, Route
from claude_proxy.core.signatures import signatures_in
from claude_proxy.core.types import Ending, Headers
from claude_proxy.core.unsupported_tool_reply import unsupported_tool_reply
from claude_proxy.proxy.attempt import Accepted, Streaming
from claude_proxy.proxy.continuation import MAX_SECONDS, who_goes_on
from claude_proxy.proxy.gateway import Gateway, RequestHead
from claude_proxy.proxy.handler import Handler
from claude_proxy.proxy.keepalive import Keepalive
from claude_proxy.proxy.ports import Client, StreamClient
from claude_proxy.proxy.relay import StreamRelay
from claude_proxy.proxy.tool_check import CheckedClient, ToolCheck, tool_check

MID_STREAM_DEATHS: Final = frozenset({Ending.TRUNCATED, Ending.STALLED, Ending.ERROR})


class Exchange(Handler):
    """A request to `/v1/messages`. What it shares with other requests, such as `_read` and `_ask`, is in `Handler`."""

    def __init__(self, gateway: Gateway, client: Client, head: RequestHead) -> None:
        super().__init__(gateway, client, head)
        self._head_sent = False  # whether the client has the head of a stream
        self._keepalive = Keepalive(self._ping)
        self._stream: Streaming | None = None
        self._continued: ContinuedAnswer | None = None
        self._check: ToolCheck | None = None
        self._rest_due: float | None = None  # when the rest of an answer that died must have begun
        self._failover: Failover[Accepted] | None = None

    async def _answer(self) -> None:
        try:
            request, route = await self._read()
            if answer := unsupported_tool_reply(request, route.candidates):
                await self._send(answer)
                self._recorder.ending = Ending.COMPLETE
                return
            decision = await self._decide(request, route)
            del request  # a stream can go on for minutes: it holds no more of its request than it may need again
            if self._continued is None:
                self._memory.hold(0)
            match decision:
                case Relay(candidate, accepted):
                    await self._relay(accepted, candidate)
                case GiveUp():
                    await self._give_up(decision)
                case _:
                    assert_never(decision)
            if self._recorder.prompt:
                await asyncio.sleep(0)  # so that the last bytes leave before the cache doctor reads the request
        finally:
            self._close()

    async def _decide(self, request: MessagesRequest, route: Route) -> Relay[Accepted] | GiveUp:
        """Ask one candidate after the other until one has the answer, or all have failed."""
        gateway = self._gateway
        if request.streaming:
            self._keepalive.start(first=gateway.policy.ping_after, every=gateway.policy.ping_interval)
        candidates = [(candidate, gateway.healths[candidate.provider.name]) for candidate in route.candidates]
        failover: Failover[Accepted] = Failover(candidates, pinned=route.pinned, too_small=_too_small(route))
        decision = await self._ask_each(failover, request)
        if isinstance(decision, Relay):
            with gateway.defects:
                self._recorder.measure(decision.candidate, request.body)
            self._check = tool_check(gateway, request, self._head.hops, self._memory, self._recorder)
            if isinstance(decision.accepted, Streaming) and gateway.policy.continue_answers:
                self._keep_for_rest(request)
            self._keep_for_cache_doctor(request)
        await self._keepalive.pause()
        return decision

    def _client_of_stream(self) -> StreamClient:
        return CheckedClient(self._client, self._check, self._keepalive) if self._check else self._client

    def _keep_for_rest(self, request: MessagesRequest) -> None:
        """Keep a request while its answer is relayed, in case the rest of it has to be asked for."""
        self._memory.count(len(request.body))
        if not self._gateway.budget.is_half_used:
            self._continued = ContinuedAnswer(request, holds_tool_calls=not _wants_pieces(self._gateway, request))

    def _keep_for_cache_doctor(self, request: MessagesRequest) -> None:
        """Keep what was sent until the answer's end, which tells how much of it came from the prompt cache."""
        if prompt := self._recorder.prompt:
            kept_anyway = len(request.body) if self._continued else 0
            self._memory.part().count(prompt.extra_bytes + len(request.body) - kept_anyway)
            if self._gateway.budget.is_half_used:
                self._recorder.prompt = None

    async def _ask_each(self, failover: Failover[Accepted], request: MessagesRequest) -> Relay[Accepted] | GiveUp:
        now = self._gateway.clock.wall
        self._failover = failover
        self._progress.then = lambda: failover.next_in_line(now())
        decision: Decision[Accepted] = failover.begin(now())
        while isinstance(decision, Try):
            outcome = await self._ask(decision.candidate, request)  # adapt ─► send ─► judge
            decision = failover.judged(outcome, now())
        if isinstance(decision, Relay):
            self._recorder.answered_by(decision.candidate)
            match decision.accepted:
                case Streaming():
                    self._stream = decision.accepted
                case Whole(answer):
                    with self._gateway.defects:
                        self._recorder.read_usage(answer.body)
        return decision

    async def _relay(self, accepted: Accepted, candidate: Candidate) -> None:
        recorder = self._recorder
        recorder.first_byte()
        match accepted:
            case Whole(answer):
                with self._gateway.defects:
                    recorder.record_signatures(signatures_in(answer.body))
                if self._check:
                    self._check.answered_by(candidate)
                    answer = self._check.cleaned_answer(answer)
                await self._send(reply.relayed(answer, recorder.attempts, candidate.provider.name))
                self._settle(Ending.COMPLETE)
                recorder.ending = Ending.COMPLETE
            case Streaming():
                recorder.ending = await self._relay_stream(accepted, candidate)
            case _:
                assert_never(accepted)

    def _settle(self, ending: Ending) -> None:
        """Tell the health of the provider that is asked how its answer ended."""
        if self._failover:
            self._failover.ended(ending, self._gateway.clock.wall())

    async def _relay_stream(self, stream: Streaming, candidate: Candidate) -> Ending:
        """Relay a stream; if it dies, ask for the rest of the answer, and relay that."""
        answer, client = self._continued, self._client_of_stream()
        relay = StreamRelay(self._gateway, client, self._keepalive, self._recorder, self._memory, self._progress)
        await self._announce(stream, candidate)
        ending = await relay.pass_on(stream, answer)
        self._settle(ending)
        while answer and ending in MID_STREAM_DEATHS and not relay.is_over:
            relay.record_signatures(stream)
            self._record_death(answer, stream, ending)
            if events := answer.own_end():
                await relay.finish(events)
                return Ending.RECOVERED
            decision = await self._ask_for_rest(answer, candidate, ending)
            if decision is None:
                break
            candidate, stream = decision
            answer.begin_rest(counts_cache=candidate.provider.traits.input_counts_cache)
            await self._announce(stream, candidate)
            ending = await relay.pass_on(stream, answer)
            self._settle(ending)
            if ending is Ending.COMPLETE:
                ending = Ending.RECOVERED
        if ending in MID_STREAM_DEATHS and is_claude_code(self._head.headers):
            await relay.end_for_claude_code(ending)
        else:
            await relay.end(ending)
        return ending

    async def _announce(self, stream: Streaming, candidate: Candidate) -> None:
        """Tell the client which provider answers, or gives the rest of its answer."""
        attempts, provider = self._recorder.attempts, candidate.provider.name
        if self._check:
            self._check.answered_by(candidate)
        if self._head_sent:
            await self._client.write(reply.attribution_comments(attempts, provider))
        else:
            head = reply.stream_head(stream.opening.headers)
            await self._send_head((*head, *reply.attribution_headers(attempts, provider)))

    def _record_death(self, answer: ContinuedAnswer, stream: Streaming, ending: Ending) -> None:
        """Close a stream that has died, and record what it used."""
        stream.answer.close()
        self._stream = None
        with self._gateway.defects:
            self._recorder.charged(stream.judge.usage)
        self._recorder.died(ending)
        answer.died(stream.judge.usage)

    async def _ask_for_rest(
        self, answer: ContinuedAnswer, died: Candidate, ending: Ending
    ) -> tuple[Candidate, Streaming] | None:
        """Ask for the rest of an answer; None if it can't be asked for, or no provider gives it."""
        route, now = self._recorder.route, self._gateway.clock.monotonic
        self._rest_due = self._rest_due or now() + MAX_SECONDS
        request: MessagesRequest | None = None
        with self._gateway.defects:
            request = answer.next_request()
        if request is None or route is None:
            return None
        self._keepalive.resume()
        try:
            async with asyncio.timeout(max(0.0, self._rest_due - now())):
                for failover in who_goes_on(self._gateway, route, died, ending, is_stuck=answer.is_stuck):
                    decision = await self._ask_each(failover, request)
                    if isinstance(decision, Relay) and isinstance(decision.accepted, Streaming):
                        return decision.candidate, decision.accepted
        except TimeoutError:
            pass
        await self._keepalive.pause()
        return None

    async def _give_up(self, decision: GiveUp) -> None:
        recorder = self._recorder
        recorder.ending = Ending.ERROR
        clock = self._gateway.clock
        now = clock.wall()
        notice = self._account_notice(decision.provider, decision.rejected.reply)
        passed_over = recorder.route.over_budget if recorder.route else ()
        error = reply.final_error(
            decision,
            recorder.attempts,
            now,
            notice=notice,
            utc_offset=clock.utc_offset(now),
            over_budget=tuple(dict.fromkeys(each.provider.name for each in passed_over)),
        )
        if self._head_sent:
            provider = decision.provider if decision.rejected.reply else ""
            comments = reply.attribution_comments(recorder.attempts, provider)
            await self._client.write_last(comments + reply.as_event(error))
            await self._client.end()
        else:
            await self._send(error)

    async def _ping(self) -> None:
        if not self._head_sent:
            await self._send_head(reply.stream_head(()))
        await self._client.write(messages.PING)

    async def _send_head(self, headers: Headers) -> None:
        self._head_sent = True
        self._recorder.status = 200
        await self._client.start(200, headers)

    def _close(self) -> None:
        self._keepalive.stop()
        stream, recorder = self._stream, self._recorder
        if stream:
            stream.answer.close()
            with self._gateway.defects:
                recorder.record_signatures(stream.judge.signatures.take_hashes())
            if stream.judge.over and self._client.left and recorder.ending is None:
                ending = stream.judge.ending(Ending.COMPLETE)  # it had its last event, and did not wait for the end
                self._settle(ending)
                if not (self._check and self._check.is_cut_off):  # the client has not got the last event
                    recorder.ending = ending
            with self._gateway.defects:
                recorder.charged(stream.judge.usage)
        if self._failover:
            self._failover.abandon()
        with self._gateway.defects:
            recorder.remember()


def _too_small(route: Route) -> Rejected | None:
    """Return the rejection of the candidates that are not asked, since the request does not fit into their windows."""
    if route.overlong is None:
        return None
    error = reply.prompt_too_long(*route.overlong)
    return Rejected(TOO_LONG.fault, TOO_LONG.reason, error.status, reply=error)


def _wants_pieces(gateway: Gateway, request: MessagesRequest) -> bool:
    """Whether the client is to get a tool call in pieces: it asks for that, and the user allows it."""
    return gateway.policy.eager_tool_streaming and b'"eager_input_streaming"' in request.body
