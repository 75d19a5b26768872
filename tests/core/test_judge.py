from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core import judge
from claude_proxy.core.judge import (
    Accepted,
    ClassifierConfig,
    Outcome,
    Rejected,
    StreamJudge,
    judge_body,
    unanswered,
)
from claude_proxy.core.messages import MESSAGE_STOP, PING, error_body, error_event
from claude_proxy.core.traits import Traits
from claude_proxy.core.types import Ending, Fault, Headers, Policy, Reply, Usage
from core.builders import NOW, error

TERMS = ClassifierConfig(Policy(), Traits())
JSON = (b"content-type", b"application/json")
HEAD = Reply(200, ((b"content-type", b"text/event-stream"), (b"request-id", b"r"), (b"retry-after", b"30")), b"")


def event(data: bytes, name: bytes = b"") -> bytes:
    return (b"event: " + name + b"\n" if name else b"") + b"data: " + data + b"\n\n"


START = event(b'{"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}', b"message_start")
BLOCK = event(b'{"type":"content_block_start","index":0}', b"content_block_start")
THOUGHT = event(b'{"delta":{"type":"thinking_delta","thinking":"message_stop"}}', b"content_block_delta")
UNSTOPPED = event(b'{"delta":{"stop_reason":null},"usage":{"output_tokens":3}}', b"message_delta")
STOPPED = event(b'{"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":50}}', b"message_delta")
OVERLOADED = error_event(error_body("overloaded_error", "busy"))


def judged(*blocks: bytes) -> tuple[StreamJudge, Outcome | None]:
    watch = StreamJudge(HEAD, NOW, TERMS)
    outcome = None
    for block in blocks:
        outcome = outcome or watch.opening(block)
    return watch, outcome


def rejection(outcome: Outcome | None) -> tuple[Fault, str, str]:
    assert isinstance(outcome, Rejected)
    return outcome.fault, outcome.label, outcome.text


