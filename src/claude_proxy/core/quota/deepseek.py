"""The account at DeepSeek: `{"is_available": true, "balance_infos": [{"currency": "CNY", "total_balance": "110.00"}]}`.

An account can have a balance in both currencies. The one that lasts longer is told.
"""

from __future__ import annotations

from claude_proxy.core.quota import reading
from claude_proxy.core.quota.reading import LOW_BALANCE, Quota, Reading, number


def read(body: bytes, _now: float) -> Reading:
    """Read `/user/balance`."""
    answer = reading.document(body)
    if answer is None:
        return reading.NOT_READABLE
    is_spent = answer.get("is_available") is False
    accounts = [
        reading.balance(number(each.get("total_balance")), each.get("currency"), is_spent=is_spent)
        for each in reading.objects(answer.get("balance_infos"))
    ]
    known = [each for each in accounts if each]
    return Quota(balance=max(known, key=lambda each: each.amount / LOW_BALANCE[each.currency], default=None))
