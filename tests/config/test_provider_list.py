"""config.json is edited as a careful person would: the list changes as asked, and nothing else does."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from claude_proxy.config.comments import blanked, comments
from claude_proxy.config.provider_list import add_provider, remove_provider, reorder_providers

ZAI = {"preset": "zai"}

LINES = """\
{
  // mine
  "providers": [ // in this order

    // ---- section ----

    // the cheap one
    {"preset": "a"}, // for now
    {"preset": "b", "x": "[1, {}] // no comment"},
    {"preset": "c"} /* dear */
    // the end
  ],
  "port": 1 // tail
}
"""


def listed(text: str) -> list[object]:
    document: dict[str, list[object]] = json.loads(blanked(text.removeprefix("\ufeff")))
    return document["providers"]


def notes(text: str) -> Counter[str]:
    return Counter(text[comment.start : comment.end].rstrip() for comment in comments(text))


def test_adds_at_the_end_or_first_in_the_style_of_the_others() -> None:
    assert add_provider(LINES, ZAI) == LINES.replace("} /* dear */", '} /* dear */,\n    {"preset": "zai"}')
    assert add_provider(LINES, ZAI, first=True) == LINES.replace(
        "    // the cheap", '    {"preset": "zai"},\n    // the cheap'
    )


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("{}", '{\n  "providers": [\n    {"preset": "zai"}\n  ]\n}'),
        ('{"a": 1}', '{"providers": [{"preset": "zai"}], "a": 1}'),
        ('{\r\n\t"a": 1\r\n}', '{\r\n\t"providers": [\r\n\t\t{"preset": "zai"}\r\n\t],\r\n\t"a": 1\r\n}'),
        ('{"providers": []}', '{"providers": [{"preset": "zai"}]}'),
        (
            '{\n  "providers": [\n    // none\n  ]\n}',
            '{\n  "providers": [\n    // none\n    {"preset": "zai"}\n  ]\n}',
        ),
        ('{"providers": [{"a": 1}]}', '{"providers": [{"a": 1}, {"preset": "zai"}]}'),
        ('{"providers":[{},{}]}', '{"providers":[{},{},{"preset": "zai"}]}'),
        ('{"providers": [{} // one\n]}', '{"providers": [{}, // one\n {"preset": "zai"}\n]}'),
        ('{"providers": [{} /* one */]}', '{"providers": [{} /* one */, {"preset": "zai"}]}'),
        (
            '{"providers": [\n  {\n    "a": 1\n  }\n]}',
            '{"providers": [\n  {\n    "a": 1\n  },\n  {\n    "preset": "zai"\n  }\n]}',
        ),
        ('{"providers": [{\n  "a": 1\n}]}', '{"providers": [{\n  "a": 1\n}, {\n  "preset": "zai"\n}]}'),
        ('\ufeff{"x": {"providers": [1]}, "providers": [{}]}', None),
    ],
)
def test_adds_to_lists_of_every_shape(text: str, after: str | None) -> None:
    expected = after or text.replace("[{}]", '[{}, {"preset": "zai"}]')
    assert add_provider(text, ZAI) == expected


def test_writes_a_name_without_escapes() -> None:
    assert add_provider('{"providers": [{}]}', {"preset": "zai", "name": "é"}).endswith(
        '{"preset": "zai", "name": "é"}]}'
    )


@pytest.mark.parametrize(
    ("index", "gone"),
    [
        (0, '    // the cheap one\n    {"preset": "a"}, // for now\n'),
        (1, '    {"preset": "b", "x": "[1, {}] // no comment"},\n'),
    ],
)
def test_removes_a_provider_with_its_own_comments(index: int, gone: str) -> None:
    assert remove_provider(LINES, index) == LINES.replace(gone, "")


def test_removes_the_comma_before_the_last_provider() -> None:
    assert remove_provider(LINES, 2) == LINES.replace(',\n    {"preset": "c"} /* dear */', "")


def test_removes_the_line_if_it_begins_with_the_comma() -> None:
    text = '{"providers": [\n  {"a": 1}\n  , {"b": 2}\n]}'
    assert remove_provider(text, 1) == '{"providers": [\n  {"a": 1}\n]}'


def test_puts_a_comment_above_on_a_line_of_its_own() -> None:
    text = '{"providers": [{"a": 1},\n  // why\n  {"b": 2}]}'
    after = '{"providers": [\n  // why\n  {"b": 2},\n  {"a": 1}]}'
    assert reorder_providers(text, [1, 0]) == after
    assert remove_provider(after, 0) == '{"providers": [\n  {"a": 1}]}'


def test_keeps_the_comments_of_a_section_without_its_first_provider() -> None:
    text = '[\n  {"a": 1},\n\n  // two\n\n  {"b": 2},\n\n  // three\n\n  {"c": 3}\n]'
    for index in range(3):
        assert notes(remove_provider(f'{{"providers": {text}}}', index)) == {"// two": 1, "// three": 1}


def test_reorders_providers_with_their_comments() -> None:
    rows = [
        '    {"preset": "c"} /* dear */,\n',
        '    // the cheap one\n    {"preset": "a"}, // for now\n',
        '    {"preset": "b", "x": "[1, {}] // no comment"}\n',
    ]
    before, after = LINES.split("    // the cheap", maxsplit=1)[0], LINES.split("/* dear */\n")[1]
    assert reorder_providers(LINES, [2, 0, 1]) == "".join([before, *rows, after])


# Whatever the text looks like

BLANK = st.sampled_from(["", " ", "  ", "\n", "\r\n", "\n\n", "\n  ", "\t"])
NOTE = st.sampled_from(["// a\n", "// b, [\r\n", "/* c */", '/* "d" \n */', "/**/"])
FILLER = st.lists(BLANK | NOTE, max_size=4).map("".join)
KEYS, VALUES = st.sampled_from(["preset", "name"]), st.sampled_from(["a", "// b", "/* c */", "],[", '"'])
PROVIDER = st.dictionaries(KEYS, VALUES, max_size=2)
ADDED = st.dictionaries(KEYS, VALUES, min_size=1, max_size=2)


@st.composite
def texts(draw: st.DrawFn, least: int = 1) -> str:
    """A configuration with blanks and comments wherever they may stand."""

    def between() -> str:
        return draw(FILLER)

    providers = draw(st.lists(PROVIDER, min_size=least, max_size=5))
    indent = draw(st.sampled_from([None, 2]))
    items = ",".join(f"{between()}{json.dumps(one, indent=indent)}{between()}" for one in providers)
    members = [f'{between()}"providers"{between()}:{between()}[{items or between()}]{between()}']
    for name in draw(st.lists(st.sampled_from(["x", "y"]), max_size=2, unique=True)):
        value = draw(st.sampled_from(['"//"', '{"providers": [1]}', "[2, 3]"]))
        members.insert(draw(st.integers(0, len(members))), f'{between()}"{name}":{between()}{value}{between()}')
    mark = draw(st.sampled_from(["", "\ufeff"]))
    return f"{mark}{between()}{{{','.join(members)}}}{between()}"


def around(text: str) -> tuple[str, str]:
    """Return what stands before and behind the list of providers, found by other means than those of the editing."""
    plain = blanked(text)
    found = re.finditer(r'"providers"\s*:\s*\[', plain)
    start = next(one.end() for one in found if is_outermost(plain, one.start()))
    _, end = json.JSONDecoder().raw_decode(plain, start - 1)
    return text[:start], text[end - 1 :]


def is_outermost(plain: str, at: int) -> bool:
    depth, inside, escaped = 0, False, False
    for character in plain[:at]:
        if inside:
            inside, escaped = escaped or character != '"', character == "\\" and not escaped
        elif character == '"':
            inside = True
        else:
            depth += (character in "{[") - (character in "}]")
    return depth == 1


@given(texts(), ADDED, st.booleans())
def test_adding_changes_nothing_outside_the_list(text: str, one: dict[str, object], first: bool) -> None:
    after = add_provider(text, one, first=first)
    assert listed(after) == ([one, *listed(text)] if first else [*listed(text), one])
    assert around(after) == around(text)
    assert notes(after) == notes(text)


@given(texts(), ADDED, st.booleans())
@example('{"providers": [{} // a\n]}', ZAI, False)
@example('{"providers": [{} /* a */]}', ZAI, False)
@example('{"providers": [/* a\n */ {}]}', ZAI, True)
def test_removing_what_was_added_restores_the_text(text: str, one: dict[str, object], first: bool) -> None:
    assert remove_provider(add_provider(text, one, first=first), 0 if first else len(listed(text))) == text


@given(texts(least=0), ADDED)
def test_adds_to_an_empty_list(text: str, one: dict[str, object]) -> None:
    after = add_provider(text, one)
    assert listed(after) == [*listed(text), one]
    assert notes(after) == notes(text)


@given(texts(least=2), st.data())
def test_removing_changes_nothing_outside_the_list(text: str, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(listed(text)) - 1))
    after = remove_provider(text, index)
    expected = listed(text)
    del expected[index]
    assert listed(after) == expected
    assert around(after) == around(text)
    assert notes(after) <= notes(text)


@given(texts(), st.data())
def test_reordering_loses_nothing(text: str, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(listed(text)))))
    after = reorder_providers(text, order)
    assert listed(after) == [listed(text)[index] for index in order]
    assert around(after) == around(text)
    assert notes(after) == notes(text)
    if order == sorted(order):
        assert after == text


@given(st.permutations(range(4)))
def test_the_old_order_restores_the_text(order: list[int]) -> None:
    rows = ["  // one\n  {}", "  {} /* two */", "  /* three\n   */ {}", "  {}"]
    text = '{"providers": [\n' + ",\n".join(rows) + "\n]}"
    back = sorted(range(4), key=order.__getitem__)
    assert reorder_providers(reorder_providers(text, order), back) == text
