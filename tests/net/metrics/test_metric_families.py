"""How the state of the proxy becomes families of metrics."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from claude_proxy.core.metrics_state import LedgerState, MetricsState
from claude_proxy.core.quota.quota_report import Balance, QuotaReport, QuotaWindow
from claude_proxy.core.status_report import BudgetStatus, ProviderStatus, StatusReport
from claude_proxy.core.traffic import FIRST_BYTE_SECONDS, Traffic
from claude_proxy.core.types import Attempt, Cost, Usage
from claude_proxy.net.metrics.families import render
from claude_proxy.net.metrics.quota import MAX_WINDOWS
from core.builders import account, provider


def state_of(*providers: ProviderStatus, traffic: Traffic | None = None, **changes: Any) -> MetricsState:
    status = StatusReport(
        version="1.2.3", instance="i", pid=1, started_at=1_800_000_000.5, host="h", port=1, providers=providers
    )
    return MetricsState(status, traffic or Traffic(), **changes)


def samples_of(state: MetricsState, name: str) -> list[Sample]:
    _, text = render(state, "")
    families = text_string_to_metric_families(text.decode())
    return [sample for family in families for sample in family.samples if sample.name == f"claude_proxy_{name}"]


def value_of(state: MetricsState, name: str, **labels: str) -> float:
    [sample] = [each for each in samples_of(state, name) if each.labels == labels]
    return sample.value


def with_quota(*windows: QuotaWindow, balance: Balance | None = None) -> ProviderStatus:
    return ProviderStatus(name="zai", state="ready", quota=QuotaReport(windows, balance))


def test_the_version_and_the_start_are_told() -> None:
    assert value_of(state_of(), "build_info", version="1.2.3") == 1
    assert value_of(state_of(), "start_time_seconds") == 1_800_000_000.5


@pytest.mark.parametrize(("problem", "value"), [("", 0), ("the disk is full", 1)])
def test_the_backlog_of_the_ledger_is_told(problem: str, value: int) -> None:
    state = state_of(ledger=LedgerState(17, problem))
    assert value_of(state, "ledger_backlog") == 17
    assert value_of(state, "ledger_problem") == value


def test_no_ledger_is_no_backlog_of_zero() -> None:
    assert samples_of(state_of(), "ledger_backlog") == []


def test_each_state_of_a_provider_has_a_sample() -> None:
    samples = samples_of(state_of(ProviderStatus(name="zai", state="probing")), "provider_state")
    assert {each.labels["state"]: each.value for each in samples} == {"ready": 0, "cooldown": 0, "probing": 1}


def test_what_only_the_user_can_fix_is_told() -> None:
    state = state_of(
        ProviderStatus(name="a", state="ready", key_rejected=True),
        ProviderStatus(name="b", state="ready", out_of_credit=True),
    )
    assert value_of(state, "provider_key_refused", provider="a") == 1
    assert value_of(state, "provider_key_refused", provider="b") == 0
    assert value_of(state, "provider_out_of_credit", provider="b") == 1


def test_a_window_has_its_share_and_its_reset() -> None:
    windows = QuotaWindow("5 h", 0.42, 1_800_000_100.0), QuotaWindow("week (opus)", 0.9)
    state = state_of(with_quota(*windows, balance=Balance(-3.5, "CNY")))
    assert value_of(state, "quota_used_ratio", provider="zai", window="5 h") == 0.42
    assert value_of(state, "quota_used_ratio", provider="zai", window="week (opus)") == 0.9
    [reset] = samples_of(state, "quota_reset_timestamp_seconds")
    assert (reset.labels["window"], reset.value) == ("5 h", 1_800_000_100.0)
    assert value_of(state, "provider_balance", provider="zai", currency="CNY") == -3.5


def test_a_quota_that_is_not_known_has_no_sample() -> None:
    state = state_of(ProviderStatus(name="a", state="ready"), with_quota())
    assert samples_of(state, "quota_used_ratio") == samples_of(state, "provider_balance") == []


def test_the_names_of_windows_are_not_the_providers_to_choose() -> None:
    made_up = [QuotaWindow(f"week (sk-secret-{number})", number / 100) for number in range(50)]
    state = state_of(with_quota(*made_up, *(QuotaWindow(f"{number} min", 0.1) for number in range(50))))
    samples = samples_of(state, "quota_used_ratio")
    assert len(samples) == MAX_WINDOWS
    assert {each.labels["window"]: each.value for each in samples}["week (other)"] == 0.49
    assert "sk-secret" not in str(samples)


def test_a_budget_has_its_sum_and_what_was_spent() -> None:
    state = with_budgets(BudgetStatus("", "month", 20.0, 3.5, 0, 0.0), BudgetStatus("zai", "day", 2.0, 2.5, 1, 0.0))
    assert value_of(state, "budget_dollars", provider="", period="month") == 20.0
    assert value_of(state, "budget_spent_dollars", provider="zai", period="day") == 2.5


def test_of_several_budgets_for_the_same_the_smallest_is_told() -> None:
    state = with_budgets(*(BudgetStatus("", "day", dollars, 1.0, 0, 0.0) for dollars in (20.0, 10.0, 30.0)))
    assert value_of(state, "budget_dollars", provider="", period="day") == 10.0


def with_budgets(*budgets: BudgetStatus) -> MetricsState:
    state = state_of()
    return MetricsState(structs.replace(state.status, budgets=budgets), state.traffic)


def test_buckets_add_up() -> None:
    traffic = Traffic()
    traffic.follow([provider("zai")])
    for milliseconds in (100.0, 400.0, 400.0, 500_000.0):
        traffic.take(account(provider="zai", first_byte_ms=milliseconds))
    buckets = samples_of(state_of(traffic=traffic), "time_to_first_byte_seconds_bucket")
    counts = [each.value for each in buckets]
    assert [each.labels["le"] for each in buckets] == [*map(str, FIRST_BYTE_SECONDS), "+Inf"]
    assert counts == [1, *[3] * (len(FIRST_BYTE_SECONDS) - 1), 4]
    assert value_of(state_of(traffic=traffic), "time_to_first_byte_seconds_sum", provider="zai") == 500.9


def test_a_cost_is_told_where_it_is_known() -> None:
    traffic = Traffic()
    traffic.follow([provider("zai", own_models=("m", "n"))])
    for model, cost in (("m", Cost(0.5)), ("m", Cost(1.0, is_plan=True)), ("n", Cost(None))):
        attempt = Attempt("zai", None, 200, 1.0, model=model, usage=Usage(1), cost=cost)
        traffic.take(account(attempts=(attempt,)))
    state = state_of(traffic=traffic)
    assert [each.labels["model"] for each in samples_of(state, "cost_dollars_total")] == ["m"]
    assert value_of(state, "cost_dollars_total", provider="zai", model="m") == 0.5
    assert value_of(state, "plan_cost_dollars_total", provider="zai", model="m") == 1.0
    assert value_of(state, "unpriced_attempts_total", provider="zai", model="n") == 1
