"""One answer as its client gets it, from one stream or from several.

    whole events ──► ContinuedAnswer.take ──► what the client gets now
    its stream has died ──► .next_request ──► the request for the rest, or None
                            .begin_rest ──► take …

The first stream is passed on as it is, but for tool calls, which are held until they are whole.
"""

from __future__ import annotations

from typing import Final

from claude_proxy.core.continuation.continuation_request import continuation_request
from claude_proxy.core.continuation.delivered import Content, Delivered
from claude_proxy.core.continuation.joined_stream import JoinedStream, end_answer, end_with_tool_calls
from claude_proxy.core.continuation.tool_call_hold import ToolCallHold
from claude_proxy.core.continuation.unfinished_answer import end_at_limit
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.types import Usage
from claude_proxy.core.usage import Tally

MAX_RESTS = 3
"""How often an answer is gone on with: a provider that dies again and again is not worth more."""


_REASONS: Final = {Content.TEXT: "end_turn", Content.TOOL_CALLS: "tool_use"}


class ContinuedAnswer:
    """An answer that may be gone on with. `request` is the client's; it is kept while that is possible."""

    __slots__ = ("_delivered", "_hold", "_joined", "_parts", "_request")

    def __init__(self, request: MessagesRequest, *, holds_tool_calls: bool) -> None:
        self._request = request
        self._delivered = Delivered()
        self._hold = ToolCallHold() if holds_tool_calls else None
        self._joined: JoinedStream | None = None
        self._parts: list[Usage] = []

    @property
    def broken(self) -> bool:
        """Whether its stream is as good as dead: a tool call in it is not JSON, or it was to go on and says nothing."""
        return (self._hold is not None and self._hold.broken) or (self._joined is not None and self._joined.broken)

    @property
    def held_bytes(self) -> int:
        """The size of what has come and is held back from the client."""
        return self._hold.held_bytes if self._hold else 0

    @property
    def rests(self) -> int:
        """How often it was gone on with."""
        return len(self._parts)

    def take(self, block: bytes, *, begins_call: bool = True) -> bytes:
        """Take whole events of the stream; return what the client gets now. `begins_call`: perhaps one begins here."""
        if self._joined:
            block, begins_call = self._joined.feed(block), True
        if self._hold and (begins_call or self._hold.holding):
            block = self._hold.feed(block)
        self._delivered.add(block)
        return block

    def died(self, usage: Usage) -> None:
        """Take note that the stream has died, with what it told of its tokens."""
        self._parts.append(usage)

    def own_end(self) -> bytes:
        """Return the events that end the answer, if its client has whole tool calls and so can go on by itself."""
        if self._delivered.content is Content.TOOL_CALLS:
            return end_with_tool_calls(self._delivered, self._parts)
        return b""

    def end_without_reason(self, message_stop: bytes, usage: Usage) -> bytes:
        """Return the end of an answer whose stream ends with `message_stop` and gave no stop reason.

        Nothing if a block is not complete: then the stream broke off. Clients take an answer without a reason for one
        that was cut, and this one is whole.
        """
        delivered = self._delivered
        if delivered.open_block or (self._hold and self._hold.holding):
            return b""
        reason = _REASONS.get(delivered.content)
        return end_answer(delivered, (*self._parts, usage), reason) if reason else message_stop

    def end_at_limit(self) -> bytes:
        """Return the events after which Claude Code asks for the rest by itself, if nothing else makes it do so."""
        return end_at_limit(self._request, self._delivered, self._parts)

    @property
    def is_stuck(self) -> bool:
        """Whether the stream that was to give the rest brought nothing new."""
        return self._joined is not None and not self._joined.has_content

    def next_request(self) -> MessagesRequest | None:
        """Return the request for the rest; None if that can't be asked for, or not once more."""
        return None if self.rests > MAX_RESTS else continuation_request(self._request, self._delivered)

    def begin_rest(self, *, counts_cache: bool) -> None:
        """Expect the stream of the rest next."""
        self._hold = ToolCallHold() if self._hold else None
        self._joined = JoinedStream(self._delivered, tuple(self._parts), Tally(counts_cache=counts_cache))
