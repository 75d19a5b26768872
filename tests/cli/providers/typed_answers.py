"""A command on a terminal of its own, whose questions are answered by typing."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence

import pytest

from fakes.command_line import PATIENCE, CommandLine


def typed_in(cli: CommandLine, *arguments: str, answers: Sequence[tuple[str, str]]) -> tuple[int, str]:
    """Run a command on a terminal, type an answer after each text that it shows; return its code and what it showed."""
    if os.name == "nt":
        pytest.skip("needs a terminal of its own, as POSIX systems make one")
    import pty  # noqa: PLC0415 - there is none on Windows

    try:
        ours, theirs = pty.openpty()
    except OSError:
        pytest.skip("needs terminals of its own: mount -t devpts devpts /dev/pts, and link /dev/ptmx to pts/ptmx")
    with subprocess.Popen(
        [sys.executable, "-m", "claude_proxy", *arguments],
        env=cli.environ(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,  # else the prompt goes to the terminal of whoever runs the tests
    ) as process:
        os.close(theirs)
        killer = threading.Timer(PATIENCE, process.kill)
        killer.start()
        shown = b""
        for words, text in answers:
            shown += _read_until(ours, words.encode())
            os.write(ours, f"{text}\n".encode())
        shown += _read_until(ours, None)
        code = process.wait()
        killer.cancel()
    os.close(ours)
    cli.inspect(shown.decode())
    return code, shown.decode()


def _read_until(terminal: int, words: bytes | None) -> bytes:
    """Read what a terminal shows, to the end if there are no words to wait for."""
    shown = b""
    while words is None or words not in shown:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # how Linux tells the end
            piece = b""
        if not piece:
            assert words is None, shown
            break
        shown += piece
    return shown
