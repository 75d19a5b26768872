"""What a hostile or careless other side can send that is easy to overlook."""

from __future__ import annotations

import pytest

from claude_proxy.core.adapt import adapt
from claude_proxy.core.failover import Failover, GiveUp
from claude_proxy.core.headers import for_provider
from claude_proxy.core.health import Health
from claude_proxy.core.judge_body import ClassifierConfig, judge_body
from claude_proxy.core.judge_stream import StreamJudge
from claude_proxy.core.messages import error_body, error_event, read_error
from claude_proxy.core.outcome import Rejected, Whole
from claude_proxy.core.reasons import Reason
from claude_proxy.core.request import MalformedRequestError
from claude_proxy.core.routing import Candidate, Route, route
from claude_proxy.core.traits import Traits
from claude_proxy.core.types import Fault, Policy, Reply, Usage
from claude_proxy.core.usage import usage_of
from core.builders import NOW, candidate, provider, rejected, request

CONFIG = ClassifierConfig(Policy(), Traits())
DEEP = b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def judge() -> StreamJudge:
    return StreamJudge(Reply(200, (), b""), NOW, CONFIG)


def test_deeply_nested_json_is_no_answer_and_no_error() -> None:
    assert read_error(DEEP) is None
    assert usage_of(DEEP) == Usage()
    outcome = judge_body(Reply(200, (), DEEP), ClassifierConfig(Policy(frozenset()), Traits()), NOW)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.NONSENSE


def test_deeply_nested_json_is_no_meaningful_event() -> None:
    assert judge().opening(b"data: " + DEEP + b"\n\n") is None


def test_a_named_event_of_deeply_nested_json_is_malformed() -> None:
    outcome = judge().opening(b"event: message_delta\ndata: " + DEEP + b"\n\n")
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.MALFORMED


def test_an_error_that_is_not_utf_8_is_still_an_error() -> None:
    body = b'{"error":{"type":"api_error","message":"\xff"}}'
    outcome = judge_body(Reply(500, (), body), CONFIG, NOW)
    assert isinstance(outcome, Rejected)
    assert outcome.fault is Fault.PROVIDER


def test_a_duplicate_field_cannot_hide_behind_its_length() -> None:
    body = b'{"model":"x","m":1,"b":1234567,"m":["' + b" " * 11 + b'",":xxxxx"]}'
    with pytest.raises(MalformedRequestError, match="twice"):
        request(body)


def test_a_probe_that_ends_after_the_clock_was_set_back_is_not_out_for_ever() -> None:
    health = Health("minimax", 1800.0)
    health.strike(health.force(), NOW, Reason.STATUS, 500)
    probe = health.admit(NOW + 15)
    assert probe
    health.rate_limited(probe, NOW + 10, Reason.STATUS, 429)
    assert health.admit(NOW + 1e6)


def test_a_provider_that_recovered_meanwhile_has_returned() -> None:
    first, second = Health("a", 1800.0), Health("b", 1800.0)
    failover = Failover[Whole]([(candidate(provider("a")), first), (candidate(provider("b")), second)], pinned=False)
    failover.begin(NOW)
    failover.judged(rejected(Fault.PROVIDER), NOW)
    first.accept(first.force())
    end = failover.judged(rejected(Fault.QUOTA), NOW)
    assert isinstance(end, GiveUp)
    assert end.returns_at == NOW


def test_honours_every_connection_header() -> None:
    headers = ((b"connection", b"keep-alive"), (b"connection", b"x-a"), (b"x-a", b"1"))
    assert b"x-a" not in for_provider(headers, provider(), 0)


def test_an_error_event_counts_without_its_last_blank_line() -> None:
    event = error_event(error_body("rate_limit_error", "slow"))
    assert judge().cut(event[:-1]).fault is Fault.QUOTA


def test_an_error_may_have_a_number_for_a_type() -> None:
    assert read_error(b'{"error":{"type":1302,"message":"too fast"}}') == ("1302", "too fast")


@pytest.mark.parametrize("status", [201, 302, 399])
def test_a_redirect_is_never_relayed(status: int) -> None:
    reply = Reply(status, ((b"location", b"https://elsewhere.example"),), error_body("api_error", "x"))
    outcome = judge_body(reply, ClassifierConfig(Policy(frozenset()), Traits()), NOW)
    assert isinstance(outcome, Rejected)
    assert (outcome.fault, outcome.reply) == (Fault.PROVIDER, None)


def test_a_pinning_name_without_a_model_pins_nothing() -> None:
    found = route((provider(),), None, "claude-proxy/minimax/")
    assert found == Route((Candidate(provider(), "claude-proxy/minimax/"),))


@pytest.mark.parametrize("suffix", ["[1m]", "[1M]"])
def test_removes_the_context_suffix_from_a_pinned_model(suffix: str) -> None:
    sent = request(b'{"model":"claude-proxy/minimax/m3%b"}' % suffix.encode())
    found = route((provider(),), None, sent.model)
    assert isinstance(found, Route)
    assert adapt(sent, found.candidates[0]).body == b'{"model":"m3"}'
