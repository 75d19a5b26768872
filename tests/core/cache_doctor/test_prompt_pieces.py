from __future__ import annotations

import json

import pytest

from claude_proxy.core.cache_doctor import prompt_pieces
from claude_proxy.core.cache_doctor.prompt_pieces import SentPrompt
from core.builders import request
from core.cache_doctor.prompts import body, sent, turns


def pieces(prompt: SentPrompt) -> list[bytes]:
    found = prompt.pieces()
    assert found is not None
    return [bytes(piece) for piece in found]


def test_the_pieces_stand_in_the_order_in_which_caches_read_them() -> None:
    raw = b'{"model":"m","messages":[{"role":"user","content":"a"},{}],"tool_choice":{"type":"any"}'
    raw += b',"system":"s","tools":[1]}'
    assert pieces(SentPrompt(request(raw), {})) == [
        b"[1]",
        b'"s"',
        b',{"type":"any"}',
        b'{"role":"user","content":"a"}',
        b"{}",
    ]


def test_what_the_provider_got_counts_and_not_what_the_client_sent() -> None:
    prompt = SentPrompt(request(b'{"model":"m","messages":[1],"system":"s"}'), {"messages": b"[2,3]", "system": None})
    assert pieces(prompt) == [b"", b"", b",", b"2", b"3"]
    assert prompt.extra_bytes == 5


def test_its_repr_holds_nothing_of_the_conversation() -> None:
    prompt = SentPrompt(request(b'{"model":"m","messages":["private"]}'), {"system": b'"private"'})
    assert "9 bytes anew" in repr(prompt)
    assert "private" not in repr(prompt)


def test_a_body_with_space_in_it_has_the_same_pieces() -> None:
    raw = json.loads(body(turns(3)))
    assert len(pieces(sent(json.dumps(raw, indent=1).encode()))) == len(pieces(sent(body(turns(3))))) == 6


@pytest.mark.parametrize("raw", [b'{"model":"m","messages":5}', b'{"model":"m","messages":{"a":1}}'])
def test_a_body_without_a_list_of_messages_has_no_pieces(raw: bytes) -> None:
    assert SentPrompt(request(raw), {}).pieces() is None


def test_too_many_messages_and_too_long_ones_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    prompt = SentPrompt(request(b'{"model":"m","messages":[' + b"1," * prompt_pieces.MAX_MESSAGES + b"1]}"), {})
    assert prompt.pieces() is None
    short = SentPrompt(request(b'{"model":"m","messages":[1]}'), {"system": b'"0123456789"'})
    assert short.pieces() is not None
    monkeypatch.setattr(prompt_pieces, "MAX_BYTES", 30)
    assert short.pieces() is None
