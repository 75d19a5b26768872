"""`top` as its user runs it: at a terminal, in a pipe, without a proxy, and with one that stops meanwhile."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from fakes.command_line import PATIENCE, CommandLine
from fakes.scripts import json_answer
from fakes.threaded import serving

ENTER_SCREEN, LEAVE_SCREEN, SHOW_CURSOR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"
COLOUR = re.compile(r"\x1b\[[\d;]*m")


@pytest.fixture
def running(cli: CommandLine) -> Iterator[CommandLine]:
    with serving(json_answer(200)) as url:
        cli.configure(url)
        assert cli("start").code == 0
        yield cli


def test_without_a_proxy_it_says_what_to_do(cli: CommandLine) -> None:
    done = cli("top")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        f"error: claude-proxy is not running (home: {cli.home.root})",
        "Start it with: claude-proxy start",
    ]


@pytest.mark.parametrize("arguments", [("top",), ("top", "--once")])
def test_in_a_pipe_it_is_printed_once(running: CommandLine, arguments: tuple[str, ...]) -> None:
    done = running(*arguments)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[2:] == [
        "no request in flight",
        "",
        "provider  state  quota",
        "minimax   ready",
        "",
        "no failover since the proxy started",
    ]


if sys.platform != "win32":
    import fcntl
    import pty
    import struct
    import termios

    class Terminal:
        """A terminal in which `top` runs."""

        def __init__(self, master: int, slave: int, process: subprocess.Popen[bytes]) -> None:
            self._master = master
            self._slave = slave
            self.process = process
            self.shown = ""

        def wait_for(self, words: str) -> None:
            """Read what is shown until these words are in it."""
            end = time.monotonic() + PATIENCE
            while words not in self.shown:
                assert select.select([self._master], [], [], end - time.monotonic())[0], self.shown[-3000:]
                self.shown += os.read(self._master, 65_536).decode()

        def press(self, key: str) -> None:
            os.write(self._master, key.encode())

        def mode(self) -> list[object]:
            return termios.tcgetattr(self._slave)

        def end(self) -> int:
            self.wait_for(SHOW_CURSOR)
            return self.process.wait(PATIENCE)

    @contextlib.contextmanager
    def terminal(cli: CommandLine, *, rows: int = 24, columns: int = 80, **environ: str) -> Iterator[Terminal]:
        """Run `top` in a terminal of this size."""
        try:
            master, slave = pty.openpty()
        except OSError:
            pytest.skip("needs terminals of its own: mount -t devpts devpts /dev/pts, and link /dev/ptmx to pts/ptmx")
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-m", "claude_proxy", "top"],
            env=cli.environ({"TERM": "xterm-256color", **environ}),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            preexec_fn=lambda: _take(slave),  # noqa: PLW1509 - no threads here
        )
        try:
            yield Terminal(master, slave, process)
        finally:
            process.kill()
            process.wait(PATIENCE)
            os.close(master)
            os.close(slave)

    def _take(slave: int) -> None:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    @pytest.mark.parametrize(("key", "code"), [("q", 0), ("Q", 0), ("\x1b", 0), ("\x04", 0), ("\x03", 130)])
    def test_a_key_leaves_and_the_terminal_is_as_before(shared: CommandLine, key: str, code: int) -> None:
        with terminal(shared) as screen:
            before = screen.mode()
            screen.wait_for("q: leave")
            assert screen.mode() != before
            screen.press(key)
            assert screen.end() == code
            assert screen.mode() == before
            assert screen.shown.index(ENTER_SCREEN) < screen.shown.index("minimax") < screen.shown.index(LEAVE_SCREEN)
            assert "Traceback" not in screen.shown

    def test_other_keys_do_nothing_and_it_goes_on(shared: CommandLine) -> None:
        with terminal(shared) as screen:
            screen.wait_for("q: leave")
            screen.press("\x1b[A")
            screen.press("x\x1a")
            screen.shown = ""
            screen.wait_for("q: leave")
            screen.press("q")
            assert screen.end() == 0

    def test_a_signal_that_ends_it_leaves_the_terminal_as_before(shared: CommandLine) -> None:
        with terminal(shared) as screen:
            before = screen.mode()
            screen.wait_for("q: leave")
            screen.process.send_signal(signal.SIGTERM)
            assert screen.end() == 128 + signal.SIGTERM
            assert screen.mode() == before
            assert LEAVE_SCREEN in screen.shown

    def test_it_stays_when_the_proxy_stops_and_follows_the_next_one(running: CommandLine) -> None:
        with terminal(running) as screen:
            screen.wait_for("q: leave")
            assert running("stop").code == 0
            screen.wait_for("No answer from the proxy since")
            screen.wait_for("claude-proxy start")
            assert running("start").code == 0
            screen.shown = ""
            while "No answer" in screen.shown or "q: leave" not in screen.shown:
                screen.shown = ""
                screen.wait_for("q: leave")
            screen.press("q")
            assert screen.end() == 0

    def test_it_follows_the_size_of_the_terminal(shared: CommandLine) -> None:
        with terminal(shared, rows=10, columns=40) as screen:
            screen.wait_for("q: leave")
            fcntl.ioctl(screen._slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
            screen.shown = ""
            screen.wait_for(" " * 110)
            screen.press("q")
            assert screen.end() == 0

    def test_without_colour_it_is_the_same_without_colour(shared: CommandLine) -> None:
        with terminal(shared, NO_COLOR="1") as screen:
            screen.wait_for("q: leave")
            screen.press("q")
            assert screen.end() == 0
        colours = {code for code in COLOUR.findall(screen.shown) if re.search(r"\b[349]\d\b", code)}
        assert not colours

    def test_a_dumb_terminal_gets_it_printed_once(running: CommandLine) -> None:
        with terminal(running, TERM="dumb") as screen:
            screen.wait_for("no failover since the proxy started")
            assert screen.process.wait(PATIENCE) == 0
        assert "\x1b" not in screen.shown
