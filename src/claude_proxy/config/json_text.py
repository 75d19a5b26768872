"""Edits the text of a JSON object, with or without comments: one member changes, all else stays byte for byte.

    members, find_member   where the members of the outermost object are
    render_member          a member in the style of the text: its indentation and line ends, or all on one line
    set_member             replaces a member, or adds it at the end
    prepend_member         adds a member at the beginning
    remove_member          removes a member and its comma

The texts are known to be JSON objects. `json_list.py` does the same for the elements of a list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from claude_proxy.config.comments import blanked, comments

LINE_END = re.compile(r"\r\n|\r|\n")
DECODER = json.JSONDecoder(parse_int=str)  # Python would refuse to make an int of a long number

_BOM = "\ufeff"
_BLANKS = re.compile(r"[ \t\r\n]*")
_COMMA = re.compile(r"\s*,\s*")
_FIRST_INDENT = re.compile(r'\s*\{[^\S\n]*\r?\n([ \t]+)"')


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the outermost object: where its name begins, and where its value begins and ends."""

    name: str
    start: int
    value: int
    end: int


def members(text: str) -> Iterator[Member]:
    """Yield the members of the outermost object."""
    plain = blanked(text)
    position = past_blanks(plain, plain.index("{") + 1)
    while plain[position] != "}":
        name, end = DECODER.raw_decode(plain, position)
        value = past_blanks(plain, past_blanks(plain, end) + 1)
        _, end = DECODER.raw_decode(plain, value)
        yield Member(name, position, value, end)
        position = past_comma(plain, end)


def find_member(text: str, name: str) -> Member | None:
    """Return a member; of two with this name the last, which is the one that counts; None if there is none."""
    found = [member for member in members(text) if member.name == name]
    return found[-1] if found else None


def render_member(text: str, name: str, value: object) -> str:
    """Return a member as JSON, in the style of the text."""
    indent = _member_indent(text)
    if not indent:
        return f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
    rows = json.dumps({name: value}, indent=indent, ensure_ascii=False).splitlines()[1:-1]
    return line_end_of(text).join(rows).removeprefix(indent)


def set_member(text: str, name: str, member: str) -> str:
    """Return the text with a rendered member in place of the one with its name, or at the end of the object.

    An empty text counts as an empty object.
    """
    if not text.removeprefix(_BOM).strip():
        text += "{}\n"
    old = find_member(text, name)
    return _append(text, member) if old is None else text[: old.start] + member + text[old.end :]


def _append(text: str, member: str) -> str:
    last = max((member.end for member in members(text)), default=0)
    close = blanked(text).rindex("}")
    head = text[:close].rstrip()
    indent, line_end = _member_indent(text), line_end_of(text)
    if last:
        head = f"{head[:last]},{head[last:]}"
    if indent:
        return f"{head}{line_end}{indent}{member}{line_end}{text[close:]}"
    in_comment = any(comment.to_line_end for comment in comments(text[last:close]))
    return f"{head}{line_end if in_comment else ' '}{member}{text[close:]}"


def prepend_member(text: str, member: str) -> str:
    """Return the text with a rendered member at the beginning of the object."""
    plain = blanked(text)
    inside = plain.index("{") + 1
    first = past_blanks(plain, inside)
    blanks, line_end = plain[inside:first], line_end_of(text)
    if plain[first] == "}":
        member = f"{line_end}  {member}" + ("" if LINE_END.search(blanks) else line_end)
    elif LINE_END.search(blanks):
        member = f"{line_end}{indentation(blanks)}{member},"
    else:
        member += ", "
    return text[:inside] + member + text[inside:]


def remove_member(text: str, member: Member) -> str:
    """Return the text without a member and the comma between it and its neighbour."""
    after = _COMMA.match(text, member.end)
    if after:
        return text[: member.start] + text[after.end() :]
    head = text[: member.start].rstrip()
    return head.removesuffix(",") + text[member.end :]


def line_end_of(text: str) -> str:
    """Return how the lines of a text end."""
    return "\r\n" if "\r\n" in text else "\n"


def indentation(text: str) -> str:
    """Return the blanks at the beginning of the last line of a text."""
    line = LINE_END.split(text)[-1]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _member_indent(text: str) -> str:
    """Return the indentation of the first member; none for an object on one line, two spaces for an empty one."""
    plain = blanked(text.removeprefix(_BOM))
    found = _FIRST_INDENT.match(plain)
    if found:
        return found[1]
    return "" if '"' in plain else "  "


def past_blanks(plain: str, position: int) -> int:
    """Return where the next text begins that is no blank."""
    found = _BLANKS.match(plain, position)
    return found.end() if found else position


def past_comma(plain: str, position: int) -> int:
    """Return where the next member or element begins, or the closing bracket."""
    position = past_blanks(plain, position)
    return past_blanks(plain, position + 1) if plain[position] == "," else position
