"""How a command ends: its exit code, and the one kind of error that it shows."""

from __future__ import annotations

import enum
from pathlib import Path

from claude_proxy.cli.output.ownership import owner_fix


class Exit(enum.IntEnum):
    """The exit codes; `claude-proxy --help` and docs/commands.md list them."""

    OK = 0
    FAILED = 1
    """The command failed, or (`status`) the proxy is not running, or (`doctor`) something is wrong."""
    USAGE = 2
    """The configuration or the command line is wrong."""
    PORT_TAKEN = 3
    UNEXPECTED = 70
    """A defect in this program; EX_SOFTWARE of sysexits.h."""
    CANNOT_EXECUTE = 126
    NOT_FOUND = 127
    """`run`: there is no such command. 126 and 127 are the codes that a shell gives."""
    INTERRUPTED = 130


EXIT_CODES_HELP = """\
Exit codes:
  0    done
  1    it failed; status: not running; doctor: something is wrong
  2    the configuration or the command line is wrong
  3    another program uses the port
  70   an internal error
  126  run: the command cannot be executed
  127  run: the command was not found
  130  interrupted by Ctrl-C
run passes on the exit code of its command, 128+N if signal N ended it."""


ERROR = "error: "


def describe_os_error(error: OSError) -> str:
    """Return the system's message, after the file if it names one: `/home/me/x: Permission denied`."""
    message = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {message}" if error.filename else message


class CommandError(Exception):
    """A failure that the user sees: a line with `error:` for each message, then `hint`, which names the next step."""

    def __init__(self, *messages: str, code: int = Exit.FAILED, hint: str = "") -> None:
        super().__init__("; ".join(messages))
        self.messages = messages
        self.code = code
        self.hint = hint

    def __str__(self) -> str:
        """Return the text for standard error."""
        lines = [ERROR + message for message in self.messages]
        return "\n".join([*lines, self.hint] if self.hint else lines)


def not_written(error: OSError) -> CommandError:
    """Return what to raise if a file of the user's cannot be written; `error` names the file."""
    hint = owner_fix(Path(error.filename)) if error.filename else ""
    return CommandError(f"{error.filename} cannot be written: {error.strerror}", hint=hint)
