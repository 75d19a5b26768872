"""What the quota endpoints of real providers answer, as far as that is known, and a provider that has one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from fakes.provider import Responder
from fakes.scripts import json_message, message
from fakes.server_connection import Request
from fakes.steps import Script, Status

HOUR, WEEK = 3600.0, 7 * 86400.0


def zai(now: float, used: int = 42, *, kind: str = "TOKENS_LIMIT", **changes: Any) -> dict[str, Any]:
    """Return Z.ai's answer: windows of 5 hours and a week, and the month of its tools, which are all used."""
    hours = {"type": kind, "unit": 3, "number": 5, "percentage": used, "nextResetTime": ms(now + HOUR), **changes}
    week = {"type": kind, "unit": 6, "number": 1, "percentage": 7, "nextResetTime": ms(now + WEEK)}
    tools = {"type": "TIME_LIMIT", "unit": 5, "number": 1, "usage": 100, "currentValue": 100, "percentage": 100}
    return {"code": 200, "msg": "ok", "success": True, "data": {"level": "max", "limits": [tools, hours, week]}}


def minimax(now: float, remaining: float = 58, weekly: float = 90, **changes: Any) -> dict[str, Any]:
    """Return MiniMax's answer: a bucket for text, one for videos that is empty, and one without a name."""
    general = {
        "model_name": "general",
        "start_time": ms(now - 4 * HOUR),
        "end_time": ms(now + HOUR),
        "current_interval_remaining_percent": remaining,
        "current_interval_total_count": 1500,
        "current_interval_usage_count": 1500,
        "current_weekly_status": 1,
        "current_weekly_remaining_percent": weekly,
        "weekly_start_time": ms(now - HOUR),
        "weekly_end_time": ms(now + WEEK - HOUR),
        **changes,
    }
    empty = {"current_interval_remaining_percent": 0, "start_time": ms(now - 23 * HOUR), "end_time": ms(now + HOUR)}
    others = [{**empty, "model_name": "video"}, {**empty, "model_name": ""}, empty]
    return {"model_remains": [*others, general], "base_resp": {"status_code": 0, "status_msg": "success"}}


def kimi(now: float, used: int = 30, week: int = 10) -> dict[str, Any]:
    """Return Kimi's older answer, in which numbers are texts."""
    window = {"duration": 300, "timeUnit": "TIME_UNIT_MINUTE"}
    return {
        "usage": kimi_detail(week, now + WEEK),
        "limits": [{"window": window, "detail": kimi_detail(used, now + HOUR)}],
    }


def kimi_detail(used: int, resets_at: float) -> dict[str, str]:
    return {"limit": "100", "used": str(used), "remaining": str(100 - used), "resetTime": rfc3339(resets_at)}


def kimi_ratios(now: float, used: float = 0.3) -> dict[str, Any]:
    """Return the newer part of Kimi's answer."""
    return {"usages": {"limit_5h": {"used_ratio": used, "reset_time": rfc3339(now + HOUR)}}}


def deepseek(total: str = "110.00", currency: str = "CNY", *, available: bool = True) -> dict[str, Any]:
    info = {"currency": currency, "total_balance": total, "granted_balance": "10.00", "topped_up_balance": "100.00"}
    return {"is_available": available, "balance_infos": [info]}


def moonshot(available: float = 49.58894, cash: float = -3.0) -> dict[str, Any]:
    data = {"available_balance": available, "voucher_balance": 46.58893, "cash_balance": cash}
    return {"code": 0, "data": data, "scode": "0x0", "status": True}


def openrouter_key(limit: float | None = 20, remaining: float | None = 5) -> dict[str, Any]:
    return {"data": {"label": "sk-or-v1-0e6...1c9", "limit": limit, "limit_remaining": remaining, "usage": 25.5}}


def openrouter_credits(bought: float = 100.5, used: float = 25.75) -> dict[str, Any]:
    return {"data": {"total_credits": bought, "total_usage": used}}


def novita(available: str = "1000000") -> dict[str, Any]:
    return {"availableBalance": available, "cashBalance": "800000", "creditLimit": "200000", "pendingCharges": "0"}


def unified(
    now: float, hours: str = "0.42", week: str = "0.1", *, opus: str | None = None, overage: str = "rejected"
) -> dict[str, str]:
    """Return the header fields that each answer to a plan of Anthropic's has."""
    prefix = "anthropic-ratelimit-unified"
    fields = {
        f"{prefix}-status": "allowed",
        f"{prefix}-reset": str(int(now + HOUR)),
        f"{prefix}-representative-claim": "five_hour",
        f"{prefix}-overage-status": overage,
        f"{prefix}-5h-status": "allowed",
        f"{prefix}-5h-utilization": hours,
        f"{prefix}-5h-reset": str(int(now + HOUR)),
        f"{prefix}-7d-utilization": week,
        f"{prefix}-7d-reset": str(int(now + WEEK)),
    }
    if opus is not None:
        fields |= {f"{prefix}-7d_opus-utilization": opus, f"{prefix}-7d_opus-reset": str(int(now + WEEK))}
    return fields


def token_limits(now: float, remaining: str = "0") -> dict[str, str]:
    """Return the header fields that each answer to an API key has."""
    prefix = "anthropic-ratelimit-input-tokens"
    return {f"{prefix}-limit": "50000", f"{prefix}-remaining": remaining, f"{prefix}-reset": rfc3339(now + 30)}


def ms(seconds: float) -> int:
    return int(seconds * 1000)


def rfc3339(seconds: float) -> str:
    """Write a moment with nanoseconds, as programs in Go do."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000000Z")


Answer = Mapping[str, Any] | Status
"""What a quota endpoint answers: a JSON object with status 200, or any answer."""


def with_endpoints(endpoints: Mapping[str, Callable[[], Answer]], text: str = "hello") -> Responder:
    """Return what answers prompts with a text, and a GET of these paths with what is made up for it."""

    def respond(request: Request) -> Script:
        if request.method != "GET":
            return message(text) if request.json().get("stream") else json_message(text)
        endpoint = endpoints.get(request.target)
        if endpoint is None:
            return [Status(404, b"{}")]
        made = endpoint()
        return [made if isinstance(made, Status) else Status(200, json.dumps(made).encode())]

    return respond
