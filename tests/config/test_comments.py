"""Comments in config.json are blanks: nothing else of the text changes, nor the place of anything."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.config.comments import blanked, comments
from config.folder import Folder

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.sampled_from('/*"\\ a\n')),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.sampled_from('/*"\\ a')), inner, max_size=3),
)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ('{"a": 1} // one', '{"a": 1}       '),
        ("// one\r\n{}", "      \r\n{}"),
        ("[1, /* two */ 2]", "[1,           2]"),
        ("/* one\n   two */[]", "      \n         []"),
        ("/**/1/***/", "    1     "),
        ('["//", "/* */", "\\"//"]', '["//", "/* */", "\\"//"]'),
        ('{"https://a": 1}', '{"https://a": 1}'),
        ('["\\\\"] // "', '["\\\\"]     '),
        ("// /* one\n*/", "         \n*/"),
        ("/* // */1", "        1"),
    ],
)
def test_replaces_a_comment_by_blanks(text: str, after: str) -> None:
    assert blanked(text) == after


@pytest.mark.parametrize("text", ["/* one", "/*/", '["// a', "/", "[1 / 2]"])
def test_keeps_what_is_no_complete_comment(text: str) -> None:
    assert blanked(text) == text


@pytest.mark.parametrize("piece", ['"', "/*", "//", '\\"', '"\n', "/*/"])
def test_reads_a_long_text_of_unclosed_beginnings_in_linear_time(piece: str) -> None:
    text = piece * 500_000
    assert len(blanked(text)) == len(text)


@given(JSON, st.sampled_from([None, 2]))
def test_finds_no_comment_in_plain_json(document: object, indent: int | None) -> None:
    assert list(comments(json.dumps(document, indent=indent))) == []


@given(JSON, st.sampled_from(["//\n", "// a\n", '/* " */', "/**/", "/*\n*/"]))
def test_accepts_a_comment_wherever_a_blank_may_be(document: object, comment: str) -> None:
    text = json.dumps(document, indent=1).replace("\n", f" {comment} \n ")
    assert json.loads(blanked(text)) == document
    assert len(blanked(text)) == len(text)


def test_loads_a_configuration_with_comments(home: Folder) -> None:
    text = """// mine
    {
      /* the order
         of failover */
      "providers": [
        {"preset": "minimax"} // cheap
        // {"preset": "zai"}
      ] /* so far */
    }"""
    assert [provider.name for provider in home.loads(text).providers] == ["minimax"]
