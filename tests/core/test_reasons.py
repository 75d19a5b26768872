from __future__ import annotations

import pytest

from claude_proxy.core.reasons import in_words


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("no_credit", "out of credit"),
        ("plan_limit", "plan limit"),
        ("429", "too many requests"),
        ("529", "overloaded"),
        ("overloaded_error", "overloaded"),
        ("refused", "out of reach"),
        ("stalled", "silent"),
        ("truncated", "broke off"),
        ("401", "login refused"),
        ("500", "answered 500"),
        ("api_error", "api error"),
        ("", ""),
    ],
)
def test_a_reason_is_told_in_plain_words(reason: str, words: str) -> None:
    assert in_words(reason) == words


@pytest.mark.parametrize("status", ["401", "403"])
def test_of_a_refused_key_the_variable_is_named(status: str) -> None:
    assert in_words(status, "A_KEY") == "key refused: mend A_KEY"
    assert in_words("529", "A_KEY") == "overloaded"
