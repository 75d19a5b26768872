"""Checks the tool calls of an answer for Claude Code's auto mode, by a model that the user names.

The answer is held back at its stop reason, which the verdicts go with; pings keep the client alive meanwhile. Without a
verdict no call runs: whatever goes wrong here, the client is told that there is none. Results that a provider made up,
which was not asked for the check, are taken out, also if no model is named.
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from claude_proxy.core.adapt import adapt
from claude_proxy.core.auto_mode.check_request import check_context, check_request
from claude_proxy.core.auto_mode.foreign_results import answer_without_results, without_results
from claude_proxy.core.auto_mode.tool_calls import ToolCall, ToolCalls, without_content
from claude_proxy.core.auto_mode.verdicts import Verdicts, checkable, read_verdicts, unavailable, with_verdicts
from claude_proxy.core.memory_budget import MemoryShare
from claude_proxy.core.outcome import Whole
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.routing import Candidate
from claude_proxy.core.types import Reply
from claude_proxy.proxy.attempt import Outcome, ask
from claude_proxy.proxy.gateway import Gateway
from claude_proxy.proxy.keepalive import Keepalive
from claude_proxy.proxy.ports import StreamClient, UpstreamRequest
from claude_proxy.proxy.recorder import Recorder

PATIENCE: Final = 30.0
"""Seconds for a check; the user waits for it with each answer that calls tools."""


class ToolCheck:
    """The check of one answer. `context` is what the client tells for it; without a `judge`, there is no check."""

    def __init__(
        self,
        gateway: Gateway,
        request: MessagesRequest,
        judge: Candidate | None,
        context: str,
        *,
        hops: bytes,
        memory: MemoryShare,
        recorder: Recorder,
    ) -> None:
        self._gateway = gateway
        self._hops = hops
        self._asks = (judge, request) if judge else None  # nothing else is kept of a request for so long
        self._context = context
        self._memory = memory
        self._recorder = recorder
        self._calls = ToolCalls()
        self._checks_itself = self._has_told = False
        self.is_cut_off = False
        """Whether the client left before the verdicts, which the last events wait for."""

    def answered_by(self, candidate: Candidate) -> None:
        """Take note of the provider that gives the events that follow. Only Anthropic is asked to check them itself."""
        self._checks_itself = candidate.provider.traits.is_anthropic

    def cleaned_answer(self, answer: Reply) -> Reply:
        """Return a whole answer without results that its provider has no right to give."""
        return (
            answer if self._checks_itself else msgspec.structs.replace(answer, body=answer_without_results(answer.body))
        )

    def cleaned(self, events: bytes) -> bytes:
        """Return events without results that their provider has no right to give."""
        if self._checks_itself:
            return events
        return without_results(without_content(events) if self._has_told else events)

    def read(self, events: bytes) -> bool:
        """Take events that go to the client; return whether its answer ends with these, and `finish` is due.

        Not if its provider did the check itself.
        """
        if self._asks is None:
            return False
        self._calls.read(events)
        return b"message_delta" in events and b'"stop_reason"' in events and b'"safeguard_results"' not in events

    async def finish(self, events: bytes) -> bytes:
        """Return the last events with the verdicts in them."""
        self._has_told = True
        calls = self._calls.calls
        if self._calls.unclear:
            return with_verdicts(events, unavailable(calls, "input_unparsed"))
        verdicts = dict(unavailable(calls, "input_too_long"))
        if self._asks and (asked := checkable(calls)):
            verdicts |= unavailable(asked, "error")
            with self._gateway.defects:
                verdicts |= await self._ask(*self._asks, asked)
        return with_verdicts(events, verdicts)

    async def _ask(self, judge: Candidate, request: MessagesRequest, calls: list[ToolCall]) -> Verdicts:
        provider = judge.provider
        learned = self._gateway.memory.learned_rules.rules(judge.upstream_model, self._gateway.clock.wall())
        adapted = adapt(check_request(request, calls, self._context, judge.model), judge, learned)
        head = self._gateway.hops.added_to(adapted.head, self._hops, provider)
        question = UpstreamRequest(provider.origin, head, adapted.body)
        outcome: Outcome | None = None
        now = self._gateway.clock.monotonic
        started = now()
        try:
            async with asyncio.timeout(PATIENCE):
                outcome = await ask(self._gateway, provider, question, self._memory, streaming=False)
        except TimeoutError:
            return unavailable(calls, "timeout")
        except asyncio.CancelledError:
            self.is_cut_off = True
            raise
        finally:
            self._recorder.add_check(judge, adapted, outcome, (now() - started) * 1000)
        return read_verdicts(outcome.reply.body, calls) if isinstance(outcome, Whole) else unavailable(calls, "error")


class CheckedClient:
    """A client whose answer ends with the verdicts on its tool calls; pings go on while they are waited for."""

    def __init__(self, client: StreamClient, check: ToolCheck, keepalive: Keepalive) -> None:
        self._client = client
        self._check = check
        self._keepalive = keepalive

    async def write(self, data: bytes) -> None:
        data = self._check.cleaned(data)
        if self._check.read(data):
            data = await self._checked(data)
            self._keepalive.resume()
        await self._client.write(data)

    async def write_last(self, data: bytes) -> None:
        data = self._check.cleaned(data)
        await self._client.write_last(await self._checked(data) if self._check.read(data) else data)

    async def end(self) -> None:
        await self._client.end()

    async def break_off(self) -> bool:
        return await self._client.break_off()

    async def _checked(self, data: bytes) -> bytes:
        self._keepalive.resume()
        data = await self._check.finish(data)
        await self._keepalive.pause()
        return data


def tool_check(
    gateway: Gateway, request: MessagesRequest, hops: bytes, memory: MemoryShare, recorder: Recorder
) -> ToolCheck | None:
    """Return the check of an answer; None if the client asks for none."""
    context = check_context(request)
    if context is None:
        return None
    judge = gateway.auto_mode
    if judge and gateway.selector.budgets.blocking(judge):
        judge = None
    return ToolCheck(gateway, request, judge, context, hops=hops, memory=memory.part(), recorder=recorder)
