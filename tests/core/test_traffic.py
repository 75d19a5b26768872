"""What is counted of requests for `/metrics`, and under which labels."""

from __future__ import annotations

from typing import Any

import pytest

from claude_proxy.core.client_hints import ClientHints
from claude_proxy.core.prices import UNKNOWN, Prices, Rate
from claude_proxy.core.reasons import Reason
from claude_proxy.core.traffic import (
    FIRST_BYTE_SECONDS,
    MAX_MODELS,
    MAX_PROVIDERS,
    TOTAL_SECONDS,
    Histogram,
    ModelSums,
    Traffic,
)
from claude_proxy.core.types import Attempt, Cost, Ending, Usage
from core.builders import account, provider

USAGE = Usage(210, 95, 40, 1200, 30)
ZAI = provider("zai", own_models=("GLM-5.3", "claude-haiku-4-5"), models={"opus": "glm-5.3-air"})


def following(*names: str) -> Traffic:
    traffic = Traffic()
    traffic.follow([ZAI, *map(provider, names)])
    return traffic


def accepted(name: str = "zai", **changes: Any) -> Attempt:
    return Attempt(**{"provider": name, "reason": None, "status": 200, "milliseconds": 1.0, "model": "m", **changes})


def rejected(name: str, reason: Reason = Reason.STATUS, status: int | None = 529) -> Attempt:
    return Attempt(name, reason, status, 1.0)


def sums_of(sums: ModelSums) -> dict[str, Any]:
    return {name: value for name in sums.__slots__ if (value := getattr(sums, name))}


def test_requests_are_counted_by_kind_class_and_ending() -> None:
    traffic = following()
    traffic.take(account())
    traffic.take(account(hints=ClientHints("subagent"), ending=Ending.RECOVERED))
    traffic.take(account(hints=ClientHints("subagent"), ending=Ending.RECOVERED))
    traffic.take(account(kind="count_tokens", ending=Ending.CLIENT_LEFT))
    assert traffic.requests == {
        ("messages", "", "complete"): 1,
        ("messages", "subagent", "recovered"): 2,
        ("count_tokens", "", "client_left"): 1,
    }
    assert traffic.answers_saved == 2


def test_an_attempt_is_counted_by_what_came_of_it() -> None:
    traffic = following("a")
    attempts = (rejected("a"), rejected("a", Reason.STALLED, None), rejected("a", Reason.PLAN_LIMIT, 429), accepted())
    traffic.take(account(attempts=attempts, checks=(accepted("a"),)))
    assert traffic.attempts == {
        ("a", "529"): 1,
        ("a", "stalled"): 1,
        ("a", "plan_limit"): 1,
        ("zai", "accepted"): 1,
        ("a", "accepted"): 1,
    }


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (401, "401"),
        (429, "429"),
        (529, "529"),
        (418, "4xx"),
        (599, "5xx"),
        (302, "3xx"),
        (777, "other"),
        (None, "other"),
    ],
)
def test_a_status_without_a_meaning_is_shown_as_its_class(status: int | None, shown: str) -> None:
    traffic = following()
    traffic.take(account(attempts=(rejected("zai", status=status),)))
    assert list(traffic.attempts) == [("zai", shown)]


def test_a_failover_counts_for_the_provider_that_failed() -> None:
    traffic = following("a", "b")
    traffic.take(
        account(attempts=(rejected("a", status=400), rejected("a"), rejected("b", Reason.DNS, None), accepted()))
    )
    assert traffic.failovers == {("a", "529"): 1, ("b", "dns"): 1}


def test_another_request_to_the_same_provider_is_no_failover() -> None:
    traffic = following()
    traffic.take(account(attempts=(rejected("zai", status=400), accepted())))
    assert not traffic.failovers


def test_times_are_counted_by_the_provider_that_answered() -> None:
    traffic = following()
    traffic.take(account(provider="zai", first_byte_ms=700.0, total_ms=4000.0))
    traffic.take(account(provider="zai", first_byte_ms=900.0, total_ms=9_999_000.0))
    traffic.take(account(first_byte_ms=None, total_ms=3.0))
    [(name, first)] = traffic.first_byte.items()
    assert (name, first.sum, first.counts[FIRST_BYTE_SECONDS.index(1.0)]) == ("zai", 1.6, 2)
    zai, nobody = traffic.total["messages", "zai"], traffic.total["messages", ""]
    assert (zai.counts[TOTAL_SECONDS.index(5.0)], zai.counts[-1], sum(zai.counts)) == (1, 1, 2)
    assert nobody.counts[0] == 1


def test_a_value_on_a_bound_is_in_the_bucket_of_that_bound() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (1.0, 1.1, 2.0, 2.1):
        histogram.take(value)
    assert histogram.counts == [1, 2, 1]


def test_tokens_and_cost_are_those_of_each_attempt_and_check() -> None:
    traffic = following("a")
    answer = accepted(model="GLM-5.3", usage=USAGE, cost=Cost(0.5))
    check = accepted("a", model="claude-haiku-5-5", usage=Usage(output_tokens=1), cost=Cost(0.25, is_plan=True))
    traffic.take(account(attempts=(answer,), checks=(check,)))
    traffic.take(account(attempts=(answer,)))
    assert {labels: sums_of(sums) for labels, sums in traffic.models.items()} == {
        ("zai", "GLM-5.3"): {
            "input": 420,
            "output": 190,
            "cache_read": 2400,
            "cache_write_5m": 20,
            "cache_write_1h": 60,
            "cost": 1.0,
        },
        ("a", "claude-haiku-5-5"): {"output": 1, "plan_cost": 0.25},
    }
    assert traffic.models["a", "claude-haiku-5-5"].cost == 0.0


