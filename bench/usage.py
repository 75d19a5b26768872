"""How long `usage` takes as a whole process, with 100,000 requests in the database: `python -m bench.usage`.

They lie in the last 25 days, so that what is shown by default reads most of them. Prints the median of some runs; the
goal is 0.3 s for `usage` on a machine that does nothing else.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Final

from claude_proxy.core.client_hints import ClientHints
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Account, Attempt, Cost, Ending, Usage
from claude_proxy.store.home import HOME_VARIABLE, Home
from claude_proxy.store.usage_db.database import Database

ROWS: Final = 100_000
DAYS: Final = 25
RUNS: Final = 7
_AT_ONCE: Final = 1000
_MODELS: Final = {"minimax": "MiniMax-M3", "moonshot": "kimi-k3", "zai": "glm-5.3", "deepseek": "deepseek-v4"}
_COMMANDS: Final = (
    ("version",),
    ("usage",),
    ("usage", "--json"),
    ("usage", "--by", "provider"),
    ("usage", "--by", "prompt"),
    ("usage", "--by", "session", "--since", "30d"),
)


def fill(path: Path, rows: int = ROWS) -> None:
    """Make a database of requests, one in twenty with a failover."""
    accounts = _accounts(rows)
    with closing(Database(path)) as database:
        while some := list(islice(accounts, _AT_ONCE)):
            database.add(some)


def _accounts(count: int) -> Iterator[Account]:
    chance = random.Random(1)  # noqa: S311 - the same rows in each run
    now = time.time()
    for number in range(count):
        provider = chance.choice(list(_MODELS))
        usage = Usage(chance.randrange(3000), chance.randrange(800), chance.randrange(4000), chance.randrange(90_000))
        answered = Attempt(provider, None, 200, 800.0, model=_MODELS[provider], usage=usage, cost=Cost(0.01))
        rejected = Attempt("anthropic", Reason.PLAN_LIMIT, 429, 90.0, model="claude-opus-5-5")
        yield Account(
            started_at=now - (count - number) * DAYS * 86400 / count,
            session=f"{number // 200:036}",
            kind="messages",
            streaming=True,
            requested_model="claude-opus-5-5",
            used_model=_MODELS[provider],
            provider=provider,
            pinned=False,
            status=200,
            attempts=(answered,) if number % 20 else (rejected, answered),
            usage=usage,
            ending=Ending.COMPLETE,
            first_byte_ms=800.0,
            total_ms=3000.0,
            hints=ClientHints("main", prompt=f"{number // 20:036}"),
            anthropic_dollars=0.05,
        )


def seconds(home: Path, arguments: tuple[str, ...]) -> float:
    """Return how long a command runs, in the median."""
    command = [sys.executable, "-m", "claude_proxy", *arguments]
    environ = {**os.environ, HOME_VARIABLE: str(home)}
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> None:
    """Fill a database, and print how long each command takes."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        home.prepare()
        fill(home.usage)
        print(f"{ROWS:,} requests, {home.usage.stat().st_size / 1e6:.0f} MB")
        for arguments in _COMMANDS:
            print(f"{seconds(home.root, arguments):.2f} s  {' '.join(arguments)}")


if __name__ == "__main__":
    main()
