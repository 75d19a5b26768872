"""Checks of a stream by the rules of the Messages API, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable

from fakes.client import Answer, MalformedError, StreamEvent

COMPLETE = "message_stop"
ENDINGS = (COMPLETE, "error")


def text_of(events: Iterable[StreamEvent]) -> str:
    """Join the text that the events carry."""
    deltas = (event.data["delta"] for event in events if event.name == "content_block_delta")
    return "".join(delta.get("text", "") for delta in deltas)


async def complete_text(answer: Answer) -> str:
    """Read a stream that must be complete and well formed, and return its text."""
    assert answer.status == 200, await answer.read()
    events = await answer.all_events()
    assert ending_of(events) == COMPLETE, events[-1]
    return text_of(events)


def names_of(events: Iterable[StreamEvent]) -> list[str]:
    """Return the names of the events without the pings between them."""
    return [event.name for event in events if event.name != "ping"]


def ending_of(events: Iterable[StreamEvent]) -> str:
    """Check a whole stream by the rules of the Messages API; return the event that ended it, `message_stop` or `error`.

    Raises `MalformedError` if blocks overlap or are closed twice, if something comes before message_start or after the
    end, or if the end is missing.
    """
    started, block, last = False, None, ""
    for event in events:
        if last in ENDINGS:
            raise MalformedError(f"{event.name} after {last}")
        block = _next_block(block, event)
        if event.name not in ("ping", "error"):
            if started == (event.name == "message_start"):
                raise MalformedError(f"{event.name} {'twice' if started else 'before message_start'}")
            started = True
        last = event.name
    if last not in ENDINGS:
        raise MalformedError(f"the stream ends with {last or 'nothing'}")
    return last


def _next_block(block: int | None, event: StreamEvent) -> int | None:
    """Return the content block that is open after the event, given the one that was open before."""
    match event.name:
        case "content_block_start":
            return _require(block is None, event, int(event.data["index"]))
        case "content_block_delta":
            return _require(block == event.data["index"], event, block)
        case "content_block_stop":
            return _require(block == event.data["index"], event, None)
        case "message_delta" | "message_stop":
            return _require(block is None, event, None)
        case _:
            return block


def _require(holds: bool, event: StreamEvent, block: int | None) -> int | None:
    if not holds:
        raise MalformedError(f"{event.name} {event.data.get('index', '')} does not fit the open block")
    return block
