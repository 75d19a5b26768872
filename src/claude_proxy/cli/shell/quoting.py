"""Statements for a shell to evaluate, quoted so that every value arrives unchanged."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterator, Sequence

from claude_proxy.cli.shell.activation import Change, Scope


class Shell(enum.Enum):
    """The supported shells, by the names that commands take."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


SHELL_NAMES = [shell.value for shell in Shell]


def statements(shell: Shell, changes: Sequence[Change]) -> str:
    """Return the lines that make these changes; empty if there are none."""
    lines_for = {Shell.FISH: _fish, Shell.POWERSHELL: _powershell}.get(shell, _posix)
    return "".join(f"{line}\n" for change in changes for line in lines_for(change))


def command_line(shell: Shell, words: Sequence[str]) -> str:
    """Return the line that runs a program."""
    call = "& " if shell is Shell.POWERSHELL else ""
    return call + " ".join(quote(shell, word) for word in words)


def quote(shell: Shell, text: str) -> str:
    """Return a text as one word of a shell."""
    match shell:
        case Shell.BASH | Shell.ZSH:
            return "'" + text.replace("'", "'\\''") + "'"
        case Shell.FISH:
            return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
        case Shell.POWERSHELL:
            return _powershell_text(text)


def _posix(change: Change) -> Iterator[str]:
    variable = change.variable
    if variable is None or variable.scope is not Scope.EXPORTED:
        yield f"unset -v {change.name}"
    if variable is not None:
        export = "export " if variable.scope is Scope.EXPORTED else ""
        yield f"{export}{change.name}={quote(Shell.BASH, variable.value)}"


def _fish(change: Change) -> Iterator[str]:
    """Change this terminal's variable; a universal one, which all terminals share, is at most hidden.

    The variable that hides it is empty and exported: else fish would export the universal one beside it.
    """
    name, variable = change.name, change.variable
    if variable is None or variable.scope is Scope.UNIVERSAL:
        yield f"set -eg {name}"
        if change.hide:
            yield f"if set -qU {name}; set -gx {name} ''; end"
        return
    flag = "-gx" if variable.scope is Scope.EXPORTED else "-gu"
    yield f"set {flag} {name} {quote(Shell.FISH, variable.value)}"


def _powershell(change: Change) -> Iterator[str]:
    if change.variable is None:
        yield f"Remove-Item -LiteralPath Env:{change.name} -ErrorAction Ignore -Confirm:$false"
    else:
        yield f"$env:{change.name} = {quote(Shell.POWERSHELL, change.variable.value)}"


def _powershell_text(text: str) -> str:
    """Return a text in plain ASCII on one line.

    Windows PowerShell reads a program's output in the console's code page, line by line, and every PowerShell takes
    typographic quotes for quotes. So every character that is not ASCII is given as its UTF-16 code units.
    """
    if text and text.isascii() and text.isprintable():
        return _in_quotes(text)
    units = text.encode("utf-16-le", "surrogatepass")
    numbers = [int.from_bytes(units[at : at + 2], "little") for at in range(0, len(units), 2)]
    parts = ["''"]  # a text first: else PowerShell adds the characters up as numbers
    for plain, group in itertools.groupby(numbers, lambda number: 0x20 <= number < 0x7F):
        run = tuple(group)
        parts += [_in_quotes("".join(map(chr, run)))] if plain else [f"[char]0x{number:04X}" for number in run]
    return "(" + " + ".join(parts) + ")"


def _in_quotes(plain: str) -> str:
    return "'" + plain.replace("'", "''") + "'"
