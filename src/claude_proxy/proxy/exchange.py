"""One request for an answer, from its first byte to its last. Read this first.

    read ─► route ─► ┌─ decide ─► adapt ─► send ─► judge ─┬─► relay ─► account
                     └───────── next provider ◄───────────┘

The commit rule: nothing of an answer goes to the client before its head and its first meaningful event are judged.
Until then failover is free; from then on the bytes pass as they are, in whole events. A client that waits long for the
commit is kept alive by pings, which commit to nothing but a 200.
"""

from __future__ import annotations

from typing import Final, assert_never

from claude_proxy.core import messages, reply
from claude_proxy.core.failover import Decision, Failover, GiveUp, Relay, Try
from claude_proxy.core.limits import TOO_LONG
from claude_proxy.core.memory_budget import OverBudgetError
from claude_proxy.core.outcome import Rejected, Whole
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.routing import Route
from claude_proxy.core.signatures import signatures_in
from claude_proxy.core.sse import EventTooLargeError
from claude_proxy.core.types import Ending, Headers
from claude_proxy.core.unsupported_tool_reply import unsupported_tool_reply
from claude_proxy.proxy.attempt import Accepted, Streaming
from claude_proxy.proxy.gateway import Gateway, RequestHead
from claude_proxy.proxy.handler import Handler
from claude_proxy.proxy.keepalive import Keepalive
from claude_proxy.proxy.ports import Client, UpstreamError

END_GRACE: Final = 1.0
"""Seconds that a provider has to end the body behind its last event; the client waits for nothing else then."""


