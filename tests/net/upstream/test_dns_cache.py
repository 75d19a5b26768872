"""Host names: a name server that hangs or is gone delays only the hosts that need it."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias
from unittest import mock

import pytest

from claude_proxy.core.egress import Egress
from claude_proxy.core.types import Origin
from claude_proxy.net.upstream import dns_cache
from claude_proxy.proxy.ports import Failure
from fakes.async_test import LOOPS, on_both_loops
from fakes.server import PATIENCE, FakeServer
from net.upstream_client import FAR, ask, closed_port, failure_of, fetch, open_transport, saying

LAST_HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello"
SOON = 0.05
LEAST = 0.001

Zone: TypeAlias = Callable[[], list[int]]
"""The ports of this machine that a name resolves to; none: not found."""


class NameServer:
    """Replaces the system's look-up: knows the names in `zones`, and counts the look-ups."""

    def __init__(self, real: Callable[..., Sequence[object]]) -> None:
        self._real = real
        self.zones: dict[str, Zone] = {}
        self.asked: list[str] = []
        self.awake = threading.Event()

    def hang(self) -> list[int]:
        self.awake.wait()
        return []

    def getaddrinfo(self, host: str, port: int, *_: int, flags: int = 0, **__: int) -> Sequence[object]:
        if flags & socket.AI_NUMERICHOST:
            return self._real(host, port, type=socket.SOCK_STREAM, flags=flags)
        self.asked.append(host)
        ports = self.zones[host]()
        if not ports:
            raise socket.gaierror(socket.EAI_NONAME, "nodename nor servname provided")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer(socket.getaddrinfo)
    monkeypatch.setattr(socket, "getaddrinfo", server.getaddrinfo)
    yield server
    server.awake.set()
    for thread in threading.enumerate():
        if thread.name == "look-up":
            thread.join(PATIENCE)


def at(host: str) -> Origin:
    return Origin("http", host, 80)


@on_both_loops
async def test_a_look_up_that_hangs_delays_no_other_host(server: NameServer) -> None:
    async with FakeServer(saying(LAST_HELLO)) as peer, open_transport() as transport, asyncio.TaskGroup() as group:
        server.zones = {"hangs.test": server.hang, "works.test": lambda: [peer.port]}
        waiting = [
            group.create_task(failure_of(ask(transport, at("hangs.test"), connect_timeout=SOON))) for _ in range(40)
        ]
        await asyncio.sleep(0)
        assert (await fetch(transport, at("works.test")))[2] == b"hello"
        assert {(await one).failure for one in waiting} == {Failure.CONNECT_TIMEOUT}
    assert server.asked == ["hangs.test", "works.test"]


@on_both_loops
async def test_a_cancelled_look_up_still_answers_the_others(server: NameServer) -> None:
    async with FakeServer(saying(LAST_HELLO)) as peer, open_transport() as transport, asyncio.TaskGroup() as group:
        server.zones = {"works.test": lambda: server.hang() or [peer.port]}
        patient = group.create_task(fetch(transport, at("works.test")))
        hasty = await failure_of(ask(transport, at("works.test"), connect_timeout=LEAST))
        assert hasty.failure is Failure.CONNECT_TIMEOUT
        server.awake.set()
        assert (await patient)[2] == b"hello"
    assert server.asked == ["works.test"]


@on_both_loops
async def test_an_answer_is_used_again_while_it_is_fresh(server: NameServer) -> None:
    async with FakeServer(saying(LAST_HELLO)) as peer, open_transport() as transport:
        server.zones = {"works.test": lambda: [peer.port]}
        for _ in range(3):
            assert (await fetch(transport, at("works.test")))[2] == b"hello"
        assert peer.connections_made == 3
        assert server.asked == ["works.test"]
        with mock.patch.object(dns_cache, "FRESH_SECONDS", 0.0):
            await fetch(transport, at("works.test"))
        assert server.asked == ["works.test"] * 2


