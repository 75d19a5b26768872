"""The account at Moonshot: `{"code": 0, "data": {"available_balance": 49.5}}`, in dollars or, in China, in yuan."""

from __future__ import annotations

from claude_proxy.core.quota import reading
from claude_proxy.core.quota.reading import NoQuota, Quota, Reading, number


def read_dollars(body: bytes, _now: float) -> Reading:
    """Read `/v1/users/me/balance` of the international host."""
    return _read(body, "USD")


def read_yuan(body: bytes, _now: float) -> Reading:
    """Read `/v1/users/me/balance` of the Chinese host."""
    return _read(body, "CNY")


def _read(body: bytes, currency: str) -> Reading:
    answer = reading.document(body)
    if answer is None:
        return reading.NOT_READABLE
    if number(answer.get("code", 0)) != 0 or answer.get("status", True) is False:
        return NoQuota(f"it answered {reading.error_code(answer.get('code'))}")
    amount = number(reading.member(answer, "data").get("available_balance"))
    return Quota(balance=reading.balance(amount, currency))