class TestBody:
    @pytest.mark.parametrize(
        ("body", "counting"),
        [
            (b'{"type":"message","content":[]}', False),
            (b' {"input_tokens":0}', True),
            (b'{"input_tokens":5,"x":[]}', True),
        ],
    )
    def test_a_message_or_a_count_is_accepted_as_it_is(self, body: bytes, counting: bool) -> None:
        reply = Reply(200, (), body)
        assert judge_body(reply, TERMS, NOW, counting=counting) == Accepted(reply)
        assert isinstance(judge_body(reply, TERMS, NOW, counting=not counting), Rejected)
        assert Accepted(reply).label == "200"

    @pytest.mark.parametrize(
        ("status", "fault"),
        [(429, Fault.QUOTA), *((status, Fault.PROVIDER) for status in (500, 502, 503, 504, 529))]
        + [(status, Fault.REQUEST) for status in (400, 401, 402, 403, 404, 413, 422, 499, 501, 599)],
    )
    def test_an_error_is_judged_by_its_status_and_kept(self, status: int, fault: Fault) -> None:
        reply = error("api_error", status, "no", ((b"retry-after", b"30"),))
        assert judge_body(reply, TERMS, NOW) == Rejected(fault, str(status), "no", NOW + 30, reply)

    @pytest.mark.parametrize("status", [400, 404, 499])
    def test_an_error_of_the_request_counts_whatever_its_form(self, status: int) -> None:
        assert rejection(judge_body(Reply(status, (), b"<html>"), TERMS, NOW)) == (
            Fault.REQUEST,
            str(status),
            "<html>",
        )

    @pytest.mark.parametrize(
        ("status", "fault"), [(401, Fault.PROVIDER), (418, Fault.PROVIDER), (429, Fault.REQUEST), (503, Fault.REQUEST)]
    )
    def test_which_statuses_are_retried_is_the_users_to_say(self, status: int, fault: Fault) -> None:
        outcome = judge_body(error("api_error", status), ClassifierConfig(Policy(frozenset({401, 418})), Traits()), NOW)
        assert rejection(outcome) == (fault, str(status), "no")

    def test_the_page_of_something_in_front_is_never_relayed_even_where_its_status_is_not_retried(self) -> None:
        outcome = judge_body(Reply(500, (), b"<html>"), ClassifierConfig(Policy(frozenset()), Traits()), NOW)
        assert isinstance(outcome, Rejected)
        assert (outcome.fault, outcome.reply) == (Fault.PROVIDER, None)

    @pytest.mark.parametrize("status", [199, 201, 204, 302, 399, 501, 520, 600])
    def test_a_status_that_answers_no_such_request_is_never_relayed(self, status: int) -> None:
        text = f"answered {status}, which is no answer to a request like this"
        outcome = judge_body(Reply(status, (), b'{"type":"message"}'), TERMS, NOW)
        assert outcome == Rejected(Fault.PROVIDER, str(status), text, None, None)

    @pytest.mark.parametrize(
        ("body", "label", "text"),
        [
            (b"", "empty", ""),
            (b" \r\n", "empty", ""),
            (b"<html>\n<b>Bad\x00 gateway</b>", "nonsense", "<html> <b>Bad gateway</b>"),
            (b'{"type":"message","content":[', "nonsense", '{"type":"message","content":['),
            (b'{"type":"ping","input_tokens":1}', "nonsense", '{"type":"ping","input_tokens":1}'),
            (b'{"type":"message"}', "nonsense", '{"type":"message"}'),
            (b'{"input_tokens":5}', "nonsense", '{"input_tokens":5}'),
            (b'{"type":"message","content":[],"base_resp":{"status_code":1,"status_msg":"bad"}}', "error", "bad"),
            (b'{"type":"message","content":[],"error":{"type":"odd","message":"no"}}', "error", "no"),
            (b'{"error":{"type":"odd","message":"too\\nodd"}}', "error", "too odd"),
            (b'{"error":{"type":"odd"}}', "error", '{"error":{"type":"odd"}}'),
            (b"\xff\xfe", "nonsense", "\N{REPLACEMENT CHARACTER}" * 2),
        ],
    )
    def test_behind_a_200_what_is_no_answer_is_the_providers_fault_and_not_relayed(
        self, body: bytes, label: str, text: str
    ) -> None:
        assert judge_body(Reply(200, (), body), TERMS, NOW) == Rejected(Fault.PROVIDER, label, text, None, None)

    @pytest.mark.parametrize(
        ("kind", "status", "fault"),
        [
            ("rate_limit_error", 429, Fault.QUOTA),
            ("overloaded_error", 529, Fault.PROVIDER),
            ("invalid_request_error", 400, Fault.PROVIDER),
        ],
    )
    def test_an_error_behind_a_200_is_kept_under_the_status_of_its_type(
        self, kind: str, status: int, fault: Fault
    ) -> None:
        body = error_body(kind, "no")
        headers: Headers = ((b"content-type", b"text/plain"), (b"retry-after", b"30"))
        relayed = Reply(status, ((b"retry-after", b"30"), JSON), body)
        assert judge_body(Reply(200, headers, body), TERMS, NOW) == Rejected(fault, kind, "no", NOW + 30, relayed)

    @given(st.text() | st.text().map(lambda message: error_body("api_error", message).decode()))
    def test_a_providers_words_become_one_short_line(self, text: str) -> None:
        _, _, words = rejection(judge_body(Reply(500, (), text.encode()), TERMS, NOW))
        assert words.isprintable()
        assert len(words) <= judge.MAX_TEXT
        assert words == words.strip()

    def test_a_long_text_is_cut(self) -> None:
        _, _, words = rejection(judge_body(Reply(500, (), "é".encode() * 99999), TERMS, NOW))
        assert words == "é" * judge.MAX_TEXT

    def test_the_repr_of_a_rejection_shows_no_words(self) -> None:
        shown = "Rejected(fault=<Fault.PROVIDER: 'provider'>, label='reset', until=None, reply=None)"
        assert repr(unanswered("reset", "secret")) == shown


