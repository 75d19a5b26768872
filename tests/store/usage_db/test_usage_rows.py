"""What the rows of an exchange say."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from claude_proxy.core.client_hints import ClientHints
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Cost
from claude_proxy.store.usage_db.rows import ATTEMPT_COLUMNS, EXCHANGE_COLUMNS, attempt_rows, exchange_row
from store.usage_db.accounts import ATTEMPT, NOW, account

REJECTED = replace(ATTEMPT, provider="zai", reason=Reason.PLAN_LIMIT, status=429, cost=Cost(0.0))


def exchange(**changes: Any) -> dict[str, Any]:
    return dict(zip(EXCHANGE_COLUMNS.split(", "), exchange_row(7, account(**changes)), strict=True))


def attempts(**changes: Any) -> list[dict[str, Any]]:
    names = ATTEMPT_COLUMNS.split(", ")
    return [dict(zip(names, row, strict=True)) for row in attempt_rows(7, account(**changes))]


def test_an_exchange_has_its_times_and_its_tokens() -> None:
    row = exchange()
    assert (row["started_at"], row["ended_at"], row["first_byte_ms"], row["total_ms"]) == (NOW, NOW + 2.31, 842, 2310)
    assert (row["input_tokens"], row["output_tokens"], row["cache_read_tokens"]) == (210, 95, 1200)
    assert (row["cache_write_5m_tokens"], row["cache_write_1h_tokens"]) == (10, 30)


def test_an_exchange_says_what_claude_code_says_of_it() -> None:
    row = exchange(hints=ClientHints("subagent", "agent", "parent", "Explore", "prompt"))
    told = row["class"], row["agent"], row["parent_agent"], row["agent_type"], row["prompt"]
    assert told == ("subagent", "agent", "parent", "Explore", "prompt")


def test_an_attempt_has_what_it_asked_for_and_what_came_of_it() -> None:
    first, second = attempts(attempts=(REJECTED, ATTEMPT))
    assert (first["exchange"], first["number"], first["provider"], first["outcome"]) == (7, 1, "zai", "plan_limit")
    assert (second["number"], second["model"], second["outcome"], second["status"]) == (2, "MiniMax-M3", "200", 200)
    assert (second["credential"], second["started_ms"], second["judged_ms"]) == ("MINIMAX_API_KEY", 12.0, 830.0)


@pytest.mark.parametrize(
    ("costs", "cost", "plan_cost"),
    [
        ([Cost(0.5)], 0.5, 0.0),
        ([Cost(0.5), Cost(0.25)], 0.75, 0.0),
        ([Cost(0.5), Cost(0.25, is_plan=True)], 0.5, 0.25),
        ([Cost(0.5), Cost(None)], None, 0.0),
        ([Cost(0.5), Cost(None, is_plan=True)], 0.5, None),
        ([], 0.0, 0.0),
    ],
)
def test_costs_add_up_and_one_that_is_unknown_makes_the_sum_unknown(
    costs: list[Cost], cost: float | None, plan_cost: float | None
) -> None:
    row = exchange(attempts=tuple(replace(ATTEMPT, cost=each) for each in costs))
    assert (row["cost"], row["plan_cost"]) == (cost, plan_cost)


def test_another_provider_that_was_asked_is_a_failover_and_a_second_try_is_none() -> None:
    assert exchange(attempts=(REJECTED, REJECTED, ATTEMPT))["failovers"] == 1
    assert exchange(attempts=(REJECTED, ATTEMPT, REJECTED))["failovers"] == 2


def test_the_check_of_tool_calls_is_an_attempt_that_costs_and_is_no_failover() -> None:
    checked = account(checks=(replace(ATTEMPT, provider="zai"),))
    assert [(row[1], row[2], row[-1]) for row in attempt_rows(7, checked)] == [(1, "minimax", ""), (2, "zai", "check")]
    row = exchange(checks=checked.checks)
    assert (row["cost"], row["failovers"]) == (1.0, 0)


def test_an_exchange_that_no_provider_answered_has_no_model() -> None:
    row = exchange(provider="", first_byte_ms=None)
    assert (row["provider"], row["model"], row["first_byte_ms"]) == ("", "", None)


def test_texts_from_outside_are_bounded_and_on_one_line() -> None:
    row = exchange(session="a\n\ud800" + "b" * 999, requested_model="m\x1b" * 999)
    assert len(row["session"]) == 64
    assert len(row["requested_model"]) == 200
    assert row["session"].isprintable()
    assert row["requested_model"].isprintable()
