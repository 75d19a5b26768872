from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude_proxy.core import sse
from claude_proxy.core.continuation.continuation_request import continuation_request
from claude_proxy.core.continuation.continued_answer import ContinuedAnswer
from claude_proxy.core.continuation.delivered import Content, Delivered
from claude_proxy.core.continuation.joined_stream import JoinedStream, end_with_tool_calls
from claude_proxy.core.continuation.tool_call_hold import ToolCallHold
from claude_proxy.core.messages import MESSAGE_STOP
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.types import Usage
from claude_proxy.core.usage import Tally
from core.builders import request
from core.continuation.answers import Assembled, Block, Text, Thinking, ToolCall, message_end, message_start, stream_of

BODY = b'{"model":"claude-opus-5-5","messages":[{"role":"user","content":"go"}],"max_tokens":9,"stream":true}'

SENTENCES = (
    "The cache of the pool holds what the last request left there, and the next one finds it.",
    "Each provider keeps its own clock; nobody compares them, which is why a difference can stay for years",
    "日本語の文章はここで続きます、そして次の行に進みます。",
    "Всё остальное прокси передаёт дальше без изменений, байт за байтом",
    "- first item of the list\n- second item, which is longer\n- third",
    "```python\nfor name in names:\n    print(name)\n```\n",
    "It's “quoted” here, and 👩‍👩‍👧 there — with a dash",
    "שלום לכולם, זה טקסט שנכתב מימין לשמאל",
)


@st.composite
def texts(draw: st.DrawFn, number: int) -> Text:
    chosen = draw(st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=3, unique=True))
    text = f"Part {number}: " + " ".join(chosen)
    cuts = sorted(draw(st.sets(st.integers(1, len(text) - 1), max_size=8)))
    return Text([text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)])


@st.composite
def answers(draw: st.DrawFn) -> list[Block]:
    blocks: list[Block] = [Thinking(["I think ", "about it"])] if draw(st.booleans()) else []
    for number in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["text", "call"]))
        if kind == "text" and not (blocks and isinstance(blocks[-1], Text)):
            blocks.append(draw(texts(number)))
        else:
            blocks.append(ToolCall(f"call{number}", ['{"path":', f'"file{number}"', "}"]))
    return blocks


MANNERS = ("straight on", "repeats the fragment", "repeats the whole", "apologises", "other white space")


def continuation_of(sent: MessagesRequest, whole: Sequence[Block], manner: str) -> list[bytes]:
    """Answer a request as a model would that knows the whole answer: from its start, or from where it is asked to."""
    messages = json.loads(sent.body)["messages"]
    if len(messages) == 1:
        return stream_of(whole)
    had = "".join(block["text"] for block in messages[-2]["content"] if block["type"] == "text")
    rest, left = list[Block](), len(had)
    for block in whole:
        if not isinstance(block, Text):
            if not left:
                rest.append(block)
            continue
        text = "".join(block.pieces)
        if len(text) > left:
            rest.append(Text([text[left:]]))
        left = max(0, left - len(text))
    first = rest[0] if rest else None
    asked = messages[-1]["content"][0]["text"]
    fragment = asked.split("\n\n")[1] if "last words that reached me" in asked else ""
    opening = {
        "straight on": "",
        "repeats the fragment": fragment,
        "repeats the whole": had,
        "apologises": f"I'm sorry! Where was I.\n\n{fragment}" if fragment else "",
        "other white space": fragment.replace(" ", "\n"),
    }[manner]
    space = had[len(had.rstrip()) :] if opening and opening != had else ""
    if isinstance(first, Text):
        rest[0] = Text([opening[:7], opening[7:] + space, *first.pieces])
    elif manner == "repeats the whole":
        rest.insert(0, Text([had]))
    return stream_of(rest) if rest else [message_start(), message_end()]


def serve(whole: Sequence[Block], cuts: Sequence[int], manner: str) -> tuple[bytes, list[Usage]]:
    """Serve an answer that is cut after so many events, each time it is asked for; return what the client gets."""
    sent: MessagesRequest | None = request(BODY)
    delivered, parts, client = Delivered(), list[Usage](), bytearray()
    for cut in [*cuts, 10**6]:
        assert sent is not None
        stream = stream_of(whole) if not parts else continuation_of(sent, whole, manner)
        hold, tally = ToolCallHold(), Tally()
        joined = JoinedStream(delivered, parts, tally) if parts else None
        for event in stream[: max(2, cut)]:
            if joined is None:
                tally.read(event.split(b"data: ")[1])
            out = hold.feed(joined.feed(event) if joined else event)
            client += out
            delivered.add(out)
        parts = [*parts, tally.usage]
        match delivered.content:
            case Content.STOPPED:
                break
            case Content.TOOL_CALLS:
                client += end_with_tool_calls(delivered, parts)
                break
            case _:
                sent = continuation_request(request(BODY), delivered)
    if not Assembled.of(bytes(client)).over:
        client += MESSAGE_STOP  # as the exchange ends a stream that has its stop reason
    return bytes(client), parts


