from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.bounded import BoundedDict


def filled(*keys: str, limit: int = 3) -> BoundedDict[str, int]:
    entries = BoundedDict[str, int](limit)
    for number, key in enumerate(keys):
        entries[key] = number
    return entries


def test_drops_the_first_entry_when_full() -> None:
    assert list(filled("a", "b", "c", "d")) == ["b", "c", "d"]


def test_setting_a_key_moves_it_to_the_end() -> None:
    assert list(filled("a", "b", "c", "a", "d").items()) == [("c", 2), ("a", 3), ("d", 4)]


def test_reading_does_not_change_the_order() -> None:
    entries = filled("a", "b", "c")
    assert (entries["a"], entries.get("a"), "a" in entries) == (0, 0, True)
    entries["d"] = 3
    assert "a" not in entries


def test_put_returns_the_value_that_it_displaced() -> None:
    entries = filled("a", "b", limit=2)
    assert entries.put("b", 5) == 1
    assert entries.put("c", 6) == 0
    assert filled().put("a", 1) is None


def test_no_way_to_set_entries_goes_past_the_limit() -> None:
    entries = filled("a", "b", "c")
    assert entries.setdefault("d", 3) == 3
    entries.update({"e": 4})
    entries |= {"f": 5}
    assert entries == {"d": 3, "e": 4, "f": 5}


def test_an_entry_can_be_removed() -> None:
    entries = filled("a", "b")
    assert (entries.pop("a"), entries) == (0, {"b": 1})


def test_shows_how_full_it_is() -> None:
    assert repr(filled("a", "b")) == "<BoundedDict 2 of 3>"


@given(st.lists(st.tuples(st.integers(0, 5), st.integers())), st.integers(1, 4))
def test_holds_the_entries_that_were_put_last(puts: list[tuple[int, int]], limit: int) -> None:
    entries = BoundedDict[int, int](limit)
    for key, value in puts:
        entries[key] = value
    last_put = list(dict.fromkeys(key for key, _ in reversed(puts)))[:limit]
    assert list(entries) == last_put[::-1]
    assert entries == {key: dict(puts)[key] for key in last_put}
