"""A key is written into .env where its variable stands, and no other line changes."""

from __future__ import annotations

import io

import pytest
from dotenv.parser import parse_stream
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.config.assignment import assigned
from claude_proxy.config.problem import Findings
from claude_proxy.config.variables import parse_variables_of

NAME, KEY = "ZAI_API_KEY", "sk-4f9d1c7a"


def read(text: str) -> dict[str, str]:
    findings = Findings()
    variables = parse_variables_of(text.removeprefix("\ufeff"), {}, findings)
    assert not findings.problems
    return dict(variables.file)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", "ZAI_API_KEY={}\n"),
        ("A=b\n", "A=b\nZAI_API_KEY={}\n"),
        ("A=b", "A=b\nZAI_API_KEY={}\n"),
        ("A=b\r\n", "A=b\r\nZAI_API_KEY={}\r\n"),
        ("# ZAI_API_KEY=\n", "# ZAI_API_KEY=\nZAI_API_KEY={}\n"),
        ("ZAI_API_KEY=\nA=b\n", "ZAI_API_KEY={}\nA=b\n"),
        ("\n\nexport ZAI_API_KEY =   # mine\nA=b\n", "\n\nexport ZAI_API_KEY ={}   # mine\nA=b\n"),
        ("ZAI_API_KEY=''  # mine\r\nA=b\r\n", "ZAI_API_KEY={}  # mine\r\nA=b\r\n"),
        ('ZAI_API_KEY = "old" # mine', "ZAI_API_KEY = {} # mine"),
        ("ZAI_API_KEY=old #mine\n", "ZAI_API_KEY={} #mine\n"),
        ("ZAI_API_KEY=#old\n", "ZAI_API_KEY={}\n"),
        ("ZAI_API_KEY=one\nA=b\nZAI_API_KEY=\n", "ZAI_API_KEY=one\nA=b\nZAI_API_KEY={}\n"),
        ("ZAI_API_KEY_2=\n", "ZAI_API_KEY_2=\nZAI_API_KEY={}\n"),
        ("\ufeffZAI_API_KEY=\n", "\ufeffZAI_API_KEY={}\n"),
        ("'ZAI_API_KEY'=\n", "'ZAI_API_KEY'={}\n"),
        ('A="two\nZAI_API_KEY=lines"\n', 'A="two\nZAI_API_KEY=lines"\nZAI_API_KEY={}\n'),
    ],
)
def test_sets_a_variable_in_its_place(text: str, after: str) -> None:
    assert assigned(text, NAME, KEY) == after.format(KEY)
    assert read(assigned(text, NAME, KEY))[NAME] == KEY


@pytest.mark.parametrize("value", ["a#b", "#a", "a'b", 'a"b', "a\\b", "a$b", "a'\\'b", "\\", "a`b", "(a);b"])
def test_quotes_a_value_if_needed(value: str) -> None:
    assert read(assigned("A=b\n", NAME, value)) == {"A": "b", NAME: value}


BLANKS = st.sampled_from(["", " ", "\t", "  "])
VALUES = st.text(st.sampled_from("ab'\"\\#$={}"), min_size=1).filter(lambda value: "${" not in value)
LINES = st.sampled_from(["# one\n", "\n", "A=b # c\n", "export B='x y'\r\n", 'C="\n#"\n', "D=\n", "# ZAI_API_KEY=a\n"])
OLD = st.sampled_from(["", "''", '""', "old", "'o # ld'", '"o\\"ld"', "#old", "o#ld"])


@given(st.lists(LINES), OLD, st.lists(LINES), BLANKS, st.sampled_from(["", " # mine"]), VALUES)
def test_keeps_every_other_line(
    above: list[str], old: str, below: list[str], blanks: str, comment: str, value: str
) -> None:
    text = "".join([*above, f"{NAME}{blanks}={blanks}{old}{comment}\n", *below])
    after = assigned(text, NAME, value)
    assert read(after) == {**read(text), NAME: value}
    assert after.startswith("".join(above))
    assert after.endswith(f"{comment}\n" + "".join(below))
    whole = [binding.original.string for binding in parse_stream(io.StringIO(after))]
    assert len(whole) == len(list(parse_stream(io.StringIO(text))))
