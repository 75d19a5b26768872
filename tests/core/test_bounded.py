from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.bounded import BoundedDict, Shares


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


def test_put_returns_the_key_that_it_dropped() -> None:
    entries = filled("a", "b", limit=2)
    assert entries.put("b", 5) is None
    assert entries.put("c", 6) == "a"
    assert filled().put("a", 1) is None


def test_a_smaller_limit_drops_the_first_entries() -> None:
    entries = filled("a", "b", "c")
    assert (entries.limit_to(2), list(entries), entries.put("d", 3)) == (["a"], ["b", "c"], "b")
    assert (entries.limit_to(9), list(entries)) == ([], ["c", "d"])


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


def shared(*entries: str, each: int = 3, total: int = 100) -> Shares[str, str, int]:
    """Return a table into which these were put in this order: an owner, a slash, a key."""
    table = Shares[str, str, int](each, total)
    for number, entry in enumerate(entries):
        owner, _, key = entry.partition("/")
        table.put(owner, key, number)
    return table


def test_an_owner_pushes_out_only_its_own_entries() -> None:
    table = shared("a/1", "b/1", "b/2", "b/3", each=3)
    assert [table.put("b", str(key), 0) for key in range(4, 7)] == [["1"], ["2"], ["3"]]
    assert (table.get("a", "1"), table.get("b", "3"), len(table)) == (0, None, 4)


def test_a_key_that_two_owners_have_is_an_entry_of_each() -> None:
    table = shared("a/1", "b/1")
    assert (table.get("a", "1"), table.get("b", "1"), table.get("c", "1")) == (0, 1, None)


def test_many_owners_have_smaller_shares() -> None:
    table = shared("a/1", "a/2", "a/3", each=3, total=4)
    assert table.put("b", "1", 0) == ["1"]
    assert table.put("c", "1", 0) == ["2"]
    assert table.put("d", "1", 0) == []
    assert table.put("e", "1", 0) == []
    assert [owner for owner, _, _ in table.items()] == list("abcde")


def test_a_share_can_be_removed() -> None:
    table = shared("a/1", "a/2", "b/1")
    assert (table.pop("a"), table.pop("a"), table.owners(), len(table)) == ({"1": 0, "2": 1}, {}, ["b"], 1)


def test_counts_the_entries_of_an_owner() -> None:
    table = shared("a/1", "a/2", "b/1")
    assert [table.count(owner) for owner in "abc"] == [2, 1, 0]


def test_a_table_of_shares_shows_how_full_it_is() -> None:
    assert repr(shared("a/1", "a/2", "b/1")) == "<Shares 3 entries of 2 owners>"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9))), st.integers(1, 4), st.integers(1, 9))
def test_what_put_returns_is_what_is_gone(puts: list[tuple[str, int]], each: int, total: int) -> None:
    table, there = Shares[str, tuple[str, int], None](each, total), set[tuple[str, int]]()
    for owner, number in puts:
        dropped = table.put(owner, (owner, number), None)
        there = (there | {(owner, number)}) - set(dropped)
        assert {key for _, key, _ in table.items()} == there
    assert len(table) <= max(total, len(table.owners()))
