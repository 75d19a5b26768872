"""How a command ends: its exit code, and the one kind of error that it shows."""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    """The exit codes; `claude-proxy --help` and docs/commands.md list them."""

    OK = 0
    FAILED = 1
    """It did not work, or (`status`) the proxy is not running, or (`doctor`) something is wrong."""
    USAGE = 2
    """The configuration or the command line is wrong."""
    PORT_TAKEN = 3
    UNEXPECTED = 70
    """A fault of this program; EX_SOFTWARE of sysexits.h."""
    CANNOT_EXECUTE = 126
    NOT_FOUND = 127
    """`run`: there is no such command; 126 and 127 are what a shell gives."""
    INTERRUPTED = 130


EXIT_CODES_HELP = """\
Exit codes:
  0    done
  1    it failed; status: not running; doctor: something is wrong
  2    the configuration or the command line is wrong
  3    the port is taken by another program
  70   a fault of claude-proxy itself
  126  run: the command cannot be executed
  127  run: the command was not found
  130  interrupted by Ctrl-C
run passes on the exit code of its command, 128+N where signal N ended it."""


ERROR = "error: "


def described(error: OSError) -> str:
    """Return what the system said, and of which file, where it told: `/home/me/x: Permission denied`."""
    said = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {said}" if error.filename else said


class CommandError(Exception):
    """An end that the user is told about: a line with `error:` for each message, then `hint`, which says what to do."""

    def __init__(self, *messages: str, code: int = Exit.FAILED, hint: str = "") -> None:
        super().__init__("; ".join(messages))
        self.messages = messages
        self.code = code
        self.hint = hint

    def __str__(self) -> str:
        """Return what is shown on standard error."""
        lines = [ERROR + message for message in self.messages]
        return "\n".join([*lines, self.hint] if self.hint else lines)


def not_written(error: OSError) -> CommandError:
    """Return what to raise if a file of the user's cannot be written; `error` names the file."""
    return CommandError(f"{error.filename} cannot be written: {error.strerror}")
