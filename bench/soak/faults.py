"""What providers do: answers without a fault, and every fault of the fakes, each by name.

A fault is free if the next provider can take over, late if the client has begun to read, and the request's own if the
client gets the provider's error.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from fakes import scripts
from fakes.server_connection import ServerConnection
from fakes.steps import (
    Body,
    Close,
    Cut,
    Drip,
    Event,
    Head,
    Raw,
    Repeat,
    Script,
    Stall,
    Status,
    Stream,
    Text,
    text_delta,
)

SSE: Final = {"content-type": "text/event-stream"}
HTML: Final = b"<html><body>Bad gateway</body></html>"
_NEVER_ENDING_GZIP_HEADER: Final = b"\x1f\x8b\x08\x08" + bytes(6)  # a file name follows, up to a NUL
_EMPTY_DEFLATE_BLOCK: Final = b"\x00\x00\x00\xff\xff"

Class: TypeAlias = Literal["healthy", "free", "late", "request"]


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence for a time: a step of a script."""

    seconds: float

    async def play(self, connection: ServerConnection) -> None:
        """Wait."""
        del connection
        await asyncio.sleep(self.seconds)


_FLOOD: Final = text_delta("x" * 16_000).encode()


@dataclass(frozen=True, slots=True)
class Flood:
    """The same event until the client leaves, encoded once: a hundred must not keep other answers waiting."""

    async def play(self, connection: ServerConnection) -> None:
        """Send it ten times a second."""
        while True:
            await connection.send_body(_FLOOD)
            await asyncio.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Answer:
    """One thing that a provider does; `script` makes it for the text of the answer. Weights are shares of 1,000."""

    weight: float
    kind: Class
    script: Callable[[str], Script]


def _bytes_of(text: str) -> bytes:
    steps = scripts.message(text, 5)
    events = [event for step in steps for event in (step.events() if isinstance(step, Text) else [step])]
    return b"".join(event.encode() for event in events if isinstance(event, Event))


def _sliced(data: bytes, headers: Mapping[str, str] | None = None, size: int = 37) -> Script:
    return [Stream(headers or {}), *(Body(data[at : at + size]) for at in range(0, len(data), size))]


