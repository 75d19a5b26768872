from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.memory_budget import NOT_COUNTED, MemoryBudget, MemoryShare, OverBudgetError

MIB = 1024 * 1024


def test_counts_what_all_shares_hold() -> None:
    budget = MemoryBudget()
    one, other = budget.share(), budget.share()
    one.hold(3 * MIB)
    other.hold(2 * MIB)
    one.hold(MIB)
    assert budget.held == 3 * MIB


def test_does_not_count_a_share_that_holds_little() -> None:
    budget = MemoryBudget(limit=NOT_COUNTED)
    shares = [budget.share() for _ in range(100)]
    for share in shares:
        share.hold(NOT_COUNTED)
    assert budget.held == 0
    with pytest.raises(OverBudgetError):
        shares[0].hold(NOT_COUNTED + 1)


def test_beyond_the_limit_nothing_changes_and_the_error_names_the_setting() -> None:
    budget = MemoryBudget(2 * MIB)
    share = budget.share()
    share.hold(2 * MIB)
    text = r"^all requests .* more than 2 MB of memory \(memory_budget_mb in config.json sets the limit\)$"
    for greedy in (share, share.part(), budget.share()):
        with pytest.raises(OverBudgetError, match=text):
            greedy.hold(2 * MIB + 1)
        assert (budget.held, share.size) == (2 * MIB, 2 * MIB)


def test_what_has_come_already_is_counted_beyond_the_limit_too() -> None:
    budget = MemoryBudget(MIB)
    share = budget.share()
    share.part().count(2 * MIB)
    assert budget.held == 2 * MIB
    with pytest.raises(OverBudgetError):
        share.hold(MIB)
    share.hold(NOT_COUNTED)
    share.close()
    assert budget.held == 0


def test_a_lower_limit_takes_nothing_away() -> None:
    budget = MemoryBudget(4 * MIB)
    share = budget.share()
    share.hold(3 * MIB)
    budget.limit = MIB
    share.hold(2 * MIB)
    assert budget.held == 2 * MIB
    with pytest.raises(OverBudgetError):
        share.hold(3 * MIB)


def test_closing_gives_back_what_a_share_and_its_parts_hold() -> None:
    budget = MemoryBudget()
    share, other = budget.share(), budget.share()
    attempt = share.part()
    event = attempt.part()
    for holder in (share, attempt, event, other):
        holder.hold(MIB)
    attempt.close()
    assert budget.held == 2 * MIB
    attempt.close()
    event.hold(0)
    event.hold(9 * MIB)
    assert budget.held == 2 * MIB
    share.close()
    assert budget.held == MIB


def test_shows_what_is_held() -> None:
    budget = MemoryBudget(2 * MIB)
    share = budget.share()
    share.part().hold(MIB)
    assert (repr(budget), repr(share)) == ("<MemoryBudget 1048576 of 2097152 bytes>", "<MemoryShare 1048576 bytes>")
    share.close()
    assert repr(share) == "<MemoryShare 0 bytes, closed>"


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4 * MIB) | st.none()), max_size=40))
def test_what_is_held_is_the_sum_of_what_is_open_and_never_beyond_the_limit(
    steps: list[tuple[int, int | None]],
) -> None:
    budget = MemoryBudget(8 * MIB)
    share = budget.share()
    attempts = [share.part(), share.part()]
    holders = [budget.share(), share, *attempts, *(attempt.part() for attempt in attempts), attempts[0].part()]
    within: dict[int, tuple[int, ...]] = {1: (1, 2, 3, 4, 5, 6), 2: (2, 4, 6), 3: (3, 5)}
    held = dict.fromkeys(range(len(holders)), 0)
    closed = set[int]()
    for number, size in steps:
        if size is None:
            holders[number].close()
            closed |= set(within.get(number, (number,)))
        elif _try_hold(holders[number], size):
            held[number] = size if size > NOT_COUNTED else 0
        expected = sum(size for holder, size in held.items() if holder not in closed)
        assert budget.held == expected <= budget.limit


def _try_hold(holder: MemoryShare, size: int) -> bool:
    try:
        holder.hold(size)
    except OverBudgetError:
        return False
    return True


def test_knows_when_more_than_half_is_used() -> None:
    budget = MemoryBudget(4 * NOT_COUNTED)
    share = budget.share()
    share.hold(2 * NOT_COUNTED)
    assert not budget.is_half_used
    share.hold(2 * NOT_COUNTED + 1)
    assert budget.is_half_used
