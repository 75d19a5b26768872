"""Budgets in config.json."""

from __future__ import annotations

from typing import Any

import pytest

from claude_proxy.core.budgets import Budget, Period
from config.folder import Folder

PROVIDERS = [{"preset": "minimax"}, {"preset": "moonshot"}]


def settings(*budgets: Any, **others: Any) -> dict[str, Any]:
    return {"providers": PROVIDERS, "budgets": list(budgets), **others}


def test_an_entry_is_a_budget_for_each_period_that_it_names(home: Folder) -> None:
    config = home.loads(settings({"day": 20, "month": 200.5}, {"provider": "moonshot", "month": 50}))
    assert config.budgets == (
        Budget(20, Period.DAY),
        Budget(200.5, Period.MONTH),
        Budget(50, Period.MONTH, "moonshot"),
    )
    assert config.on_budget == "pass"
    assert home.loads(settings({"day": 1}, on_budget="warn")).on_budget == "warn"


def test_there_is_none_by_default(home: Folder) -> None:
    assert home.loads({"providers": PROVIDERS}).budgets == ()


@pytest.mark.parametrize(
    ("budget", "fault"),
    [
        ({}, "budgets[0]: it says neither day nor month"),
        ({"provider": "moonshot"}, "budgets[0]: it says neither day nor month"),
        (None, "budgets[0]: null is not an object"),
        ({"day": 0}, "budgets[0].day: 0 is not a sum of dollars above 0 and up to 1000000"),
        ({"day": "20"}, 'budgets[0].day: "20" is not a sum of dollars above 0'),
        ({"week": 20}, "budgets[0]"),
        ({"provider": "monshot", "day": 1}, 'Did you mean "moonshot"?'),
    ],
)
def test_a_wrong_budget_is_named_with_what_is_wrong(home: Folder, budget: dict[str, Any] | None, fault: str) -> None:
    [found] = home.faults(settings(budget))
    assert fault in found


def test_a_wrong_choice_for_on_budget_is_a_fault(home: Folder) -> None:
    [fault] = home.faults(settings({"day": 1}, on_budget="stop"))
    assert 'on_budget: "stop" is not "pass" or "warn"' in fault


def test_a_budget_of_a_plan_is_warned_of(home: Folder) -> None:
    providers = [{"preset": "minimax", "plan": True}, {"preset": "moonshot", "plan": False}]
    config = home.loads({"providers": providers, "budgets": [{"provider": "minimax", "day": 1}, {"day": 2}]})
    assert [text for text in config.warnings if "budget" in text] == [
        "config.json: budgets[0]: a plan pays for minimax, so nothing is ever spent of this budget."
    ]


@pytest.mark.parametrize(
    ("days", "budget", "warns"),
    [(30, "month", True), (31, "month", False), (0, "month", False), (1, "day", False)],
)
def test_a_month_that_is_not_kept_as_long_is_warned_of(home: Folder, days: int, budget: str, *, warns: bool) -> None:
    config = home.loads(settings({budget: 5}, usage_days=days))
    assert any("forgets at a restart" in text for text in config.warnings) is warns
