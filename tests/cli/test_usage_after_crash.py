"""A proxy that is killed in a storm of requests: what ended a second before is in usage.db, exactly once."""

from __future__ import annotations

import http.client
import json
import random
import sqlite3
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count

import pytest

from fakes.command_line import PATIENCE, CommandLine, line_with
from fakes.scripts import MESSAGE_STOP, block_start, block_stop
from fakes.server_connection import Request
from fakes.steps import Cut, Event, Script, Status, Step, Stream, text_delta
from fakes.threaded import serving

ROUNDS = 3
CLIENTS = 6
SECOND = 1.0
COUNTS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


@dataclass(slots=True)
class CountingProvider:
    """Fails, breaks off or answers, as the number of the request says, and counts the tokens that it told of each."""

    fails: int = 0
    breaks_off: int = 0
    told: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _answers: Iterator[int] = field(default_factory=lambda: count(1))

    def __call__(self, request: Request) -> Script:
        messages = request.json()["messages"]
        number, is_rest = int(messages[0]["content"]), len(messages) > 1
        if self.fails and number % self.fails == 0:
            return [Status(529)]
        usage = dict(zip(COUNTS, (1000 + next(self._answers), 1, number, 3), strict=True))
        start = Event("message_start", {"message": {"type": "message", "content": [], "model": "m", "usage": usage}})
        begun: list[Step] = [Stream(), start, block_start({"type": "text", "text": ""}), text_delta("hello ")]
        if self.breaks_off and number % self.breaks_off == 0 and not is_rest:
            self.told[number].update(usage)
            return [*begun, Cut()]
        usage["output_tokens"] = 7 + number % 5
        self.told[number].update(usage)
        end = Event("message_delta", {"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7 + number % 5}})
        return [*begun, block_stop(), end, MESSAGE_STOP]


@dataclass(slots=True)
class Storm:
    """Clients that ask one request after the other until the proxy is gone. Each request is a session of its own."""

    port: int
    token: str
    numbers: Iterator[int]
    sent: set[int] = field(default_factory=set)
    ended: dict[int, float] = field(default_factory=dict)

    def ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            while True:
                number = next(self.numbers)
                self.sent.add(number)
                self._ask_once(connection, number)
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()

    def _ask_once(self, connection: http.client.HTTPConnection, number: int) -> None:
        prompt = {"model": "claude-opus-5-5", "max_tokens": 9, "stream": True}
        body = json.dumps({**prompt, "messages": [{"role": "user", "content": str(number)}]}).encode()
        headers = {"x-api-key": self.token, "content-type": "application/json"}
        connection.request("POST", "/v1/messages", body, {**headers, "x-claude-code-session-id": str(number)})
        if b"message_stop" in connection.getresponse().read():
            self.ended[number] = time.monotonic()


def kill_in_a_storm(cli: CommandLine, storm: Storm, moment: float) -> float:
    """Start the proxy, let all clients ask, and kill it at a moment; return when that was."""
    with cli.spawned("serve") as process, ThreadPoolExecutor(CLIENTS) as clients:
        line_with(process.stdout, "listens at")
        storm.token = cli.token()
        asking = [clients.submit(storm.ask) for _ in range(CLIENTS)]
        threading.Event().wait(moment)
        process.kill()
        killed = time.monotonic()
        for each in asking:
            each.result(PATIENCE)
    return killed


@contextmanager
def opened(cli: CommandLine) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(cli.home.usage)) as connection:
        yield connection


@pytest.mark.parametrize("seed", [1])
def test_what_ended_a_second_before_a_kill_is_kept_once_with_the_tokens_that_were_told(
    cli: CommandLine, seed: int
) -> None:
    chance, numbers = random.Random(seed), count(1)  # noqa: S311
    minimax, moonshot = CountingProvider(fails=5, breaks_off=7), CountingProvider()
    with serving(minimax) as first, serving(moonshot) as second:
        port = cli.configure(first, second, cooldown_minutes=0, failback="immediate")
        storm = Storm(port, "", numbers)
        due = set[int]()
        for _ in range(ROUNDS):
            killed = kill_in_a_storm(cli, storm, SECOND + chance.uniform(0.3, 1.2))
            due |= {number for number, at in storm.ended.items() if at < killed - SECOND}
            storm.ended.clear()
    assert len(due) > 10 * ROUNDS
    with opened(cli) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = Counter(int(session) for (session,) in connection.execute("SELECT session FROM exchanges"))
        told = connection.execute(
            "SELECT session, a.provider, sum(a.input_tokens), sum(a.output_tokens), sum(a.cache_read_tokens), "
            "sum(a.cache_write_5m_tokens) FROM attempts a JOIN exchanges e ON e.id = a.exchange GROUP BY 1, 2"
        ).fetchall()
    assert due <= kept.keys() <= storm.sent
    assert set(kept.values()) == {1}
    by_request = {(int(session), provider): counts for session, provider, *counts in told}
    for number in due:
        for name, provider in (("minimax", minimax), ("moonshot", moonshot)):
            expected = [provider.told[number][each] for each in COUNTS]
            assert by_request.get((number, name), [0, 0, 0, 0]) == expected, (number, name)
