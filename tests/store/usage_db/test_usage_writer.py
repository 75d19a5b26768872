"""What is recorded is in the database: soon, once, and also if the proxy stops."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from claude_proxy.proxy.ports import Level
from claude_proxy.store.usage_db.writer import UsageLedger
from fakes.proxy import MemoryLedger
from store.usage_db.accounts import ATTEMPT, account, rows


class Notes(list[str]):
    def note(self, text: str, level: Level = "info") -> None:
        self.append(f"{level}: {text}")


@contextmanager
def writing(path: Path, notes: Notes | None = None) -> Iterator[UsageLedger]:
    """Record into a file, which is whole when the block ends."""
    ledger = UsageLedger(path, MemoryLedger(), (notes or Notes()).note, days=400)
    ledger.start()
    try:
        yield ledger
    finally:
        ledger.close()


def test_exchanges_and_their_attempts_are_in_the_file_when_the_ledger_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    with writing(path) as ledger:
        ledger.record(account(attempts=(ATTEMPT, ATTEMPT)))
        ledger.record(account(session="other", attempts=()))
    assert [row["session"] for row in rows(path)] == ["5f0c", "other"]
    attempts = rows(path, "SELECT exchange, number FROM attempts ORDER BY 1, 2")
    assert [(row["exchange"], row["number"]) for row in attempts] == [(1, 1), (1, 2)]


def test_each_account_is_passed_on() -> None:
    journal = MemoryLedger()
    ledger = UsageLedger(Path("unused"), journal, Notes().note, days=400)
    ledger.record(account())
    ledger.note("started")
    assert (len(journal.accounts), journal.notes) == (1, ["started"])


def test_a_file_is_continued_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    for session in "ab":
        with writing(path) as ledger:
            ledger.record(account(session=session))
    assert [row["session"] for row in rows(path)] == ["a", "b"]
    assert path.stat().st_mode & 0o777 == 0o600
