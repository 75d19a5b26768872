from __future__ import annotations

from claude_proxy.core.provenance import MAX_UNUSED, REFRESH_AFTER, SignatureOwners, digest_of
from claude_proxy.core.types import Upstream
from core.builders import NOW

MINIMAX, ZAI = Upstream("https://api.minimax.example"), Upstream("https://api.zai.example")


def noted(*pairs: tuple[str, Upstream], limit: int = 100) -> SignatureOwners:
    signature_owners = SignatureOwners(limit)
    for signature, upstream in pairs:
        signature_owners.note(digest_of(signature), upstream, NOW)
    return signature_owners


def test_tells_the_upstream_of_a_signature() -> None:
    signature_owners = noted(("a", MINIMAX), ("b", ZAI))
    assert [signature_owners.owner(signature, NOW) for signature in ("a", "b", "c")] == [MINIMAX, ZAI, None]


def test_the_upstream_noted_first_stays_the_owner() -> None:
    signature_owners = noted(("a", MINIMAX), ("a", ZAI))
    assert (signature_owners.owner("a", NOW), len(signature_owners), signature_owners.changes) == (MINIMAX, 1, 1)
    signature_owners.restore(digest_of("a"), ZAI, NOW)
    assert (signature_owners.owner("a", NOW), len(signature_owners)) == (MINIMAX, 1)


def test_no_upstream_can_push_out_or_take_the_signatures_of_another() -> None:
    signature_owners = noted(*((f"of minimax {number}", MINIMAX) for number in range(3)), limit=3)
    for number in range(50):
        signature_owners.note(digest_of(f"of minimax {number % 3}"), ZAI, NOW)
        signature_owners.note(digest_of(f"of zai {number}"), ZAI, NOW)
    assert [signature_owners.owner(f"of minimax {number}", NOW) for number in range(3)] == [MINIMAX] * 3
    assert [signature_owners.owner(f"of zai {number}", NOW) for number in (46, 47, 49)] == [None, ZAI, ZAI]
    assert len(signature_owners) == 6


def test_a_signature_that_was_dropped_can_be_shown_first_by_another() -> None:
    signature_owners = noted(("a", MINIMAX), ("b", MINIMAX), ("a", ZAI), limit=1)
    assert [signature_owners.owner(signature, NOW) for signature in "ab"] == [ZAI, MINIMAX]


def test_keeps_a_hash_and_not_the_signature() -> None:
    (row,) = noted(("a long signature", MINIMAX)).kept(NOW)
    assert row == (digest_of("a long signature"), MINIMAX, NOW)
    assert "signature" not in str(row)
    assert digest_of("\ud800")  # whatever Python takes for a text


def test_drops_the_signature_unused_for_longest_if_there_are_too_many() -> None:
    signature_owners = noted(("a", MINIMAX), ("b", MINIMAX), ("a", MINIMAX), ("c", MINIMAX), limit=2)
    assert [signature_owners.owner(signature, NOW) for signature in "abc"] == [MINIMAX, None, MINIMAX]


def test_records_a_use_once_a_day_so_that_used_signatures_do_not_expire() -> None:
    signature_owners = noted(("a", MINIMAX), ("b", MINIMAX))
    signature_owners.owner("a", NOW + REFRESH_AFTER)
    assert signature_owners.changes == 2
    later = NOW + REFRESH_AFTER + 1
    assert [signature_owners.owner("a", later), signature_owners.owner("a", later), signature_owners.changes] == [
        MINIMAX,
        MINIMAX,
        3,
    ]
    assert [digest for digest, _, _ in signature_owners.kept(NOW + MAX_UNUSED + 1)] == [digest_of("a")]
    assert [digest for digest, _, _ in signature_owners.kept(NOW)] == [digest_of("b"), digest_of("a")]


def test_restoring_is_not_a_change() -> None:
    signature_owners = SignatureOwners()
    signature_owners.restore(digest_of("a"), MINIMAX, NOW)
    assert (signature_owners.owner("a", NOW), signature_owners.changes) == (MINIMAX, 0)


def test_knows_whether_there_are_signatures_of_other_upstreams() -> None:
    signature_owners = SignatureOwners()
    assert not signature_owners.has_others_than(ZAI)
    signature_owners.note(digest_of("a"), MINIMAX, NOW)
    assert (signature_owners.has_others_than(ZAI), signature_owners.has_others_than(MINIMAX)) == (True, False)
    signature_owners.note(digest_of("b"), ZAI, NOW)
    assert (signature_owners.has_others_than(ZAI), signature_owners.has_others_than(MINIMAX)) == (True, True)
    signature_owners = noted(("b", ZAI))
    assert (signature_owners.has_others_than(ZAI), signature_owners.has_others_than(MINIMAX)) == (False, True)
