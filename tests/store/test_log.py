from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from claude_proxy.core.client_hints import ClientHints
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Attempt, Cost, Ending, Usage
from claude_proxy.store.log import LogLedger
from core.builders import account

NOW = 1_763_816_551.25
ACCOUNT = account(
    started_at=NOW - 2.31,
    session="5f0c1b1e-0000-4000-8000-000000000000",
    requested_model="claude-opus-5-5",
    used_model="kimi-k3",
    provider="moonshot",
    attempts=(Attempt("minimax", Reason.STATUS, 429, 12.4), Attempt("moonshot", None, 200, 830.0, cost=Cost(0.0031))),
    usage=Usage(210, 95, 7, 8),
    first_byte_ms=842.4,
    total_ms=2310.2,
    hints=ClientHints("subagent", prompt="0b1d"),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "proxy.log"


@pytest.fixture
def ledger(path: Path) -> Iterator[LogLedger]:
    made = LogLedger(path, now=lambda: NOW)
    yield made
    made.close()


def read(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def values(line: str) -> dict[str, str]:
    _, kind, *pairs = line.split(" ")
    assert kind == "exchange"
    return dict(pair.split("=", 1) for pair in pairs)


def test_an_exchange_is_one_line_with_all_its_values(ledger: LogLedger, path: Path) -> None:
    ledger.record(ACCOUNT)
    (line,) = read(path)
    assert values(line) == {
        "session": "5f0c1b1e-0000-4000-8000-000000000000",
        "prompt": "0b1d",
        "class": "subagent",
        "kind": "messages",
        "model": "claude-opus-5-5->kimi-k3",
        "provider": "moonshot",
        "pinned": "no",
        "stream": "yes",
        "attempts": "minimax=429/12ms,moonshot=200/830ms",
        "adapted": "-",
        "in": "210",
        "out": "95",
        "cache_read": "8",
        "cache_write": "7",
        "cost": "0.0031",
        "plan_cost": "0",
        "ending": "complete",
        "status": "200",
        "first_byte": "842ms",
        "total": "2310ms",
    }


def test_a_line_begins_with_its_time_and_the_offset_from_utc(ledger: LogLedger, path: Path) -> None:
    ledger.note("started")
    stamp, rest = read(path)[0].split(" ", 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.250[+-]\d\d:\d\d", stamp)
    assert datetime.fromisoformat(stamp).timestamp() == NOW
    assert rest == "service started"


@pytest.mark.parametrize(
    ("cost", "shown"),
    [
        (Cost(0.0), ("0", "0")),
        (Cost(12.5), ("12.5", "0")),
        (Cost(0.00000021), ("0.00000021", "0")),
        (Cost(None), ("?", "0")),
        (Cost(0.25, is_plan=True), ("0", "0.25")),
        (Cost(None, is_plan=True), ("0", "?")),
    ],
)
def test_a_cost_that_is_not_known_is_a_question_mark(
    ledger: LogLedger, path: Path, cost: Cost, shown: tuple[str, str]
) -> None:
    ledger.record(replace(ACCOUNT, attempts=(Attempt("moonshot", None, 200, 830.0, cost=cost),)))
    found = values(read(path)[0])
    assert (found["cost"], found["plan_cost"]) == shown


def test_an_empty_value_is_a_dash(ledger: LogLedger, path: Path) -> None:
    ledger.record(
        replace(ACCOUNT, session="", provider="", used_model="", attempts=(), first_byte_ms=None, ending=Ending.ERROR)
    )
    found = values(read(path)[0])
    assert found["session"] == found["provider"] == found["attempts"] == found["first_byte"] == "-"
    assert found["model"] == "claude-opus-5-5"


FORGED = "x\n2026-01-01T00:00:00.000+00:00 exchange status=200 ending=complete\r\x1b[2J\u2028"


@given(st.text() | st.just(FORGED))
def test_no_value_from_outside_forges_a_line_or_a_value(tmp_path_factory: pytest.TempPathFactory, evil: str) -> None:
    path = tmp_path_factory.mktemp("log") / "proxy.log"
    ledger = LogLedger(path)
    account = replace(
        ACCOUNT,
        session=evil,
        requested_model=evil,
        used_model=evil + "2",
        provider=evil,
        hints=ClientHints(evil, prompt=evil),
    )
    ledger.record(replace(account, attempts=(Attempt(evil, Reason.STATUS, 500, 1.0, model=evil),), status=500))
    ledger.note(evil)
    ledger.close()
    first, second = path.read_bytes().decode().removesuffix("\n").split("\n")
    assert first.isprintable()
    assert second.isprintable()
    assert values(first).keys() == values(_line_of(tmp_path_factory)).keys()
    assert values(first)["status"] == "500"
    assert second.split(" ")[1] == "service"


def _line_of(factory: pytest.TempPathFactory) -> str:
    path = factory.mktemp("plain") / "proxy.log"
    ledger = LogLedger(path)
    ledger.record(ACCOUNT)
    ledger.close()
    return read(path)[0]


def test_a_huge_value_makes_no_huge_line(ledger: LogLedger, path: Path) -> None:
    ledger.record(replace(ACCOUNT, session="s" * 1_000_000, requested_model="m" * 1_000_000))
    ledger.note("n" * 1_000_000)
    assert path.stat().st_size < 4096


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_only_its_owner_may_read_it(ledger: LogLedger, path: Path) -> None:
    path.touch(0o644)
    ledger.note("started")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_line_is_written_at_once(ledger: LogLedger, path: Path) -> None:
    ledger.note("one")
    assert len(read(path)) == 1
    ledger.note("two")
    assert len(read(path)) == 2


def test_a_full_log_is_rotated_and_five_are_kept(path: Path) -> None:
    ledger = LogLedger(path, max_bytes=100, now=lambda: NOW)  # room for two lines
    for number in range(20):
        ledger.note(f"note {number:02}")
    ledger.close()
    assert sorted(one.name for one in path.parent.iterdir()) == ["proxy.log", *(f"proxy.log.{n}" for n in range(1, 6))]
    kept = [line.rpartition(" ")[2] for n in (5, 4, 3, 2, 1) for line in read(path.with_name(f"proxy.log.{n}"))]
    assert [*kept, *(line.rpartition(" ")[2] for line in read(path))] == [f"{number:02}" for number in range(8, 20)]
    assert all(one.stat().st_size <= 100 for one in path.parent.iterdir())


def test_appends_to_the_log_of_an_earlier_process(ledger: LogLedger, path: Path) -> None:
    path.write_text("earlier\n", encoding="utf-8")
    ledger.note("later")
    assert read(path)[0] == "earlier"
    assert len(read(path)) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows removes no open file")
def test_a_removed_log_is_made_anew(ledger: LogLedger, path: Path) -> None:
    ledger.note("one")
    path.unlink()
    ledger.note("two")
    assert [line.rpartition(" ")[2] for line in read(path)] == ["two"]


def test_a_full_disk_costs_lines_and_one_warning(
    ledger: LogLedger, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write = os.write

    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    ledger.record(ACCOUNT)
    ledger.note("lost")
    monkeypatch.setattr(os, "write", write)
    ledger.note("kept")
    assert capsys.readouterr().err == (
        "warning: proxy.log cannot be written (No space left on device); nothing is logged\n"
    )
    assert [line.rpartition(" ")[2] for line in read(path)] == ["kept"]


def test_a_line_that_was_cut_does_not_swallow_the_next(
    ledger: LogLedger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:10]))
    ledger.note("cut")
    monkeypatch.setattr(os, "write", write)
    ledger.note("whole")
    ledger.note("next")
    assert [line.rpartition(" ")[2] for line in read(path)[1:]] == ["whole", "next"]


def test_a_log_that_cannot_be_opened_breaks_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = LogLedger(tmp_path / "missing" / "proxy.log")
    ledger.record(ACCOUNT)
    ledger.note("started")
    assert capsys.readouterr().err.count("warning:") == 1


def test_a_log_that_cannot_be_rotated_is_continued(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def in_use(_self: Path, _target: Path) -> Path:
        raise PermissionError(errno.EACCES, "in use")

    monkeypatch.setattr(Path, "replace", in_use)
    ledger = LogLedger(path, max_bytes=100, now=lambda: NOW)
    for number in range(5):
        ledger.note(f"note {number}")
    ledger.close()
    assert [line[-1] for line in read(path)] == list("01234")


def test_each_adaptation_is_a_word(ledger: LogLedger, path: Path) -> None:
    changes = tuple(f"block:{'x' * 40}{number}>y*2" for number in range(16))
    asked = Attempt("moonshot", None, 200, 830.0, adapted=(*changes, "a =b,\nc"))
    ledger.record(replace(ACCOUNT, attempts=(asked,)))
    (line,) = read(path)
    assert values(line)["adapted"] == ",".join((*changes, "a__b__c"))


@pytest.mark.skipif(os.name == "nt", reason="pipes in folders are POSIX, and links take privileges on Windows")
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_link_or_a_pipe_is_neither_written_nor_changed(
    ledger: LogLedger, path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    profile = path.with_name("profile")
    profile.touch(0o644)
    if kind == "pipe":
        os.mkfifo(path, 0o644)
    else:
        path.symlink_to(profile)
    before = path.stat()
    ledger.note("$(a command)")
    ledger.note("lost")
    assert (path.stat().st_mode, profile.read_bytes()) == (before.st_mode, b"")
    assert capsys.readouterr().err.count("warning: proxy.log cannot be written (it is ") == 1
    assert "remove it); nothing is logged" in ledger.problem
    path.unlink()
    ledger.note("kept")
    assert ledger.problem == ""
    assert [line.rpartition(" ")[2] for line in read(path)] == ["kept"]
