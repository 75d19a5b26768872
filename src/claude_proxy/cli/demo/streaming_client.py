"""The demo's client: one streaming request through the proxy, and the text of its answer piece by piece."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from claude_proxy.core import headers
from claude_proxy.core.egress import Egress
from claude_proxy.core.messages import MESSAGES_PATH
from claude_proxy.core.types import Origin
from claude_proxy.net.upstream import HttpTransport
from claude_proxy.proxy.ports import Answer, UpstreamRequest

MODEL = "claude-opus-5-5"
TIMEOUT = 30.0
"""Seconds for each step; all but the text take milliseconds."""


@dataclass(frozen=True, slots=True)
class Received:
    """The answer: the whole text, the name of the last event, and the proxy's list of attempts."""

    text: str
    last_event: str
    attempts: str


async def ask(port: int, token: str, on_status: Callable[[int], None], on_text: Callable[[str], None]) -> Received:
    """Ask the proxy on `port` of this machine. Raises `UpstreamError` and `TimeoutError`."""
    transport = HttpTransport(Egress())
    try:
        answer = await transport.open(_request(port, token), connect_timeout=TIMEOUT, head_timeout=TIMEOUT)
        on_status(answer.status)
        text, last_event = await _read(answer, on_text)
    finally:
        await transport.aclose()
    attempts = headers.find(answer.headers, b"x-claude-proxy-attempts") or b""
    return Received(text, last_event, attempts.decode("latin-1"))


def _request(port: int, token: str) -> UpstreamRequest:
    messages = [{"role": "user", "content": "Are you there?"}]
    body = msgspec.json.encode({"model": MODEL, "max_tokens": 200, "messages": messages, "stream": True})
    head = (
        f"POST {MESSAGES_PATH} HTTP/1.1\r\n"
        f"host: 127.0.0.1:{port}\r\n"
        f"authorization: Bearer {token}\r\n"
        "content-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return UpstreamRequest(Origin("http", "127.0.0.1", port), head.encode(), body)


class _Delta(msgspec.Struct):
    text: str = ""


class _Event(msgspec.Struct):
    type: str
    delta: _Delta = msgspec.field(default_factory=_Delta)


async def _read(answer: Answer, on_text: Callable[[str], None]) -> tuple[str, str]:
    text, last_event, rest = "", "", b""
    while piece := await answer.read(TIMEOUT):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                event = msgspec.json.decode(line.removeprefix(b"data:"), type=_Event)
                last_event = event.type
                text += event.delta.text
                on_text(event.delta.text)
    return text, last_event
