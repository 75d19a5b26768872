"""How to end an answer that can't go on: each state that a client can be left in, with each ending that is possible.

Measured without a gateway, since what follows is the client's own doing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bench.faults.answers import Answer
from bench.faults.faults import AFTER_CONTENT, Fault, Kind, Stage

from fakes import scripts
from fakes.steps import Close, Cut, Event, Step, Stream, text_delta

_SEARCH: Final[tuple[Mapping[str, Any], ...]] = (
    {"type": "server_tool_use", "id": "srvtoolu_fault", "name": "web_search", "input": {"query": "verse"}},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_fault", "content": []},
)
_FOUND: Final = "I found nothing about it, so that I write it myself."

STATES: Final[Mapping[str, tuple[bool, str]]] = {
    "thinking begun": (True, "thinking/2"),
    "thinking complete": (True, "thinking/5"),
    "text begun": (False, "text/3"),
    "thinking complete, text begun": (True, "text/3"),
    "text complete": (True, "text/5"),
    "text complete, tool call begun": (True, "tool_use/2"),
    "text complete, server tool run": (True, "search/0"),
    "server tool run, text begun behind it": (True, "search/2"),
    "server tool run, text complete behind it": (True, "search/3"),
}
"""Whether thinking stands before the text, and how many events there are of the last block."""


def _close(events: list[Event], stop_reason: str) -> list[Event]:
    """Return the events that end the block that is open, and the answer."""
    last = events[-1]
    closing = [] if last.name == "content_block_stop" else [scripts.block_stop(last.data["index"])]
    return [*closing, scripts.message_delta(stop_reason), scripts.MESSAGE_STOP]


def _ending(name: str, events: list[Event]) -> list[Step]:
    match name:
        case "connection closed":
            return [Close()]
        case "connection reset":
            return [Cut()]
        case "body ends":
            return []
        case "max_tokens":
            return list(_close(events, name))
        case kind:
            return [scripts.stream_error(kind)]


ENDINGS: Final = ("overloaded_error", "api_error", "connection closed", "connection reset", "body ends", "max_tokens")


def _events_of(state: str, answer: Answer) -> list[Event]:
    with_thinking, upto = STATES[state]
    kind, _, count = upto.partition("/")
    plain = Answer(with_thinking, answer.text, answer.call)
    events = list[Event]()
    for block in plain.blocks:
        name = block[0].data["content_block"]["type"]
        if name == kind:
            return [*events, *block[: int(count)]]
        if name == "tool_use":
            break
        events += block
    for run in _SEARCH:
        index = events[-1].data["index"] + 1
        events += [scripts.block_start(run, index), scripts.block_stop(index)]
    index = events[-1].data["index"] + 1
    behind = [scripts.block_start({"type": "text", "text": ""}, index), text_delta(_FOUND, index)]
    return [*events, *[*behind, scripts.block_stop(index)][: int(count)]]


def _script(state: str, ending: str, answer: Answer) -> list[Step]:
    events = _events_of(state, answer)
    return [Stream(), scripts.message_start(), *events, AFTER_CONTENT, *_ending(ending, events)]


def faults() -> Iterator[tuple[str, str, Fault]]:
    """Yield each state and ending that go together, and the fault that leaves a client there."""
    for state in STATES:
        for ending in ENDINGS:
            if ending == "max_tokens" and state == "thinking begun":
                continue  # a block of thinking without its signature is none
            script = lambda answer, state=state, ending=ending: _script(state, ending, answer)  # noqa: E731
            yield state, ending, Fault(f"{state}: {ending}", Stage.END, (Kind.TOOLS,), script)
