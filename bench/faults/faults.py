"""Every fault of the laboratory: a name, where in the answer it strikes, and its script, byte for byte.

A script gets the answer that would have been right, and does something else. `Kind` says to what requests it applies.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bench.faults.answers import Answer

from fakes import scripts
from fakes.server_connection import ServerConnection
from fakes.steps import Body, Close, Cut, Event, Head, Raw, Repeat, Stall, Status, Step, Stream, error_body, text_delta

HTML: Final = b"<html><body><h1>Bad gateway</h1></body></html>"


class Kind(enum.Enum):
    """What is asked for."""

    STREAM = "streamed"
    TOOLS = "streamed, with tools"
    WHOLE = "not streamed"

    @property
    def streamed(self) -> bool:
        """Whether the answer is to come as events."""
        return self is not Kind.WHOLE


class Stage(enum.Enum):
    """How far the answer is when the fault strikes."""

    HEAD = "before the head"
    CONTENT = "after the head, before content"
    THINKING = "in or behind thinking"
    TEXT = "in or behind text"
    CALL = "in or behind a tool call"
    END = "at the end"
    SLOW = "slow"
    ORDER = "malformed"
    REQUEST = "the request is wrong"


STREAMS: Final = (Kind.STREAM, Kind.TOOLS)
ALL: Final = (*STREAMS, Kind.WHOLE)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `script` makes the steps out of the answer that would be right; None: nobody listens."""

    name: str
    stage: Stage
    kinds: Sequence[Kind]
    script: Callable[[Answer], Sequence[Step]] | None
    error: int = 0
    """The status that must reach the client, if the request is wrong."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing, for so many seconds."""

    seconds: float

    async def play(self, connection: ServerConnection) -> None:  # noqa: ARG002 - it sends nothing
        """Wait."""
        await asyncio.sleep(self.seconds)


@dataclass(frozen=True, slots=True)
class Bytewise:
    """Events whose bytes come one at a time."""

    events: Sequence[Event]

    async def play(self, connection: ServerConnection) -> None:
        """Send them."""
        for byte in b"".join(event.encode() for event in self.events):
            await connection.send_body(bytes((byte,)))
            await asyncio.sleep(0.001)


AFTER_CONTENT: Final = Pause(1.0)
"""Between what came of an answer and its death: else a client drops what it has received and not yet read."""


def _steps(*steps: Step) -> Callable[[Answer], Sequence[Step]]:
    return lambda _answer: steps


def _until(block: str, events: int, *death: Step) -> Callable[[Answer], Sequence[Step]]:
    """Return a script that gives so many events of a block, all of it for -1, and then dies."""

    def script(answer: Answer) -> Sequence[Step]:
        before = list[Event]()
        for candidate in answer.blocks:
            kind = candidate[0].data["content_block"]["type"]
            if kind == block:
                return [
                    Stream(),
                    scripts.message_start(),
                    *before,
                    *candidate[: None if events < 0 else events],
                    AFTER_CONTENT,
                    *death,
                ]
            before += candidate
        raise ValueError(block)

    return script


def _events(change: Callable[[list[Event]], Sequence[Step]]) -> Callable[[Answer], Sequence[Step]]:
    return lambda answer: [Stream(), *change(answer.events())]


def _not_json(answer: Answer) -> Sequence[Step]:
    """A tool call whose input breaks off, in a stream that is otherwise well formed."""
    events = answer.events()
    return [Stream(), *events[:-4], *events[-3:]]


