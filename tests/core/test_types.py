from __future__ import annotations

from claude_proxy.core.types import Attempt, Egress, Policy, Reply
from core.builders import provider


def test_no_repr_shows_a_secret_or_content() -> None:
    shown = f"{provider(api_key='sk-secret', headers=((b'x-key', b'secret'),))!r}"
    shown += f"{Egress('http://user:secret@proxy:3128')!r} {Reply(200, ((b'a', b'secret'),), b'secret')!r}"
    shown += f"{Attempt('minimax', '401', 3.5, 'secret is not a key')!r}"
    assert "secret" not in shown
    assert "MINIMAX_API_KEY" in shown


def test_an_attempt_reads_as_in_the_header() -> None:
    assert str(Attempt("minimax", "429", 12.0, "slow down")) == "minimax=429"


def test_the_statuses_that_are_retried_unless_the_user_says_otherwise() -> None:
    assert Policy().retry_statuses == {429, 500, 502, 503, 504, 529}
