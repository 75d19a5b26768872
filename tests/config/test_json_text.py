"""The text of a JSON object is edited in one place, and all else stays byte for byte."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.config.comments import blanked
from claude_proxy.config.json_text import find_member, members, prepend_member, remove_member, render_member, set_member

NAME = "statusLine"
VALUE = {"command": "run it"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
documents = st.dictionaries(st.text().filter(lambda name: name != NAME), JSON)


@given(documents, st.sampled_from([None, 0, 1, 2, "\t"]))
def test_keeps_whatever_the_object_holds(document: dict[str, object], indent: int | str | None) -> None:
    text = json.dumps(document, indent=indent)
    added = set_member(text, NAME, render_member(text, NAME, VALUE))
    assert json.loads(added) == {**document, NAME: VALUE}
    member = find_member(added, NAME)
    assert member is not None
    assert json.loads(remove_member(added, member)) == document


COMMENTED = [
    '// mine\n{\n  "a": 1, // "b": 2\n  "c": [{}] // the last\n  // the end }\n}\n',
    '{"a": 1 /* {"b": 2} */, "c": "//"}',
    '{ "a": 1 // one }\n}',
    "{ // nothing\n}",
    "{}",
]


@pytest.mark.parametrize("text", COMMENTED)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_keeps_the_comments(text: str, line_end: str) -> None:
    text = text.replace("\n", line_end)
    rendered = render_member(text, NAME, VALUE)
    for added in (set_member(text, NAME, rendered), prepend_member(text, rendered)):
        assert json.loads(blanked(added)) == {**json.loads(blanked(text)), NAME: VALUE}
        at = added.index(rendered)
        left = iter(added[:at] + added[at + len(rendered) :])
        assert all(character in left for character in text)
        assert set_member(added, NAME, rendered) == added


def test_adds_at_the_end_below_the_comments() -> None:
    text = '{\n  "a": 1 // one\n}\n'
    assert set_member(text, "b", '"b": 2') == '{\n  "a": 1, // one\n  "b": 2\n}\n'


def test_takes_the_last_of_two_members_with_the_same_name() -> None:
    text = '{"a": 1, "b": 2, "a": 3}'
    assert [text[member.value : member.end] for member in members(text)] == ["1", "2", "3"]
    assert set_member(text, "a", '"a": 4') == '{"a": 1, "b": 2, "a": 4}'
    assert find_member(text, "c") is None


@pytest.mark.parametrize("text", ["", " \n", "\ufeff"])
def test_an_empty_text_counts_as_an_empty_object(text: str) -> None:
    assert set_member(text, "a", render_member(text, "a", 1)).endswith('{\n  "a": 1\n}\n')