@pytest.mark.parametrize("trouble", ["hangs", "fails"])
@on_both_loops
async def test_an_old_answer_is_used_if_there_is_no_new_one(
    server: NameServer, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns_cache, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(dns_cache, "STALE_AFTER", LEAST)

    async with FakeServer(saying(LAST_HELLO)) as peer, open_transport() as transport:
        server.zones = {"works.test": lambda: [peer.port]}
        await fetch(transport, at("works.test"))
        server.zones = {"works.test": server.hang if trouble == "hangs" else list}
        for _ in range(3):
            assert (await fetch(transport, at("works.test")))[2] == b"hello"
    assert len(server.asked) == (2 if trouble == "hangs" else 4)


@on_both_loops
async def test_an_address_that_fails_is_looked_up_anew(server: NameServer) -> None:
    async with FakeServer(saying(LAST_HELLO)) as peer, open_transport() as transport:
        ports = iter([closed_port(), peer.port])
        server.zones = {"moved.test": lambda: [next(ports)]}
        assert (await failure_of(ask(transport, at("moved.test")))).failure is Failure.REFUSED
        assert (await fetch(transport, at("moved.test")))[2] == b"hello"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LocalHost"])
@on_both_loops
async def test_localhost_and_addresses_need_no_name_server(server: NameServer, host: str) -> None:
    async with FakeServer(saying(LAST_HELLO)) as peer, open_transport() as transport:
        assert (await fetch(transport, Origin("http", host, peer.port)))[2] == b"hello"
    assert server.asked == []


@on_both_loops
async def test_the_number_of_threads_is_limited(server: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_cache, "MAX_LOOK_UPS", 2)
    hosts = [f"{number}.test" for number in range(5)]
    server.zones = dict.fromkeys(hosts, server.hang)

    async with open_transport() as transport:
        errors = await asyncio.gather(*(failure_of(ask(transport, at(host), connect_timeout=SOON)) for host in hosts))
    assert [error.failure for error in errors] == [Failure.CONNECT_TIMEOUT] * 2 + [Failure.DNS] * 3
    assert server.asked == hosts[:2]


@on_both_loops
async def test_a_look_up_without_a_thread_is_a_dns_failure() -> None:
    async with open_transport() as transport:
        with mock.patch.object(threading.Thread, "start", side_effect=RuntimeError("can't start new thread")):
            assert (await failure_of(ask(transport, at("works.test")))).failure is Failure.DNS


ENDS_WHILE_A_LOOK_UP_HANGS = """
import asyncio, socket, sys, threading
real = socket.getaddrinfo
def getaddrinfo(host, port, *args, flags=0, **named):
    return real(host, port, *args, flags=flags, **named) if flags else threading.Event().wait()
socket.getaddrinfo = getaddrinfo
from fakes.async_test import LOOPS, run_on
from net.upstream_client import FAR, ask, failure_of, open_transport
async def look_up():
    async with open_transport() as transport:
        print((await failure_of(ask(transport, FAR, connect_timeout=0.01))).failure.name)
run_on(LOOPS[sys.argv[1]], look_up())
"""


@pytest.mark.parametrize("loop", LOOPS)
def test_the_process_does_not_wait_for_a_look_up(loop: str) -> None:
    command = [sys.executable, "-c", ENDS_WHILE_A_LOOK_UP_HANGS, loop]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ended = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30, env=environment)
    assert (ended.stdout.strip(), ended.stderr) == ("CONNECT_TIMEOUT", "")


@pytest.mark.parametrize("egress", [Egress(), Egress(proxy_url="http://127.0.0.1:9")], ids=["straight", "tunnel"])
@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
@on_both_loops
async def test_a_connection_without_descriptors_is_a_local_failure(egress: Egress, number: int) -> None:
    async with open_transport(egress) as transport:
        with mock.patch.object(socket, "socket", side_effect=OSError(number, "Too many open files")):
            error = await failure_of(ask(transport, Origin("https", "127.0.0.1", 443)))
    assert (error.failure, error.sent) == (Failure.LOCAL, False)


@on_both_loops
async def test_a_look_up_without_descriptors_is_a_local_failure(server: NameServer) -> None:
    server.zones = {FAR.host: list}

    async with open_transport() as transport:
        with mock.patch.object(socket, "socket", side_effect=OSError(errno.EMFILE, "Too many open files")):
            assert (await failure_of(ask(transport, FAR))).failure is Failure.LOCAL
