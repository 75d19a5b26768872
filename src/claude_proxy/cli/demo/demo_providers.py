"""Two providers for the demo, on this machine: one is always rate limited, the other answers word by word."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import msgspec

RETRY_AFTER = 30
TEXT = (
    "Hello from the second provider. The proxy asked the first one before me and got a rate limit, "
    "so it sent the same request to me within milliseconds. You see one answer, complete and in order, and no error. "
    "While the first provider is cooling down, the proxy sends requests straight to me."
)
"""The whole answer to every request: there is no model behind it."""
PAUSE = 0.03
"""Seconds between two words, about the speed of a fast model."""

Respond = Callable[["DemoRequest", asyncio.StreamWriter], Awaitable[None]]


class DemoRequest(msgspec.Struct, frozen=True):
    """The fields of a Messages request that a scripted provider reads."""

    model: str = ""
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event of the Messages API."""

    kind: str
    fields: dict[str, object]

    def encode(self) -> bytes:
        """Return it as it is sent."""
        data = msgspec.json.encode({"type": self.kind, **self.fields})
        return b"event: %b\ndata: %b\n\n" % (self.kind.encode(), data)


@contextlib.asynccontextmanager
async def provider(respond: Respond) -> AsyncIterator[int]:
    """Serve `respond` on a free port of 127.0.0.1, and yield the port; each answer ends its connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await respond(await _read(reader), writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, msgspec.MsgspecError):
            pass  # the proxy left
        except asyncio.CancelledError:
            pass  # the demo is over; Python 3.11 would print a traceback for a connection that is cancelled
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _read(reader: asyncio.StreamReader) -> DemoRequest:
    """Read a request as the proxy sends it: with a content-length."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    return msgspec.json.decode(await reader.readexactly(int(fields[b"content-length"])), type=DemoRequest)


async def rate_limited(request: DemoRequest, writer: asyncio.StreamWriter) -> None:
    """Answer 429 to every request."""
    del request
    error = {"type": "rate_limit_error", "message": "Too many requests: try again later."}
    body = msgspec.json.encode({"type": "error", "error": error})
    writer.write(
        _head("429 Too Many Requests", "application/json", f"retry-after: {RETRY_AFTER}\r\n", len(body)) + body
    )


async def answering(request: DemoRequest, writer: asyncio.StreamWriter) -> None:
    """Answer `TEXT`: in one piece, or as a stream if the request asks for one."""
    if not request.stream:
        usage = {"input_tokens": 12, "output_tokens": len(words())}
        content = [{"type": "text", "text": TEXT}]
        body = msgspec.json.encode(_message(request, content=content, stop_reason="end_turn", usage=usage))
        writer.write(_head("200 OK", "application/json", "", len(body)) + body)
        return
    writer.write(_head("200 OK", "text/event-stream", ""))
    async for event in _events(request):
        writer.write(event.encode())
        await writer.drain()


def words() -> list[str]:
    """Return the answer in the pieces that are streamed."""
    first, *rest = TEXT.split(" ")
    return [first, *(f" {word}" for word in rest)]


async def _events(request: DemoRequest) -> AsyncIterator[Event]:
    usage = {"input_tokens": 12, "output_tokens": 1}
    yield Event("message_start", {"message": _message(request, content=[], stop_reason=None, usage=usage)})
    yield Event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
    for word in words():
        yield Event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": word}})
        await asyncio.sleep(PAUSE)
    yield Event("content_block_stop", {"index": 0})
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    yield Event("message_delta", {"delta": delta, "usage": {"output_tokens": len(words())}})
    yield Event("message_stop", {})


def _message(request: DemoRequest, **changes: object) -> dict[str, object]:
    fixed = {"id": "msg_demo", "type": "message", "role": "assistant", "model": request.model, "stop_sequence": None}
    return {**fixed, **changes}


def _head(status: str, content_type: str, more: str, length: int | None = None) -> bytes:
    framing = "" if length is None else f"content-length: {length}\r\n"
    return f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\n{more}{framing}connection: close\r\n\r\n".encode()
