from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.judge_body import MAX_TEXT, ClassifierConfig, judge_body, judge_status
from claude_proxy.core.messages import error_body
from claude_proxy.core.outcome import Rejected, Whole
from claude_proxy.core.reasons import Reason
from claude_proxy.core.reply import loop_detected
from claude_proxy.core.traits import Traits
from claude_proxy.core.types import Fault, Headers, Policy, Reply
from core.builders import NOW, error

CONFIG = ClassifierConfig(Policy(), Traits())
JSON = (b"content-type", b"application/json")


def rejection(outcome: Whole | Rejected) -> tuple[Fault, str, str]:
    assert isinstance(outcome, Rejected)
    return outcome.fault, outcome.label, outcome.text


@pytest.mark.parametrize(
    ("body", "counting"),
    [
        (b'{"type":"message","content":[]}', False),
        (b' {"input_tokens":0}', True),
        (b'{"input_tokens":5,"x":[]}', True),
    ],
)
def test_accepts_a_message_or_a_count_unchanged(body: bytes, counting: bool) -> None:
    reply = Reply(200, (), body)
    assert judge_body(reply, CONFIG, NOW, counting=counting) == Whole(reply)
    assert isinstance(judge_body(reply, CONFIG, NOW, counting=not counting), Rejected)


@pytest.mark.parametrize(
    ("status", "fault"),
    [(429, Fault.QUOTA), *((status, Fault.PROVIDER) for status in (408, 425, 500, 502, 503, 504, 507, 524, 529, 599))]
    + [(status, Fault.REQUEST) for status in (400, 401, 402, 403, 404, 409, 410, 413, 422, 499, 501)],
)
def test_judges_an_error_by_its_status_and_keeps_its_reply(status: int, fault: Fault) -> None:
    reply = error("api_error", status, "no", ((b"retry-after", b"30"),))
    assert judge_body(reply, CONFIG, NOW) == Rejected(fault, Reason.STATUS, status, "no", NOW + 30, reply)


@pytest.mark.parametrize(
    ("status", "body"),
    [(400, b"no"), (401, b"Unauthorized"), (402, b""), (422, b""), (404, b'{"detail":"Not Found"}'), (499, b"[]")],
)
def test_an_error_about_the_request_counts_in_plain_text_and_in_any_json(status: int, body: bytes) -> None:
    reply = Reply(status, (), body)
    assert judge_body(reply, CONFIG, NOW) == Rejected(
        Fault.REQUEST, Reason.STATUS, status, body.decode() if status != 404 else "Not Found", None, reply
    )


CHALLENGE = b"\xef\xbb\xbf \n<!DOCTYPE html><title>Just a moment...</title>"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((status, CHALLENGE) for status in (400, 401, 402, 403, 404, 405, 409, 410, 418, 422, 451, 499)),
        (403, b"error code: 1020"),
        (404, b"404 page not found"),
        (404, b""),
        (405, b" "),
        (403, b"Forbidden"),
    ],
)
def test_a_page_in_place_of_an_apis_error_is_the_providers_fault_and_not_relayed(status: int, body: bytes) -> None:
    text = f"answered {status} with a page, which is no error of an API"
    assert judge_body(Reply(status, (), body), CONFIG, NOW) == Rejected(
        Fault.PROVIDER, Reason.PAGE, status, text, None, None
    )


@pytest.mark.parametrize("status", [413, 414, 431])
def test_a_server_in_front_that_takes_no_such_size_gets_no_strike_and_the_client_hears_of_it(status: int) -> None:
    outcome = judge_body(Reply(status, (), b"<html><h1>413 Request Entity Too Large</h1>"), CONFIG, NOW)
    text = f"a server in front of the provider takes no request of this size (it answered {status} with a page)"
    relayed = Reply(413, (JSON,), error_body("request_too_large", text))
    assert outcome == Rejected(Fault.INCOMPATIBLE, Reason.REQUEST_TOO_LARGE, status, text, None, relayed)


def test_a_page_for_the_clients_own_login_is_relayed_so_that_it_is_renewed() -> None:
    reply = Reply(401, (), CHALLENGE)
    outcome = judge_body(reply, ClassifierConfig(Policy(), Traits(), by_login=True), NOW)
    assert isinstance(outcome, Rejected)
    assert (outcome.fault, outcome.reply) == (Fault.REQUEST, reply)


