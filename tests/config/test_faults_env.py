"""A fault of `.env`, or of a key in it or in the environment, is told without the key."""

from __future__ import annotations

import pytest

from config.folder import Folder

GOOD = {"name": "good", "base_url": "https://good.example", "api_key_env": "MINIMAX_API_KEY"}


LINE = 'is not of the form NAME=value. Write it as NAME=value, with the value in quotes if it holds spaces or "#".'


@pytest.mark.parametrize(
    ("env", "line"),
    [
        ("sk-abcdef", 1),
        ("A=1\n\n\nMINIMAX_API_KEY: abc\n", 4),
        ("A=1\r\n# b\r\nMINIMAX_API_KEY='abc\r\n", 3),
        ('\n\n"abc', 3),
        ("=abc", 1),
    ],
)
def test_names_the_number_of_a_broken_line_in_the_env_file(home: Folder, env: str, line: int) -> None:
    assert home.faults({"providers": [GOOD]}, env=env) == [f".env: line {line}: {LINE}"]


@pytest.mark.parametrize("key", ["a b", "a\tb", "schlüssel", "“a” b", "a\x00b"])
def test_names_the_variable_of_a_key_that_no_header_can_hold(home: Folder, key: str) -> None:
    what = "the key in it has a space, a control character or one that is not ASCII"
    fix = "Copy the key again, without anything around it."
    twice = {"providers": [GOOD, GOOD | {"name": "other"}]}
    assert home.faults(twice, env=f'MINIMAX_API_KEY="{key}"') == [f".env: MINIMAX_API_KEY: {what}. {fix}"]
    assert home.faults(twice, environ={"MINIMAX_API_KEY": key}) == [f"environment: MINIMAX_API_KEY: {what}. {fix}"]
