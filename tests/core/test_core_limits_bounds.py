"""Where a provider's words for its limits end: what is no limit, what the user decides, and what breaks nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.judge import Rejected, StreamJudge, Terms, judge_body
from claude_proxy.core.limits import LARGEST_BODY, LONG_REST, Told, limit_of, read
from claude_proxy.core.messages import error_body
from claude_proxy.core.model import Fault, Policy, Reply
from claude_proxy.core.traits import Traits
from core.given import NOW
from core.said import IN_CHINA, JSON, error, judged, minimax


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, error('messages.0.content: "insufficient balance" is no block', type="invalid_request_error")),
        (400, error("messages.0: `You're out of extra usage` is no block", type="invalid_request_error")),
        (400, error("the user paid (1008)", type="invalid_request_error")),
        (400, error("[1308] is no block", type="invalid_request_error")),
        (400, error("x" * 2000 + " credit balance is too low", type="invalid_request_error")),
        (400, error("tool 1308 has 1211 faults", type="invalid_request_error")),
        (400, error("max_tokens is too large: 9. This model's maximum context length is 5 tokens", code=400)),
        (400, error("max_tokens: 9 > 5, which is the maximum allowed number of output tokens", type="x")),
        (400, error("thinking.type disabled is not supported by this model", type="invalid_request_error")),
        (400, error("Invalid key", type="invalid_authentication_error")),
        (404, error("Not Found", type="not_found_error")),
        (404, error("insufficient balance", type="not_found_error")),
        (404, b'{"detail":"Not Found"}'),
        (404, b"<html>model not found</html>"),
        (413, error("Request exceeds the maximum size", type="request_too_large")),
        (422, b'{"detail":[{"msg":"Field required","input":"unknown model"}]}'),
        (401, error("insufficient balance", code="1113")),
        (402, error("Insufficient Balance", type="unknown_error")),
        (403, error("unknown model", type="permission_error")),
        (403, error("only available for Coding Agents", type="access_terminated_error")),
    ],
)
def test_what_is_no_limit_stays_an_error_of_the_request_byte_for_byte(status: int, body: bytes) -> None:
    found = judged(status, body)
    assert (found.fault, found.label, found.reply) == (Fault.REQUEST, str(status), Reply(status, (JSON,), body))


@pytest.mark.parametrize(
    ("status", "body", "fault", "label"),
    [
        (429, error("see the 1113 (1305) for the price", type="rate_limit_error"), Fault.QUOTA, "429"),
        (429, error("too many tokens per minute", type="rate_limit_error"), Fault.QUOTA, "429"),
        (429, error("unknown model", type="rate_limit_error"), Fault.QUOTA, "429"),
        (429, error("no", type="invalid_authentication_error"), Fault.QUOTA, "429"),
        (429, error("[1002] says Z.ai of a key", type="rate_limit_error"), Fault.QUOTA, "429"),
        (529, error("busy", type="overloaded_error"), Fault.PROVIDER, "529"),
        (500, error("invalid (2013)", type="api_error"), Fault.PROVIDER, "500"),
        (500, error("busy", type="overloaded_error"), Fault.PROVIDER, "overloaded_error"),
        (503, error("no channel", code="model_not_found"), Fault.MISFIT, "unknown_model"),
    ],
)
def test_a_retried_status_stands_where_nothing_more_is_said(status: int, body: bytes, fault: Fault, label: str) -> None:
    found = judged(status, body)
    assert (found.fault, found.label) == (fault, label)


@pytest.mark.parametrize("status", [429, 500, 529])
def test_a_status_that_the_user_does_not_retry_is_relayed_whatever_it_says(status: int) -> None:
    found = judged(status, error("no", code="1113"), Terms(Policy(frozenset({502})), Traits()))
    assert (found.fault, found.label) == (Fault.REQUEST, str(status))


@pytest.mark.parametrize(
    ("body", "rest"),
    [
        (error("no", code="1113"), LONG_REST),
        (error("You're out of extra usage", type="x"), LONG_REST),
        (error("no", type="billing_error"), LONG_REST),
        (error("no", code="1308"), 0),
        (error("no", code="1302"), 0),
    ],
)
def test_what_has_to_be_paid_first_rests_long(body: bytes, rest: float) -> None:
    assert judged(429, body).rest == rest
    assert judged(200, body).rest == rest


@pytest.mark.parametrize(
    ("status", "label", "fault"),
    [(401, "401", Fault.PROVIDER), (403, "403", Fault.PROVIDER), (402, "no_credit", Fault.QUOTA)],
)
def test_with_failover_on_auth_a_refused_key_sends_us_on(status: int, label: str, fault: Fault) -> None:
    body = error("no", type="x")
    found = judged(status, body, Terms(Policy(failover_on_auth=True), Traits()))
    assert (found.fault, found.label, found.reply) == (fault, label, Reply(status, (JSON,), body))
    assert found.rest == (LONG_REST if status == 402 else 0)


@pytest.mark.parametrize("kind", ["invalid_authentication_error", "access_terminated_error"])
def test_a_refused_key_behind_a_200_is_judged_by_the_users_choice(kind: str) -> None:
    relayed = judged(200, error("no", type=kind))
    passed = judged(200, error("no", type=kind), Terms(Policy(failover_on_auth=True), Traits()))
    assert (relayed.fault, passed.fault) == (Fault.REQUEST, Fault.PROVIDER)
    assert relayed.label == passed.label == ("401" if kind.startswith("invalid") else "403")


def test_a_402_may_tell_of_a_plan() -> None:
    found = judged(402, error("usage limit reached", type="x"), Terms(Policy(failover_on_auth=True), Traits()))
    assert found.label == "plan_limit"


def test_a_reset_in_the_words_counts_behind_the_headers() -> None:
    body = error("Your limit will reset at 2027-01-15 18:00:00", code="1308")  # in the east: 10:00 UTC
    assert judged(429, body).until == NOW + 7200
    assert judged(200, body).until == NOW + 7200
    headers = ((b"retry-after", b"60"),)
    named = judge_body(Reply(429, headers, body), IN_CHINA, NOW)
    assert isinstance(named, Rejected)
    assert named.until == NOW + 60


def test_a_shape_that_no_client_knows_is_put_into_anthropics() -> None:
    assert judged(200, minimax(2013, "bad temperature")).reply == Reply(
        400, (JSON,), error_body("invalid_request_error", "bad temperature")
    )
    assert judged(200, b'{"base_resp":{"status_code":1008}}').reply == Reply(
        402, (JSON,), error_body("billing_error", "no_credit")
    )
    assert judged(429, minimax(1002)).reply == Reply(429, (JSON,), minimax(1002))


def test_minimax_numbers_count_in_its_own_shapes_alone() -> None:
    assert limit_of(Told(("1002",), "Authentication Token invalid"), 200) is None


def test_what_is_too_large_for_an_error_is_not_read() -> None:
    assert read(error("x" * LARGEST_BODY, code="1113")) == Told()


KEYS = st.sampled_from(["error", "type", "code", "message", "details", "error_code", "base_resp", "status_code", "msg"])
deep = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["1113", 1113, 402, "model not found"]),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS | st.text(), inner),
)


@given(st.dictionaries(KEYS, deep), st.sampled_from([200, 400, 401, 402, 403, 404, 413, 422, 429, 500, 520, 529]))
def test_no_json_breaks_it(body: dict[str, object], status: int) -> None:
    judge_body(Reply(status, (), json.dumps(body).encode()), IN_CHINA, NOW)


@given(st.binary(), st.sampled_from([200, 400, 403, 404, 429, 500]))
def test_no_bytes_break_it(body: bytes, status: int) -> None:
    judge_body(Reply(status, (), body), IN_CHINA, NOW)
    watch = StreamJudge(Reply(200, (), b""), NOW, IN_CHINA)
    watch.opening(b"event: error\ndata: " + body + b"\n\n")
    watch.cut(body)


@given(st.text())
def test_no_words_break_it(words: str) -> None:
    judge_body(Reply(200, (), error(words, type="x")), IN_CHINA, NOW)
    judge_body(Reply(429, (), error(f"try again in {words}", type="x")), IN_CHINA, NOW)
