"""What is shown of the requests in flight."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from claude_proxy.core.client_hints import ClientHints
from claude_proxy.core.live_report import LiveAttempt, LiveRequest
from claude_proxy.core.reasons import Reason
from claude_proxy.core.status_report import WaitingRequest
from claude_proxy.core.types import MAX_MODEL_LENGTH, MAX_SESSION_LENGTH, Account, Attempt
from claude_proxy.proxy.in_flight import MAX_SHOWN, Progress, RequestsInFlight
from core.builders import account
from fakes.clock import NOON

EVENT = (
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%s"}}\n\n'
)


def progress(given: Account, provider: str = "", since: float | None = None, then: str = "") -> Progress:
    return Progress(lambda: given, provider, since, lambda: then)


def of_session(session: str) -> Account:
    return account(session=session)


def test_only_long_silences_are_shown_the_longest_first() -> None:
    requests = RequestsInFlight()
    given = [
        progress(of_session("s"), "a", 80.0, "b"),
        progress(of_session("t"), "b", 90.1),
        progress(of_session("u"), "c", 70.0),
        progress(of_session("v"), "d"),
    ]
    for each in given:
        requests.begin(each)
    assert requests.silent(100.0) == (WaitingRequest("c", 30.0, "", "u"), WaitingRequest("a", 20.0, "b", "s"))
    requests.end(given[2])
    requests.end(given[2])
    assert [each.provider for each in requests.silent(101.0)] == ["a", "b"]
    assert repr(requests) == "<RequestsInFlight 3>"


def test_a_report_holds_a_few_of_many_the_oldest_first() -> None:
    requests = RequestsInFlight()
    for _ in range(MAX_SHOWN + 2):
        requests.begin(progress(of_session("s"), "a", 0.0))
    assert len(requests.silent(60.0)) == MAX_SHOWN
    assert [each.number for each in requests.report(60.0)] == list(range(1, MAX_SHOWN + 1))
    assert len(requests) == MAX_SHOWN + 2


def test_a_request_is_reported_as_far_as_it_is() -> None:
    attempts = (Attempt("a", Reason.PLAN_LIMIT, 429, 12.0),)
    hints = ClientHints(request_class="subagent")
    given = account(session="s", attempts=attempts, hints=hints, used_model="m-b", first_byte_ms=None, total_ms=3000.0)
    requests = RequestsInFlight()
    requests.begin(progress(given, "b", 98.0, "c"))
    [live] = requests.report(100.0)
    assert live == LiveRequest(
        number=1,
        kind="messages",
        session="s",
        request_class="subagent",
        requested_model="m",
        provider="b",
        model="m-b",
        started_at=NOON,
        seconds=3.0,
        silent_seconds=2.0,
        then="c",
        attempts=(LiveAttempt("a", "plan_limit", "plan limit", 12.0),),
    )


def test_what_a_client_says_of_itself_is_cut_and_made_printable() -> None:
    requests = RequestsInFlight()
    requests.begin(progress(account(session="s\x1b" * 100, requested_model="m" * 9999, used_model="\x07")))
    [live] = requests.report(0.0)
    assert (len(live.session), len(live.requested_model)) == (MAX_SESSION_LENGTH, MAX_MODEL_LENGTH)
    assert (live.session[:4], live.model) == ("s?s?", "?")


@pytest.mark.parametrize(
    ("texts", "tokens"),
    [
        ([], 0),
        ([b"a"] * 7, 7),
        ([b"four" * 100], 100),
        ([b"four" * 10] * 20, 200),
    ],
)
def test_tokens_are_estimated_by_events_and_by_bytes(texts: list[bytes], tokens: int) -> None:
    counted = progress(of_session("s"))
    for text in texts:
        counted.count(EVENT % text)
    assert counted.output_tokens == pytest.approx(tokens, rel=0.2)


@pytest.mark.parametrize(
    ("first_byte_ms", "total_ms", "rate"), [(None, 9000.0, None), (1000.0, 1400.0, None), (1000.0, 3000.0, 50.0)]
)
def test_tokens_a_second_are_told_once_an_answer_has_gone_on_for_a_while(
    first_byte_ms: float | None, total_ms: float, rate: float | None
) -> None:
    given = progress(replace(of_session("s"), first_byte_ms=first_byte_ms, total_ms=total_ms))
    given.lines = 300
    requests = RequestsInFlight()
    requests.begin(given)
    [live] = requests.report(0.0)
    assert (live.output_tokens, live.tokens_per_second) == (100, rate)
