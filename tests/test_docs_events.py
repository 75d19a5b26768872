"""docs/events.md names each event and each field, and no other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from claude_proxy.app.events.runner import MAX_SECONDS, MAX_WAITING
from claude_proxy.core.events import MAX_IN_A_MINUTE, Event, EventKind

PAGE = (Path(__file__).parent.parent / "docs" / "events.md").read_text(encoding="utf-8")


def rows(head: str) -> list[str]:
    """Return the first cell of each row of the table that begins with a head."""
    table = PAGE.split(f"| {head} |", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)


def test_each_event_is_documented_and_no_other() -> None:
    assert rows("`event`") == [kind.value for kind in EventKind]


def test_each_field_is_documented_and_no_other() -> None:
    assert sorted(rows("Field")) == sorted(Event.__struct_fields__)


def test_the_example_is_an_event() -> None:
    [line] = re.findall(r"^\{\"event\".*$", PAGE, re.MULTILINE)
    assert msgspec.json.decode(line, type=Event).line().decode() == line + "\n"
    assert set(json.loads(line)) <= set(Event.__struct_fields__)


@pytest.mark.parametrize(
    "number", [f"{MAX_SECONDS:.0f} seconds", f"up to {MAX_WAITING} wait", f"than {MAX_IN_A_MINUTE} of"]
)
def test_the_limits_are_those_of_the_code(number: str) -> None:
    assert number in PAGE
