"""Two providers for the demo, on this machine: one is always rate limited, the other answers word by word."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import msgspec

RETRY_AFTER = 30
TEXT = (
    "Hello from the second provider. The first one was asked before me and said that it has no room now, "
    "so the proxy turned to me within milliseconds. You see one answer, whole and in order, and no error: "
    "that is all that is left of a failure. While the first one rests, the proxy comes straight to me."
)
"""The whole answer to any question: it is no model that speaks here."""
PAUSE = 0.03
"""Seconds between two words, about the pace of a quick model."""

Respond = Callable[["DemoRequest", asyncio.StreamWriter], Awaitable[None]]


class DemoRequest(msgspec.Struct, frozen=True):
    """As much of a Messages request as a scripted provider looks at."""

    model: str = ""
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event of the Messages API."""

    kind: str
    fields: dict[str, object]

    def encode(self) -> bytes:
        """Return it as it stands on the wire."""
        data = msgspec.json.encode({"type": self.kind, **self.fields})
        return b"event: %b\ndata: %b\n\n" % (self.kind.encode(), data)


@contextlib.asynccontextmanager
async def provider(respond: Respond) -> AsyncIterator[int]:
    """Serve `respond` on a free port of 127.0.0.1, which is what comes out; each answer ends its connection."""

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


async def rate_limited(question: DemoRequest, writer: asyncio.StreamWriter) -> None:
    """Answer 429, whatever is asked."""
    del question
    error = {"type": "rate_limit_error", "message": "Too many requests: come back later."}
    body = msgspec.json.encode({"type": "error", "error": error})
    writer.write(
        _head("429 Too Many Requests", "application/json", f"retry-after: {RETRY_AFTER}\r\n", len(body)) + body
    )


async def answering(question: DemoRequest, writer: asyncio.StreamWriter) -> None:
    """Answer `TEXT`: in one piece, or as a stream where that is asked for."""
    if not question.stream:
        usage = {"input_tokens": 12, "output_tokens": len(words())}
        content = [{"type": "text", "text": TEXT}]
        body = msgspec.json.encode(_message(question, content=content, stop_reason="end_turn", usage=usage))
        writer.write(_head("200 OK", "application/json", "", len(body)) + body)
        return
    writer.write(_head("200 OK", "text/event-stream", ""))
    async for event in _events(question):
        writer.write(event.encode())
        await writer.drain()


def words() -> list[str]:
    """Return the answer cut as it is streamed."""
    first, *rest = TEXT.split(" ")
    return [first, *(f" {word}" for word in rest)]


async def _events(question: DemoRequest) -> AsyncIterator[Event]:
    usage = {"input_tokens": 12, "output_tokens": 1}
    yield Event("message_start", {"message": _message(question, content=[], stop_reason=None, usage=usage)})
    yield Event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
    for word in words():
        yield Event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": word}})
        await asyncio.sleep(PAUSE)
    yield Event("content_block_stop", {"index": 0})
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    yield Event("message_delta", {"delta": delta, "usage": {"output_tokens": len(words())}})
    yield Event("message_stop", {})


def _message(question: DemoRequest, **changes: object) -> dict[str, object]:
    fixed = {"id": "msg_demo", "type": "message", "role": "assistant", "model": question.model, "stop_sequence": None}
    return {**fixed, **changes}


def _head(status: str, content_type: str, more: str, length: int | None = None) -> bytes:
    framing = "" if length is None else f"content-length: {length}\r\n"
    return f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\n{more}{framing}connection: close\r\n\r\n".encode()
