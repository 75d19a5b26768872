"""Sets a variable in the text of `.env`: every other line stays byte for byte."""

from __future__ import annotations

import io
import re

from dotenv.parser import parse_stream

_MARK = "\ufeff"
_PLAIN = re.compile(r"[A-Za-z0-9_.:/+=@%,~^-]+")
"""Characters that every reader of such files accepts without quotes."""

_STATEMENT = re.compile(
    r"(?P<head>\s*(?:export[^\S\r\n]+)?(?:'[^']+'|[^=#\s]+)[^\S\r\n]*=)"
    r"(?P<blanks>[^\S\r\n]*)"
    r"(?P<old>(?<=[^\S\r\n])(?=\#)"  # nothing but a comment
    r"|'(?:\\.|[^'\\])*'"
    r'|"(?:\\.|[^"\\])*"'
    r"|[^\r\n]*?(?=[^\S\r\n]+\#|[^\S\r\n]*(?:[\r\n]|\Z)))"
    r"(?P<rest>.*)",
    re.DOTALL,
)
"""A line as python-dotenv reads it, in the parts that it has."""


def assigned(text: str, name: str, value: str) -> str:
    """Return the text with a variable set: in the last line that sets it, which counts, else in a new line at the end.

    The text must be free of faults. A `${` in the value would be read as the use of a variable.
    """
    mark, text = (_MARK, text[1:]) if text.startswith(_MARK) else ("", text)
    bindings = list(parse_stream(io.StringIO(text)))
    statements = [binding.original.string for binding in bindings]
    places = [number for number, binding in enumerate(bindings) if binding.key == name]
    if places:
        statements[places[-1]] = _with_value(statements[places[-1]], _quoted(value))
    else:
        line_end = "\r\n" if "\r\n" in text else "\n"
        begun = bool(text) and not text.endswith(("\n", "\r"))
        statements.append(f"{line_end if begun else ''}{name}={_quoted(value)}{line_end}")
    return mark + "".join(statements)


def _with_value(statement: str, value: str) -> str:
    found = _STATEMENT.fullmatch(statement)
    if found is None:
        return statement
    head, blanks, old, rest = found.groups()
    return f"{head}{blanks}{value}{rest}" if old else f"{head}{value}{blanks}{rest}"


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
