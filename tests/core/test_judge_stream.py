from __future__ import annotations

from unittest import mock

import pytest

from claude_proxy.core import judge_stream, sse
from claude_proxy.core.judge_body import ClassifierConfig
from claude_proxy.core.judge_stream import StreamJudge
from claude_proxy.core.messages import MESSAGE_STOP, PING, error_body, error_event
from claude_proxy.core.outcome import Opening, Rejected, Whole, unanswered
from claude_proxy.core.reasons import Reason
from claude_proxy.core.traits import Traits
from claude_proxy.core.types import Ending, Fault, Policy, Reply, Usage
from claude_proxy.core.usage import Tally
from core.builders import NOW

CONFIG = ClassifierConfig(Policy(), Traits())
JSON = (b"content-type", b"application/json")
HEAD = Reply(200, ((b"content-type", b"text/event-stream"), (b"request-id", b"r"), (b"retry-after", b"30")), b"")


def event(data: bytes, name: bytes = b"") -> bytes:
    return (b"event: " + name + b"\n" if name else b"") + b"data: " + data + b"\n\n"


START = event(b'{"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}', b"message_start")
BLOCK = event(
    b'{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}',
    b"content_block_start",
)
THINKING = b'{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"message_stop"}}'
THOUGHT = event(THINKING, b"content_block_delta")
CONTENT = BLOCK + THOUGHT
UNSTOPPED = event(
    b'{"type":"message_delta","delta":{"stop_reason":null},"usage":{"output_tokens":3}}', b"message_delta"
)
STOPPED = event(
    b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":50}}', b"message_delta"
)
OVERLOADED = error_event(error_body("overloaded_error", "busy"))


def judged(*blocks: bytes) -> tuple[StreamJudge, Opening | Rejected | None]:
    watch = StreamJudge(HEAD, NOW, CONFIG)
    outcome: Opening | Rejected | None = None
    for block in blocks:
        outcome = outcome or watch.opening(block)
    return watch, outcome


def rejection(outcome: Opening | Rejected | None) -> tuple[Fault, str, str]:
    assert isinstance(outcome, Rejected)
    return outcome.fault, outcome.label, outcome.text


