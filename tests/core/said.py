"""Errors as providers write them, and what becomes of them."""

from __future__ import annotations

import json
from typing import Any

from claude_proxy.core.judge import Rejected, Terms, judge_body
from claude_proxy.core.model import Policy, Reply
from claude_proxy.core.traits import Traits
from core.given import NOW

JSON = (b"content-type", b"application/json")
IN_CHINA = Terms(Policy(), Traits(reset_utc_offset=8))
"""For a provider that writes its times as a clock in China shows them."""


def judged(status: int, body: bytes, terms: Terms = IN_CHINA) -> Rejected:
    outcome = judge_body(Reply(status, (JSON,), body), terms, NOW)
    assert isinstance(outcome, Rejected)
    return outcome


def error(message: str = "no", **fields: Any) -> bytes:
    return json.dumps({"type": "error", "error": {**fields, "message": message}}).encode()


def minimax(code: int, message: str = "no") -> bytes:
    return json.dumps({"base_resp": {"status_code": code, "status_msg": message}}).encode()
