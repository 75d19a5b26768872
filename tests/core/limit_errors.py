"""Errors of providers about limits, and what they can mean."""

from __future__ import annotations

import json
from typing import Any

from claude_proxy.core.judge_body import ClassifierConfig, judge_body
from claude_proxy.core.outcome import Rejected
from claude_proxy.core.traits import Traits
from claude_proxy.core.types import Fault, Policy, Reply
from core.builders import NOW

CONFIG = ClassifierConfig(Policy(), Traits(reset_utc_offset=8))
JSON = (b"content-type", b"application/json")

NO_CREDIT = (Fault.QUOTA, "no_credit")
PLAN = (Fault.QUOTA, "plan_limit")
FAST = (Fault.QUOTA, "rate_limit_error")
BUSY = (Fault.PROVIDER, "overloaded_error")
NO_MODEL = (Fault.INCOMPATIBLE, "unknown_model")
LONG = (Fault.INCOMPATIBLE, "too_long")
SHORTER = (Fault.INCOMPATIBLE, "plan_limit")
REQUEST = (Fault.REQUEST, "400")


def judged(status: int, body: bytes, config: ClassifierConfig = CONFIG) -> Rejected:
    outcome = judge_body(Reply(status, (JSON,), body), config, NOW)
    assert isinstance(outcome, Rejected)
    return outcome


def error(message: str = "no", **fields: Any) -> bytes:
    return json.dumps({"type": "error", "error": {**fields, "message": message}}).encode()


def minimax(code: int, message: str = "no") -> bytes:
    return json.dumps({"base_resp": {"status_code": code, "status_msg": message}}).encode()
