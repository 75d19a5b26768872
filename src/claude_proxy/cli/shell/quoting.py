"""Statements for a shell to evaluate, quoted so that every value arrives unchanged."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterator, Sequence

from claude_proxy.cli.shell.activation import Change
from claude_proxy.cli.shell.saved import SAVED_SHELL, Scope


class Shell(enum.Enum):
    """The supported shells, by the names that commands take."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


SHELL_NAMES = [shell.value for shell in Shell]


def statements(shell: Shell, changes: Sequence[Change]) -> str:
    """Return the lines that make these changes; empty if there are none."""
    lines_for = {Shell.FISH: _fish, Shell.POWERSHELL: _powershell, Shell.ZSH: _zsh}.get(shell, _bash)
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


def ask_again(shell: Shell, words: Sequence[str]) -> str:
    """Return the line that runs the program anew with what only this shell knows, and evaluates what that prints."""
    call, name = command_line(shell, words), SAVED_SHELL
    match shell:
        case Shell.BASH | Shell.ZSH:
            return f'eval "$({name}="${{{name}-}}" {call})"\n'
        case Shell.FISH:
            return f'{name}="${name}" {call} | source\n'
        case Shell.POWERSHELL:
            return (
                f"$env:{name} = ('' + (Get-Variable -Scope Global -Name {name} -ValueOnly -ErrorAction Ignore) + ' '); "
                f'try {{ . ([scriptblock]::Create(@({call}) -join "`n")) }} '
                f"finally {{ Remove-Item -LiteralPath Env:{name} -ErrorAction Ignore -Confirm:$false }}\n"
            )


def _bash(change: Change) -> Iterator[str]:
    return _posix(change, assign="", keep_back="export -n")


def _zsh(change: Change) -> Iterator[str]:
    return _posix(
        change, assign="typeset -g ", keep_back="typeset -g +x"
    )  # warn_create_global warns of a plain `NAME=`


def _posix(change: Change, *, assign: str, keep_back: str) -> Iterator[str]:
    """Change a variable; `keep_back` unexports one of the shell alone, even if the shell exports all (`set -a`)."""
    name, variable = change.name, change.variable
    if variable is None:
        yield f"unset -v {name}"
    elif variable.scope is Scope.SHELL:
        yield f"unset -v {name}"
        yield f"{assign}{name}={quote(Shell.BASH, variable.value)}"
        yield f"{keep_back} {name}"
    else:  # what is universal in fish was exported to this shell
        yield f"export {name}={quote(Shell.BASH, variable.value)}"


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
    parts = [variable.value] if variable.parts is None else variable.parts
    yield " ".join([f"set {flag} {name}", *(quote(Shell.FISH, part) for part in parts)])


def _powershell(change: Change) -> Iterator[str]:
    """Change a variable of the environment; the one that is not exported is a variable of PowerShell's own."""
    name, variable = change.name, change.variable
    if variable is None:
        yield f"Remove-Item -LiteralPath Env:{name} -ErrorAction Ignore -Confirm:$false"
        if name == SAVED_SHELL:
            yield f"Remove-Variable -Scope Global -Name {name} -ErrorAction Ignore -Confirm:$false"
    else:
        kind = "global" if name == SAVED_SHELL else "env"
        yield f"${kind}:{name} = {quote(Shell.POWERSHELL, variable.value)}"


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
