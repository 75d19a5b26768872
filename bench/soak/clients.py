"""The clients of the mixed load: each sends what its number's plan says, and checks what comes back byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from bench.soak import faults, plan
from bench.soak.outcome import ERROR_EVENT, LEFT, NO_CONNECTION, WHOLE, Endings
from bench.soak.plan import Plan

from fakes.client import Answer, BrokenError, Connection, StreamEvent
from fakes.stream_checks import COMPLETE, ending_of

AT_ONCE: Final = 60
"""Requests in flight."""

PATIENCE: Final = 90.0
"""Seconds without a byte after which a client finds that the proxy hangs: it pings each 20, counted anew if a provider
dies within its answer."""

_RETRY_PAUSE: Final = 0.2
"""Seconds before the next try if there is no connection, while the proxy restarts."""

PATHS: Final = {"count": "/v1/messages/count_tokens"}


class NoConnectionError(Exception):
    """The proxy did not take the request: it restarts."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the proxy is, and its token."""

    port: int
    token: str

    async def connect(self, receive_buffer: int | None = None) -> Connection:
        """Connect. Raises `NoConnectionError`."""
        try:
            connection = await Connection.open(self.port, receive_buffer=receive_buffer)
        except OSError as error:
            raise NoConnectionError(str(error)) from error
        connection.patience = PATIENCE
        return connection

    def head(self, kind: str, length: int) -> bytes:
        """Return the head of a request."""
        lines = (
            f"POST {PATHS.get(kind, '/v1/messages')} HTTP/1.1",
            f"host: 127.0.0.1:{self.port}",
            f"authorization: Bearer {self.token}",
            "content-type: application/json",
            f"content-length: {length}",
        )
        return "\r\n".join((*lines, "\r\n")).encode()