@pytest.mark.parametrize("status", [429, 502, 503, 520, 524])
def test_a_page_behind_a_status_that_is_retried_counts_as_the_status(status: int) -> None:
    outcome = judge_body(Reply(status, ((b"retry-after", b"30"),), b"<html>busy</html>"), CONFIG, NOW)
    fault = Fault.QUOTA if status == 429 else Fault.PROVIDER
    assert isinstance(outcome, Rejected)
    assert (outcome.fault, outcome.label, outcome.until) == (fault, str(status), NOW + 30)
    assert (outcome.reply is None) is (status != 429)


@pytest.mark.parametrize(
    ("status", "fault"), [(401, Fault.PROVIDER), (418, Fault.PROVIDER), (429, Fault.REQUEST), (503, Fault.REQUEST)]
)
def test_the_user_decides_which_statuses_are_retried(status: int, fault: Fault) -> None:
    outcome = judge_body(error("api_error", status), ClassifierConfig(Policy(frozenset({401, 418})), Traits()), NOW)
    assert rejection(outcome) == (fault, str(status), "no")


@pytest.mark.parametrize("retried", [False, True])
def test_an_address_that_leads_back_is_no_fault_of_the_request_whatever_is_retried(retried: bool) -> None:
    config = ClassifierConfig(Policy(retry_statuses=frozenset({508} if retried else ())), Traits())
    outcome = judge_body(loop_detected("the base_url leads back"), config, NOW)
    assert rejection(outcome) == (Fault.INCOMPATIBLE, "loop", "claude-proxy: the base_url leads back")
    assert isinstance(outcome, Rejected)
    assert outcome.reply == loop_detected("the base_url leads back")


def test_another_508_is_the_providers_fault() -> None:
    page = judge_body(Reply(508, (), b"<h1>Resource Limit Is Reached</h1>"), CONFIG, NOW)
    assert rejection(page)[:2] == (Fault.PROVIDER, "508")


def test_the_page_of_a_server_in_front_is_never_relayed_even_if_its_status_is_not_retried() -> None:
    outcome = judge_body(Reply(500, (), b"<html>"), ClassifierConfig(Policy(frozenset()), Traits()), NOW)
    assert isinstance(outcome, Rejected)
    assert (outcome.fault, outcome.reply) == (Fault.PROVIDER, None)


@pytest.mark.parametrize("status", [199, 201, 204, 302, 399, 501, 600])
def test_a_status_that_is_no_answer_to_such_a_request_is_never_relayed(status: int) -> None:
    text = f"answered {status}, which is no answer to a request like this"
    outcome = judge_body(Reply(status, (), b'{"type":"message"}'), CONFIG, NOW)
    assert outcome == Rejected(Fault.PROVIDER, Reason.STATUS, status, text, None, None)


@pytest.mark.parametrize(
    ("body", "reason", "text"),
    [
        (b"", Reason.EMPTY, ""),
        (b" \r\n", Reason.EMPTY, ""),
        (b"<html>\n<b>Bad\x00 gateway</b>", Reason.NONSENSE, "<html> <b>Bad gateway</b>"),
        (b'{"type":"message","content":[', Reason.NONSENSE, '{"type":"message","content":['),
        (b'{"type":"ping","input_tokens":1}', Reason.NONSENSE, '{"type":"ping","input_tokens":1}'),
        (b'{"type":"message"}', Reason.NONSENSE, '{"type":"message"}'),
        (b'{"input_tokens":5}', Reason.NONSENSE, '{"input_tokens":5}'),
        (b'{"type":"message","content":[],"base_resp":{"status_code":1,"status_msg":"bad"}}', Reason.ERROR, "bad"),
        (b'{"type":"message","content":[],"error":{"type":"odd","message":"no"}}', Reason.ERROR, "no"),
        (b'{"error":{"type":"odd","message":"too\\nodd"}}', Reason.ERROR, "too odd"),
        (b'{"error":{"type":"odd"}}', Reason.ERROR, '{"error":{"type":"odd"}}'),
        (b"\xff\xfe", Reason.NONSENSE, "\N{REPLACEMENT CHARACTER}" * 2),
    ],
)
def test_a_200_without_an_answer_is_the_providers_fault_and_not_relayed(body: bytes, reason: Reason, text: str) -> None:
    assert judge_body(Reply(200, (), body), CONFIG, NOW) == Rejected(Fault.PROVIDER, reason, 200, text, None, None)


@pytest.mark.parametrize(
    ("kind", "status", "fault"),
    [
        ("rate_limit_error", 429, Fault.QUOTA),
        ("overloaded_error", 529, Fault.PROVIDER),
        ("invalid_request_error", 400, Fault.PROVIDER),
    ],
)
def test_an_error_behind_a_200_gets_the_status_of_its_type(kind: str, status: int, fault: Fault) -> None:
    body = error_body(kind, "no")
    headers: Headers = ((b"content-type", b"text/plain"), (b"retry-after", b"30"))
    relayed = Reply(status, ((b"retry-after", b"30"), JSON), body)
    assert judge_body(Reply(200, headers, body), CONFIG, NOW) == Rejected(
        fault, Reason(kind), status, "no", NOW + 30, relayed
    )


