"""The token that opens `/metrics`, from `.env` or the environment."""

from __future__ import annotations

import pytest

from claude_proxy.config.metrics_token import MAX_LENGTH, MIN_LENGTH, VARIABLE
from config.folder import KEYS, Folder

CONFIG = {"providers": [{"preset": "minimax"}]}
TOKEN = "0123456789abcdef"


def test_it_is_what_the_file_or_the_environment_says(home: Folder) -> None:
    assert home.loads(CONFIG).metrics_token == ""
    assert home.loads(CONFIG, env=f"{KEYS}{VARIABLE}=\n").metrics_token == ""
    assert home.loads(CONFIG, env=f"{KEYS}{VARIABLE}={TOKEN}\n").metrics_token == TOKEN
    environ = {VARIABLE: f" {TOKEN}9 "}
    assert home.loads(CONFIG, env=f"{KEYS}{VARIABLE}={TOKEN}\n", environ=environ).metrics_token == f"{TOKEN}9"


@pytest.mark.parametrize("length", [MIN_LENGTH, MAX_LENGTH])
def test_a_token_of_a_length_at_the_limits_is_taken(home: Folder, length: int) -> None:
    assert home.loads(CONFIG, env=f"{KEYS}{VARIABLE}={'a' * length}").metrics_token == "a" * length


@pytest.mark.parametrize(
    "token",
    [
        "a" * (MIN_LENGTH - 1),
        "a" * (MAX_LENGTH + 1),
        '"a token with spaces in it"',
        "schlüssel-zu-den-zahlen",
        '"a\x1b' + TOKEN + '"',
    ],
)
def test_a_token_that_cannot_be_used_is_a_problem_that_does_not_show_it(home: Folder, token: str) -> None:
    [fault] = home.faults(CONFIG, env=f"{KEYS}{VARIABLE}={token}\n")
    assert fault.startswith(f".env: {VARIABLE}: it is too short, too long, or no plain text. Write 16 to 512 letters")
    assert token.strip('"') not in fault


def test_a_configuration_does_not_show_it(home: Folder) -> None:
    assert TOKEN not in repr(home.loads(CONFIG, env=f"{KEYS}{VARIABLE}={TOKEN}\n"))