class TestOpening:
    @pytest.mark.parametrize("last", [THOUGHT, STOPPED, event(b'{"type":"content_block_delta"}')])
    def test_nothing_is_accepted_before_the_first_meaningful_event_and_then_all_of_it(self, last: bytes) -> None:
        watch = StreamJudge(HEAD, NOW, TERMS)
        for block in (PING, START, BLOCK + UNSTOPPED):
            assert watch.opening(block) is None
        assert watch.opening(last + PING) == Accepted(
            Reply(200, HEAD.headers, PING + START + BLOCK + UNSTOPPED + last + PING)
        )

    @pytest.mark.parametrize(
        "delta", [b"{}", b'{"delta":{}}', b'{"delta":null}', b'{"delta":{"stop_reason":""}}', b'{"delta":[]}', b"{"]
    )
    def test_a_message_delta_without_a_stop_reason_is_not_meaningful(self, delta: bytes) -> None:
        assert judged(event(delta, b"message_delta"))[1] is None

    @pytest.mark.parametrize("before", [b"", PING, START + BLOCK])
    def test_an_error_before_content_is_the_providers_own(self, before: bytes) -> None:
        relayed = Reply(529, (*HEAD.headers[1:], JSON), error_body("overloaded_error", "busy"))
        expected = Rejected(Fault.PROVIDER, "overloaded_error", "busy", NOW + 30, relayed)
        assert judged(before + OVERLOADED + THOUGHT)[1] == expected

    @pytest.mark.parametrize("odd", [event(b"{}"), event(b"[DONE]"), event(b'{"error":{"message":"no"}}', b"odd")])
    def test_an_event_without_a_name_is_an_error_only_where_it_holds_one(self, odd: bytes) -> None:
        assert judged(odd)[1] is None
        assert rejection(judged(event(b'{"error":{"message":"no"}}'))[1]) == (Fault.PROVIDER, "error", "no")

    def test_an_error_event_that_holds_no_error_is_nonsense(self) -> None:
        assert rejection(judged(event(b"oops", b"error"))[1]) == (Fault.PROVIDER, "nonsense", "oops")

    def test_a_stream_that_is_over_without_content_is_rejected(self) -> None:
        outcome = judged(START, MESSAGE_STOP)[1]
        assert rejection(outcome) == (Fault.PROVIDER, "no_content", "the stream holds no content")

    def test_pings_are_not_taken_in_for_ever(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(judge, "MAX_UNCOMMITTED_BYTES", 2 * len(PING))
        assert judged(PING, PING)[1] is None
        assert rejection(judged(PING, PING, PING)[1])[1] == "no_content"
        assert isinstance(judged(PING, PING, THOUGHT)[1], Accepted)


class TestCut:
    @pytest.mark.parametrize(
        ("blocks", "rest", "label"),
        [
            ([], b"", "empty"),
            ([], b" \n", "empty"),
            ([PING], b"", "truncated"),
            ([PING, b": still here\n\n"], b"", "truncated"),
            ([START, BLOCK], THOUGHT.rstrip(), "truncated"),
            ([], b"<html>", "nonsense"),
            ([b"<html>\n\n"], b"</html>", "nonsense"),
            ([], error_body("rate_limit_error", "slow down"), "rate_limit_error"),
        ],
    )
    def test_a_stream_that_ends_before_content_is_judged_by_what_came(
        self, blocks: list[bytes], rest: bytes, label: str
    ) -> None:
        watch, outcome = judged(*blocks)
        assert outcome is None
        assert watch.cut(rest).label == label

    def test_a_body_in_place_of_a_stream_is_read_whole(self) -> None:
        body = b'{"error":\n\n{"type":"rate_limit_error","message":"slow down"}}'
        watch = judged(body[:11])[0]
        assert rejection(watch.cut(body[11:])) == (Fault.QUOTA, "rate_limit_error", "slow down")

    def test_an_end_before_content_says_so(self) -> None:
        text = "the stream ended before its first content"
        assert judged(PING)[0].cut(b"") == unanswered("truncated", text)
        assert judged()[0].cut(b" \n") == unanswered("empty", text)


class TestEnding:
    @pytest.mark.parametrize("otherwise", [Ending.TRUNCATED, Ending.STALLED])
    @pytest.mark.parametrize(
        ("opening", "rest", "complete"),
        [
            (START + THOUGHT, [], None),
            (START + THOUGHT, [THOUGHT + UNSTOPPED, PING], None),
            (START + THOUGHT, [event(b'{"error":{}}')], None),
            (START + THOUGHT, [b": message_stop, error\n\n"], None),
            (START + THOUGHT, [STOPPED], Ending.COMPLETE),
            (START + THOUGHT, [STOPPED + UNSTOPPED], Ending.COMPLETE),
            (START + THOUGHT, [THOUGHT + MESSAGE_STOP], Ending.COMPLETE),
            (START + THOUGHT + STOPPED + MESSAGE_STOP, [], Ending.COMPLETE),
            (STOPPED, [], Ending.COMPLETE),
            (START + THOUGHT, [OVERLOADED], Ending.ERROR),
            (START + THOUGHT, [event(b'{"type":"error"}')], Ending.ERROR),
            (START + THOUGHT + OVERLOADED, [], Ending.ERROR),
            (START + THOUGHT, [STOPPED, OVERLOADED], Ending.ERROR),
        ],
    )
    def test_a_stream_is_complete_once_its_stop_reason_has_come(
        self, opening: bytes, rest: list[bytes], complete: Ending | None, otherwise: Ending
    ) -> None:
        watch, outcome = judged(opening)
        assert isinstance(outcome, Accepted)
        for block in rest:
            watch.follow(block)
        assert watch.ending(otherwise) is (complete or otherwise)

    def test_it_is_known_whether_the_message_stop_has_come(self) -> None:
        watch = judged(START + THOUGHT)[0]
        watch.follow(STOPPED)
        assert (watch.stop_reason_seen, watch.stopped) == (True, False)
        watch.follow(MESSAGE_STOP)
        assert (watch.stop_reason_seen, watch.stopped) == (True, True)

    @pytest.mark.parametrize("together", [True, False])
    def test_usage_is_read_on_the_way(self, *, together: bool) -> None:
        watch, _ = judged(START + THOUGHT + (STOPPED if together else b""))
        if not together:
            assert watch.usage == Usage(9, 1)
            watch.follow(STOPPED)
        assert watch.usage == Usage(9, 50)
