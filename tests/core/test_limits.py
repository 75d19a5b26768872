"""Each provider's words for its limits, in each of the places where it may write them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.judge_body import ClassifierConfig, judge_body
from claude_proxy.core.judge_stream import StreamJudge
from claude_proxy.core.limits import LONG_COOLDOWN, ParsedError, limit_of, parse_error
from claude_proxy.core.messages import MAX_ERROR_BYTES, error_body, read_error
from claude_proxy.core.outcome import Rejected
from claude_proxy.core.traits import Traits
from claude_proxy.core.types import Fault, Policy, Reply
from core.builders import NOW
from core.limit_errors import (
    BUSY,
    CONFIG,
    FAST,
    JSON,
    LONG,
    NO_CREDIT,
    NO_MODEL,
    PLAN,
    REQUEST,
    SHORTER,
    error,
    judged,
    minimax,
)

EVENT_STREAM = Reply(200, ((b"content-type", b"text/event-stream"),), b"")


def behind_status(status: int, body: bytes) -> Rejected:
    return judged(status, body)


def behind_200(_status: int, body: bytes) -> Rejected:
    return judged(200, body)


def in_an_error_event(_status: int, body: bytes) -> Rejected:
    outcome = StreamJudge(EVENT_STREAM, NOW, CONFIG).opening(b"event: error\ndata: " + body + b"\n\n")
    assert isinstance(outcome, Rejected)
    return outcome


def in_a_nameless_event(_status: int, body: bytes) -> Rejected:
    nameless = json.dumps({key: value for key, value in json.loads(body).items() if key != "type"}).encode()
    outcome = StreamJudge(EVENT_STREAM, NOW, CONFIG).opening(b"data: " + nameless + b"\n\n")
    assert isinstance(outcome, Rejected)
    return outcome


def in_the_last_event(_status: int, body: bytes) -> Rejected:
    return StreamJudge(EVENT_STREAM, NOW, CONFIG).cut(b"event: error\ndata: " + body)


def in_place_of_a_stream(_status: int, body: bytes) -> Rejected:
    return StreamJudge(EVENT_STREAM, NOW, CONFIG).cut(body)


PLACES = [behind_status, behind_200, in_an_error_event, in_a_nameless_event, in_the_last_event, in_place_of_a_stream]

SPENT = {"error_code": "enforced_spend_limit_reached"}

WORDS = [
    # MiniMax
    (429, minimax(1002, "too many requests"), FAST),
    (429, minimax(1008, "insufficient balance"), NO_CREDIT),
    (429, minimax(2056, "usage limit exceeded"), PLAN),
    (400, minimax(2013, "invalid params"), REQUEST),
    (400, minimax(2013, "invalid params, context window exceeds limit"), LONG),
    (429, error("rate limit (1002)", type="rate_limit_error"), FAST),
    (429, error("usage limit exceeded (2056)", type="rate_limit_error"), PLAN),
    (500, error("insufficient balance (1008)", type="api_error"), NO_CREDIT),
    (400, error("invalid params, oddly put (2013)", type="invalid_request_error"), REQUEST),
    # Z.ai
    (429, error("High concurrency", code="1302"), FAST),
    (429, error("High concurrency", type=1302), FAST),
    (429, error("busy", type="1305"), BUSY),
    (429, error("Usage limit reached", code="1308"), PLAN),
    (429, error("[1310][Weekly/Monthly Limit Exhausted.]", type="rate_limit_error", code="1310"), PLAN),
    (429, error("[1305][The service is busy][2026]", type="rate_limit_error"), BUSY),
    (429, error("Your account is in arrears", code=1113), NO_CREDIT),
    (400, error("Unknown Model, please check the model code.", type="1211"), NO_MODEL),
    (400, error("Prompt exceeds max length", code="1261"), LONG),
    (429, b'{"code":1113,"msg":"recharge","success":false,"error":{}}', NO_CREDIT),
    # Kimi
    (429, error("check your plan and billing details", type="exceeded_current_quota_error"), NO_CREDIT),
    (429, error("please try again later", type="rate_limit_reached_error"), FAST),
    (429, error("The engine is busy", type="engine_overloaded_error"), BUSY),
    (404, error("Not found the model kimi-k9 or Permission denied", type="resource_not_found_error"), NO_MODEL),
    (403, error("You've reached your weekly (7-day) usage limit.", type="access_terminated_error"), PLAN),
    (403, error("You've reached your usage limit for this billing cycle.", type="permission_error"), PLAN),
    (400, error("Your request exceeded model token limit: 5 (requested: 9)", type="invalid_request_error"), LONG),
    # Anthropic
    (429, error("Your limit", type="rate_limit_error", details=SPENT), NO_CREDIT),
    (400, error("You're out of extra usage. Add more.", type="invalid_request_error"), PLAN),
    (400, error("Claude AI usage limit reached|1", type="invalid_request_error"), PLAN),
    (400, error("You have reached your specified API usage limits.", type="invalid_request_error"), PLAN),
    (400, error("Your credit balance is too low to access the API.", type="invalid_request_error"), NO_CREDIT),
    (429, error("Extra usage is required for long context requests.", type="rate_limit_error"), SHORTER),
    (404, error("model: claude-opus-9", type="not_found_error"), NO_MODEL),
    # others
    (404, error("The model `x` does not exist or you do not have access to it.", code="model_not_found"), NO_MODEL),
    (400, error("Model Not Exist", type="invalid_request_error"), NO_MODEL),
    (400, error("Model does not exist. Please check it carefully.", code=20012), NO_MODEL),
    (404, error("model 'qwen9' not found, try pulling it first", type="not_found_error"), NO_MODEL),
    (404, error("No endpoints found for vendor/model.", code=404), NO_MODEL),
    (400, error("vendor/x is not a valid model ID", code=400), NO_MODEL),
    (429, error("You exceeded your current quota", type="insufficient_quota"), NO_CREDIT),
    (400, error("n_ctx", type="exceed_context_size_error"), LONG),
    (400, error("make sure your account is in good standing", code="Arrearage", type="Arrearage"), NO_CREDIT),
    (403, error("your account has an overdue balance", code="AccountOverdueError", type="Forbidden"), NO_CREDIT),
    (429, error("You exceeded your current quota: error-code#token-limit", code="insufficient_quota"), FAST),
    (400, error("余额不足", type="invalid_request_error"), NO_CREDIT),
    (400, error("模型 glm-9 不存在", type="invalid_request_error"), NO_MODEL),
    (429, error("已达到 5 小时的使用上限", type="rate_limit_error"), PLAN),
]


@pytest.mark.parametrize(("status", "body", "meaning"), WORDS, ids=lambda one: None if isinstance(one, int) else "")
def test_an_error_means_the_same_in_each_place_where_providers_write_it(
    status: int, body: bytes, meaning: tuple[Fault, str]
) -> None:
    for place in PLACES:
        found = place(status, body)
        expected = "429" if place is behind_status and meaning == FAST else meaning[1]
        assert (found.fault, found.label) == (meaning[0], expected), place.__name__
        assert found.reply, place.__name__
        assert read_error(found.reply.body), place.__name__


CODES = {
    "enforced_spend_limit_reached": NO_CREDIT,
    "contract_spend_limit_reached": NO_CREDIT,
    "1008": NO_CREDIT,
    "2056": PLAN,
    "insufficient_balance_error": NO_CREDIT,
    "1113": NO_CREDIT,
    "1211": NO_MODEL,
    "1261": LONG,
    "1302": FAST,
    "1305": BUSY,
    "1308": PLAN,
    "1310": PLAN,
    "engine_overloaded_error": BUSY,
    "exceeded_current_quota_error": NO_CREDIT,
    "rate_limit_reached_error": FAST,
    "resource_not_found_error": NO_MODEL,
    "context_length_exceeded": LONG,
    "exceed_context_size_error": LONG,
    "insufficient_quota": NO_CREDIT,
    "model_not_found": NO_MODEL,
    "Arrearage": NO_CREDIT,
    "AccountOverdueError": NO_CREDIT,
    "authentication_error": (Fault.REQUEST, "401"),
    "permission_error": (Fault.REQUEST, "403"),
    "2013": REQUEST,
    "billing_error": NO_CREDIT,
    "overloaded_error": BUSY,
    "rate_limit_error": FAST,
}


@pytest.mark.parametrize(("code", "meaning"), CODES.items())
@pytest.mark.parametrize("number", [True, False])
def test_knows_a_code_in_each_field_that_may_hold_it(code: str, meaning: tuple[Fault, str], *, number: bool) -> None:
    value = int(code) if number and code.isdecimal() else code
    bodies = [
        error("no", type=value),
        error("no", code=value),
        error("no", type="invalid_request_error", details={"error_code": value}),
        json.dumps({"code": value, "msg": "no", "success": False}).encode(),
        json.dumps({"base_resp": {"status_code": value, "status_msg": "no"}}).encode(),
    ]
    if code.isdecimal():
        bodies += [error(f"[{code}][no][id]", type="api_error"), error(f"no ({code}) ", type="api_error")]
    for body in bodies:
        found = judged(200, body)
        assert (found.fault, found.label) == meaning, body


@pytest.mark.parametrize("place", PLACES[1:], ids=lambda place: place.__name__)
@pytest.mark.parametrize(
    ("code", "fault", "label"),
    [
        (400, Fault.REQUEST, "400"),
        (401, Fault.REQUEST, "401"),
        (402, Fault.QUOTA, "no_credit"),
        (403, Fault.REQUEST, "403"),
        (404, Fault.REQUEST, "404"),
        (408, Fault.PROVIDER, "408"),
        (413, Fault.REQUEST, "413"),
        (429, Fault.QUOTA, "rate_limit_error"),
        (502, Fault.PROVIDER, "502"),
        (520, Fault.PROVIDER, "520"),
        (600, Fault.PROVIDER, "error"),
        (12, Fault.PROVIDER, "error"),
    ],
)
def test_reads_openrouters_code_as_a_status(
    place: Callable[[int, bytes], Rejected], code: int, fault: Fault, label: str
) -> None:
    body = json.dumps({"error": {"message": "no", "code": code, "metadata": {}}}).encode()
    found = place(200, body)
    assert (found.fault, found.label) == (fault, label)
    if label != "error":
        assert found.reply == Reply(code, (JSON,), body)
    else:
        assert found.reply is None


@pytest.mark.parametrize(
    ("status", "plan", "kind", "label", "cooldown"),
    [
        (429, b"rejected", "rate_limit_error", "plan_limit", 0),
        (429, b"rejected", "odd", "plan_limit", 0),
        (429, b"allowed_warning", "rate_limit_error", "429", 0),
        (429, b"rejected", "exceeded_current_quota_error", "no_credit", LONG_COOLDOWN),
        (503, b"rejected", "api_error", "503", 0),
    ],
)
def test_a_429_with_a_rejecting_plan_header_is_a_plan_limit(
    status: int, plan: bytes, kind: str, label: str, cooldown: float
) -> None:
    """Its words speak of a rate limit; by its headers `status` can say what it is."""
    headers = ((b"anthropic-ratelimit-unified-status", plan),)
    found = judge_body(Reply(status, headers, error("This would exceed your rate limit", type=kind)), CONFIG, NOW)
    assert isinstance(found, Rejected)
    assert (found.label, found.cooldown) == (label, cooldown)


@pytest.mark.parametrize("status", [429, 500, 529])
def test_a_status_that_the_user_does_not_retry_is_relayed_whatever_it_says(status: int) -> None:
    found = judged(status, error("no", code="1113"), ClassifierConfig(Policy(frozenset({502})), Traits()))
    assert (found.fault, found.label) == (Fault.REQUEST, str(status))


@pytest.mark.parametrize(
    ("body", "cooldown"),
    [
        (error("no", code="1113"), LONG_COOLDOWN),
        (error("You're out of extra usage", type="x"), LONG_COOLDOWN),
        (error("no", type="billing_error"), LONG_COOLDOWN),
        (error("no", code="1308"), 0),
        (error("no", code="1302"), 0),
    ],
)
def test_a_limit_that_has_to_be_paid_first_means_a_long_cooldown(body: bytes, cooldown: float) -> None:
    assert judged(429, body).cooldown == cooldown
    assert judged(200, body).cooldown == cooldown


@pytest.mark.parametrize(
    ("status", "label", "fault"),
    [(401, "401", Fault.PROVIDER), (403, "403", Fault.PROVIDER), (402, "no_credit", Fault.QUOTA)],
)
def test_with_failover_on_auth_a_rejected_key_fails_over(status: int, label: str, fault: Fault) -> None:
    body = error("no", type="x")
    found = judged(status, body, ClassifierConfig(Policy(failover_on_auth=True), Traits()))
    assert (found.fault, found.label, found.reply) == (fault, label, Reply(status, (JSON,), body))
    assert found.cooldown == (LONG_COOLDOWN if status == 402 else 0)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("authentication_error", 401),
        ("invalid_authentication_error", 401),
        ("permission_error", 403),
        ("access_terminated_error", 403),
    ],
)
def test_a_rejected_key_behind_a_200_is_judged_by_the_users_choice(kind: str, status: int) -> None:
    relayed = judged(200, error("no", type=kind))
    passed = judged(200, error("no", type=kind), ClassifierConfig(Policy(failover_on_auth=True), Traits()))
    assert (relayed.fault, passed.fault) == (Fault.REQUEST, Fault.PROVIDER)
    assert relayed.label == passed.label == str(status)


def test_a_402_may_be_a_plan_limit() -> None:
    found = judged(
        402, error("usage limit reached", type="x"), ClassifierConfig(Policy(failover_on_auth=True), Traits())
    )
    assert found.label == "plan_limit"


def test_a_reset_in_the_words_counts_if_no_header_names_one() -> None:
    body = error("Your limit will reset at 2027-01-15 18:00:00", code="1308")  # in the east: 10:00 UTC
    assert judged(429, body).until == NOW + 7200
    assert judged(200, body).until == NOW + 7200
    headers = ((b"retry-after", b"60"),)
    named = judge_body(Reply(429, headers, body), CONFIG, NOW)
    assert isinstance(named, Rejected)
    assert named.until == NOW + 60


def test_an_error_in_a_form_that_no_client_knows_is_rewritten_in_anthropics() -> None:
    assert judged(200, minimax(2013, "bad temperature")).reply == Reply(
        400, (JSON,), error_body("invalid_request_error", "bad temperature")
    )
    assert judged(200, b'{"base_resp":{"status_code":1008}}').reply == Reply(
        402, (JSON,), error_body("billing_error", "no_credit")
    )
    assert judged(429, minimax(1002)).reply == Reply(429, (JSON,), minimax(1002))


def test_minimax_codes_count_in_its_own_forms_alone() -> None:
    assert limit_of(ParsedError(("1002",), "Authentication Token invalid"), 200) is None


def test_does_not_read_a_body_too_large_for_an_error() -> None:
    assert parse_error(error("x" * MAX_ERROR_BYTES, code="1113")) == ParsedError()


KEYS = st.sampled_from(["error", "type", "code", "message", "details", "error_code", "base_resp", "status_code", "msg"])
deep = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["1113", 1113, 402, "model not found"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(KEYS, deep, max_size=6),
    st.sampled_from([200, 400, 401, 402, 403, 404, 413, 422, 429, 500, 520, 529]),
)
def test_no_json_breaks_the_reading_of_an_error(body: dict[str, object], status: int) -> None:
    judge_body(Reply(status, (), json.dumps(body).encode()), CONFIG, NOW)


@given(st.binary(), st.sampled_from([200, 400, 403, 404, 429, 500]))
def test_no_bytes_break_the_reading_of_an_error(body: bytes, status: int) -> None:
    judge_body(Reply(status, (), body), CONFIG, NOW)
    watch = StreamJudge(EVENT_STREAM, NOW, CONFIG)
    watch.opening(b"event: error\ndata: " + body + b"\n\n")
    watch.cut(body)


@given(st.text())
def test_no_words_break_it(words: str) -> None:
    judge_body(Reply(200, (), error(words, type="x")), CONFIG, NOW)
    judge_body(Reply(429, (), error(f"try again in {words}", type="x")), CONFIG, NOW)
