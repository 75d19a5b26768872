"""Terminals: real shells that live on from line to line, with claude-proxy's functions loaded."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from claude_proxy.cli.shell.activation import KNOWN, MANAGED
from claude_proxy.cli.shell.quoting import Shell, command_line
from fakes.command_line import PATIENCE, SOURCE, CommandLine

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = {Shell.BASH: "bash", Shell.ZSH: "zsh", Shell.FISH: "fish", Shell.POWERSHELL: "pwsh"}
SHELLS = list(Shell)
POSIX = (Shell.BASH, Shell.ZSH)
MARK = "--- done:"

SHOW_ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"

DRIVERS = {
    Shell.BASH: ["--norc", "--noprofile"],
    Shell.ZSH: ["-f"],
    Shell.FISH: [
        "--command",
        f"while read line; eval $line; printf '\\n{MARK} %s\\n' $status; end",
    ],
    Shell.POWERSHELL: [
        "-NoProfile",
        "-NonInteractive",
        "-Command",
        f"""while ($null -ne ($line = [Console]::In.ReadLine())) {{
            $code = 0
            try {{ . ([scriptblock]::Create($line)) | ForEach-Object {{ [Console]::Out.WriteLine($_) }} }}
            catch {{ $code = 1; [Console]::Error.WriteLine($_.Exception.Message) }}
            [Console]::Out.WriteLine(''); [Console]::Out.WriteLine('{MARK} ' + $code)
        }}""",
    ],
}
"""What makes each shell run the lines of its standard input one by one."""


def program(name: str, package: str = "") -> str:
    """Return a program's path. Without it the test is skipped, or fails where CLAUDE_PROXY_REQUIRE_SHELLS=1."""
    if found := shutil.which(name):
        return found
    missing = f"{name} is not installed: apt install {package or name}"
    if name == "pwsh":
        missing = "pwsh is not on PATH: install PowerShell 7, with PSScriptAnalyzer and Pester"
    elif os.environ.get("CLAUDE_PROXY_REQUIRE_SHELLS") == "1":
        pytest.fail(missing)
    pytest.skip(missing)


def quick_shell(shell: Shell) -> Shell:
    """Return the shell for a second terminal, of which only the environment counts: bash, which starts at once."""
    return Shell.BASH if shutil.which(PROGRAMS[Shell.BASH]) else shell


