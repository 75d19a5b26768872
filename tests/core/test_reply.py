from __future__ import annotations

import json

import pytest

from claude_proxy.core.failover import Failed, GiveUp
from claude_proxy.core.messages import MESSAGE_STOP, STATUS_OF_ERROR
from claude_proxy.core.reasons import Reason
from claude_proxy.core.reply import (
    CUT_SHORT,
    as_event,
    attribution_comments,
    attribution_headers,
    final_error,
    last_event,
    nothing_there,
    prompt_too_long,
    refusal,
    relayed,
    stream_head,
)
from claude_proxy.core.sse import SSEDecoder
from claude_proxy.core.types import Attempt, Ending, Fault, Headers, Reply
from core.builders import NOW, error, events, rejected

ATTEMPTS = [Attempt("minimax", Reason.STATUS, 429, 12.0, "slow down"), Attempt("moonshot", Reason.REFUSED, None, 3.0)]
NAMED = ((b"x-claude-proxy-provider", b"moonshot"), (b"x-claude-proxy-attempts", b"minimax=429, moonshot=refused"))
JSON = (b"content-type", b"application/json")


def error_in(block: bytes) -> object:
    assert SSEDecoder().feed(block) == block
    [event] = events(block)
    assert event.name == "error"
    return json.loads(event.data)["error"]


@pytest.mark.parametrize(("kind", "status"), STATUS_OF_ERROR.items())
def test_a_refusal_has_the_form_and_the_status_of_its_type(kind: str, status: int) -> None:
    refused = refusal(kind, "not so", ((b"allow", b"POST"),))
    assert (refused.status, refused.headers) == (status, ((b"allow", b"POST"), JSON))
    assert json.loads(refused.body) == {"type": "error", "error": {"type": kind, "message": "claude-proxy: not so"}}


def test_a_prompt_that_is_too_long_gets_the_words_that_make_claude_code_compact() -> None:
    refused = prompt_too_long(250_000, 200_000)
    error = {"type": "invalid_request_error", "message": "prompt is too long: 250000 tokens > 200000 maximum"}
    assert (refused.status, refused.headers) == (400, (JSON,))
    assert json.loads(refused.body) == {"type": "error", "error": error}


def test_a_stream_that_broke_off_ends_with_an_error_that_the_client_retries() -> None:
    message = "claude-proxy: the provider's stream broke off; please try again"
    assert error_in(CUT_SHORT) == {"type": "overloaded_error", "message": message}


def test_a_stream_that_its_provider_did_not_end_ends_by_how_it_ended() -> None:
    assert [last_event(ending) for ending in (Ending.COMPLETE, Ending.TRUNCATED, Ending.STALLED)] == [
        MESSAGE_STOP,
        CUT_SHORT,
        CUT_SHORT,
    ]
    text = str(error_in(last_event(Ending.INTERNAL)))
    assert "overloaded_error" in text
    assert "memory_budget_mb in config.json" in text


def test_headers_and_comments_name_the_provider_and_the_attempts() -> None:
    assert attribution_headers(ATTEMPTS, "moonshot") == NAMED
    block = attribution_comments(ATTEMPTS, "moonshot")
    assert block == (
        b": x-claude-proxy-provider: moonshot\n: x-claude-proxy-attempts: minimax=429, moonshot=refused\n\n"
    )
    assert events(block) == []


def test_a_stream_has_the_type_of_a_stream_whatever_its_provider_sent() -> None:
    head: Headers = (
        (b"content-type", b"text/plain"),
        (b"cache-control", b"max-age=9"),
        (b"request-id", b"r"),
        (b"te", b"x"),
    )
    assert stream_head(head) == (
        (b"request-id", b"r"),
        (b"content-type", b"text/event-stream"),
        (b"cache-control", b"no-cache"),
    )


@pytest.mark.parametrize(
    ("status", "own", "kept"),
    [
        (400, (b"x-should-retry", b"true"), (b"x-should-retry", b"true")),
        (401, (b"x-should-retry", b"true"), (b"x-should-retry", b"false")),
        (403, (b"te", b"x"), (b"x-should-retry", b"false")),
    ],
)
def test_relays_an_answer_with_its_body_unchanged(
    status: int, own: tuple[bytes, bytes], kept: tuple[bytes, bytes]
) -> None:
    answer = Reply(status, (JSON, (b"set-cookie", b"a=b"), own), b" as it came ")
    assert relayed(answer, ATTEMPTS, "moonshot") == Reply(status, (JSON, kept, *NAMED), b" as it came ")


