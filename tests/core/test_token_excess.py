"""What providers say of too many tokens, and what only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.token_excess import Excess, TokenExcess, read_excess
from core.token_errors import HELD_OUT, SEEN
from core.token_errors_seen_later import KINDS_TRIED_LAST, OTHERS, TRIED_LATER


@pytest.mark.parametrize(("words", "kind", "given", "output", "limit"), [*SEEN, *HELD_OUT, *TRIED_LATER])
def test_reads_what_is_too_much_and_by_which_numbers(
    words: str, kind: Excess, given: int | None, output: int | None, limit: int | None
) -> None:
    assert read_excess(words) == TokenExcess(kind, given, output, limit)


@pytest.mark.parametrize(("words", "kind"), KINDS_TRIED_LAST)
def test_tells_what_is_too_much(words: str, kind: Excess) -> None:
    found = read_excess(words)
    assert found is not None
    assert found.kind is kind


@pytest.mark.parametrize("words", OTHERS)
def test_does_not_take_another_error_for_too_many_tokens(words: str) -> None:
    assert read_excess(words) is None


@given(st.text())
def test_any_text_can_be_read(words: str) -> None:
    for said in (words, f"prompt too long: {words} + max_tokens > 5"):
        found = read_excess(said)
        if found and found.given and found.kind is not Excess.OUTPUT:
            assert found.given + (found.output or 0) > (found.limit or 0) > 0
