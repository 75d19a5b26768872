"""Each provider's words for its limits, in each of the places where it may write them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from claude_proxy.core.judge import Rejected, StreamJudge
from claude_proxy.core.limits import LONG_REST
from claude_proxy.core.messages import read_error
from claude_proxy.core.model import Fault, Reply
from core.given import NOW
from core.said import IN_CHINA, JSON, error, judged, minimax

EVENT_STREAM = Reply(200, ((b"content-type", b"text/event-stream"),), b"")


def behind_status(status: int, body: bytes) -> Rejected:
    return judged(status, body)


def behind_200(_status: int, body: bytes) -> Rejected:
    return judged(200, body)


def in_an_error_event(_status: int, body: bytes) -> Rejected:
    outcome = StreamJudge(EVENT_STREAM, NOW, IN_CHINA).opening(b"event: error\ndata: " + body + b"\n\n")
    assert isinstance(outcome, Rejected)
    return outcome


def in_a_nameless_event(_status: int, body: bytes) -> Rejected:
    nameless = json.dumps({key: value for key, value in json.loads(body).items() if key != "type"}).encode()
    outcome = StreamJudge(EVENT_STREAM, NOW, IN_CHINA).opening(b"data: " + nameless + b"\n\n")
    assert isinstance(outcome, Rejected)
    return outcome


def in_the_last_event(_status: int, body: bytes) -> Rejected:
    return StreamJudge(EVENT_STREAM, NOW, IN_CHINA).cut(b"event: error\ndata: " + body)


def in_place_of_a_stream(_status: int, body: bytes) -> Rejected:
    return StreamJudge(EVENT_STREAM, NOW, IN_CHINA).cut(body)


PLACES = [behind_status, behind_200, in_an_error_event, in_a_nameless_event, in_the_last_event, in_place_of_a_stream]


NO_CREDIT = (Fault.QUOTA, "no_credit")
PLAN = (Fault.QUOTA, "plan_limit")
FAST = (Fault.QUOTA, "rate_limit_error")
BUSY = (Fault.PROVIDER, "overloaded_error")
NO_MODEL = (Fault.MISFIT, "unknown_model")
LONG = (Fault.MISFIT, "too_long")
SHORTER = (Fault.MISFIT, "plan_limit")
REQUEST = (Fault.REQUEST, "400")

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
    (400, error("余额不足", type="invalid_request_error"), NO_CREDIT),
    (400, error("模型 glm-9 不存在", type="invalid_request_error"), NO_MODEL),
    (429, error("已达到 5 小时的使用上限", type="rate_limit_error"), PLAN),
]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
@pytest.mark.parametrize(("status", "body", "meaning"), WORDS, ids=lambda one: None if isinstance(one, int) else "")
def test_a_providers_words_mean_the_same_wherever_they_stand(
    place: Callable[[int, bytes], Rejected], status: int, body: bytes, meaning: tuple[Fault, str]
) -> None:
    found = place(status, body)
    expected = "429" if place is behind_status and meaning == FAST else meaning[1]
    assert (found.fault, found.label) == (meaning[0], expected)
    assert found.reply
    assert read_error(found.reply.body)


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
    "2013": REQUEST,
    "billing_error": NO_CREDIT,
    "overloaded_error": BUSY,
    "rate_limit_error": FAST,
}


@pytest.mark.parametrize(("code", "meaning"), CODES.items())
@pytest.mark.parametrize("number", [True, False])
def test_a_code_is_known_in_each_field_that_may_hold_it(code: str, meaning: tuple[Fault, str], *, number: bool) -> None:
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


PHRASES = [
    ("You're out of extra usage", PLAN, LONG_REST),
    ("You have reached your specified API usage limits.", PLAN, LONG_REST),
    ("Claude AI usage limit reached|1", PLAN, LONG_REST),
    ("usage limit reached for 5 hours", PLAN, 0.0),
    ("You have hit your 5-hour usage limit", PLAN, 0.0),
    ("You exceeded your quota for today", PLAN, 0.0),
    ("Weekly/Monthly Limit Exhausted.", PLAN, 0.0),
    ("daily limit reached", PLAN, 0.0),
    ("已达到使用上限", PLAN, 0.0),
    ("您的额度已用完", PLAN, 0.0),
    ("Your credit balance is too low", NO_CREDIT, LONG_REST),
    ("Insufficient account balance", NO_CREDIT, LONG_REST),
    ("insufficient funds", NO_CREDIT, LONG_REST),
    ("you are out of credits", NO_CREDIT, LONG_REST),
    ("This request requires more credits", NO_CREDIT, LONG_REST),
    ("You exceeded your current quota", NO_CREDIT, LONG_REST),
    ("Your account is in arrears", NO_CREDIT, LONG_REST),
    ("余额不足", NO_CREDIT, LONG_REST),
    ("账户欠费", NO_CREDIT, LONG_REST),
    ("Extra usage is required for long context requests.", SHORTER, 0.0),
    ("Unknown Model, please check", NO_MODEL, 0.0),
    ("no such model", NO_MODEL, 0.0),
    ("invalid model name", NO_MODEL, 0.0),
    ("Invalid model: x", NO_MODEL, 0.0),
    ("Not found the model kimi-k9", NO_MODEL, 0.0),
    ("No endpoints found for vendor/x", NO_MODEL, 0.0),
    ("The model `x` does not exist", NO_MODEL, 0.0),
    ("model x doesn't exist", NO_MODEL, 0.0),
    ("vendor/x is not a valid model ID", NO_MODEL, 0.0),
    ("模型不存在", NO_MODEL, 0.0),
    ("模型 x 不存在", NO_MODEL, 0.0),
]


@pytest.mark.parametrize(("words", "meaning", "rest"), PHRASES)
def test_a_phrase_alone_is_understood(words: str, meaning: tuple[Fault, str], rest: float) -> None:
    for status in (200, 400) if meaning == NO_MODEL else (200, 400, 429, 500):
        found = judged(status, error(words, type="x"))
        assert (found.fault, found.label, found.rest) == (*meaning, rest), status


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
def test_openrouters_code_is_a_status(
    place: Callable[[int, bytes], Rejected], code: int, fault: Fault, label: str
) -> None:
    body = json.dumps({"error": {"message": "no", "code": code, "metadata": {}}}).encode()
    found = place(200, body)
    assert (found.fault, found.label) == (fault, label)
    if label != "error":
        assert found.reply == Reply(code, (JSON,), body)
    else:
        assert found.reply is None
