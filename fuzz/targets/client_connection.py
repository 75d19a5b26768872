"""A client's connection: cut anywhere it holds the same requests, and none gets past the guard without the token."""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

import uvicorn
from fuzz.source import Source, pieces
from httptools import HttpResponseParser
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

from claude_proxy.net.client_connection import ClientConnection, Connections
from claude_proxy.net.guard import Guard

TOKEN: Final = "fuzz-token"  # noqa: S105 - of no proxy
STATUSES: Final = frozenset({100, 200, 400, 405, 408, 413, 431, 501})
MAX_TURNS: Final = 200

_defects = list[dict[str, Any]]()
_guard = Guard("127.0.0.1", TOKEN, "claude-proxy")
_loop = asyncio.new_event_loop()
_loop.set_exception_handler(lambda _, context: _defects.append(context))


class Transport:
    """A socket that is not there: it keeps what is written."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written += data

    def close(self) -> None:
        self.closed = True

    abort = write_eof = close

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        del name
        return default

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None  # pauses and limits


class App:
    """Answers each request, and keeps what it was."""

    def __init__(self) -> None:
        self.requests: list[tuple[object, ...]] = []

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        assert scope["type"] == "http"
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message["body"]
            more = message["more_body"]
        headers = tuple(scope["headers"])
        fields = dict(headers)
        allowed = _guard.check_origin(fields) is None and _guard.check_token(fields) is None
        self.requests.append((scope["method"], scope["raw_path"], headers, body, allowed))
        start: Any = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
        await send(start)
        await send({"type": "http.response.body", "body": b"ok", "more_body": False})


def check(data: bytes) -> None:
    """Check what one client sends."""
    source = Source(data)
    sizes = bytes(source.byte() for _ in range(source.byte() % 4))
    whole = _loop.run_until_complete(_serve(source.rest, b""))
    assert whole == _loop.run_until_complete(_serve(source.rest, sizes))
    for _, _, headers, _, allowed in whole[0]:
        assert not allowed or any(TOKEN.encode() in value for _, value in cast("tuple[tuple[bytes, bytes]]", headers))


async def _serve(data: bytes, sizes: bytes) -> tuple[list[tuple[object, ...]], list[int]]:
    """Return the requests that were read, and the statuses that the client got."""
    app, state, transport = App(), Connections(), Transport()
    config = uvicorn.Config(app, http=ClientConnection, ws="none", lifespan="off", log_config=None, access_log=False)
    config.loaded_app = app
    connection = ClientConnection(config=config, server_state=state, app_state={}, _loop=_loop)
    connection.connection_made(cast("asyncio.Transport", transport))
    for piece in pieces(data, sizes):
        if transport.closed:
            break
        connection.data_received(piece)
        await _settle()
    await _settle()
    connection.connection_lost(None)
    await _settle()
    assert not state.tasks
    assert not _defects, _defects.pop()
    return app.requests, _statuses(bytes(transport.written))


async def _settle() -> None:
    for _ in range(MAX_TURNS):
        await asyncio.sleep(0)
        if not _loop._ready:  # type: ignore[attr-defined]  # noqa: SLF001 - nothing else tells that all is done
            return


class _Statuses:
    def __init__(self) -> None:
        self.found: list[int] = []
        self.parser = HttpResponseParser(self)

    def on_headers_complete(self) -> None:
        self.found.append(self.parser.get_status_code())


def _statuses(written: bytes) -> list[int]:
    statuses = _Statuses()
    if written:
        statuses.parser.feed_data(written)
    assert STATUSES.issuperset(statuses.found), statuses.found
    return statuses.found
