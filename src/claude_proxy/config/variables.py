"""The variables that hold keys: those of the environment, else those of `.env`."""

from __future__ import annotations

import io
import os
import re
import shlex
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv.parser import Binding, parse_stream
from dotenv.variables import parse_variables

from claude_proxy.config.document import read_text
from claude_proxy.config.pasted_key import InvalidKey, can_be_sent, read_key
from claude_proxy.config.problem import Findings
from claude_proxy.core.auth import KeySource

READABLE_BY_OTHERS = ".env: others on this machine may read your keys"
"""How the warning about the mode of `.env` begins."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY_PART = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z]).{16,}|.{24,}")
"""What is between underscores in a key, and hardly ever in a name."""


@dataclass(frozen=True, slots=True)
class Variables:
    """What is set in the environment and in `.env`; never shown."""

    environ: Mapping[str, str] = field(repr=False)
    file: Mapping[str, str] = field(repr=False)

    def key(self, name: str, findings: Findings) -> str | None:
        """Return the key that a variable holds: empty if it is not set, None with a problem noted if it is no key.

        The environment wins. An empty value, there or in the file, counts as not set. What is around a key (quotes, a
        comma) is left out with a warning; a placeholder gets a warning, and stays: its provider says what it is worth.
        """
        source = self.source(name)
        text = self.text(name)
        if not text:
            return ""
        key = read_key(text)
        if isinstance(key, InvalidKey) and can_be_sent(text):
            findings.warn(f"{source.value}: {name}: the key in it {key.what}. {key.fix}")
            return text
        if isinstance(key, InvalidKey):
            findings.problem(name, f"the key in it {key.what}", key.fix, file=source.value)
            return None
        if key.note:
            findings.warn(f"{source.value}: {name}: {key.note}")
        return key.key

    def text(self, name: str) -> str:
        """Return what a variable holds, without the space around it; empty if it is not set."""
        holder = self.environ if self.source(name) is KeySource.ENVIRONMENT else self.file
        return holder.get(name, "").strip()

    def of_file(self, prefix: str) -> dict[str, str]:
        """Return the variables of the file that begin with a prefix and that the environment does not set."""
        found = {name: text for name, text in self.file.items() if name.startswith(prefix)}
        return {name: text for name, text in found.items() if not self.environ.get(name)}

    def source(self, name: str) -> KeySource:
        """Return where the value of a variable comes from."""
        return KeySource.ENVIRONMENT if self.environ.get(name, "").strip() else KeySource.FILE


def read_variables(path: Path, environ: Mapping[str, str], findings: Findings) -> Variables:
    """Return the variables of the environment and of a `.env` file, which may be missing.

    A value may use others, as `${NAME}`. Faults go into `findings`.
    """
    try:
        text = read_text(path, findings)
    except FileNotFoundError:
        return Variables(environ, {})
    _warn_if_readable_by_others(path, findings)
    return parse_variables_of(text or "", environ, findings)


def parse_variables_of(text: str, environ: Mapping[str, str], findings: Findings) -> Variables:
    """Return the variables of the environment and of the text of a `.env` file; faults go into `findings`."""
    values: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.key is None or binding.value is None:
            _report_broken_line(binding, findings)
            continue
        scope = {**values, **environ}
        values[binding.key] = "".join(atom.resolve(scope) for atom in parse_variables(binding.value))
    return Variables(environ, values)


def is_variable(name: str) -> bool:
    """Tell whether a text is the name of a variable, and not by mistake the key itself."""
    return _NAME.fullmatch(name) is not None and not any(_KEY_PART.fullmatch(part) for part in name.split("_"))


def _report_broken_line(binding: Binding, findings: Findings) -> None:
    statement = binding.original.string
    if not binding.error and binding.key is None:
        return  # a comment or an empty line
    blank = statement[: len(statement) - len(statement.lstrip())]
    line = binding.original.line + len(re.findall(r"\r\n|\r|\n", blank))
    fix = 'Write it as NAME=value, with the value in quotes if it holds spaces or "#".'
    findings.problem(f"line {line}", "is not of the form NAME=value", fix, file=".env")


def _warn_if_readable_by_others(path: Path, findings: Findings) -> None:
    if os.name != "posix":  # elsewhere the mode says nothing about who may read
        return
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:  # gone since it was read
        return
    if mode & 0o077:
        command = f"chmod 600 {shlex.quote(str(path))}"
        findings.warn(f"{READABLE_BY_OTHERS} (mode {mode:04o}). Run: {command}")
