"""The two providers behind every gateway: A strikes once in each case, B is well. Both answer as a model does."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from bench.faults.answers import Answer, is_main, reply_to
from bench.faults.faults import Fault, Kind

from fakes.provider import FakeProvider
from fakes.server_connection import Request, ServerConnection
from fakes.steps import Script, Status, Step

_WORDS: Final = frozenset({"/v1/messages"})


@dataclass(slots=True)
class Case:
    """One fault that is under way at A."""

    fault: Fault
    kind: Kind
    path: str = "verse.txt"
    """The file that the model writes."""

    struck_at: float | None = None
    """When the fault was over, on the monotonic clock."""

    asked: list[str] = field(default_factory=list)
    """Which provider was asked, request by request."""


@dataclass(frozen=True, slots=True)
class _Struck:
    """The last step of a fault that ends: tells when it was."""

    case: Case

    async def play(self, connection: ServerConnection) -> None:  # noqa: ARG002 - it sends nothing
        self.case.struck_at = time.monotonic()


class Provider(FakeProvider):
    """A provider of the laboratory. It answers well, unless a case says otherwise."""

    def __init__(self, name: str, port: int, *, strikes: bool) -> None:
        super().__init__(self._script)
        self._wanted_port = port
        self.name = name
        self.case: Case | None = None
        self._strikes = strikes

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        if self._wanted_port and self._server:
            self._server.close()
            self.port = self._wanted_port
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        return self

    def _script(self, request: Request) -> Script:
        if request.method != "POST" or request.path not in _WORDS:
            return [Status(404 if request.method == "POST" else 200, b"{}")]
        body, case = request.json(), self.case
        answer = reply_to(body, case.path if case else "verse.txt")
        whole = answer.script(streamed=bool(body.get("stream")))
        if case is None or (case.kind is Kind.TOOLS and not is_main(body)):
            return whole
        case.asked.append(self.name)
        if not self._strikes or case.struck_at is not None or case.fault.script is None:
            return whole
        case.struck_at = time.monotonic()
        return _struck(case, answer)

    async def listen(self, *, on: bool) -> None:
        """Begin to listen at its port again, or stop and drop all connections."""
        if not on and self._server:
            self._server.close()
            for connection in self._connections:
                with contextlib.suppress(OSError):  # it has ended
                    connection.cut()
        elif self._server and not self._server.is_serving():
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)


def _struck(case: Case, answer: Answer) -> Sequence[Step]:
    """Return the steps of a fault; before the one that breaks the connection stands the one that takes the time."""
    steps = list(case.fault.script(answer) if case.fault.script else ())
    return [*steps[:-1], _Struck(case), *steps[-1:]]


@dataclass(frozen=True, slots=True)
class Upstreams:
    """Both providers."""

    a: Provider
    b: Provider

    @contextlib.asynccontextmanager
    async def case(self, fault: Fault, kind: Kind, path: str = "verse.txt") -> AsyncIterator[Case]:
        """Let a fault strike the first request for an answer at A while the block runs."""
        case = Case(fault, kind, path)
        self.a.case = self.b.case = case
        if fault.script is None:
            await self.a.listen(on=False)
        try:
            yield case
        finally:
            self.a.case = self.b.case = None
            await self.a.listen(on=True)


@contextlib.asynccontextmanager
async def running(ports: Sequence[int] = (0, 0)) -> AsyncIterator[Upstreams]:
    """Run both, at ports of their own or at these."""
    async with Provider("A", ports[0], strikes=True) as a, Provider("B", ports[1], strikes=False) as b:
        yield Upstreams(a, b)