@dataclass(frozen=True, slots=True)
class Said:
    """What came of a line; `text` is both outputs."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


@dataclass(slots=True)
class Terminal:
    """One shell of its own. The lines that are not the same in all shells are methods."""

    shell: Shell
    process: subprocess.Popen[str]
    errors: Path
    command_line: CommandLine
    _read: int = 0

    def __call__(self, line: str) -> Said:
        """Type a line, and wait for its end; fail where a secret was shown."""
        said = self._type(line)
        self.command_line.inspect(said.text)
        return said

    def reset(self, *, keep_proxy: bool = False, force: bool = False) -> Said:
        options = [("-KeepProxy", "--keep-proxy")] * keep_proxy + [("-Force", "--force")] * force
        return self(" ".join(["claude-reset", *(one[self.shell is not Shell.POWERSHELL] for one in options)]))

    def exported(self, *names: str) -> dict[str, str]:
        """Return what a program that is started in the terminal gets."""
        values = self.environment()
        return {name: values[name] for name in names or KNOWN if name in values}

    def environment(self, line: str = "{}") -> dict[str, str]:
        """Return the whole environment of a program that is started by a line: `{}` stands for the program."""
        program = command_line(self.shell, [sys.executable, "-I", "-S", "-c", SHOW_ENVIRONMENT])
        values: dict[str, str] = json.loads(self._type(line.replace("{}", program)).out)
        return values

    def variables(self) -> str:
        """Return all that the shell itself knows of the variables: values, scopes, exported or not."""
        names = " ".join(KNOWN)
        line = {
            Shell.BASH: f"declare -p {names} 2>/dev/null || :",
            Shell.ZSH: f"for n in {names}; do typeset -p $n 2>/dev/null || :; done",
            Shell.FISH: f"for n in {names}; set --show $n; end",
            Shell.POWERSHELL: f"'{names}'.Split(' ') | ForEach-Object {{ "
            '$v = [Environment]::GetEnvironmentVariable($_); if ($null -ne $v) { "$_=[$v]" }; '
            '$v = Get-Variable -Scope Global -Name $_ -ValueOnly -ErrorAction Ignore; if ($v) { "global $_=[$v]" } }',
        }[self.shell]
        return self._type(line).out

    def _type(self, line: str) -> Said:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert "\n" not in line
        ends = f"\nprintf '\\n{MARK} %s\\n' \"$?\"" if self.shell in POSIX else ""
        self.process.stdin.write(f"{line}{ends}\n")
        self.process.stdin.flush()
        out = ""
        for read in self.process.stdout:
            if read.startswith(MARK):
                err = self.errors.read_text(encoding="utf-8", errors="replace")
                new, self._read = err[self._read :], len(err)
                return Said(int(read.removeprefix(MARK)), out.removesuffix("\n"), new)
            out += read
        pytest.fail(f"{self.shell.value} ended at {line!r}: {out}{self.errors.read_text(encoding='utf-8')}")


@contextmanager
def terminal(
    shell: Shell, command_line: CommandLine, environ: Mapping[str, str] | None = None, *, functions: str | None = None
) -> Iterator[Terminal]:
    """Open a terminal with an environment of its own, and load the functions as a profile does."""
    home = command_line.home.root.parent
    place = home / f"terminal-{len(list(home.glob('terminal-*')))}"
    (place / "fish").mkdir(parents=True)
    with (place / "stderr").open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [program(PROGRAMS[shell]), *DRIVERS[shell]],
            cwd=place,
            env=environment(command_line, place, environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
            errors="surrogateescape",
        )
    killer = threading.Timer(3 * PATIENCE, process.kill)
    killer.start()
    try:
        opened = Terminal(shell, process, place / "stderr", command_line)
        said = opened(loading(shell, place, functions))
        assert (said.code, said.text.strip()) == (0, "")
        yield opened
    finally:
        killer.cancel()
        assert process.stdin is not None
        with process:
            process.stdin.close()


def environment(command_line: CommandLine, place: Path, environ: Mapping[str, str] | None) -> dict[str, str]:
    """Return the environment of a terminal that was just opened."""
    fixed = {"HOME": str(place), "USERPROFILE": str(place), "XDG_CONFIG_HOME": str(place), "TERM": "dumb"}
    fixed |= {"POWERSHELL_TELEMETRY_OPTOUT": "1", "POWERSHELL_UPDATECHECK": "Off"}
    inherited = {name: value for name, value in command_line.environ().items() if name not in MANAGED}
    return {**inherited, **fixed, **(environ or {})}


def loading(shell: Shell, place: Path, functions: str | None = None) -> str:
    """Return the line that loads what `init` prints, as a profile does; `functions` stand in for it."""
    if shell is Shell.POWERSHELL:
        return f"Import-Module '{ROOT / 'ClaudeProxy.psm1'}' -Force"
    text = what_init_prints(shell) if functions is None else functions
    file = place / "functions"
    file.write_text(text, encoding="utf-8")
    return f"cat '{file}' | source" if shell is Shell.FISH else f"eval \"$(cat '{file}')\""


@functools.cache
def what_init_prints(shell: Shell) -> str:
    """Run `init` once for all terminals: a test of profiles has new shells run it."""
    command = [sys.executable, "-P", "-m", "claude_proxy", "init", shell.value]
    environ = {**os.environ, "PYTHONPATH": SOURCE}
    return subprocess.run(
        command, env=environ, capture_output=True, check=True, timeout=PATIENCE, encoding="utf-8"
    ).stdout
