from __future__ import annotations

import pytest

from claude_proxy.core import judge_stream, sse
from claude_proxy.core.judge_body import ClassifierConfig
from claude_proxy.core.judge_stream import StreamJudge
from claude_proxy.core.messages import MESSAGE_STOP, PING, error_body, error_event
from claude_proxy.core.outcome import Opening, Rejected, unanswered
from claude_proxy.core.reasons import Reason
from claude_proxy.core.traits import Traits
from claude_proxy.core.types import Ending, Fault, Policy, Reply, Usage
from core.builders import NOW

CONFIG = ClassifierConfig(Policy(), Traits())
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
    @pytest.mark.parametrize("last", [THOUGHT, STOPPED, event(b'{"type":"content_block_delta"}')])
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
        "delta", [b"{}", b'{"delta":{}}', b'{"delta":null}', b'{"delta":{"stop_reason":""}}', b'{"delta":[]}', b"{"]
    )
    def test_a_message_delta_without_a_stop_reason_is_not_meaningful(self, delta: bytes) -> None:
        assert judged(event(delta, b"message_delta"))[1] is None

    @pytest.mark.parametrize("before", [b"", PING, START + BLOCK])
    def test_an_error_before_content_is_the_providers_own(self, before: bytes) -> None:
        relayed = Reply(529, (*HEAD.headers[1:], JSON), error_body("overloaded_error", "busy"))
        expected = Rejected(Fault.PROVIDER, Reason.OVERLOADED_ERROR, 529, "busy", NOW + 30, relayed)
        assert judged(before + OVERLOADED + THOUGHT)[1] == expected

    @pytest.mark.parametrize("odd", [event(b"{}"), event(b"[DONE]"), event(b'{"error":{"message":"no"}}', b"odd")])
    def test_an_event_without_a_name_is_an_error_only_if_it_holds_one(self, odd: bytes) -> None:
        assert judged(odd)[1] is None
        assert rejection(judged(event(b'{"error":{"message":"no"}}'))[1]) == (Fault.PROVIDER, "error", "no")

    def test_an_error_event_that_holds_no_error_is_nonsense(self) -> None:
        assert rejection(judged(event(b"oops", b"error"))[1]) == (Fault.PROVIDER, "nonsense", "oops")

    def test_rejects_a_stream_that_ends_without_content(self) -> None:
        outcome = judged(START, MESSAGE_STOP)[1]
        assert rejection(outcome) == (Fault.PROVIDER, "no_content", "the stream holds no content")

    def test_rejects_a_stream_of_too_many_pings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(judge_stream, "MAX_UNCOMMITTED_BYTES", 2 * len(PING))
        assert judged(PING, PING)[1] is None
        assert rejection(judged(PING, PING, PING)[1])[1] == "no_content"
        assert isinstance(judged(PING, PING, THOUGHT)[1], Opening)


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
        assert isinstance(outcome, Opening)
        for block in rest:
            watch.follow(block)
        assert watch.ending(otherwise) is (complete or otherwise)

    def test_knows_whether_the_message_stop_has_come(self) -> None:
        watch = judged(START + THOUGHT)[0]
        watch.follow(STOPPED)
        assert (watch.stop_reason_seen, watch.stopped) == (True, False)
        watch.follow(MESSAGE_STOP)
        assert (watch.stop_reason_seen, watch.stopped) == (True, True)

    @pytest.mark.parametrize("together", [True, False])
    def test_reads_usage_on_the_way(self, *, together: bool) -> None:
        watch, _ = judged(START + THOUGHT + (STOPPED if together else b""))
        if not together:
            assert watch.usage == Usage(9, 1)
            watch.follow(STOPPED)
        assert watch.usage == Usage(9, 50)