def expected_calls(whole: Sequence[Block]) -> list[tuple[str, Any]]:
    return [(block.name, json.loads("".join(block.pieces))) for block in whole if isinstance(block, ToolCall)]


@pytest.mark.parametrize("manner", MANNERS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(whole=answers(), cuts=st.lists(st.integers(2, 30), min_size=1, max_size=3))
def test_a_client_assembles_the_whole_answer_wherever_it_is_cut(
    manner: str, whole: Sequence[Block], cuts: Sequence[int]
) -> None:
    stream, _ = serve(whole, cuts, manner)
    check(whole, stream)


def check(whole: Sequence[Block], stream: bytes) -> None:
    """Check what a client assembles: all of the answer, or its beginning with the tool calls that it can run."""
    assembled = Assembled.of(stream)
    text = "".join("".join(block.pieces) for block in whole if isinstance(block, Text))
    calls = expected_calls(whole)
    assert assembled.starts == 1
    assert assembled.over
    assert assembled.calls == calls[: len(assembled.calls)]
    if assembled.stop_reason == "tool_use":
        assert assembled.calls  # the client runs these and goes on from there
        assert text.startswith(assembled.text)
    else:
        assert assembled.calls == calls
        assert assembled.text == text


class ByteServer:
    """Serves an answer as bytes, which come in pieces of any size and end anywhere."""

    def __init__(self, whole: Sequence[Block], manner: str) -> None:
        self._whole = whole
        self._manner = manner
        self._answer = ContinuedAnswer(request(BODY), holds_tool_calls=True)
        self._client = bytearray()

    def serve(self, cuts: Sequence[int], size: int) -> bytes:
        """Return what the client gets if the streams end after so many bytes, each read in pieces of this size."""
        stream = b"".join(stream_of(self._whole))
        for cut in [*cuts, 10**9]:
            usage, stopped = self._relay(stream[: max(cut, _committed(stream))], size)
            if stopped:
                break
            self._answer.died(usage)
            if end := self._answer.own_end():
                self._client += end
                break
            sent = self._answer.next_request()
            assert sent is not None
            stream = b"".join(continuation_of(sent, self._whole, self._manner))
            self._answer.begin_rest(counts_cache=False)
        if not Assembled.of(bytes(self._client)).over:
            self._client += MESSAGE_STOP  # as the exchange ends a stream that has its stop reason
        return bytes(self._client)

    def _relay(self, stream: bytes, size: int) -> tuple[Usage, bool]:
        decoder, tally, stopped = sse.SSEDecoder(), Tally(), False
        for start in range(0, len(stream), size):
            block = decoder.feed(stream[start : start + size])
            for piece, _ in sse.split(block):
                event = sse.parse(piece)
                if event and event.name in ("message_start", "message_delta"):
                    tally.read(event.data)
                    stopped = stopped or event.name == "message_delta"
            self._client += self._answer.take(block) if block else b""
        return tally.usage, stopped


def _committed(stream: bytes) -> int:
    """Return how many bytes of a stream come at least: before its first content another provider is asked instead."""
    delta = stream.find(b"event: content_block_delta")
    return stream.index(b"\n\n", delta) + 2 if delta >= 0 else len(stream)


@pytest.mark.parametrize("manner", MANNERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(whole=answers(), cuts=st.lists(st.integers(0, 4000), min_size=1, max_size=3), size=st.integers(1, 900))
def test_a_client_assembles_the_whole_answer_whatever_byte_it_is_cut_at(
    manner: str, whole: Sequence[Block], cuts: Sequence[int], size: int
) -> None:
    check(whole, ByteServer(whole, manner).serve(cuts, size))


STRIDE = 11
"""Bytes from one cut to the next: each event is cut several times, and not always at the same places."""

SHORT: Sequence[Block] = (
    Thinking(["I think"]),
    Text([SENTENCES[6][:9], SENTENCES[6][9:]]),
    ToolCall("call", ['{"a"', ":1}"]),
)


@pytest.mark.parametrize("manner", MANNERS)
def test_an_answer_is_whole_after_a_cut_at_any_of_its_bytes(manner: str) -> None:
    for cut in range(0, len(b"".join(stream_of(SHORT))), STRIDE):
        check(SHORT, ByteServer(SHORT, manner).serve([cut], 10**6))


@pytest.mark.parametrize("manner", MANNERS)
def test_an_answer_is_whole_after_a_cut_at_any_byte_of_its_continuation(manner: str) -> None:
    stream = stream_of(SHORT)
    first = len(b"".join(stream[:7]))  # within the text
    for cut in range(0, len(b"".join(stream)), STRIDE):
        check(SHORT, ByteServer(SHORT, manner).serve([first, cut], 10**6))