class Load:
    """Requests with consecutive numbers from `first`, `AT_ONCE` at a time.

    If the proxy `restarts` meanwhile, a request that finds no proxy is sent again.
    """

    def __init__(self, address: Address, seed: int, first: int, endings: Endings, *, restarts: bool = False) -> None:
        self._address = address
        self._seed = seed
        self._restarts = restarts
        self._numbers: Iterator[int] = count(first)
        self._endings = endings

    async def run(self, total: int) -> None:
        """Send so many requests."""
        begun = 0

        def more() -> bool:
            nonlocal begun
            begun += 1
            return begun <= total

        await self._run(more)

    async def run_until(self, done: asyncio.Event) -> None:
        """Send requests until the event is set."""
        await self._run(lambda: not done.is_set())

    async def _run(self, more: Callable[[], bool]) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._client(more))

    async def _client(self, more: Callable[[], bool]) -> None:
        """One client: it keeps its connection while that can be used."""
        connection: Connection | None = None
        while more():
            planned = plan.plan(self._seed, next(self._numbers))
            if connection is not None and planned.new_connection:
                await connection.close()
                connection = None
            connection = await self._one(planned, connection)
        if connection is not None:
            await connection.close()

    async def _one(self, planned: Plan, kept: Connection | None) -> Connection | None:
        """Send one request until the proxy takes it, and return the connection if it can be used again."""
        connection = kept
        try:
            try:
                connection = connection or await self._address.connect()
                ending, usable = await self._exchange(connection, planned, fresh=kept is None)
            except NoConnectionError:
                if not self._restarts:
                    raise
                connection, ending, usable = await self._again(planned)
        except (AssertionError, BrokenError, NoConnectionError, ValueError, KeyError) as error:
            self._endings.find(self._describe(planned, f"{type(error).__name__}: {error}"))
            if connection is not None:
                await connection.close()
            return None
        self._count(planned, ending)
        if usable:
            return connection
        await connection.close()
        return None

    async def _again(self, planned: Plan) -> tuple[Connection, str, bool]:
        """Send a request that found no proxy again and again, and return what `_exchange` returns."""
        self._endings.end(NO_CONNECTION)
        while True:
            await asyncio.sleep(_RETRY_PAUSE)
            with contextlib.suppress(NoConnectionError):
                connection = await self._address.connect()
                return connection, *await self._exchange(connection, planned, fresh=True)

    async def _exchange(self, connection: Connection, planned: Plan, *, fresh: bool) -> tuple[str, bool]:
        """Return how the request ended, and whether the connection can take another one."""
        content = planned.body
        request = self._address.head(planned.kind, len(content)) + content
        if planned.leaves == "within the request":
            request = request[: len(request) // 2]
        try:
            await connection.send(request)
            if planned.leaves in ("within the request", "before the answer"):
                connection.hang_up()
                return LEFT, False
            answer = await connection.answer()
        except (BrokenError, ConnectionError) as error:
            if self._restarts:  # it was accepted, or kept, and not served any more
                raise NoConnectionError(str(error)) from error
            raise BrokenError(f"no answer on a {'new' if fresh else 'kept'} connection: {error}") from error
        return await self._read(answer, planned)

    async def _read(self, answer: Answer, planned: Plan) -> tuple[str, bool]:
        usable = answer.headers.get("connection") != "close"
        if answer.status != 200:
            return f"HTTP {answer.status} {_kind_of(await answer.read(), answer.headers)}", usable
        if planned.kind != "stream":
            _check_json(await answer.json(), planned)
            return WHOLE, usable
        events: list[StreamEvent] = []
        async for event in answer.events():
            events.append(event)
            if planned.leaves and len(events) == planned.events:
                answer.hang_up()
                return LEFT, False
        return self._ending(events, planned), usable

    def _ending(self, events: Sequence[StreamEvent], planned: Plan) -> str:
        """Return how a stream ended. Raises `AssertionError` if it is not proper, or not the answer to this request.

        Between two halves of an answer, the space may differ.
        """
        ended, received = ending_of(events), content_of(events)
        answers = [plan.text_of(planned.number), json.dumps({"text": plan.text_of(planned.number)})]
        if plan.may_be_continued(self._seed, planned.number):
            received, answers = _squeezed(received), [_squeezed(answer) for answer in answers]
        if ended == COMPLETE:
            if received not in answers:
                raise AssertionError(f"a complete stream with {received!r} in place of {answers[0]!r}")
            return WHOLE
        if not any(answer.startswith(received) for answer in answers):
            raise AssertionError(f"an error event after {received!r}, which is no beginning of {answers[0]!r}")
        return ERROR_EVENT

    def _count(self, planned: Plan, ending: str) -> None:
        may_fail = self._restarts or not plan.must_succeed(self._seed, planned.number, planned.kind)
        if may_fail or ending in (WHOLE, LEFT):
            self._endings.end(ending)
        else:
            self._endings.find(self._describe(planned, f"{ending}, though a provider could answer"))

    def _describe(self, planned: Plan, what: str) -> str:
        drawn = ", ".join(plan.faults_of(self._seed, planned.number, planned.kind))
        return f"request {planned.number} ({planned.kind}, {planned.size} bytes; providers: {drawn}): {what[:300]}"


def _check_json(value: dict[str, object], planned: Plan) -> None:
    """Raise `AssertionError` if an answer that is not streamed is not the one that this request must get."""
    if planned.kind == "count":
        if not isinstance(value["input_tokens"], int):
            raise AssertionError(f"no count: {value}")
        return
    content = value["content"]
    if content != [{"type": "text", "text": plan.text_of(planned.number)}]:
        raise AssertionError(f"not the answer to this request: {content}")


def content_of(events: Sequence[StreamEvent]) -> str:
    """Join the text or the tool's input that the events carry."""
    deltas = [event.data["delta"] for event in events if event.name == "content_block_delta"]
    return "".join(delta.get("text", "") + delta.get("partial_json", "") for delta in deltas)


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _kind_of(content: bytes, headers: Mapping[str, str]) -> str:
    """Return the type of an error; a provider's page of HTML is passed on as it came. Raises `AssertionError`."""
    if headers["content-type"].startswith("text/html"):
        if content != faults.HTML:
            raise AssertionError(f"not the page of a provider: {content!r}")
        return "HTML"
    kind: str = json.loads(content)["error"]["type"]
    return kind
