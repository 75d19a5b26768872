"""What accounts have left at DeepSeek, Moonshot, OpenRouter and Novita."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from claude_proxy.core.quota import deepseek, moonshot, novita, openrouter
from claude_proxy.core.quota.quota_report import Balance, QuotaWindow
from claude_proxy.core.quota.reading import NOT_READABLE, NoQuota, Quota, Reading
from core.builders import NOW
from fakes import quota_answers

READERS = (deepseek.read, moonshot.read_dollars, moonshot.read_yuan, openrouter.read, novita.read)


def read(reader: Callable[[bytes, float], Reading], answer: object) -> Reading:
    return reader(json.dumps(answer).encode(), NOW)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("body", [b"", b"null", b"<html>", b"[" * 99_999])
def test_what_is_no_object_is_not_understood(reader: Callable[[bytes, float], Reading], body: bytes) -> None:
    assert reader(body, NOW) == NOT_READABLE


def test_deepseek_tells_a_balance_as_a_text() -> None:
    assert read(deepseek.read, quota_answers.deepseek()) == Quota(balance=Balance(110.0, "CNY"))
    assert read(deepseek.read, quota_answers.deepseek("0.99", "USD")) == Quota(
        balance=Balance(0.99, "USD", is_low=True)
    )
    assert read(deepseek.read, quota_answers.deepseek("4.99")) == Quota(balance=Balance(4.99, "CNY", is_low=True))


def test_deepseek_says_that_a_balance_is_spent() -> None:
    spent = quota_answers.deepseek("7.00", available=False)
    assert read(deepseek.read, spent) == Quota(balance=Balance(7.0, "CNY", is_low=True))


def test_of_two_balances_the_one_that_lasts_longer_is_told() -> None:
    infos = [{"currency": "CNY", "total_balance": "8"}, {"currency": "USD", "total_balance": "2"}]
    assert read(deepseek.read, {"balance_infos": infos}) == Quota(balance=Balance(2.0, "USD"))


@pytest.mark.parametrize("info", [{}, {"currency": "CNY"}, {"currency": "XYZ", "total_balance": "1"}, {"currency": 1}])
def test_deepseek_without_a_known_balance_says_nothing(info: dict[str, Any]) -> None:
    assert read(deepseek.read, {"balance_infos": [info]}) == Quota()


def test_moonshot_tells_dollars_or_yuan() -> None:
    assert read(moonshot.read_dollars, quota_answers.moonshot()) == Quota(balance=Balance(49.5889, "USD"))
    assert read(moonshot.read_yuan, quota_answers.moonshot()) == Quota(balance=Balance(49.5889, "CNY"))
    assert read(moonshot.read_yuan, quota_answers.moonshot(-2.5)) == Quota(balance=Balance(-2.5, "CNY", is_low=True))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"code": 5, "error": "key-of-moonshot"}, "it answered 5"),
        ({"code": 0, "status": False}, "it answered 0"),
        ({"code": None}, "it answered an error"),
    ],
)
def test_an_error_of_moonshot_behind_a_200_is_no_quota(answer: dict[str, Any], reason: str) -> None:
    assert read(moonshot.read_dollars, answer) == NoQuota(reason)


def test_moonshot_without_a_balance_says_nothing() -> None:
    assert read(moonshot.read_dollars, {"code": 0, "data": {"available_balance": "much"}}) == Quota()


def test_openrouter_tells_the_limit_of_a_key() -> None:
    assert read(openrouter.read, quota_answers.openrouter_key(20, 5)) == Quota((QuotaWindow("key", 0.75),))
    for period, name in (("daily", "day"), ("weekly", "week"), ("monthly", "month")):
        answer = {"data": {"limit": 10, "limit_remaining": 10, "limit_reset": period}}
        assert read(openrouter.read, answer) == Quota((QuotaWindow(name, 0.0),))


@pytest.mark.parametrize("data", [{"limit": None, "limit_remaining": None}, {"limit": 5, "limit_remaining": None}])
def test_openrouters_key_without_a_limit_has_no_window(data: dict[str, Any]) -> None:
    assert read(openrouter.read, {"data": {**data, "usage": 3}}) == Quota()


def test_an_unknown_period_of_openrouter_is_left_out() -> None:
    answer = {"data": {"limit": 10, "limit_remaining": 1, "limit_reset": "hourly"}}
    assert read(openrouter.read, answer) == Quota()


def test_openrouter_tells_what_was_bought_and_used() -> None:
    assert read(openrouter.read, quota_answers.openrouter_credits(100.5, 25.75)) == Quota(balance=Balance(74.75, "USD"))
    assert read(openrouter.read, {"data": {"total_credits": 1}}) == Quota()
    assert read(openrouter.read, quota_answers.openrouter_credits(0, 0)) == Quota()


def test_novita_counts_in_units_of_a_ten_thousandth_dollar() -> None:
    assert read(novita.read, quota_answers.novita()) == Quota(balance=Balance(100.0, "USD"))
    assert read(novita.read, quota_answers.novita("9999")) == Quota(balance=Balance(0.9999, "USD", is_low=True))
    assert read(novita.read, {"availableBalance": None}) == Quota()
