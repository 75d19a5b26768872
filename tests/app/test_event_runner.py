"""Programs that are started for events: what they get, and what becomes of those that fail or hang."""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.event_command import EventCommand
from claude_proxy.app.events.runner import MAX_WAITING, Invocation, Runner
from claude_proxy.cli.background.processes import alive, until
from fakes.server import PATIENCE

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and modes of POSIX")


class Notes:
    """What the runner says, as it says it."""

    def __init__(self) -> None:
        self._queue = queue.Queue[str]()

    def __call__(self, text: str) -> None:
        self._queue.put(text)

    def next(self) -> str:
        return self._queue.get(timeout=PATIENCE)

    def is_empty(self) -> bool:
        return self._queue.empty()


@contextmanager
def running(folder: Path, notes: Notes | None = None, max_seconds: float = PATIENCE) -> Iterator[Runner]:
    runner = Runner("on_event", notes or Notes(), {"PATH": os.environ["PATH"]}, folder, max_seconds=max_seconds)
    runner.start()
    try:
        yield runner
    finally:
        runner.close()


def python(code: str) -> Invocation:
    return Invocation((sys.executable, "-E", "-S", "-c", code), b"{}\n")


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def is_gone(pid: int) -> bool:
    """Wait until a process has ended."""
    return until(lambda: None if alive(pid) else True, PATIENCE) is True


def test_a_program_gets_the_line_its_arguments_and_these_variables_alone(tmp_path: Path) -> None:
    command, line = EventCommand(tmp_path), '{"text": "a \'quoted\' $(word) `x`; \\n"}\n'
    odd = ("$HOME", "; echo x", "*", "")
    with running(tmp_path) as runner:
        runner.put(Invocation((*command.arguments, *odd), line.encode()))
        command.wait_for(1)
    [(arguments, told, variables)] = command.calls()
    assert (tuple(arguments), told) == (odd, line)
    assert set(variables) <= {"PATH", "LC_CTYPE", "SYSTEMROOT", "__CF_USER_TEXT_ENCODING"}


@posix
def test_a_program_that_hangs_is_ended_with_what_it_has_started(tmp_path: Path) -> None:
    notes, pids = Notes(), tmp_path / "pids"
    hangs = f"""
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({str(pids)!r}, "w").write(f"{{os.getpid()}} {{child.pid}} ")
time.sleep(600)
"""
    with running(tmp_path, notes, max_seconds=1.0) as runner:
        runner.put(python(hangs))
        assert "did not end within 1 s and was ended" in notes.next()
        for pid in map(int, text(pids).split()):
            assert is_gone(pid), pid


@posix
def test_a_program_that_hangs_is_ended_with_the_proxy(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = f'import os, time; open({str(pids)!r}, "w").write(f"{{os.getpid()}} "); time.sleep(600)'
    with running(tmp_path) as runner:
        runner.put(python(code))
        assert until(
            lambda: True if pids.exists() and pids.read_text(encoding="utf-8").endswith(" ") else None, PATIENCE
        )
        runner.close(0.01)
    assert not alive(int(pids.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("invocation", "problem"),
    [
        (python("raise SystemExit(3)"), "ended with the exit code 3"),
        (Invocation(("no-such-program-at-all",), b""), "no-such-program-at-all cannot be started"),
        (Invocation((str(Path(__file__).parent),), b""), "cannot be started"),
        (Invocation((sys.executable, "a\0b"), b""), "cannot be started (ValueError)"),
    ],
)
def test_a_failure_is_said_once_until_it_works_again(tmp_path: Path, invocation: Invocation, problem: str) -> None:
    notes, command = Notes(), EventCommand(tmp_path)
    with running(tmp_path, notes) as runner:
        runner.put(invocation)
        runner.put(invocation)
        runner.put(Invocation(command.arguments, b"{}"))
        runner.put(invocation)
        assert problem in notes.next()
        assert problem in notes.next()  # that of the last
        command.wait_for(1)
        assert notes.is_empty()


def test_a_program_is_not_looked_for_in_the_folder_that_it_runs_in(tmp_path: Path) -> None:
    notes, name = Notes(), "planted.exe" if sys.platform == "win32" else "planted"
    (tmp_path / name).write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / name).chmod(0o755)
    with running(tmp_path, notes) as runner:
        runner.put(Invocation((name,), b""))
        assert "there is no such program" in notes.next()


def test_a_program_that_reads_nothing_is_no_failure(tmp_path: Path) -> None:
    notes, command = Notes(), EventCommand(tmp_path)
    with running(tmp_path, notes) as runner:
        runner.put(Invocation((sys.executable, "-E", "-S", "-c", "import os; os.close(0)"), b"x" * 200_000))
        runner.put(Invocation(command.arguments, b"{}"))
        command.wait_for(1)
        assert notes.is_empty()


def test_of_many_events_only_some_wait_for_a_program_that_hangs(tmp_path: Path) -> None:
    gate, command = tmp_path / "gate", EventCommand(tmp_path)
    waits = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
    with running(tmp_path) as runner:
        runner.put(python(waits))
        for _ in range(1000):
            runner.put(Invocation(command.arguments, b"{}"))
        gate.touch()
        command.wait_for(MAX_WAITING - 1)
    assert len(command.calls()) <= MAX_WAITING + 1


def test_the_output_of_a_program_is_dropped(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    command = EventCommand(tmp_path, before="import sys; print('x' * 300_000); print('y', file=sys.stderr)\n")
    with running(tmp_path) as runner:
        runner.put(Invocation(command.arguments, b"{}"))
        command.wait_for(1)
    assert capfd.readouterr() == ("", "")


def test_no_thread_is_left_behind(tmp_path: Path) -> None:
    before = threading.active_count()
    with running(tmp_path):
        pass
    assert threading.active_count() == before