def test_a_price_that_is_not_known_is_no_price_of_zero() -> None:
    traffic = following()
    traffic.take(account(attempts=(accepted(model="GLM-5.3", usage=USAGE, cost=Cost(None)),)))
    sums = traffic.models["zai", "GLM-5.3"]
    assert (sums.cost, sums.plan_cost, sums.unpriced) == (None, None, 1)
    traffic.take(account(attempts=(accepted(model="GLM-5.3", usage=USAGE, cost=Cost(None, is_plan=True)),)))
    assert (sums.cost, sums.plan_cost, sums.unpriced) == (0.0, None, 2)


def test_an_attempt_without_tokens_makes_no_model() -> None:
    traffic = following()
    traffic.take(account(attempts=(accepted(model="GLM-5.3"),)))
    assert not traffic.models


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        ("GLM-5.3", "GLM-5.3"),
        ("glm-5.3", "GLM-5.3"),
        ("glm-5.3-air", "glm-5.3-air"),
        ("claude-opus-5-5", "claude-opus-5-5"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("sk-a-secret-of-the-client", "other"),
        ("", "other"),
    ],
)
def test_a_model_that_is_not_known_is_other(model: str, shown: str) -> None:
    traffic = following()
    traffic.take(account(attempts=(accepted(model=model, usage=USAGE),)))
    assert list(traffic.models) == [("zai", shown)]


def test_a_model_with_a_price_is_known() -> None:
    traffic = Traffic()
    traffic.follow([provider("a", prices={"own-model": Prices((Rate(UNKNOWN),))})])
    traffic.take(account(attempts=(accepted("a", model="Own-Model", usage=USAGE),)))
    assert list(traffic.models) == [("a", "own-model")]


def test_an_earlier_model_of_claudes_is_known_at_a_relay() -> None:
    traffic = Traffic()
    traffic.follow([provider("relay")], ["claude-opus-4-1"])
    traffic.take(account(attempts=(accepted("relay", model="claude-opus-4-1-20250805", usage=USAGE),)))
    assert list(traffic.models) == [("relay", "claude-opus-4-1")]


def test_a_provider_that_is_not_configured_is_other() -> None:
    traffic = following()
    traffic.take(account(provider="x", attempts=(accepted("x", model="GLM-5.3", usage=USAGE),), first_byte_ms=1.0))
    assert list(traffic.attempts) == [("other", "accepted")]
    assert list(traffic.models) == [("other", "other")]
    assert list(traffic.first_byte) == ["other"]


def test_a_changed_configuration_adds_names_and_forgets_none() -> None:
    traffic = Traffic()
    traffic.follow([provider("a"), provider("b", own_models=("m1",))])
    traffic.take(account(attempts=(accepted("b", model="m2", usage=USAGE),)))
    traffic.follow([provider("b", own_models=("m2",))])
    traffic.take(account(attempts=(accepted("b", model="m2", usage=USAGE), accepted("a"))))
    assert list(traffic.models) == [("b", "other"), ("b", "m2")]
    assert traffic.attempts["a", "accepted"] == 1


def test_no_more_labels_than_these_are_kept() -> None:
    traffic = Traffic()
    many = tuple(f"m{number}" for number in range(2 * MAX_MODELS))
    for number in range(2 * MAX_PROVIDERS):
        traffic.follow([provider(f"p{number}", own_models=many)])
        attempts = [accepted(f"p{number}", model=model, usage=USAGE) for model in many]
        traffic.take(account(provider=f"p{number}", attempts=tuple(attempts), first_byte_ms=1.0))
    assert len(traffic.models) <= MAX_MODELS + MAX_PROVIDERS + 1
    assert len(traffic.attempts) == len(traffic.first_byte) == MAX_PROVIDERS + 1
    assert sum(sums.output for sums in traffic.models.values()) == 2 * MAX_PROVIDERS * len(many) * USAGE.output_tokens


def test_a_copy_stays_as_it_is() -> None:
    traffic = following()
    one = account(provider="zai", attempts=(rejected("a"), accepted(usage=USAGE, cost=Cost(1.0))), first_byte_ms=1.0)
    traffic.take(one)
    copy = traffic.copy()
    traffic.take(one)
    assert traffic.copy().requests.total() == 2
    assert copy.requests.total() == 1
    assert (copy.attempts.total(), copy.failovers.total(), copy.answers_saved) == (2, 1, 0)
    assert sum(copy.first_byte["zai"].counts) == sum(copy.total["messages", "zai"].counts) == 1
    assert (copy.models["zai", "other"].output, copy.models["zai", "other"].cost) == (95, 1.0)


def test_it_says_what_it_has_counted() -> None:
    traffic = following()
    traffic.take(account(attempts=(rejected("zai"), accepted())))
    assert repr(traffic) == "<Traffic 1 requests, 2 attempts>"
