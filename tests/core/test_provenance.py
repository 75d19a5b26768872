from __future__ import annotations

from claude_proxy.core.provenance import MAX_UNUSED, REFRESHED_AFTER, SignatureOwners, hashed
from core.builders import NOW


def noted(*pairs: tuple[str, str], most: int = 100) -> SignatureOwners:
    signature_owners = SignatureOwners(most)
    for signature, provider in pairs:
        signature_owners.note(hashed(signature), provider, NOW)
    return signature_owners


def test_a_signature_tells_its_provider() -> None:
    signature_owners = noted(("a", "minimax"), ("b", "zai"))
    assert [signature_owners.of(one, NOW) for one in ("a", "b", "c")] == ["minimax", "zai", None]


def test_who_said_it_last_counts() -> None:
    signature_owners = noted(("a", "minimax"), ("a", "zai"))
    assert (signature_owners.of("a", NOW), len(signature_owners)) == ("zai", 1)


def test_the_signature_itself_is_not_kept() -> None:
    (row,) = noted(("a long signature", "minimax")).kept(NOW)
    assert row == (hashed("a long signature"), "minimax", NOW)
    assert "signature" not in str(row)
    assert hashed("\ud800")  # whatever Python takes for a text


def test_of_too_many_the_longest_unused_go() -> None:
    signature_owners = noted(("a", "x"), ("b", "x"), ("a", "x"), ("c", "x"), most=2)
    assert [signature_owners.of(one, NOW) for one in "abc"] == ["x", None, "x"]


def test_a_use_is_noted_once_a_day_and_keeps_it_from_ageing() -> None:
    signature_owners = noted(("a", "x"), ("b", "x"))
    signature_owners.of("a", NOW + REFRESHED_AFTER)
    assert signature_owners.changes == 2
    later = NOW + REFRESHED_AFTER + 1
    assert [signature_owners.of("a", later), signature_owners.of("a", later), signature_owners.changes] == ["x", "x", 3]
    assert [digest for digest, _, _ in signature_owners.kept(NOW + MAX_UNUSED + 1)] == [hashed("a")]
    assert [digest for digest, _, _ in signature_owners.kept(NOW)] == [hashed("b"), hashed("a")]


def test_what_was_kept_is_taken_up_without_being_news() -> None:
    signature_owners = SignatureOwners()
    signature_owners.restore(hashed("a"), "x", NOW)
    assert (signature_owners.of("a", NOW), signature_owners.changes) == ("x", 0)


def test_it_is_known_whether_anyone_else_has_signed() -> None:
    signature_owners = SignatureOwners(most=2)
    assert not signature_owners.others_than("zai")
    signature_owners.note(hashed("a"), "minimax", NOW)
    assert (signature_owners.others_than("zai"), signature_owners.others_than("minimax")) == (True, False)
    signature_owners.note(hashed("b"), "zai", NOW)
    assert (signature_owners.others_than("zai"), signature_owners.others_than("minimax")) == (True, True)
    signature_owners.note(hashed("a"), "zai", NOW)
    assert (signature_owners.others_than("zai"), signature_owners.others_than("minimax")) == (False, True)
    signature_owners.note(hashed("c"), "minimax", NOW)
    signature_owners.note(hashed("d"), "minimax", NOW)
    assert (signature_owners.others_than("zai"), signature_owners.others_than("minimax")) == (True, False)
