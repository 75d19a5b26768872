"""How long the readers of other people's text take on what is made to slow them down; no reader may block over 20 ms.

Prints a table. The event loop waits while one of these runs: a provider's error or event, read at once.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from itertools import product
from typing import Final

from claude_proxy.core.adapt import Adapted
from claude_proxy.core.judge_body import ClassifierConfig, judge_body
from claude_proxy.core.judge_stream import StreamJudge
from claude_proxy.core.learning.proposals import propose_rules
from claude_proxy.core.messages import error_body
from claude_proxy.core.outcome import Opening, Whole
from claude_proxy.core.retry_after import time_in_headers, time_in_words
from claude_proxy.core.signatures import signatures_in
from claude_proxy.core.sse import MAX_EVENT_BYTES, EventTooLargeError, SSEDecoder
from claude_proxy.core.traits import Traits
from claude_proxy.core.types import Policy, Reply
from claude_proxy.core.usage import usage_of

LIMIT: Final = 20.0
"""Milliseconds."""

_ROUNDS: Final = 3
_NOW: Final = 1.8e9
_READ: Final = 32 * 1024
"""Bytes of a stream that are read at once."""

_CONFIG: Final = ClassifierConfig(Policy(), Traits())
_START: Final = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant",'
    b'"model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":1}}}\n\n'
)
_DELTA: Final = (
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text"}}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta"}}\n\n'
)
_WORDS: Final = (
    "reset",
    "again",
    "model: ",
    "model/",
    "thinking[",
    "thinking input 'a",
    "messages[1].role: ",
    "tools.a[0].b",
    "role must be ",
    "unknown field a_",
    "image format ",
    "exceed context ",
    "'loc': [(",
    '"message": "',
    "1111111111",
    "tool_use_id ",
    "expected xxxthinkingxxx or ",
    "(111)longer",
    "1 d, ",
    '"',
    "`",
    " ",
    "_",
)
_SENT: Final = Adapted(
    b"POST /v1/messages HTTP/1.1\r\nanthropic-beta: a\r\n\r\n",
    b'{"model":"m","thinking":{"type":"enabled"},"tools":[{"name":"t","defer_loading":true}],"top_k":1,"messages":['
    b'{"role":"system","content":"x"},{"role":"assistant","content":[{"type":"thinking"},{"type":"tool_use"},'
    b'{"type":"image"}]}]}',
    "m",
)


def _judge_error(status: int, body: bytes) -> Callable[[], object]:
    return lambda: judge_body(Reply(status, (), body), _CONFIG, _NOW)


def _opening(stream: bytes) -> Callable[[], object]:
    """Judge what one read brings of a stream that has not come to its content."""

    def run() -> None:
        judge, decoder = StreamJudge(Reply(200, (), b""), _NOW, _CONFIG), SSEDecoder()
        block = decoder.feed(stream[:_READ])
        if block:
            judge.opening(block)

    return run


def _read_answer(body: bytes) -> Callable[[], object]:
    """Do what is done with a whole answer before it goes to the client."""

    def run() -> None:
        if isinstance(judge_body(Reply(200, (), body), _CONFIG, _NOW), Whole):
            usage_of(body)
            signatures_in(body)

    return run


def _event(event: bytes) -> Callable[[], object]:
    """Read one large event behind the content of a stream, once the last of it has come."""

    def run() -> None:
        judge = _committed()
        try:
            judge.follow(SSEDecoder().feed(event + b":"))
        except EventTooLargeError:
            return

    return run


def _committed() -> StreamJudge:
    judge = StreamJudge(Reply(200, (), b""), _NOW, _CONFIG)
    if not isinstance(judge.opening(_START + _DELTA), Opening):
        raise SystemExit("the bench's own stream is not accepted")
    return judge


def _following(stream: bytes) -> Callable[[], object]:
    judge = _committed()
    block = SSEDecoder().feed(stream[:_READ])
    return lambda: judge.follow(block)


def _repeated(piece: str | bytes, size: int) -> bytes:
    data = piece.encode() if isinstance(piece, str) else piece
    return (data * (size // len(data) + 1))[:size]


def _words() -> dict[str, Callable[[], object]]:
    """Return, for each reader of words, all that is to be tried on it at once: the slowest of them counts."""
    texts = [
        *(_repeated(word, 5000).decode() for word in _WORDS),
        *((first + second * 1000)[:5000] for first, second in product(_WORDS, _WORDS)),
    ]
    cases = dict[str, Callable[[], object]]()
    for number, text in enumerate(texts):
        shown = text[:24]
        cases[f"time in words #{number} {shown!r}"] = lambda text=text: time_in_words(text, _NOW)  # type: ignore[misc]
        body = error_body("invalid_request_error", text)
        cases[f"judge an error #{number} {shown!r}"] = _judge_error(400, body)
        long = error_body("invalid_request_error", text[:4096])[:-2] + b',"detail":[%b]}}' % b",".join(
            b'{"msg":%b}' % _quoted(text[skip : 4096 + skip]) for skip in range(4)
        )
        cases[f"learn from an error #{number} {shown!r}"] = lambda long=long: propose_rules(400, long, _SENT)  # type: ignore[misc]
    return cases


def _quoted(text: str) -> bytes:
    return b'"%b"' % text.replace("\\", "\\\\").replace('"', '\\"').encode()


def _shapes(size: int) -> dict[str, bytes]:
    """Return JSON values of a size that cost most to read."""
    return {
        "deep": b"[" * (size // 2) + b"]" * (size // 2),
        "empty lists": b"[" + _repeated(b"[],", size - 3).rstrip(b",[") + b",[]]",
        "numbers": b"[" + _repeated(b"1,", size) + b"1]",
        "empty objects": b"[" + b"{}," * (size // 3) + b"{}]",
        "texts": b"[" + b'"",' * (size // 3) + b'""]',
        "members": b"{" + b",".join(b'"%x":1' % number for number in range(size // 9)) + b"}",
        "one text": b'"' + b"\\n" * (size // 2) + b'"',
        "nested": _nested(size),
        "plain text": b'"' + b"n" * size + b'"',
    }


def _nested(size: int) -> bytes:
    value = b"[]"
    while len(value) * 32 < size:
        value = b"[" + b",".join([value] * 32) + b"]"
    return b"[" + b",".join([value] * max(1, size // len(value))) + b"]"


def _bodies() -> dict[str, Callable[[], object]]:
    cases = dict[str, Callable[[], object]]()
    for shape, value in _shapes(7_000_000).items():
        answer = b'{"type":"message","content":[{"type":"thinking","signature":%b}]}' % value
        cases[f"read an answer, signature 7 MB of {shape}"] = _read_answer(answer)
        answer = b'{"type":"message","content":[{"type":"thinking","signature":1}],"usage":%b}' % value
        cases[f"read an answer, usage 7 MB of {shape}"] = _read_answer(answer)
        content = b'{"type":"message","content":%b}' % value
        cases[f"read an answer, content 7 MB of {shape}"] = _read_answer(content)
        cases[f"judge an answer, 7 MB of {shape}"] = _judge_error(200, value)
        cases[f"judge an error, 7 MB of {shape}"] = _judge_error(400, value)
    for shape, value in _shapes(MAX_EVENT_BYTES - 1000).items():
        event = b'event: content_block_delta\ndata: {"index":0,"delta":{"type":"x","signature":%b}}\n\n' % value
        cases[f"signature in an event, 4 MB of {shape}"] = _event(event)
        event = b'event: message_delta\ndata: {"delta":{},"usage":{"input_tokens":%b}}\n\n' % value
        cases[f"count in an event, 4 MB of {shape}"] = _event(event)
        event = b'event: message_start\ndata: {"message":{"usage":%b}}\n\n' % value
        cases[f"usage in an event, 4 MB of {shape}"] = _event(event)
    for shape, value in _shapes(250_000).items():
        for key in ("error", "message", "details", "x"):
            body = b'{"error":{"message":%b,"%b":%b},"%b":%b}' % (
                b'"a"',
                key.encode(),
                value[:120_000],
                key.encode(),
                value,
            )
            body = b'{"%b":%b}' % (key.encode(), value)
            cases[f"judge an error, {key} 250 KB of {shape}"] = _judge_error(400, body)
    for shape, value in _shapes(1_000_000).items():
        for key in ("error", "detail", "x"):
            body = (b'{"%b":%b}' % (key.encode(), value))[: 1024 * 1024]
            cases[f"learn from an error, {key} 1 MB of {shape}"] = lambda body=body: propose_rules(400, body, _SENT)  # type: ignore[misc]
    return cases


def _headers() -> dict[str, Callable[[], object]]:
    names = ["retry-after", "anthropic-ratelimit-requests-reset", "anthropic-ratelimit-unified-reset"]
    values = [
        b"1" * 60_000,
        b"-" * 60_000,
        b"Mon, " * 12_000,
        b" 1" * 30_000,
        b"(" * 60_000,
        b"a:" * 30_000,
        b"," * 60_000,
    ]
    cases = dict[str, Callable[[], object]]()
    for name, value in product(names, values):
        headers = ((name.encode(), value),)
        cases[f"{name} {value[:5]!r}"] = lambda headers=headers: time_in_headers(headers, _NOW)  # type: ignore[misc]
    long = b"anthropic-ratelimit-" + b"-reset" * 10_000
    cases["a long name of a header"] = lambda: time_in_headers(((long, b"1"),), _NOW)
    many = tuple((b"anthropic-ratelimit-%d-reset" % number, b"1") for number in range(2000))
    cases["many headers"] = lambda: time_in_headers(many, _NOW)
    return cases


_PIECES: Final[Mapping[str, bytes]] = {
    "tiny comments": b":\n\n",
    "blank lines": b"\n",
    "CR-only comments": b":\r\r",
    "CR-only lines": b"\r",
    "CRLF lines": b"\r\n",
    "CR within, LF LF": b":\r\n\n",
    "empty data": b"data\n\n",
    "empty data, CR": b"data\r\r",
    "tiny data": b"data:1\n\n",
    "tiny objects": b"data:{}\n\n",
    "pings": b"event:ping\ndata:{}\n\n",
    "lines without end": b"data:\n",
    "fields without end": b"x\n",
    "errors": b"error\n\n",
    "data of errors": b"data:error\n\n",
    "data error": b"dataerror\n\n",
    "message_": b"message_\n\n",
    "data of message_": b"data:message_\n\n",
    "signature": b'"signature"\n\n',
    "message_delta": b"event:message_delta\ndata:{}\n\n",
    "message_start": b"event:message_start\ndata:{}\n\n",
    "data of message_delta": b'data:{"type":"message_delta"}\n\n',
    "content_block_start": b'event:content_block_start\ndata:{"signature":1}\n\n',
    "signatures": b'event:content_block_delta\ndata:{"delta":{"signature":"a"}}\n\n',
    "many signatures": b'data:{"type":"content_block_delta","index":1,"delta":{"signature":"a"}}\n\n',
}


def _streams() -> dict[str, Callable[[], object]]:
    cases = dict[str, Callable[[], object]]()
    for name, piece in _PIECES.items():
        stream = _repeated(piece, _READ - 2) + b"\n\n"
        cases[f"before content: {name}"] = _opening(stream)
        cases[f"before content: start, {name}"] = _opening(_START + stream)
        cases[f"behind the first content: {name}"] = _opening(_START + _DELTA + stream)
        cases[f"after content: {name}"] = _following(stream)
        one = piece.replace(b"\n\n", b"\n").replace(b"\r\r", b"\r")
        cases[f"one event of {name}"] = _opening(_repeated(one, _READ))
        cases[f"one event of {name}, after content"] = _following(_repeated(one, _READ - 2) + b"\n\n")
    return cases


def _measure(run: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.thread_time()
        run()
        best = min(best, time.thread_time() - began)
        if best > 1:
            break
    return best * 1000


def main() -> int:
    """Print the slowest of each group; `all` as an argument prints everything. Returns 1 if one is over the limit."""
    over = 0
    for group, cases in {"words": _words(), "headers": _headers(), "bodies": _bodies(), "streams": _streams()}.items():
        results = sorted(((_measure(run), name) for name, run in cases.items()), reverse=True)
        over += sum(milliseconds > LIMIT for milliseconds, _ in results)
        print(f"{group}: {len(results)} attacks, {sum(ms > LIMIT for ms, _ in results)} over {LIMIT:g} ms")
        for milliseconds, name in results if "all" in sys.argv else results[:10]:
            print(f"  {milliseconds:8.2f} ms  {name}")
    return over > 0


if __name__ == "__main__":
    sys.exit(main())
