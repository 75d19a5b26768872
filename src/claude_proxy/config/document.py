"""The text of config.json: read within limits, and parsed into raw JSON."""

from __future__ import annotations

import json
import re
from json import JSONDecodeError
from pathlib import Path

from claude_proxy.config.comments import blanked
from claude_proxy.config.problem import Findings, quoted
from claude_proxy.store.files import read_up_to

MAX_FILE_BYTES = 1024 * 1024
"""Far above any configuration, and small enough to be read at each change of the file."""

_MAX_INTEGER = 20
"""Digits: a longer number is out of every range here, and Python refuses to read one of thousands."""


class _Object(dict[str, object]):
    """A JSON object that remembers which keys were written more than once."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.repeated = sorted({name for name in names if names.count(name) > 1}) if len(names) > len(self) else []


def read_document(path: Path, findings: Findings) -> dict[str, object] | None:
    """Return the object in config.json; None if it has none, and `findings` has the reason."""
    text = _read(path, findings)
    return None if text is None else parse_document(text, findings)


def parse_document(text: str, findings: Findings) -> dict[str, object] | None:
    """Return the object in the text of a config.json; None if it is none, and `findings` has the reason."""
    try:
        document: object = json.loads(blanked(text), object_pairs_hook=_Object, parse_int=_integer)
        _find_repeated(document, "", findings)
    except JSONDecodeError as error:
        _report_syntax(error, findings)
        return None
    except RecursionError:
        findings.problem("", "nests too deeply", "Write it as config.example.json shows.")
        return None
    if not isinstance(document, dict):
        findings.problem(
            "", "is not an object", 'Begin the file with "{" and end it with "}", as config.example.json does.'
        )
        return None
    return document


def read_text(path: Path, findings: Findings, *, encoding: str = "utf-8-sig") -> str | None:
    """Return a file's text, without the byte order mark that some editors add; None if it cannot be read.

    With the encoding `utf-8` the mark is kept. Raises `FileNotFoundError`; other failures are problems in `findings`.
    """
    try:
        data = read_up_to(path, MAX_FILE_BYTES)
    except FileNotFoundError:
        raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        findings.problem("", f"cannot be read ({reason})", f"Make {path} a file that you may read.", file=path.name)
        return None
    if data is None:
        findings.problem("", "is no regular file", f"Make {path} a file with text in it.", file=path.name)
        return None
    if len(data) > MAX_FILE_BYTES:
        findings.problem("", "is larger than 1 MiB", "Remove what does not belong there.", file=path.name)
        return None
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        findings.problem("", "is not UTF-8 text", "Save it as UTF-8.", file=path.name)
        return None


def _read(path: Path, findings: Findings) -> str | None:
    try:
        return read_text(path, findings)
    except FileNotFoundError:
        fix = (
            "Copy config.example.json there as config.json and name your providers in it, or let "
            "`claude-proxy providers add NAME` make it."
        )
        findings.problem("", f"there is no such file in {path.parent}", fix)
        return None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_INTEGER else float(digits)


def _find_repeated(value: object, key: str, findings: Findings) -> None:
    if isinstance(value, _Object):
        for name in value.repeated:
            findings.problem(join(key, name), "is written twice", "Keep one of the two.")
        for name, item in value.items():
            _find_repeated(item, join(key, name), findings)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _find_repeated(item, f"{key}[{index}]", findings)


def join(key: str, name: str) -> str:
    """Return the path of a key in an object. A name that could be a secret is left out."""
    name = name if quoted(name) == f'"{name}"' else "(not shown)"
    return f"{key}.{name}" if key else name


def _report_syntax(error: JSONDecodeError, findings: Findings) -> None:
    # The messages of `json` differ between versions of Python, so the usual mistakes have messages of their own.
    before, after = error.doc[: error.pos].rstrip(), error.doc[error.pos :].lstrip()
    trailing = (before.endswith(",") and after[:1] in "}]") or re.match(r",\s*[}\]]", after) is not None
    place = f"is not JSON at line {error.lineno}, column {error.colno}"
    if not error.doc.strip():
        findings.problem("", "is empty", "Write it as config.example.json shows.")
    elif trailing:
        findings.problem("", f"{place}: there is a comma before the end of a list or object", "Remove that comma.")
    elif after.startswith("/*"):
        findings.problem("", f"{place}: a comment that does not end", 'End it with "*/".')
    elif after.startswith("#"):
        findings.problem("", f"{place}: a comment", 'Begin it with "//".')
    elif after.startswith("'"):
        findings.problem("", f"{place}: a text in single quotes", "Write it in double quotes.")
    elif error.msg.startswith("Expecting ',' delimiter"):
        findings.problem("", f"{place}: a comma or a closing bracket is missing before it", "Add it.")
    else:
        findings.problem("", f"{place} ({error.msg.lower()})", "Compare it with config.example.json.")