class TestOpening:
    @pytest.mark.parametrize("last", [THOUGHT, STOPPED, event(THINKING)])
    def test_accepts_nothing_before_the_first_meaningful_event_and_all_of_it_then(self, last: bytes) -> None:
        watch = StreamJudge(HEAD, NOW, CONFIG)
        for block in (PING, START, BLOCK + UNSTOPPED):
            assert watch.opening(block) is None
        assert watch.opening(last + PING) == Opening(
            Reply(200, HEAD.headers, PING + START + BLOCK + UNSTOPPED + last + PING)
        )

    @pytest.mark.parametrize("piece", [b":\n\n", b"\n\n", b":\r\r", b"\r\n\r\n", b"data\n\n", PING])
    def test_reads_no_more_events_before_the_content_than_the_limit(
        self, piece: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        parse, read = sse.parse, list[bytes]()

        def count(event: bytes) -> sse.ServerSentEvent | None:
            read.append(event)
            return parse(event)

        monkeypatch.setattr(sse, "parse", count)
        watch, outcome = judged(START, piece * judge_stream.MAX_UNCOMMITTED_EVENTS)
        assert rejection(outcome) == (Fault.PROVIDER, "no_content", "the stream holds no content")
        assert len(read) == judge_stream.MAX_UNCOMMITTED_EVENTS
        assert watch.usage == Usage(9, 1)

    @pytest.mark.parametrize(
        "delta", [b"{}", b'{"stop_reason":null}', b'{"stop_reason":""}', b'{"stop_reason":7}', b'{"stop_sequence":"x"}']
    )
    def test_a_message_delta_without_a_stop_reason_is_not_meaningful(self, delta: bytes) -> None:
        data = b'{"type":"message_delta","delta":' + delta + b"}"
        assert judged(START, event(data, b"message_delta"))[1] is None

    @pytest.mark.parametrize("before", [b"", PING, START + BLOCK])
    def test_an_error_before_content_is_the_providers_own(self, before: bytes) -> None:
        relayed = Reply(529, (*HEAD.headers[1:], JSON), error_body("overloaded_error", "busy"))
        expected = Rejected(Fault.PROVIDER, Reason.OVERLOADED_ERROR, 529, "busy", NOW + 30, relayed)
        assert judged(before + OVERLOADED + THOUGHT)[1] == expected

    @pytest.mark.parametrize(("kind", "status"), [("invalid_request_error", 400), ("not_found_error", 404)])
    def test_an_error_about_the_request_counts_as_its_status(self, kind: str, status: int) -> None:
        body = error_body(kind, "no")
        expected = Rejected(
            Fault.REQUEST, Reason.STATUS, status, "no", NOW + 30, Reply(status, (*HEAD.headers[1:], JSON), body)
        )
        assert judged(START + error_event(body))[1] == expected
        whole = judged(START)[0]
        assert whole.cut(error_event(body).rstrip()) == expected

    @pytest.mark.parametrize("odd", [event(b"{}"), event(b"[DONE]"), event(b'{"error":{"message":"no"}}', b"odd")])
    def test_an_event_without_a_name_is_an_error_only_if_it_holds_one(self, odd: bytes) -> None:
        assert judged(odd)[1] is None
        assert rejection(judged(event(b'{"error":{"message":"no"}}'))[1]) == (Fault.PROVIDER, "error", "no")

    def test_an_error_event_that_holds_no_error_is_nonsense(self) -> None:
        assert rejection(judged(event(b"oops", b"error"))[1]) == (Fault.PROVIDER, "nonsense", "oops")

    def test_rejects_a_stream_that_ends_without_content(self) -> None:
        outcome = judged(START, MESSAGE_STOP)[1]
        assert rejection(outcome) == (Fault.PROVIDER, "no_content", "the stream holds no content")

    def test_what_follows_the_end_of_a_stream_without_content_is_no_content(self) -> None:
        assert rejection(judged(START + MESSAGE_STOP + CONTENT)[1])[1] == "no_content"

    def test_rejects_what_no_client_can_read(self) -> None:
        outcome = judged(START, event(b"<html></html>", b"content_block_delta"))[1]
        text = "the stream is not one of the Messages API: content_block_delta is not what its name says"
        assert outcome == Rejected(Fault.PROVIDER, Reason.MALFORMED, 200, text)

    @pytest.mark.parametrize("last", [MESSAGE_STOP, OVERLOADED])
    def test_nothing_behind_the_last_event_is_part_of_the_opening(self, last: bytes) -> None:
        watch, outcome = judged(PING, START + CONTENT + STOPPED + last + PING + START + CONTENT)
        assert outcome == Opening(Reply(200, HEAD.headers, PING + START + CONTENT + STOPPED), last)
        assert watch.over

    def test_rejects_a_stream_of_too_many_pings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(judge_stream, "MAX_UNCOMMITTED_BYTES", 2 * len(PING))
        assert judged(PING, PING)[1] is None
        assert rejection(judged(PING, PING, PING)[1])[1] == "no_content"
        assert isinstance(judged(PING, PING, START + CONTENT)[1], Opening)


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
    def test_judges_a_stream_that_ends_before_content_by_what_came(
        self, blocks: list[bytes], rest: bytes, label: str
    ) -> None:
        watch, outcome = judged(*blocks)
        assert outcome is None
        assert watch.cut(rest).label == label

    def test_reads_a_body_in_place_of_a_stream_whole(self) -> None:
        body = b'{"error":\n\n{"type":"rate_limit_error","message":"slow down"}}'
        watch = judged(body[:11])[0]
        assert rejection(watch.cut(body[11:])) == (Fault.QUOTA, "rate_limit_error", "slow down")

    def test_an_end_before_content_has_its_text(self) -> None:
        text = "the stream ended before its first content"
        assert judged(PING)[0].cut(b"") == unanswered(Reason.TRUNCATED, text)
        assert judged()[0].cut(b" \n") == unanswered(Reason.EMPTY, text)


class TestEnding:
    @pytest.mark.parametrize("otherwise", [Ending.TRUNCATED, Ending.STALLED])
    @pytest.mark.parametrize(
        ("opening", "rest", "complete"),
        [
            (START + CONTENT, [], None),
            (START + CONTENT, [THOUGHT + UNSTOPPED, PING], None),
            (START + CONTENT, [event(b'{"error":{}}')], None),
            (START + CONTENT, [b": message_stop, error\n\n"], None),
            (START + CONTENT, [STOPPED], Ending.COMPLETE),
            (START + CONTENT, [STOPPED + UNSTOPPED], Ending.COMPLETE),
            (START + CONTENT, [THOUGHT + MESSAGE_STOP], Ending.COMPLETE),
            (START + CONTENT + STOPPED + MESSAGE_STOP, [], Ending.COMPLETE),
            (START + STOPPED, [], Ending.COMPLETE),
            (START + CONTENT, [MESSAGE_STOP + OVERLOADED], Ending.COMPLETE),
            (START + CONTENT, [OVERLOADED + MESSAGE_STOP], Ending.ERROR),
            (START + CONTENT, [OVERLOADED], Ending.ERROR),
            (START + CONTENT, [event(b'{"type":"error"}')], Ending.ERROR),
            (START + CONTENT + OVERLOADED, [], Ending.ERROR),
            (START + CONTENT, [STOPPED, OVERLOADED], Ending.ERROR),
        ],
    )
    def test_a_stream_is_complete_once_its_stop_reason_has_come(
        self, opening: bytes, rest: list[bytes], complete: Ending | None, otherwise: Ending
    ) -> None:
        watch, outcome = judged(opening)
        assert isinstance(outcome, Opening)
        for block in rest:
            watch.follow(block)
        assert watch.ending(otherwise) is (complete or otherwise)

    def test_knows_whether_the_message_stop_has_come(self) -> None:
        watch = judged(START + CONTENT)[0]
        watch.follow(STOPPED)
        assert (watch.stop_reason_seen, watch.stopped) == (True, False)
        watch.follow(MESSAGE_STOP)
        assert (watch.stop_reason_seen, watch.stopped) == (True, True)

    @pytest.mark.parametrize("together", [True, False])
    def test_reads_usage_on_the_way(self, *, together: bool) -> None:
        watch, _ = judged(START + CONTENT + (STOPPED if together else b""))
        if not together:
            assert watch.usage == Usage(9, 1)
            watch.follow(STOPPED)
        assert watch.usage == Usage(9, 50)


class Tolerant(list[object]):
    """Keeps what is raised in it."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: object, _traceback: object) -> bool:
        self.append(error)
        return True


def test_a_defect_in_reading_usage_costs_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    defect = KeyError("a defect")
    monkeypatch.setattr(Tally, "read", mock.Mock(side_effect=defect))
    tolerant = Tolerant()
    watch = StreamJudge(HEAD, NOW, CONFIG, tolerant)
    assert isinstance(watch.opening(START + CONTENT), Opening)
    assert watch.follow(STOPPED + MESSAGE_STOP)
    assert (watch.stop_reason_seen, watch.over, watch.usage) == (True, True, Usage())
    assert tolerant.count(defect) == 2


class TestLastEvent:
    @pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
    @pytest.mark.parametrize("last", [MESSAGE_STOP, OVERLOADED, event(b'{"type":"message_stop"}')])
    def test_a_block_ends_with_it(self, last: bytes, line_end: bytes) -> None:
        watch = judged(START + CONTENT)[0]
        block = (THOUGHT + STOPPED + last).replace(b"\n", line_end)
        behind = (PING + MESSAGE_STOP + OVERLOADED + START + CONTENT).replace(b"\n", line_end)
        assert watch.follow(block + behind)
        assert watch.over
        assert b"".join(watch.split_last_event(block + behind)) == block

    def test_an_error_loses_the_key_and_the_content_before_it_does_not(self) -> None:
        key = "sk-key-of-the-provider"
        watch = StreamJudge(HEAD, NOW, ClassifierConfig(Policy(), Traits(), key=key))
        assert isinstance(watch.opening(START + CONTENT), Opening)
        content = THOUGHT.replace(b"message_stop", key.encode())
        block = content + error_event(error_body("api_error", key))
        watch.follow(block)
        assert watch.split_last_event(block) == (content, error_event(error_body("api_error", "***")))

    def test_a_block_without_it_stays_whole(self) -> None:
        watch = judged(START + CONTENT)[0]
        block = THOUGHT + STOPPED + b": message_stop\n\n"
        watch.follow(block)
        assert not watch.over
        assert watch.split_last_event(block) == (block, b"")
        watch.follow(MESSAGE_STOP)
        assert watch.split_last_event(MESSAGE_STOP) == (b"", MESSAGE_STOP)

    @pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
    def test_it_stands_apart_from_the_opening_that_holds_it(self, line_end: bytes) -> None:
        opening = (START + CONTENT + THOUGHT + STOPPED).replace(b"\n", line_end)
        last = MESSAGE_STOP.replace(b"\n", line_end)
        outcome = judged(opening + last + OVERLOADED.replace(b"\n", line_end))[1]
        assert outcome == Opening(Reply(200, HEAD.headers, opening), last)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
class TestEventsOutOfPlace:
    STOP = event(b'{"type":"content_block_stop","index":0}')

    def test_are_left_out_of_the_opening(self, line_end: bytes) -> None:
        blocks = [(PING + START + self.STOP + PING), START + CONTENT + self.STOP + self.STOP + STOPPED + MESSAGE_STOP]
        outcome = judged(*(block.replace(b"\n", line_end) for block in blocks))[1]
        expected = (PING + START + PING + CONTENT + self.STOP + STOPPED).replace(b"\n", line_end)
        assert outcome == Opening(Reply(200, HEAD.headers, expected), MESSAGE_STOP.replace(b"\n", line_end))

    def test_are_left_out_of_what_follows(self, line_end: bytes) -> None:
        watch = judged(START + CONTENT)[0]
        block = (self.STOP + THOUGHT + self.STOP + PING + START).replace(b"\n", line_end)
        watch.follow(block)
        assert watch.in_order(block) == (self.STOP + THOUGHT + PING).replace(b"\n", line_end)
        watch.follow(PING)
        assert watch.in_order(PING) is PING

    def test_may_stand_before_the_last_event(self, line_end: bytes) -> None:
        watch = judged(START + CONTENT)[0]
        block = (self.STOP + self.STOP + STOPPED + MESSAGE_STOP + PING).replace(b"\n", line_end)
        watch.follow(block)
        before, last = watch.split_last_event(block)
        assert watch.in_order(before) + last == (self.STOP + STOPPED + MESSAGE_STOP).replace(b"\n", line_end)


@pytest.mark.parametrize(
    ("kind", "failed"),
    [
        ("overloaded_error", True),
        ("api_error", True),
        ("rate_limit_error", True),
        ("something_new", True),
        ("invalid_request_error", False),
        ("authentication_error", False),
    ],
)
def test_an_error_in_the_middle_is_the_providers_or_the_requests_own(kind: str, failed: bool) -> None:
    watch, _ = judged(START + CONTENT)
    error = error_event(error_body(kind, "words"))
    watch.follow(THOUGHT + error)
    assert watch.split_last_event(THOUGHT + error) == (THOUGHT, error)
    assert watch.has_failed(error) is failed
    assert watch.has_error


def test_a_stream_that_ended_well_has_not_failed() -> None:
    watch, _ = judged(START + CONTENT)
    watch.follow(STOPPED + MESSAGE_STOP)
    assert not watch.has_failed(MESSAGE_STOP)
    assert watch.ending(Ending.TRUNCATED) is Ending.COMPLETE


def test_a_tool_call_is_seen_as_it_begins() -> None:
    watch, _ = judged(START + CONTENT)
    begun = watch.begins_call
    watch.follow(
        event(b'{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"n"}}')
    )
    assert (begun, watch.begins_call) == (False, True)


class TestOtherForms:
    def test_a_whole_message_in_place_of_a_stream_is_one(self) -> None:
        body = b'{"type":"message",\n\n"content":[]}'
        watch = judged(body[:20])[0]
        assert watch.whole(body[20:]) == Whole(Reply(200, HEAD.headers, body))
        assert rejection(watch.cut(body[20:])) == (Fault.PROVIDER, "nonsense", "no stream, but a message")

    @pytest.mark.parametrize(("blocks", "rest"), [([START], b""), ([], START[:-2]), ([], b"<html>"), ([], b"")])
    def test_anything_else_is_no_whole_message(self, blocks: list[bytes], rest: bytes) -> None:
        assert judged(*blocks)[0].whole(rest) is None

    def test_a_failure_for_a_stop_reason_is_no_answer(self) -> None:
        outcome = judged(START, BLOCK, STOPPED.replace(b"end_turn", b"network_error"))[1]
        assert rejection(outcome) == (Fault.PROVIDER, "error", 'the answer stopped with "network_error"')

    def test_a_failure_for_a_stop_reason_ends_a_stream_with_an_error(self) -> None:
        watch = judged(START + CONTENT)[0]
        failure = STOPPED.replace(b"end_turn", b"network_error")
        assert watch.follow(THOUGHT + failure + MESSAGE_STOP)
        before, last = watch.split_last_event(THOUGHT + failure + MESSAGE_STOP)
        assert (before, watch.over, watch.ending(Ending.COMPLETE)) == (THOUGHT, True, Ending.ERROR)
        assert watch.has_failed(last)
        assert last.startswith(b"event: error\ndata: ")

    def test_deltas_that_carry_nothing_win_no_time(self) -> None:
        watch = judged(START + CONTENT)[0]
        empty = event(b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}')
        assert not watch.follow(empty + PING + b": hi\n\n" + empty)
        assert watch.follow(empty + THOUGHT)
        assert watch.follow(BLOCK)

    def test_a_foreign_stop_reason_is_noted(self) -> None:
        watch = judged(START + CONTENT)[0]
        watch.follow(STOPPED.replace(b"end_turn", b"length"))
        assert (watch.has_foreign_stop_reason, watch.stop_reason_seen) == (True, True)

    def test_an_error_that_only_its_shape_gives_away_ends_a_stream(self) -> None:
        watch = judged(START + CONTENT)[0]
        block = THOUGHT + event(b'{"error":{"code":502,"message":"busy"}}')
        assert watch.follow(block)
        before, last = watch.split_last_event(block)
        assert (before, watch.ending(Ending.COMPLETE)) == (THOUGHT, Ending.ERROR)
        assert last == error_event(error_body("api_error", "busy"))
