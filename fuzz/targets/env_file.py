""".env: a variable that is set reads back as what was set, and all others as before."""

from __future__ import annotations

from fuzz.source import Source

from claude_proxy.config.assignment import assigned
from claude_proxy.config.problem import Findings
from claude_proxy.config.variables import parse_variables_of

NAME = "FUZZ_API_KEY"
MARK = b"\0"


def check(data: bytes) -> None:
    """Check one file and one value."""
    source = Source(data)
    value = source.until(MARK).decode("utf-8", "replace")
    text = source.text()
    findings = Findings()
    before = parse_variables_of(text, {}, findings).file
    if findings.problems or "${" in value or "\r" in value or "$" in text:
        return
    findings = Findings()
    after = parse_variables_of(assigned(text, NAME, value), {}, findings).file
    assert not findings.problems
    assert after == {**before, NAME: value}
