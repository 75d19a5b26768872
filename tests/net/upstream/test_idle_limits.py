"""How long free connections are kept: what the server says, and what is observed of it."""

from __future__ import annotations

import time

import pytest

from claude_proxy.core.types import Origin
from claude_proxy.net.upstream import idle_limits, pool
from claude_proxy.net.upstream.idle_limits import MIN_AFTER_SILENCE, RELEARN_AFTER, IdleLimits
from fakes.async_test import on_both_loops
from fakes.server import FakeServer
from fakes.server_connection import ServerConnection
from net.upstream_client import always, fetch, open_transport, until

HERE, THERE = Origin("https", "a.test", 443), Origin("https", "b.test", 443)
HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
LONGEST = 300.0


class Clock:
    """The wall clock, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = time.time()
        monkeypatch.setattr(time, "time", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (b"timeout=5", 4.0),
        (b"timeout=5, max=1000", 4.0),
        (b"max=1000,timeout=75", 74.0),
        (b"Timeout = 10", 9.0),
        (b'timeout="10"', 9.0),
        (b"timeout=1", 0.5),
        (b"timeout=0", 0.0),
        (b"timeout=600", LONGEST),
        (b"timeout=-1", LONGEST),
        (b"timeout=999999999999", LONGEST),
        (b"max=5", LONGEST),
        (b"timeout", LONGEST),
        (b"my-timeout=5", LONGEST),
        (b"", LONGEST),
    ],
)
def test_takes_what_the_server_says(header: bytes, seconds: float) -> None:
    limits = IdleLimits()
    limits.read_header(HERE, header)
    assert limits.of(HERE, LONGEST) == seconds
    assert limits.of(THERE, LONGEST) == LONGEST


def test_two_closes_after_the_same_time_show_the_servers_limit(clock: Clock) -> None:
    limits = IdleLimits()
    limits.closed_by_server(HERE, 60.0)
    assert limits.of(HERE, LONGEST) == LONGEST
    clock.now += 100.0
    limits.closed_by_server(HERE, 60.5)
    assert limits.of(HERE, LONGEST) == 59.5


@pytest.mark.parametrize("ages", [(60.0, 20.0), (1.0, 200.0, 2.0)])
def test_closes_after_different_times_show_none(clock: Clock, ages: tuple[float, ...]) -> None:
    limits = IdleLimits()
    for age in ages:
        limits.closed_by_server(HERE, age)
        clock.now += 100.0
    assert limits.of(HERE, LONGEST) == LONGEST


def test_a_server_that_restarts_teaches_nothing(clock: Clock) -> None:
    limits = IdleLimits()
    for age in (3.0, 3.1, 3.2, 3.0):
        limits.closed_by_server(HERE, age)
        clock.now += 0.1
    assert limits.of(HERE, LONGEST) == LONGEST


@pytest.mark.parametrize(("age", "seconds"), [(250.0, 125.0), (50.0, MIN_AFTER_SILENCE), (2.0, MIN_AFTER_SILENCE)])
def test_a_silent_loss_halves_the_time(age: float, seconds: float) -> None:
    limits = IdleLimits()
    limits.lost_silently(HERE, age)
    assert limits.of(HERE, LONGEST) == seconds


def test_what_was_learned_is_forgotten_in_time(clock: Clock) -> None:
    limits = IdleLimits()
    limits.lost_silently(HERE, 100.0)
    clock.now += RELEARN_AFTER
    assert limits.of(HERE, LONGEST) == LONGEST


@on_both_loops
async def test_a_connection_is_used_again_after_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    async with FakeServer(always(HELLO)) as server, open_transport() as transport:
        for _ in range(4):
            await fetch(transport, server.origin)
            clock.now += pool.MAX_IDLE_SECONDS - 1
        assert server.connections_made == 1


@on_both_loops
async def test_a_connection_is_not_used_after_the_time_that_its_server_named(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, answer = Clock(monkeypatch), HELLO.replace(b"\r\n\r\n", b"\r\nkeep-alive: timeout=5\r\n\r\n")
    async with FakeServer(always(answer)) as server, open_transport() as transport:
        for seconds, connections in ((0.0, 1), (3.9, 1), (4.1, 2)):
            clock.now += seconds
            assert await fetch(transport, server.origin) == (200, (), b"hello")
            assert server.connections_made == connections


@on_both_loops
async def test_a_server_that_closes_after_a_minute_is_not_met_at_that_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, open_now = Clock(monkeypatch), list[ServerConnection]()

    async def handle(connection: ServerConnection) -> None:
        open_now.append(connection)
        while True:
            await connection.request()
            await connection.send(HELLO)

    async with FakeServer(handle) as server, open_transport() as transport:
        for _ in range(2):
            await fetch(transport, server.origin)
            clock.now += 60.0
            open_now.pop().cut()
            await until(lambda: repr(transport) == "<HttpTransport 0 connections, 0 idle>")
        await fetch(transport, server.origin)
        clock.now += 60.0 - idle_limits.MARGIN
        await fetch(transport, server.origin)
        assert server.connections_made == 4