@given(st.text() | st.text().map(lambda message: error_body("api_error", message).decode()))
def test_an_errors_text_becomes_one_short_line(text: str) -> None:
    _, _, words = rejection(judge_body(Reply(500, (), text.encode()), CONFIG, NOW))
    assert words.isprintable()
    assert len(words) <= MAX_TEXT
    assert words == words.strip()


def test_cuts_a_long_text() -> None:
    _, _, words = rejection(judge_body(Reply(500, (), "é".encode() * 99999), CONFIG, NOW))
    assert words == "é" * MAX_TEXT


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (400, Fault.REQUEST),
        (401, Fault.REQUEST),
        (404, Fault.REQUEST),
        (429, Fault.QUOTA),
        (500, Fault.PROVIDER),
        (501, Fault.REQUEST),
        (529, Fault.PROVIDER),
    ],
)
def test_an_error_that_cannot_be_read_is_judged_by_its_status(status: int, fault: Fault) -> None:
    reply = Reply(status, (), b"unreadable")
    assert judge_status(reply, CONFIG) == Rejected(fault, Reason.STATUS, status, reply=reply)


@pytest.mark.parametrize("status", [200, 204, 302, 600])
def test_another_answer_that_cannot_be_read_is_the_providers_fault_and_not_relayed(status: int) -> None:
    assert judge_status(Reply(status, (), b""), CONFIG) == Rejected(Fault.PROVIDER, Reason.UNREADABLE, status)


def test_an_error_behind_a_200_loses_the_key() -> None:
    key = "sk-key-of-the-provider"
    outcome = judge_body(
        Reply(200, (), error_body("api_error", f"who is {key}?")), ClassifierConfig(Policy(), Traits(), key=key), NOW
    )
    assert isinstance(outcome, Rejected)
    assert (outcome.text, outcome.reply) == (
        "who is ***?",
        Reply(500, ((b"content-type", b"application/json"),), error_body("api_error", "who is ***?")),
    )
    assert key not in repr(ClassifierConfig(Policy(), Traits(), key=key))


class TestStopReasons:
    @pytest.mark.parametrize(
        ("content", "reason"), [(b"[]", b"stop"), (b"[ ]", b"new"), (b'[{"type":"text"}]', b"network_error")]
    )
    def test_a_message_that_stopped_with_a_failure_is_no_answer(self, content: bytes, reason: bytes) -> None:
        body = b'{"type":"message","content":%b,"stop_reason":"%b"}' % (content, reason)
        outcome = judge_body(Reply(200, (), body), CONFIG, NOW)
        assert isinstance(outcome, Rejected)
        assert (outcome.fault, outcome.label) == (Fault.PROVIDER, "error")
        assert outcome.text == f'the answer stopped with "{reason.decode()}"'

    def test_a_stop_reason_of_another_api_becomes_the_apis(self) -> None:
        body = b'{"type":"message", "content":[{"type":"text","n":1.50}],"stop_reason":"length"}'
        outcome = judge_body(Reply(200, (), body), CONFIG, NOW)
        assert isinstance(outcome, Whole)
        assert (
            outcome.reply.body == b'{"type":"message","content":[{"type":"text","n":1.50}],"stop_reason":"max_tokens"}'
        )

    @pytest.mark.parametrize("reason", [b"7", b"null", b'"end_turn"', b'"new"'])
    def test_any_other_answer_stays_byte_for_byte(self, reason: bytes) -> None:
        body = b'{"type":"message", "content":[{"type":"text"}],"stop_reason":%b}' % reason
        assert judge_body(Reply(200, (), body), CONFIG, NOW) == Whole(Reply(200, (), body))


@pytest.mark.parametrize("status", [401, 402, 403])
def test_an_error_that_names_a_field_says_nothing_of_the_key_whatever_its_status(status: int) -> None:
    about_field = judge_body(error("invalid_request_error", status, "max_tokens: must be at least 1"), CONFIG, NOW)
    about_key = judge_body(error("invalid_request_error", status, "Incorrect API key provided: sk-x"), CONFIG, NOW)
    assert rejection(about_field) == (Fault.REQUEST, "invalid_request_error", "max_tokens: must be at least 1")
    assert rejection(about_key)[:2] == (Fault.REQUEST, str(status))
