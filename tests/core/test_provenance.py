from __future__ import annotations

from claude_proxy.core.provenance import MAX_UNUSED, REFRESHED_AFTER, SignatureOwners, hashed
from claude_proxy.core.types import Upstream
from core.builders import NOW

MINIMAX, ZAI = Upstream("https://api.minimax.example"), Upstream("https://api.zai.example")


def noted(*pairs: tuple[str, Upstream], most: int = 100) -> SignatureOwners:
    signature_owners = SignatureOwners(most)
    for signature, upstream in pairs:
        signature_owners.note(hashed(signature), upstream, NOW)
    return signature_owners


def test_tells_the_upstream_of_a_signature() -> None:
    signature_owners = noted(("a", MINIMAX), ("b", ZAI))
    assert [signature_owners.of(one, NOW) for one in ("a", "b", "c")] == [MINIMAX, ZAI, None]


def test_the_upstream_noted_last_counts() -> None:
    signature_owners = noted(("a", MINIMAX), ("a", ZAI))
    assert (signature_owners.of("a", NOW), len(signature_owners)) == (ZAI, 1)


def test_the_signature_itself_is_not_kept() -> None:
    (row,) = noted(("a long signature", MINIMAX)).kept(NOW)
    assert row == (hashed("a long signature"), MINIMAX, NOW)
    assert "signature" not in str(row)
    assert hashed("\ud800")  # whatever Python takes for a text


def test_of_too_many_the_longest_unused_go() -> None:
    signature_owners = noted(("a", MINIMAX), ("b", MINIMAX), ("a", MINIMAX), ("c", MINIMAX), most=2)
    assert [signature_owners.of(one, NOW) for one in "abc"] == [MINIMAX, None, MINIMAX]


def test_a_use_is_noted_once_a_day_and_keeps_it_from_ageing() -> None:
    signature_owners = noted(("a", MINIMAX), ("b", MINIMAX))
    signature_owners.of("a", NOW + REFRESHED_AFTER)
    assert signature_owners.changes == 2
    later = NOW + REFRESHED_AFTER + 1
    assert [signature_owners.of("a", later), signature_owners.of("a", later), signature_owners.changes] == [
        MINIMAX,
        MINIMAX,
        3,
    ]
    assert [digest for digest, _, _ in signature_owners.kept(NOW + MAX_UNUSED + 1)] == [hashed("a")]
    assert [digest for digest, _, _ in signature_owners.kept(NOW)] == [hashed("b"), hashed("a")]


def test_what_was_kept_is_taken_up_without_being_news() -> None:
    signature_owners = SignatureOwners()
    signature_owners.restore(hashed("a"), MINIMAX, NOW)
    assert (signature_owners.of("a", NOW), signature_owners.changes) == (MINIMAX, 0)


def test_it_is_known_whether_anyone_else_has_signed() -> None:
    signature_owners = SignatureOwners(most=2)
    assert not signature_owners.others_than(ZAI)
    signature_owners.note(hashed("a"), MINIMAX, NOW)
    assert (signature_owners.others_than(ZAI), signature_owners.others_than(MINIMAX)) == (True, False)
    signature_owners.note(hashed("b"), ZAI, NOW)
    assert (signature_owners.others_than(ZAI), signature_owners.others_than(MINIMAX)) == (True, True)
    signature_owners.note(hashed("a"), ZAI, NOW)
    assert (signature_owners.others_than(ZAI), signature_owners.others_than(MINIMAX)) == (False, True)
    signature_owners.note(hashed("c"), MINIMAX, NOW)
    signature_owners.note(hashed("d"), MINIMAX, NOW)
    assert (signature_owners.others_than(ZAI), signature_owners.others_than(MINIMAX)) == (True, False)
