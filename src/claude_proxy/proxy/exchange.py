"""One request, from its first byte to its last. Read this first.

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
from claude_proxy.core.failover import Decision, Failover, GiveUp, Relay, Try
from claude_proxy.core.judge import Accepted, Rejected
from claude_proxy.core.limits import TOO_LONG
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.routing import Route
from claude_proxy.core.signatures import in_answer
from claude_proxy.core.sse import EventTooLargeError
from claude_proxy.core.types import Ending, Headers, Reply
from claude_proxy.core.unsupported_tool_reply import unsupported_tool_reply
from claude_proxy.proxy.attempt import Stream
from claude_proxy.proxy.gateway import Gateway, RefusedError, RequestHead, find_route, read
from claude_proxy.proxy.keepalive import Keepalive
from claude_proxy.proxy.ports import Client, ClientLeftError, UpstreamError
from claude_proxy.proxy.recorder import Recorder
from claude_proxy.proxy.retry import attempt

END_GRACE: Final = 1.0
"""Seconds that a provider has to end the body behind `message_stop`; the client waits for nothing else then."""


class Exchange:
    """A request to `/v1/messages`. `run` answers it and accounts for it, on every path."""

    def __init__(self, gateway: Gateway, client: Client, head: RequestHead) -> None:
        self._gateway = gateway
        self._client = client
        self._head = head
        self._notes = Recorder(gateway, head, "messages")
        self._begun = False  # whether the client has the head of a stream
        self._heartbeat = Keepalive(self._ping)
        self._stream: Stream | None = None
        self._failover: Failover | None = None

    async def run(self) -> None:
        try:
            request = await read(self._gateway, self._client, self._head)
            self._notes.begin(request)
            route = find_route(self._gateway, self._head, request)
            if answer := unsupported_tool_reply(request, route.candidates):
                return await self._answer_alone(answer)
            decision = await self._decide(request, route)
            del request  # a stream can go on for minutes: it holds nothing of its request meanwhile
            await self._conclude(decision)
        except ClientLeftError:
            pass  # which is what the notes say already
        except RefusedError as refused:
            await self._refuse(refused.reply)
        except asyncio.CancelledError:
            if not self._client.left:
                self._notes.cut_by_stop()
            raise
        finally:
            self._close()
            self._gateway.ledger.record(self._notes.account())

    async def _decide(self, request: MessagesRequest, route: Route) -> Relay | GiveUp:
        """Ask one provider after the other until one has the answer, or all have failed."""
        gateway, notes = self._gateway, self._notes
        notes.route = route
        if request.streaming:
            self._heartbeat.start(first=gateway.policy.ping_after, every=gateway.policy.ping_interval)
        candidates = [(one, gateway.healths[one.provider.name]) for one in route.candidates]
        self._failover = failover = Failover(candidates, pinned=route.pinned, too_small=_too_small(route))
        decision: Decision = failover.begin(gateway.clock.wall())
        while isinstance(decision, Try):
            outcome, self._stream = await attempt(gateway, notes, decision.candidate, request)
            decision = failover.judged(outcome, gateway.clock.wall())
        await self._heartbeat.pause()
        return decision

    async def _conclude(self, decision: Relay | GiveUp) -> None:
        match decision:
            case Relay(accepted):
                await self._relay(accepted)
            case GiveUp():
                await self._give_up(decision)
            case _:
                assert_never(decision)

    async def _relay(self, accepted: Accepted) -> None:
        notes, answer = self._notes, accepted.reply
        notes.committed()
        if self._stream:
            self._end(await self._relay_stream(self._stream, answer))
        else:
            notes.read_usage(answer.body)
            notes.minted(in_answer(answer.body))
            await self._send(reply.relayed(answer, notes.attempts, notes.attempts[-1].provider))
            self._end(Ending.COMPLETE)

    def _end(self, ending: Ending) -> None:
        self._notes.ending = ending
        if self._failover:
            self._failover.ended(ending, self._gateway.clock.wall())

    async def _relay_stream(self, stream: Stream, opening: Reply) -> Ending:
        """Relay a stream, and end it so that the client knows what it has: all of it, or a reason to ask again."""
        attempts, provider = self._notes.attempts, self._notes.attempts[-1].provider
        if self._begun:
            await self._client.write(reply.attribution_comments(attempts, provider))
        else:
            await self._begin((*reply.stream_head(opening.headers), *reply.attribution_headers(attempts, provider)))
        if stream.judge.stop_reason_seen:
            self._note_thinking(stream)
        await self._client.write(opening.body)
        self._heartbeat.resume()
        ending = await self._pass_on(stream)
        await self._heartbeat.pause()
        if ending is Ending.COMPLETE and not stream.judge.stopped:
            await self._client.write(messages.MESSAGE_STOP)
        elif ending in (Ending.TRUNCATED, Ending.STALLED):
            await self._client.write(reply.CUT_SHORT)
        await self._client.end()
        return ending

    async def _pass_on(self, stream: Stream) -> Ending:
        """Relay whole events as they come, at the client's pace, until nothing more comes."""
        read_on, whole_events, judge = stream.answer.read, stream.decoder.feed, stream.judge
        reset_keepalive, write, now = self._heartbeat.reset, self._client.write, self._gateway.clock.monotonic
        due = now() + _patience(stream)
        while (patience := due - now()) > 0:
            try:
                data = await read_on(patience)
                block = whole_events(data)
            except TimeoutError:
                break
            except (UpstreamError, EventTooLargeError):
                return judge.ending(Ending.TRUNCATED)
            if not data:
                return judge.ending(Ending.TRUNCATED)
            if block:
                reset_keepalive()
                if not judge.stopped and judge.follow(block):
                    # pings and comments are signs of life, but not of an answer: they win no time
                    due = now() + _patience(stream)
                    if judge.stop_reason_seen:
                        self._note_thinking(stream)  # all of it is there, and the client has not got it yet
                await write(block)
        return judge.ending(Ending.STALLED)

    def _note_thinking(self, stream: Stream) -> None:
        self._notes.minted(stream.judge.signatures.hand_over())

    async def _give_up(self, decision: GiveUp) -> None:
        notes = self._notes
        last = reply.final_error(decision, notes.attempts, self._gateway.clock.wall())
        notes.ending = Ending.ERROR
        if self._begun:
            comments = reply.attribution_comments(notes.attempts, decision.provider if decision.rejected.reply else "")
            await self._client.write(comments + reply.as_event(last))
            await self._client.end()
        else:
            await self._send(last)

    async def _answer_alone(self, answer: Reply) -> None:
        await self._send(answer)
        self._notes.ending = Ending.COMPLETE

    async def _refuse(self, refused: Reply) -> None:
        self._notes.ending = Ending.ERROR
        await self._send(refused)

    async def _send(self, whole: Reply) -> None:
        self._notes.status = whole.status
        await self._client.send(whole)

    async def _ping(self) -> None:
        if not self._begun:
            await self._begin(reply.stream_head(()))
        await self._client.write(messages.PING)

    async def _begin(self, headers: Headers) -> None:
        self._begun = True
        self._notes.status = 200
        await self._client.start(200, headers)

    def _close(self) -> None:
        self._heartbeat.stop()
        if self._stream:
            self._notes.usage = self._stream.judge.usage
            self._note_thinking(self._stream)
            self._stream.answer.close()
            if self._stream.judge.stopped and self._notes.ending is Ending.CLIENT_LEFT:
                self._end(Ending.COMPLETE)  # it had all of its answer, and did not wait for the body's end
        if self._failover:
            self._failover.abandon()
        self._notes.remember()


def _too_small(route: Route) -> Rejected | None:
    """Return what those would say that are not asked, since the request does not fit into their windows."""
    if route.overlong is None:
        return None
    return Rejected(TOO_LONG.fault, TOO_LONG.label, reply=reply.prompt_too_long(*route.overlong))


def _patience(stream: Stream) -> float:
    """Return how long the next event may take, in seconds."""
    return END_GRACE if stream.judge.stopped else stream.stall
