"""Key presses, one by one and without an echo; the terminal is as it was when the block is over."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import TypeAlias

from claude_proxy.cli.background.processes import until

Keys: TypeAlias = Callable[[float], str]
"""Waits up to some seconds for a key, and returns what it sends; empty if none was pressed."""

ENDED = "\x04"
"""What stands for a terminal that is gone: the key that ends an input, Ctrl-D."""
MAX_BYTES = 32
"""Of one key: the longest, such as an arrow with modifiers, send about eight."""

if sys.platform == "win32":
    import msvcrt

    POLL_SECONDS = 0.05
    _FIRST_OF_TWO = "\x00\xe0"
    """What an arrow or a function key sends first."""

    @contextlib.contextmanager
    def single_keys() -> Iterator[Keys]:
        """Read keys from the console if standard input is one, else none."""
        yield _console_key if sys.stdin.isatty() else _no_key

    def _console_key(seconds: float) -> str:
        if not until(lambda: msvcrt.kbhit() or None, seconds, every=POLL_SECONDS):
            return ""
        key = msvcrt.getwch()
        if key == "\x03":
            raise KeyboardInterrupt
        return key + msvcrt.getwch() if key in _FIRST_OF_TWO else key

else:
    import select
    import termios
    import tty

    @contextlib.contextmanager
    def single_keys() -> Iterator[Keys]:
        """Read keys from the terminal if standard input is one, else none. Ctrl-Z does nothing meanwhile."""
        try:
            terminal = sys.stdin.fileno()
            before = termios.tcgetattr(terminal)
        except (OSError, ValueError, termios.error):  # no terminal
            yield _no_key
            return
        try:
            tty.setcbreak(terminal)
            _ignore_suspend(terminal)
            yield lambda seconds: _terminal_key(terminal, seconds)
        finally:
            termios.tcsetattr(terminal, termios.TCSAFLUSH, before)

    def _ignore_suspend(terminal: int) -> None:
        """A process that is suspended would leave its screen and a terminal without echo to the shell."""
        mode = termios.tcgetattr(terminal)
        mode[6][termios.VSUSP] = b"\0"
        termios.tcsetattr(terminal, termios.TCSANOW, mode)

    def _terminal_key(terminal: int, seconds: float) -> str:
        readable, _, _ = select.select([terminal], [], [], seconds)
        if not readable:
            return ""
        try:
            return os.read(terminal, MAX_BYTES).decode(errors="replace") or ENDED
        except OSError:
            return ENDED


def _no_key(seconds: float) -> str:
    until(_nothing, seconds, every=seconds)
    return ""


def _nothing() -> None:
    """Nothing to wait for: the time passes."""
