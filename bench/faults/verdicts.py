"""What a client has at the end of a case: judged from the bytes alone, by the rules of the Messages API."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass, field
from typing import Any

from bench.faults.answers import TEXT, TOOL, VERSE
from bench.faults.faults import Fault, Kind
from bench.faults.wire_client import Received


class Verdict(enum.Enum):
    """How a case ended for the client."""

    WHOLE = "whole"
    """The content is there, each block once, and a stop reason."""
    ERROR = "error"
    """It is told that it has no answer: an error status, an error event or a connection that breaks."""
    CORRUPT = "CORRUPT"
    """It looks like an answer and is not: parts are missing, doubled or out of order, and no error says so."""
    HANG = "HANG"
    """Nothing comes any more, and nothing ends."""
    HIDDEN = "HIDDEN"
    """The request was wrong, and the client does not learn it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and why."""

    verdict: Verdict
    why: str = ""
    seconds: float = 0.0


class InvalidOrderError(Exception):
    """Events came in an order that the API does not allow."""


@dataclass(slots=True)
class Message:
    """What a strict client makes of the events of an answer."""

    blocks: list[dict[str, Any]] = field(default_factory=list)
    open: bool = False
    started: bool = False
    stop_reason: str | None = None
    over: bool = False

    def take(self, event: dict[str, Any]) -> None:
        """Take one event. Raises `InvalidOrderError`."""
        kind = event.get("type")
        if kind in ("ping", None):
            return
        _require(not self.over, "events behind message_stop")
        _require(self.started != (kind == "message_start"), f"{kind} out of place")
        match kind:
            case "message_start":
                self.started = True
            case "content_block_start":
                _require(not self.open and event["index"] == len(self.blocks), "a block begins out of order")
                self.blocks.append({**event["content_block"], "input": ""})
                self.open = True
            case "content_block_delta":
                self._require_current(event)
                self._extend(event["delta"])
            case "content_block_stop":
                self._require_current(event)
                self.open = False
            case "message_delta":
                _require(not self.open, "a block is open at the end")
                self.stop_reason = event["delta"].get("stop_reason") or self.stop_reason
            case "message_stop":
                self.over = True
            case _:
                pass  # clients must tolerate events that they do not know

    def _require_current(self, event: dict[str, Any]) -> None:
        _require(self.open and event["index"] == len(self.blocks) - 1, f"{event['type']} of a block that is not open")

    def _extend(self, delta: dict[str, Any]) -> None:
        block = self.blocks[-1]
        for name, into in (("text", "text"), ("thinking", "thinking"), ("partial_json", "input")):
            if isinstance(piece := delta.get(name), str):
                block[into] = block.get(into, "") + piece


def judge(fault: Fault, kind: Kind, received: Received) -> Judged:
    """Judge what a client got."""
    verdict, why = _verdict(kind, received)
    if fault.error and not (verdict is Verdict.ERROR and received.status == fault.error):
        verdict, why = Verdict.HIDDEN, f"the client gets {received.status} in place of {fault.error}"
    return Judged(verdict, why, received.seconds)


def _verdict(kind: Kind, received: Received) -> tuple[Verdict, str]:
    if received.hung:
        return Verdict.HANG, f"after {len(received.body)} bytes"
    if received.status >= 400:
        return (
            Verdict.ERROR,
            f"status {received.status}{'' if _is_error(received.body) else ', not in the form of the API'}",
        )
    if received.status == 0:
        return Verdict.ERROR, "connection broken before an answer"
    try:
        return _judge_stream(kind, received) if kind.streamed else _judge_body(received)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if received.broken:
            return Verdict.ERROR, "connection broken"
        return Verdict.CORRUPT, f"unreadable: {error}"
    except InvalidOrderError as error:
        return Verdict.CORRUPT, str(error)


def _judge_stream(kind: Kind, received: Received) -> tuple[Verdict, str]:
    message = Message()
    for name, event in _events(received.body):
        if name == "error" or event.get("type") == "error":
            return Verdict.ERROR, f"error event {(event.get('error') or {}).get('type')}"
        message.take(event)
    if message.stop_reason is None and received.broken:
        return Verdict.ERROR, "connection broken"
    if message.stop_reason is None:
        return Verdict.CORRUPT, "ends without a stop reason and without an error" if message.started else "no answer"
    if message.open:
        return Verdict.CORRUPT, "a block has no end"
    return _compare(message.blocks, kind, {"tool_use": 1}.get(message.stop_reason, 0))


def _judge_body(received: Received) -> tuple[Verdict, str]:
    if received.broken:
        return Verdict.ERROR, "connection broken"
    message = json.loads(received.body)
    if "error" in message:
        return Verdict.CORRUPT, "an error behind 200"
    return _compare(message["content"], Kind.WHOLE, 0)


def _compare(blocks: list[dict[str, Any]], kind: Kind, runs: int) -> tuple[Verdict, str]:
    text = "".join(block["text"] for block in blocks if block["type"] == "text")
    calls = [(block["name"], _input(block["input"])) for block in blocks if block["type"] == "tool_use"]
    if text != TEXT:
        return Verdict.CORRUPT, f"text is {text!r}" if text else "text is missing"
    expected = [TOOL] if kind is Kind.TOOLS else []
    if [name for name, _ in calls] != expected or runs != len(expected):
        return Verdict.CORRUPT, f"{len(calls)} tool calls, of {len(expected)}"
    if any(arguments.get("content") != VERSE for _, arguments in calls):
        return Verdict.CORRUPT, "the tool call is not whole"
    return Verdict.WHOLE, ""


def _events(body: bytes) -> list[tuple[str, dict[str, Any]]]:
    """Read server-sent events; one that nothing ends is none. Raises `ValueError` for data that is not JSON."""
    events = list[tuple[str, dict[str, Any]]]()
    *whole, _ = body.replace(b"\r\n", b"\n").split(b"\n\n")
    for block in whole:
        fields = [line.split(b":", 1) for line in block.split(b"\n") if b":" in line and not line.startswith(b":")]
        data = b"\n".join(value.strip() for key, value in fields if key == b"data")
        name = next((value.strip() for key, value in fields if key == b"event"), b"")
        if data and data != b"[DONE]":
            events.append((name.decode(), json.loads(data)))
    return events


def _input(written: object) -> dict[str, Any]:
    parsed = json.loads(written) if isinstance(written, str) else written
    if not isinstance(parsed, dict):
        raise TypeError("the input of a tool is no object")
    return parsed


def _is_error(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body)["error"]["message"], str)
    except (ValueError, KeyError, TypeError):
        return False


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise InvalidOrderError(otherwise)