def _half_body(answer: Answer) -> Sequence[Step]:
    body = answer.json()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    return [Raw(head + body[: len(body) // 2]), Cut()]


def _half_json(answer: Answer) -> Sequence[Step]:
    body = answer.json()
    return [Status(200, body[: len(body) // 2])]


def _slow_body(answer: Answer) -> Sequence[Step]:
    body, middle = answer.json(), 100
    head = {"content-type": "application/json", "content-length": str(len(body))}
    return [Head(200, head), Body(body[:middle]), Pause(1.5), Body(body[middle:])]


def _again(events: list[Event], at: int) -> Sequence[Step]:
    return [*events[: at + 1], events[at], *events[at + 1 :]]


_OVERLOADED: Final = scripts.stream_error("overloaded_error")
_API_ERROR: Final = scripts.stream_error("api_error")
_HTML: Final = {"content-type": "text/html"}
_DEATHS: Final[dict[str, tuple[Step, ...]]] = {
    "connection reset": (Cut(),),
    "body ends": (),
    "overloaded_error": (_OVERLOADED,),
    "silence": (Stall(),),
}
_STREAM_HEAD: Final = (Stream(), scripts.message_start())


def _at(where: str, stage: Stage, block: str, events: int, kinds: Sequence[Kind], *deaths: str) -> list[Fault]:
    return [
        Fault(f"{where}: {death}", stage, kinds, _until(block, events, *_DEATHS[death])) for death in deaths or _DEATHS
    ]


FAULTS: Final[tuple[Fault, ...]] = (
    Fault("connection refused", Stage.HEAD, ALL, None),
    Fault("connection reset behind the request", Stage.HEAD, ALL, _steps(Cut())),
    Fault("closed behind the request", Stage.HEAD, ALL, _steps(Close())),
    Fault("silence", Stage.HEAD, ALL, _steps(Stall())),
    *(Fault(f"{status}", Stage.HEAD, ALL, _steps(Status(status))) for status in (429, 500, 503, 529)),
    Fault("502 with HTML", Stage.HEAD, ALL, _steps(Status(502, HTML, _HTML))),
    Fault("half a head, then silence", Stage.HEAD, ALL, _steps(Raw(b"HTTP/1.1 200 OK\r\ncontent-"), Stall())),
    Fault("200, empty body", Stage.CONTENT, ALL, _steps(Status(200, b""))),
    Fault("200 with HTML", Stage.CONTENT, ALL, _steps(Status(200, HTML, _HTML))),
    Fault(
        "200 with an error in JSON", Stage.CONTENT, ALL, _steps(Status(200, error_body("overloaded_error", "scripted")))
    ),
    Fault("error event first", Stage.CONTENT, STREAMS, _steps(Stream(), _OVERLOADED)),
    Fault("message_start, then reset", Stage.CONTENT, STREAMS, _steps(*_STREAM_HEAD, Cut())),
    Fault("message_start, then the body ends", Stage.CONTENT, STREAMS, _steps(*_STREAM_HEAD)),
    Fault("message_start, then silence", Stage.CONTENT, STREAMS, _steps(*_STREAM_HEAD, Stall())),
    Fault("message_start, then pings alone", Stage.CONTENT, STREAMS, _steps(*_STREAM_HEAD, Repeat(scripts.PING, 0.2))),
    Fault("half the body, then reset", Stage.CONTENT, (Kind.WHOLE,), _half_body),
    Fault("half the JSON, well framed", Stage.CONTENT, (Kind.WHOLE,), _half_json),
    *_at("in thinking", Stage.THINKING, "thinking", 2, STREAMS),
    *_at("behind thinking", Stage.THINKING, "thinking", -1, STREAMS),
    *_at("in text", Stage.TEXT, "text", 3, STREAMS),
    *_at("behind text", Stage.TEXT, "text", -1, (Kind.TOOLS,)),
    *_at("in the tool call", Stage.CALL, "tool_use", 2, (Kind.TOOLS,)),
    Fault("the call's input is not JSON", Stage.CALL, (Kind.TOOLS,), _not_json),
    *_at("behind the tool call", Stage.CALL, "tool_use", -1, (Kind.TOOLS,)),
    Fault("no message_stop", Stage.END, STREAMS, _events(lambda events: events[:-1])),
    Fault("no message_stop, then reset", Stage.END, STREAMS, _events(lambda events: [*events[:-1], Cut()])),
    Fault("no message_stop, then silence", Stage.END, STREAMS, _events(lambda events: [*events[:-1], Stall()])),
    Fault("message_stop, no stop reason", Stage.END, STREAMS, _events(lambda events: [*events[:-2], events[-1]])),
    Fault("head after 1.5 s", Stage.SLOW, STREAMS, lambda answer: [Pause(1.5), *answer.script(streamed=True)]),
    Fault("content after 1.5 s", Stage.SLOW, STREAMS, _events(lambda events: [events[0], Pause(1.5), *events[1:]])),
    Fault("byte by byte", Stage.SLOW, STREAMS, _events(lambda events: [Bytewise(events)])),
    Fault(
        "0.3 s between events", Stage.SLOW, STREAMS, _events(lambda all_: [x for e in all_ for x in (e, Pause(0.3))])
    ),
    Fault("half the body after 1.5 s", Stage.SLOW, (Kind.WHOLE,), _slow_body),
    Fault(
        "an event that is not JSON, first",
        Stage.ORDER,
        STREAMS,
        _events(lambda events: [Body(b"event: message_start\ndata: {oops\n\n"), *events[1:]]),
    ),
    Fault("content without message_start", Stage.ORDER, STREAMS, _events(lambda events: events[1:])),
    Fault(
        "in text: an event that is not JSON, then reset",
        Stage.ORDER,
        STREAMS,
        _until("text", 3, Body(b"event: content_block_delta\ndata: {oops\n\n"), Cut()),
    ),
    Fault(
        "in text: a delta of a block that never began",
        Stage.ORDER,
        STREAMS,
        _until("text", 3, text_delta("stray", 7), scripts.block_stop(7)),
    ),
    Fault("content_block_stop twice", Stage.ORDER, STREAMS, _events(lambda events: _again(events, len(events) - 3))),
    Fault("message_start twice", Stage.ORDER, STREAMS, _events(lambda events: _again(events, 0))),
    Fault("400", Stage.REQUEST, ALL, _steps(Status(400)), error=400),
    Fault("413", Stage.REQUEST, ALL, _steps(Status(413)), error=413),
)
