from __future__ import annotations

from claude_proxy.core.origins import LONGEST_UNUSED, REFRESHED_AFTER, Origins, hashed
from core.given import NOW


def noted(*pairs: tuple[str, str], most: int = 100) -> Origins:
    origins = Origins(most)
    for signature, provider in pairs:
        origins.note(hashed(signature), provider, NOW)
    return origins


def test_a_signature_tells_its_provider() -> None:
    origins = noted(("a", "minimax"), ("b", "zai"))
    assert [origins.of(one, NOW) for one in ("a", "b", "c")] == ["minimax", "zai", None]


def test_who_said_it_last_counts() -> None:
    origins = noted(("a", "minimax"), ("a", "zai"))
    assert (origins.of("a", NOW), len(origins)) == ("zai", 1)


def test_the_signature_itself_is_not_kept() -> None:
    (row,) = noted(("a long signature", "minimax")).kept(NOW)
    assert row == (hashed("a long signature"), "minimax", NOW)
    assert "signature" not in str(row)
    assert hashed("\ud800")  # whatever Python takes for a text


def test_of_too_many_the_longest_unused_go() -> None:
    origins = noted(("a", "x"), ("b", "x"), ("a", "x"), ("c", "x"), most=2)
    assert [origins.of(one, NOW) for one in "abc"] == ["x", None, "x"]


def test_a_use_is_noted_once_a_day_and_keeps_it_from_ageing() -> None:
    origins = noted(("a", "x"), ("b", "x"))
    origins.of("a", NOW + REFRESHED_AFTER)
    assert origins.changes == 2
    later = NOW + REFRESHED_AFTER + 1
    assert [origins.of("a", later), origins.of("a", later), origins.changes] == ["x", "x", 3]
    assert [digest for digest, _, _ in origins.kept(NOW + LONGEST_UNUSED + 1)] == [hashed("a")]
    assert [digest for digest, _, _ in origins.kept(NOW)] == [hashed("b"), hashed("a")]


def test_what_was_kept_is_taken_up_without_being_news() -> None:
    origins = Origins()
    origins.restore(hashed("a"), "x", NOW)
    assert (origins.of("a", NOW), origins.changes) == ("x", 0)


def test_it_is_known_whether_anyone_else_has_signed() -> None:
    origins = Origins(most=2)
    assert not origins.others_than("zai")
    origins.note(hashed("a"), "minimax", NOW)
    assert (origins.others_than("zai"), origins.others_than("minimax")) == (True, False)
    origins.note(hashed("b"), "zai", NOW)
    assert (origins.others_than("zai"), origins.others_than("minimax")) == (True, True)
    origins.note(hashed("a"), "zai", NOW)
    assert (origins.others_than("zai"), origins.others_than("minimax")) == (False, True)
    origins.note(hashed("c"), "minimax", NOW)
    origins.note(hashed("d"), "minimax", NOW)
    assert (origins.others_than("zai"), origins.others_than("minimax")) == (True, False)