@pytest.mark.parametrize(
    ("returns_at", "seconds"), [(NOW + 30, b"30"), (NOW + 0.2, b"1"), (NOW + 1.2, b"2"), (NOW - 9, b"1")]
)
def test_the_final_error_is_the_providers_own_with_the_time_of_the_first_return(
    returns_at: float, seconds: bytes
) -> None:
    own = error("rate_limit_error", 429, headers=((b"retry-after", b"9"), (b"request-id", b"r")))
    last = final_error(GiveUp(rejected(Fault.QUOTA, reply=own), "moonshot", returns_at), ATTEMPTS, NOW)
    assert last == Reply(429, ((b"request-id", b"r"), JSON, (b"retry-after", seconds), *NAMED), own.body)


def test_without_a_time_of_return_the_providers_retry_after_stays() -> None:
    own = error("invalid_request_error", 400, headers=((b"retry-after", b"9"),))
    last = final_error(GiveUp(rejected(Fault.REQUEST, reply=own), "moonshot", None), ATTEMPTS, NOW)
    assert last == Reply(400, ((b"retry-after", b"9"), JSON, *NAMED), own.body)


def test_without_an_error_to_relay_the_final_error_says_how_each_provider_failed() -> None:
    last = final_error(GiveUp(rejected(Fault.PROVIDER), "moonshot", NOW + 15), ATTEMPTS, NOW)
    assert (last.status, last.headers) == (503, (JSON, (b"retry-after", b"15"), NAMED[1]))
    message = "claude-proxy: no provider could answer: minimax: slow down; moonshot: refused"
    assert json.loads(last.body)["error"] == {"type": "api_error", "message": message}


def test_the_final_error_of_a_single_provider_names_only_that_one() -> None:
    attempts = (Attempt("dead", Reason.STATUS, 503, 1.0, text="away"), Attempt("dead", Reason.TIMEOUT, None, 1.0))
    last = final_error(GiveUp(rejected(Fault.PROVIDER), "dead", None), attempts, NOW)
    message = json.loads(last.body)["error"]["message"]
    assert message == f"claude-proxy: dead could not answer: away; {attempts[1].outcome}"


FAILED = (Failed("minimax", rejected(Fault.QUOTA, 429), NOW + 60), Failed("moonshot", rejected(Fault.PROVIDER, 529)))


def test_if_several_failed_the_final_error_is_a_sentence_about_each_by_the_users_clock() -> None:
    own = error("overloaded_error", 529)
    last = final_error(
        GiveUp(rejected(Fault.PROVIDER, reply=own), "moonshot", NOW + 60, FAILED), ATTEMPTS, NOW, utc_offset=3600
    )
    assert (last.status, last.headers) == (503, (JSON, (b"retry-after", b"60"), NAMED[1]))
    message = (
        "claude-proxy: no provider could answer: minimax: too many requests until 09:01; moonshot: overloaded (529)."
    )
    assert json.loads(last.body)["error"] == {"type": "api_error", "message": message}


def test_if_to_ask_again_cannot_help_the_final_error_names_no_time() -> None:
    refused = (Failed("minimax", rejected(Fault.PROVIDER, 401), NOW + 60, "A_KEY (from .env)"),)
    last = final_error(GiveUp(refused[0].rejected, "minimax", NOW + 60, refused), ATTEMPTS, NOW)
    assert (last.status, last.headers) == (401, (JSON, (b"x-should-retry", b"false"), NAMED[1]))
    assert json.loads(last.body)["error"]["message"].endswith("A_KEY (from .env). Replace it there.")


def test_the_notice_comes_before_the_words_of_the_provider() -> None:
    own = error("authentication_error", 401, "login fail")
    last = final_error(GiveUp(rejected(Fault.REQUEST, 401, reply=own), "minimax", None), ATTEMPTS, NOW, notice="OURS.")
    assert json.loads(last.body)["error"] == {"type": "authentication_error", "message": "OURS. login fail"}


def test_what_is_not_there_has_a_status_whose_message_is_shown() -> None:
    gone = nothing_there("no such thing")
    assert (gone.status, gone.headers) == (410, ((b"x-should-retry", b"false"), JSON))
    assert json.loads(gone.body)["error"] == {"type": "not_found_error", "message": "claude-proxy: no such thing"}


def test_an_error_becomes_the_last_event_of_a_stream() -> None:
    assert error_in(as_event(error("api_error", 500, "x"))) == {"type": "api_error", "message": "x"}
    message = "claude-proxy: the provider answered 502"
    assert error_in(as_event(Reply(502, (), b"<html>\n\n"))) == {"type": "overloaded_error", "message": message}


def test_the_final_error_names_the_providers_that_were_passed_over_for_their_budget() -> None:
    decision = GiveUp(rejected(Fault.PROVIDER), "", None, (Failed("moonshot", rejected(Fault.PROVIDER, 529)),))
    last = final_error(decision, ATTEMPTS, NOW, over_budget=("minimax", "zai"))
    assert last.body.endswith(b'Passed over, since a budget is used up: minimax, zai."}}')
