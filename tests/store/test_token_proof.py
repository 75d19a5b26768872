from __future__ import annotations

import pytest

from claude_proxy.store.token_proof import CHALLENGE, MAX_CHALLENGE, is_proven, new_challenge, prove

TOKEN = "the-token-of-this-installation"


def test_only_the_same_token_port_and_challenge_give_the_proof() -> None:
    challenge = new_challenge()
    proof = prove(TOKEN, 8787, challenge)
    assert is_proven(proof, TOKEN, 8787, challenge)
    assert not is_proven(proof, TOKEN + "x", 8787, challenge)
    assert not is_proven(proof, TOKEN, 8788, challenge), "as if it was passed on from another port"
    assert not is_proven(proof, TOKEN, 8787, new_challenge()), "as if it was recorded before"


@pytest.mark.parametrize("proof", ["", "0" * 64, "\u00e9"])
def test_anything_else_is_no_proof(proof: str) -> None:
    assert not is_proven(proof, TOKEN, 8787, new_challenge())


def test_a_challenge_is_a_short_query_that_is_never_the_same() -> None:
    challenge = new_challenge()
    assert challenge.startswith(CHALLENGE)
    assert len(challenge) <= MAX_CHALLENGE
    assert new_challenge() != challenge
