"""What a new process knows of what was spent before it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from msgspec.structs import replace

from claude_proxy.core.spending import MAX_SESSIONS
from claude_proxy.core.status_report import Spent
from claude_proxy.core.types import Account, Attempt, Cost
from claude_proxy.store.usage_db.earlier import SESSION_DAYS, earlier_spending
from claude_proxy.store.usage_db.periods import local_date, midnight
from claude_proxy.store.usage_db.writer import UsageLedger
from fakes.proxy import MemoryLedger
from store.usage_db.accounts import NOW, account
from store.usage_db.test_usage_writer import Notes, writing

TODAY = midnight(local_date(NOW))


def paid(cost: Cost, at: float = NOW - 10, session: str = "s") -> Account:
    attempts = (Attempt("a", None, 200, 1.0, cost=Cost(0.0)), Attempt("b", None, 200, 1.0, cost=cost))
    return account(started_at=at, session=session, attempts=attempts, total_ms=1000.0)


def test_the_sums_of_today_and_of_each_session_are_read_the_newest_session_last(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    with writing(path) as ledger:
        for each in (
            paid(Cost(1.0), TODAY),
            paid(Cost(None)),
            paid(Cost(2.0, is_plan=True)),
            paid(Cost(4.0), TODAY - 1, "other"),
            paid(Cost(8.0), NOW - 2, ""),
            paid(Cost(16.0), NOW),
            paid(Cost(32.0), NOW - SESSION_DAYS * 86_400 - 1),
        ):
            ledger.record(each)
    earlier = earlier_spending(path, NOW)
    assert earlier is not None
    assert earlier.today == Spent(9.0, 1, 2.0, 4)
    assert list(earlier.sessions.items()) == [("other", Spent(4.0, 0, 0.0, 1)), ("s", Spent(1.0, 1, 2.0, 3))]


def test_an_empty_file_has_spent_nothing_and_a_missing_or_damaged_one_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    assert earlier_spending(path, NOW) is None
    with writing(path):
        pass
    earlier = earlier_spending(path, NOW)
    assert earlier is not None
    assert (earlier.today, earlier.sessions) == (Spent(), {})
    path.write_bytes(b"no database" * 1000)
    assert earlier_spending(path, NOW) is None


def test_sessions_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    with writing(path) as ledger:
        for number in range(MAX_SESSIONS + 2):
            ledger.record(paid(Cost(1.0), NOW - 5000 + number, str(number)))
    earlier = earlier_spending(path, NOW)
    assert earlier is not None
    assert [*earlier.sessions][0 :: MAX_SESSIONS - 1] == ["2", str(MAX_SESSIONS + 1)]


@pytest.mark.parametrize("fails", [False, True])
def test_the_ledger_says_once_when_its_file_is_open_and_a_defect_there_does_not_end_it(
    tmp_path: Path, *, fails: bool
) -> None:
    path, calls, notes = tmp_path / "usage.db", list[bool](), Notes()
    called = threading.Event()

    def opened() -> None:
        calls.append(earlier_spending(path, NOW) is not None)
        called.set()
        if fails:
            raise ZeroDivisionError

    ledger = UsageLedger(path, MemoryLedger(), notes.note, days=400)
    ledger.start(opened)
    assert called.wait(30)
    ledger.record(paid(Cost(1.0)))
    ledger.close()
    earlier = earlier_spending(path, NOW)
    assert earlier is not None
    assert (calls, earlier.today.dollars) == ([True], 1.0)
    assert notes == (["error: what was spent earlier cannot be read: ZeroDivisionError"] if fails else [])


def test_what_each_provider_cost_on_the_day_and_in_the_month_is_read_with_the_checks_for_auto_mode(
    tmp_path: Path,
) -> None:
    path = tmp_path / "usage.db"
    month = midnight(local_date(NOW).replace(day=1))
    check = Attempt("judge", None, 200, 1.0, cost=Cost(0.5))
    with writing(path) as ledger:
        for each in (
            paid(Cost(1.0), TODAY),
            replace(paid(Cost(None)), checks=(check,)),
            paid(Cost(2.0, is_plan=True)),
            paid(Cost(4.0), month),
            paid(Cost(8.0), TODAY - 1),
            paid(Cost(16.0), month - 1),
            paid(Cost(32.0), NOW),
        ):
            ledger.record(each)
    earlier = earlier_spending(path, NOW)
    assert earlier is not None
    assert earlier.day_of == {"b": Spent(1.0, 1), "judge": Spent(0.5)}
    assert earlier.month_of == {"b": Spent(13.0, 1), "judge": Spent(0.5)}


def test_at_midnight_nothing_was_spent_today(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    with writing(path) as ledger:
        ledger.record(paid(Cost(1.0), TODAY - 10))
    earlier = earlier_spending(path, TODAY)
    assert earlier is not None
    assert (earlier.day_of, earlier.month_of) == ({}, {"b": Spent(1.0)})
