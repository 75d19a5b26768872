"""Errors: whatever a body says, the judgement is complete, and its text and body can be shown and sent."""

from __future__ import annotations

import json
import math

from fuzz.source import Source

from claude_proxy.core.judge_body import MAX_TEXT, ClassifierConfig, judge_body
from claude_proxy.core.limits import limit_of, parse_error
from claude_proxy.core.messages import read_error
from claude_proxy.core.outcome import Whole
from claude_proxy.core.reasons import Reason
from claude_proxy.core.traits import Traits
from claude_proxy.core.types import Fault, Policy, Reply

NOW = 1_800_000_000.0
STATUSES = (200, 204, 301, 400, 401, 402, 403, 404, 408, 413, 422, 425, 429, 500, 501, 503, 520, 529, 599)


def check(data: bytes) -> None:
    """Check one body behind one status."""
    source = Source(data)
    status, auth, counting = source.choice(STATUSES), source.byte() % 2 == 0, source.byte() % 4 == 0
    config = ClassifierConfig(Policy(failover_on_auth=auth), Traits(reset_utc_offset=8.0))
    body = source.rest
    outcome = judge_body(Reply(status, (), body), config, NOW, counting=counting)
    assert outcome == judge_body(Reply(status, (), body), config, NOW, counting=counting)
    if isinstance(outcome, Whole):
        assert status == 200
        assert outcome.reply.body == body
        assert isinstance(json.loads(body.decode("utf-8", "replace")), dict)
        return
    assert isinstance(outcome.reason, Reason)
    assert outcome.text.isprintable()
    assert len(outcome.text) <= MAX_TEXT
    assert outcome.until is None or math.isfinite(outcome.until)
    assert outcome.fault is not Fault.INTERNAL
    if outcome.reply is not None:
        assert 400 <= outcome.reply.status < 600
        if outcome.reply.body != body:
            assert read_error(outcome.reply.body)
    if outcome.fault is Fault.REQUEST:
        assert outcome.reply is not None
    parsed = parse_error(body)
    assert limit_of(parsed, status) == limit_of(parse_error(b" " + body + b"\n"), status)