def _opened(text: str, *end: Raw | Body | Cut | Close | Stall | Event | Repeat) -> Script:
    """Return a stream up to the middle of its text, and an end."""
    return [*scripts.opening(text[: len(text) // 2]), *end]


def _slow(text: str) -> Script:
    return [step for event in scripts.message(text) for step in (event, Pause(0.03))]


def _zlib(text: str) -> bytes:
    return zlib.compress(_bytes_of(text))


def _tool(text: str) -> Script:
    return scripts.tool_use("Write", {"text": text})


def _error(status: int, message: str) -> Script:
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    return [Status(status, json.dumps(error).encode())]


def _event(data: str, name: str = "content_block_delta") -> Body:
    return Body(f"event: {name}\ndata: {data}\n\n".encode())


_CLOSED_BY_LENGTH: Final = Raw(
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 5000\r\n\r\nevent"
)
_BAD_CHUNK: Final = Raw(
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\nevent\r\n"
)
_HUGE_HEAD: Final = Raw(b"HTTP/1.1 200 OK\r\n" + b"x-filler: %b\r\n" % (b"x" * 4000) * 60)
_STOPPED: Final = (Event("content_block_stop", {"index": 0}), scripts.message_delta(), scripts.MESSAGE_STOP)

ANYWHERE: Final[Mapping[str, Answer]] = {
    "429": Answer(35, "free", lambda _: [Status(429)]),
    "429 with retry-after": Answer(25, "free", lambda _: [Status(429, headers={"retry-after": "0"})]),
    "429 with odd words": Answer(10, "free", lambda _: _error(429, "Please retry in 5 \N{LATIN SMALL LETTER LONG S}.")),
    "500": Answer(20, "free", lambda _: [Status(500)]),
    "503 in HTML": Answer(20, "free", lambda _: [Status(503, HTML, {"content-type": "text/html"})]),
    "529": Answer(40, "free", lambda _: [Status(529)]),
    "reset": Answer(25, "free", lambda _: [Cut()]),
    "closed": Answer(25, "free", lambda _: [Close()]),
    "silent": Answer(12, "free", lambda _: [Stall()]),
    "no HTTP": Answer(10, "free", lambda _: [Raw(b"\x16\x03\x01\x02nonsense\r\n\r\n"), Close()]),
    "huge head": Answer(10, "free", lambda _: [_HUGE_HEAD, Close()]),
    "HTML with 200": Answer(20, "free", lambda _: [Status(200, HTML, {"content-type": "text/html"})]),
    "empty with 200": Answer(10, "free", lambda _: [Head(200, SSE), Close()]),
    "too long for the model": Answer(10, "free", lambda _: _error(400, "prompt is too long: 300 tokens > 200 maximum")),
    "400": Answer(6, "request", lambda _: [Status(400)]),
    "401": Answer(6, "request", lambda _: [Status(401)]),
    "404": Answer(6, "request", lambda _: [Status(404)]),
    "413": Answer(6, "request", lambda _: [Status(413)]),
}

STREAMS: Final[Mapping[str, Answer]] = {
    "text": Answer(190, "healthy", lambda text: scripts.message(text, 7)),
    "thinking": Answer(40, "healthy", lambda text: scripts.thinking_then_text("hm", text)),
    "tool": Answer(40, "healthy", _tool),
    "without message_stop": Answer(20, "healthy", lambda text: scripts.message(text)[:-1]),
    "in slices": Answer(40, "healthy", lambda text: _sliced(_bytes_of(text))),
    "gzip": Answer(40, "healthy", lambda text: _sliced(gzip.compress(_bytes_of(text)), {"content-encoding": "gzip"})),
    "deflate": Answer(20, "healthy", lambda text: _sliced(_zlib(text), {"content-encoding": "deflate"})),
    "slow": Answer(20, "healthy", _slow),
    "until it closes": Answer(20, "healthy", lambda text: [Head(200, SSE), Raw(_bytes_of(text)), Close()]),
    "ping, then silent": Answer(8, "free", lambda _: [Stream(), scripts.PING, Stall()]),
    "endless pings": Answer(5, "free", lambda _: [Stream(), Repeat(scripts.PING, 0.05)]),
    "reset after message_start": Answer(10, "free", lambda _: [Stream(), scripts.message_start(), Cut()]),
    "error event first": Answer(25, "free", lambda _: scripts.error_event()),
    "rate limit event first": Answer(15, "free", lambda _: scripts.error_event("rate_limit_error")),
    "no gzip": Answer(8, "free", lambda text: _sliced(_bytes_of(text), {"content-encoding": "gzip"})),
    "shorter than it says": Answer(8, "free", lambda _: [_CLOSED_BY_LENGTH, Close()]),
    "a bad chunk": Answer(8, "free", lambda _: [_BAD_CHUNK, Close()]),
    "endless gzip header": Answer(
        3, "free", lambda _: [Stream({"content-encoding": "gzip"}), Body(_NEVER_ENDING_GZIP_HEADER), Drip(b"name")]
    ),
    "endless empty blocks": Answer(
        3, "free", lambda _: [Stream({"content-encoding": "deflate"}), Drip(_EMPTY_DEFLATE_BLOCK)]
    ),
    "half JSON first": Answer(5, "free", lambda _: [Stream(), scripts.message_start(), _event('{"type":"content_bl')]),
    "HTML as an event": Answer(5, "free", lambda _: [Stream(), scripts.message_start(), _event(HTML.decode())]),
    "a delta first": Answer(5, "free", lambda text: [Stream(), text_delta(text), *_STOPPED]),
    "an endless event": Answer(2, "free", lambda _: [Stream(), Body(b"data: "), *[Body(b"x" * 65536)] * 40, Cut()]),
    "late reset": Answer(25, "late", lambda text: _opened(text, Cut())),
    "late close": Answer(20, "late", lambda text: _opened(text, Close())),
    "late silence": Answer(8, "late", lambda text: _opened(text, Stall())),
    "late error event": Answer(20, "late", lambda text: _opened(text, scripts.stream_error("api_error"))),
    "half an event": Answer(10, "late", lambda text: _opened(text, Body(b"event: content_block_delta\nda"), Cut())),
    "a late bad chunk": Answer(5, "late", lambda text: _opened(text, Raw(b"ZZ\r\n"), Close())),
    "a second message": Answer(5, "late", lambda text: [*scripts.message(text), *scripts.message("again")[1:]]),
    "bytes behind an error": Answer(
        5, "late", lambda text: _opened(text, scripts.stream_error("api_error"), text_delta("more"))
    ),
    "gzip, cut": Answer(
        5,
        "late",
        lambda text: [*_sliced(gzip.compress(_bytes_of(text))[:-20], {"content-encoding": "gzip"}), Cut()],
    ),
}

WHOLE: Final[Mapping[str, Answer]] = {
    "JSON": Answer(400, "healthy", scripts.json_message),
    "JSON in gzip": Answer(
        100,
        "healthy",
        lambda text: [Status(200, gzip.compress(_json_body(text)), {"content-encoding": "gzip"})],
    ),
    "half JSON": Answer(30, "free", lambda text: [Status(200, _json_body(text)[:-9])]),
}

COUNTS: Final[Mapping[str, Answer]] = {
    "a count": Answer(400, "healthy", lambda _: [Status(200, b'{"input_tokens":7}')]),
    "no count": Answer(50, "free", lambda _: [Status(200, b'{"input_tokens":"many"}')]),
}

_STEADY: Final[Mapping[str, Answer]] = {
    "large": Answer(0, "healthy", lambda text: scripts.message(text, 50)),
    "endless": Answer(0, "healthy", lambda _: [*scripts.opening("x"), Flood()]),
}


def _json_body(text: str) -> bytes:
    (status,) = scripts.json_message(text)
    return (status.body or b"") if isinstance(status, Status) else b""


def _by_kind() -> Mapping[str, Mapping[str, Answer]]:
    return {
        "stream": {**STREAMS, **ANYWHERE},
        "whole": {**WHOLE, **ANYWHERE},
        "count": {**COUNTS, **ANYWHERE},
        "large": _STEADY,
        "endless": _STEADY,
    }


ANSWERS: Final = _by_kind()
"""What a provider can do, by the kind of the request."""


def names_for(kind: str) -> Sequence[str]:
    """Return the names of what a provider can do with such a request."""
    return tuple(ANSWERS[kind])


def weights_for(kind: str) -> Sequence[float]:
    """Return how often each is done, in the order of `names_for`."""
    return tuple(answer.weight for answer in ANSWERS[kind].values())
