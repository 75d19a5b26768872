from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from claude_proxy.core.learning.learned_rules import LIFETIME, LearnedRule
from claude_proxy.core.provenance import MAX_UNUSED, digest_of
from claude_proxy.core.traits import Kind, Rule
from claude_proxy.core.types import Upstream
from claude_proxy.core.upstream_names import UpstreamNames
from claude_proxy.proxy.gateway import Memory
from claude_proxy.store import state_file as subject
from claude_proxy.store.state_file import MAX_BYTES, MAX_WORD, StateFile, encode_state, read_state
from fakes.async_test import async_test
from fakes.proxy import MemoryLedger

NOW = 1_800_000_000.0
ZAI, MINIMAX = Upstream("https://api.zai.example"), Upstream("https://api.minimax.example")
NAMES = UpstreamNames({"minimax": MINIMAX, "minimax-2": MINIMAX, "zai": ZAI})
ROLE = Rule(Kind.ROLE, "system")
LEARNED = LearnedRule(ZAI, "glm-5.3", ROLE, NOW, NOW + LIFETIME, "Input should be 'user' or 'assistant'")


def full() -> Memory:
    memory = Memory()
    memory.signature_owners.note(digest_of("signed"), MINIMAX, NOW)
    memory.learned_rules.keep(LEARNED)
    memory.tokens.restore((ZAI, "glm-5.3"), 3.5)
    return memory


def read_back(path: Path, now: float = NOW, names: UpstreamNames | None = None) -> Memory:
    memory = Memory()
    assert read_state(path, memory, now, names or UpstreamNames()) == ""
    return memory


def document(**tables: Any) -> bytes:
    return json.dumps({"format": 1, "tables": tables}).encode()


def test_what_is_written_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    path.write_bytes(encode_state(full(), NOW))
    memory = read_back(path)
    assert memory.signature_owners.owner("signed", NOW) == MINIMAX
    assert list(memory.learned_rules.kept(NOW)) == [LEARNED]
    assert memory.tokens.ratio((ZAI, "glm-5.3")) == 3.5


RULE_ROW = json.loads(encode_state(full(), NOW))["tables"]["lessons"][0]


def old_tables(provider: str) -> dict[str, Any]:
    """Return a file's tables as earlier versions wrote them: with the names of providers."""
    rule = {"kind": "role", "name": "system"}
    lesson = {"model": "m", "rule": rule, "at": NOW, "expires": NOW + LIFETIME, "message": "no"}
    return {
        "origins": [[digest_of("signed"), provider, NOW]],
        "lessons": [{"provider": provider, **lesson}],
        "tokens": [[[provider, "m"], 3.5]],
    }


def owners_of(memory: Memory) -> list[str | None]:
    """Return the upstream of the only row in each table."""
    (learned,) = memory.learned_rules.kept(NOW)
    ((key, _),) = memory.tokens.kept()
    return [memory.signature_owners.owner("signed", NOW), learned.upstream, key[0]]


@pytest.mark.parametrize(
    ("provider", "upstream"), [("minimax", MINIMAX), ("minimax-2", MINIMAX), ("zai", ZAI), ("removed", "removed")]
)
def test_takes_a_provider_of_an_old_file_as_its_upstream(tmp_path: Path, provider: str, upstream: str) -> None:
    path = tmp_path / "memory.json"
    path.write_bytes(document(**old_tables(provider)))
    memory = read_back(path, names=NAMES)
    assert owners_of(memory) == [upstream] * 3
    path.write_bytes(encode_state(memory, NOW))
    assert owners_of(read_back(path, names=NAMES)) == [upstream] * 3


def test_keeps_nothing_of_an_upstream_whose_address_is_too_long(tmp_path: Path) -> None:
    upstream, path = Upstream("https://" + "x" * MAX_WORD), tmp_path / "memory.json"
    memory = Memory()
    memory.signature_owners.note(digest_of("signed"), upstream, NOW)
    memory.learned_rules.keep(LearnedRule(upstream, "m", ROLE, NOW, NOW + LIFETIME, "no"))
    memory.tokens.restore((upstream, "m"), 3.5)
    path.write_bytes(encode_state(memory, NOW))
    assert json.loads(path.read_bytes())["tables"] == {"origins": [], "lessons": [], "tokens": [], "cooldowns": []}
    path.write_bytes(document(**old_tables("long")))
    assert list(read_back(path, names=UpstreamNames({"long": upstream})).learned_rules.kept(NOW)) == []


def test_nothing_of_a_signature_is_in_the_file() -> None:
    assert b"signed" not in encode_state(full(), NOW)


def test_entries_that_are_too_old_are_neither_written_nor_restored(tmp_path: Path) -> None:
    late = NOW + MAX_UNUSED + 1
    assert json.loads(encode_state(full(), late))["tables"]["origins"] == []
    path = tmp_path / "memory.json"
    path.write_bytes(encode_state(full(), NOW))
    assert list(read_back(path, NOW + LIFETIME).learned_rules.kept(NOW)) == []


