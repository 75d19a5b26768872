from __future__ import annotations

from dataclasses import fields

from claude_proxy.core.usage_totals import Group, Sum, Totals

ONE = Totals(1, 2, 3, 4, 5, 6, 7, 8, 9, Sum(10.0, 11), Sum(12.0, 13), Sum(14.0, 15), 16.0)


def test_every_part_is_added() -> None:
    twice = ONE + ONE
    for field in fields(Totals):
        one = getattr(ONE, field.name)
        assert getattr(twice, field.name) == one + one
    assert (ONE.cost + ONE.cost) == Sum(20.0, 22)


def test_the_cache_share_is_of_all_input() -> None:
    assert (
        Totals(input_tokens=10, cache_read_tokens=60, cache_write_5m_tokens=10, cache_write_1h_tokens=20).cache_share
        == 0.6
    )
    assert Totals(output_tokens=5).cache_share is None


def test_a_value_counts_what_plans_pay() -> None:
    assert Totals(cost=Sum(1.0), plan_cost=Sum(2.0)).value == 3.0


def test_groups_of_one_name_become_one() -> None:
    assert Group("a", 5.0, 6.0, ONE) + Group("a", 2.0, 5.5, ONE) == Group("a", 2.0, 6.0, ONE + ONE)
