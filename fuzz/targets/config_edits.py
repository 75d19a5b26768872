"""config.json as it is edited: the member that is set reads back, and the others stay."""

from __future__ import annotations

from fuzz.source import Source

from claude_proxy.config.document import parse_document
from claude_proxy.config.json_text import find_member, remove_member, render_member, set_member
from claude_proxy.config.problem import Findings

VALUES: tuple[object, ...] = (True, 8788, "x\n", [], {"a": [1, {"b": None}]}, ["a", "b"])


def check(data: bytes) -> None:
    """Check one text with comments, and one member."""
    source = Source(data)
    name, value = source.choice(["proxy_port", "new", "a"]), source.choice(VALUES)
    text = source.text()
    findings = Findings()
    before = parse_document(text, findings)
    if before is None or findings.problems:
        return
    edited = set_member(text, name, render_member(text, name, value))
    assert parse_document(edited, Findings()) == {**before, name: value}
    member = find_member(edited, name)
    assert member is not None
    before.pop(name, None)
    assert parse_document(remove_member(edited, member), Findings()) == before