def test_without_a_file_nothing_is_restored_and_nothing_is_written(tmp_path: Path) -> None:
    assert len(read_back(tmp_path / "memory.json").signature_owners) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"format":2,"tables":{}}',
        b'{"format":1,"tables":[]}',
        b'{"tables":{}}',
        b"\xff\xfe",
        b"[" * 100_000,
        b" " * (MAX_BYTES + 1),
    ],
)
def test_a_file_that_is_not_ours_is_put_aside(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "memory.json"
    path.write_bytes(content)
    memory = Memory()
    assert "memory.json.damaged" in read_state(path, memory, NOW)
    assert [one.name for one in tmp_path.iterdir()] == ["memory.json.damaged"]
    assert memory.changes == 0


@pytest.mark.parametrize(
    "rows",
    [
        {"origins": [["no digest", "x", NOW]]},
        {"origins": [["0" * 16, "x" * 300, NOW], ["0" * 16], 5, None, ["0" * 16, 5, 5]]},
        {"origins": [["0" * 16, "x", "today"]], "unknown": [1, 2]},
        {"lessons": [{"provider": "x"}, 5]},
        {"lessons": [{**RULE_ROW, "upstream": ""}]},
        {"lessons": [{**RULE_ROW, "message": "x" * 300}]},
        {"lessons": [{**RULE_ROW, "expires": NOW + 10 * LIFETIME}]},
        {"lessons": [{**RULE_ROW, "rule": {"kind": "odd", "name": "x"}}]},
        {"tokens": [[["a", "b"], 1e9], [["a"], 3], [["a", "b"], "3"]]},
    ],
)
def test_invalid_rows_are_skipped(tmp_path: Path, rows: dict[str, Any]) -> None:
    path = tmp_path / "memory.json"
    path.write_bytes(document(**rows))
    memory = read_back(path)
    assert (
        len(memory.signature_owners),
        list(memory.learned_rules.kept(0)),
        memory.tokens.ratio((Upstream("a"), "b")),
    ) == (
        0,
        [],
        4.0,
    )


def test_a_clock_that_was_set_back_makes_nothing_last_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    path.write_bytes(document(origins=[["0" * 16, "x", NOW + 1e9]]))
    assert list(read_back(path).signature_owners.kept(NOW)) == [("0" * 16, "x", NOW)]


@pytest.mark.skipif(os.name == "nt", reason="no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    os.mkfifo(path)
    assert "damaged" in read_state(path, Memory(), NOW)


def test_a_folder_in_its_place_is_reported(tmp_path: Path) -> None:
    (tmp_path / "memory.json").mkdir()
    assert "cannot be read" in read_state(tmp_path / "memory.json", Memory(), NOW)


def test_a_damaged_file_that_cannot_be_put_aside_stays_and_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    path.write_bytes(b"{")
    with mock.patch.object(Path, "replace", side_effect=PermissionError()):
        assert "is damaged. The" in read_state(path, Memory(), NOW)


@async_test
async def test_it_is_written_when_something_has_changed_and_at_the_end(tmp_path: Path) -> None:
    path, memory = tmp_path / "memory.json", full()
    state_file = StateFile(path, memory, MemoryLedger())
    state_file.write_if_due(NOW)
    await state_file.close(NOW)
    assert not path.exists()  # nothing has changed
    memory.signature_owners.note(digest_of("new"), ZAI, NOW)
    state_file.write_if_due(NOW)
    memory.signature_owners.note(digest_of("newer"), ZAI, NOW)
    state_file.write_if_due(NOW)  # still writing, and too soon
    await state_file.close(NOW)
    assert read_back(path).signature_owners.owner("newer", NOW) == ZAI
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@async_test
async def test_it_is_not_written_again_within_seconds(tmp_path: Path) -> None:
    path, memory = tmp_path / "memory.json", Memory()
    state_file = StateFile(path, memory, MemoryLedger())
    memory.learned_rules.keep(LEARNED)
    state_file.write_if_due(NOW)
    await state_file.close(NOW)
    memory.learned_rules.forget()
    with mock.patch.object(subject, "write_private") as writing:
        state_file.write_if_due(NOW)
        assert not writing.called
        await state_file.close(NOW)
        assert writing.called


@async_test
async def test_a_full_disk_is_noted_once_and_the_write_is_tried_again(tmp_path: Path) -> None:
    ledger, memory = MemoryLedger(), Memory()
    state_file = StateFile(tmp_path / "memory.json", memory, ledger)
    memory.learned_rules.keep(LEARNED)
    with mock.patch.object(subject, "write_private", side_effect=OSError(errno.ENOSPC, "No space left")):
        await state_file.close(NOW)
        await state_file.close(NOW)
    (note,) = ledger.notes
    assert note.startswith("warning: ")
    assert "No space left" in note
    await state_file.close(NOW)
    assert list(read_back(tmp_path / "memory.json").learned_rules.kept(NOW)) == [LEARNED]


@async_test
async def test_loading_is_not_a_change_and_a_damaged_file_is_noted(tmp_path: Path) -> None:
    path, ledger, memory = tmp_path / "memory.json", MemoryLedger(), Memory()
    path.write_bytes(encode_state(full(), NOW))
    state_file = StateFile(path, memory, ledger)
    state_file.load(NOW)
    with mock.patch.object(subject, "write_private") as writing:
        await state_file.close(NOW)
    assert not writing.called
    assert ledger.notes == []
    path.write_bytes(b"{")
    state_file.load(NOW)
    assert "damaged" in ledger.notes[0]