class Exchange(Handler):
    """A request to `/v1/messages`. What it shares with other requests, such as `_read` and `_ask`, is in `Handler`."""

    def __init__(self, gateway: Gateway, client: Client, head: RequestHead) -> None:
        super().__init__(gateway, client, head)
        self._head_sent = False  # whether the client has the head of a stream
        self._keepalive = Keepalive(self._ping)
        self._stream: Streaming | None = None
        self._failover: Failover[Accepted] | None = None

    async def _answer(self) -> None:
        try:
            request, route = await self._read()
            if answer := unsupported_tool_reply(request, route.candidates):
                await self._send(answer)
                self._recorder.ending = Ending.COMPLETE
                return
            decision = await self._decide(request, route)
            del request  # a stream can go on for minutes: it holds nothing of its request meanwhile
            self._memory.hold(0)
            match decision:
                case Relay(candidate, accepted):
                    await self._relay(accepted, candidate.provider.name)
                case GiveUp():
                    await self._give_up(decision)
                case _:
                    assert_never(decision)
        finally:
            self._close()

    async def _decide(self, request: MessagesRequest, route: Route) -> Relay[Accepted] | GiveUp:
        """Ask one candidate after the other until one has the answer, or all have failed."""
        gateway, now = self._gateway, self._gateway.clock.wall
        if request.streaming:
            self._keepalive.start(first=gateway.policy.ping_after, every=gateway.policy.ping_interval)
        candidates = [(candidate, gateway.healths[candidate.provider.name]) for candidate in route.candidates]
        self._failover = failover = Failover[Accepted](candidates, pinned=route.pinned, too_small=_too_small(route))
        decision: Decision[Accepted] = failover.begin(now())
        while isinstance(decision, Try):
            outcome = await self._ask(decision.candidate, request)  # adapt ─► send ─► judge
            decision = failover.judged(outcome, now())
        if isinstance(decision, Relay):
            self._accept(decision, request)
        await self._keepalive.pause()
        return decision

    def _accept(self, decision: Relay[Accepted], request: MessagesRequest) -> None:
        self._recorder.answered_by(decision.candidate)
        with self._gateway.defects:
            self._recorder.measure(decision.candidate, request.body)
        if isinstance(decision.accepted, Streaming):
            self._stream = decision.accepted

    async def _relay(self, accepted: Accepted, provider: str) -> None:
        recorder = self._recorder
        recorder.first_byte()
        match accepted:
            case Whole(answer):
                with self._gateway.defects:
                    recorder.read_usage(answer.body)
                    recorder.record_signatures(signatures_in(answer.body))
                await self._send(reply.relayed(answer, recorder.attempts, provider))
                self._end(Ending.COMPLETE)
            case Streaming():
                self._end(await self._relay_stream(accepted, provider))
            case _:
                assert_never(accepted)

    def _end(self, ending: Ending) -> None:
        self._recorder.ending = ending
        if self._failover:
            self._failover.ended(ending, self._gateway.clock.wall())

    async def _relay_stream(self, stream: Streaming, provider: str) -> Ending:
        """Relay a stream, and end it so that the client knows what it has: all of it, or a reason to ask again."""
        attempts, opening = self._recorder.attempts, stream.opening
        if self._head_sent:
            await self._client.write(reply.attribution_comments(attempts, provider))
        else:
            await self._send_head((*reply.stream_head(opening.headers), *reply.attribution_headers(attempts, provider)))
        if stream.judge.stop_reason_seen:
            self._record_signatures(stream)
        if stream.judge.over:
            await self._client.write_last(opening.body)
        else:
            await self._client.write(opening.body)
            self._keepalive.resume()
        ending = await self._pass_on(stream)
        if not stream.judge.over:
            await self._write_last(reply.last_event(ending))
        await self._client.end()
        return ending

    async def _pass_on(self, stream: Streaming) -> Ending:
        """Relay whole events as they come, at the client's pace, until nothing more comes.

        What comes behind the last event is read, for a moment, so that the connection can be kept; it goes nowhere.
        """
        read_on, whole_events, judge = stream.answer.read, stream.decoder.feed, stream.judge
        reset_keepalive, write, now = self._keepalive.reset, self._client.write, self._gateway.clock.monotonic
        due = now() + _patience(stream)
        while (patience := due - now()) > 0:
            try:
                data = await read_on(patience)
                block = b"" if judge.over else whole_events(data)
            except TimeoutError:
                break
            except (UpstreamError, EventTooLargeError):
                return judge.ending(Ending.TRUNCATED)
            except OverBudgetError:
                return judge.ending(Ending.INTERNAL)
            if not data:
                return judge.ending(Ending.TRUNCATED)
            if block:
                reset_keepalive()
                if judge.follow(block):
                    # pings and comments are signs of life, but not of an answer: they win no time
                    due = now() + _patience(stream)
                    if judge.stop_reason_seen:
                        self._record_signatures(stream)  # all of them are there, and the client has not got them yet
                if judge.over:
                    await self._write_last(judge.up_to_last_event(block))
                else:
                    await write(block)
        return judge.ending(Ending.STALLED)

    async def _write_last(self, event: bytes) -> None:
        await self._keepalive.pause()
        await self._client.write_last(event)

    def _record_signatures(self, stream: Streaming) -> None:
        with self._gateway.defects:
            self._recorder.record_signatures(stream.judge.signatures.take_hashes())

    async def _give_up(self, decision: GiveUp) -> None:
        recorder = self._recorder
        recorder.ending = Ending.ERROR
        error = reply.final_error(decision, recorder.attempts, self._gateway.clock.wall())
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
        if stream := self._stream:
            stream.answer.close()
            with self._gateway.defects:
                self._recorder.usage = stream.judge.usage
            self._record_signatures(stream)
            if stream.judge.over and self._client.left and self._recorder.ending is None:
                self._end(stream.judge.ending(Ending.COMPLETE))  # it had its last event, and did not wait for the end
        if self._failover:
            self._failover.abandon()
        with self._gateway.defects:
            self._recorder.remember()


def _too_small(route: Route) -> Rejected | None:
    """Return the rejection of the candidates that are not asked, since the request does not fit into their windows."""
    if route.overlong is None:
        return None
    error = reply.prompt_too_long(*route.overlong)
    return Rejected(TOO_LONG.fault, TOO_LONG.reason, error.status, reply=error)


def _patience(stream: Streaming) -> float:
    """Return how long the next event may take, in seconds."""
    return END_GRACE if stream.judge.over else stream.stall
