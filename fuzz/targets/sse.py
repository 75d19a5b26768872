"""Server-sent events: cut anywhere, the same events come out, each byte once; the judge sees the same stream."""

from __future__ import annotations

from fuzz.source import Source, pieces

from claude_proxy.core.judge_body import ClassifierConfig
from claude_proxy.core.judge_stream import StreamJudge
from claude_proxy.core.outcome import Opening, Rejected
from claude_proxy.core.sse import ServerSentEvent, SSEDecoder, parse, places, split
from claude_proxy.core.traits import Traits
from claude_proxy.core.types import Policy, Reply

NOW = 1_800_000_000.0
WORDS = (b"message_", b"error", b'"signature"', b'"redacted_thinking"')


def check(data: bytes) -> None:
    """Check one stream."""
    source = Source(data)
    sizes = bytes(source.byte() for _ in range(source.byte() % 4))
    whole, cut = _events([source.rest]), _events(list(pieces(source.rest, sizes)))
    assert whole == cut
    block = SSEDecoder().feed(source.rest)
    picked = [event for piece, _, _ in places(block, *WORDS) if (event := parse(piece)) and _says_more(event)]
    assert picked == [event for event in _events_of(block) if _says_more(event)]
    first, second = _judge([source.rest]), _judge(list(pieces(source.rest, sizes)))
    assert first == second, (first, second)


def _events(chunks: list[bytes]) -> list[ServerSentEvent]:
    decoder, passed, read = SSEDecoder(), b"", list[ServerSentEvent]()
    for chunk in chunks:
        block = decoder.feed(chunk)
        passed += block
        read += _events_of(block)
    assert passed + decoder.rest == b"".join(chunks)
    return read


def _events_of(block: bytes) -> list[ServerSentEvent]:
    return [event for piece, _ in split(block) if (event := parse(piece))]


def _says_more(event: ServerSentEvent) -> bool:
    return any(word in event.name.encode() + b"\n" + event.data for word in WORDS)


def _judge(chunks: list[bytes]) -> tuple[object, ...]:
    """Return what a judge makes of a stream: its outcome, and what it knows at the end."""
    decoder, judge = SSEDecoder(), StreamJudge(Reply(200, (), b""), NOW, ClassifierConfig(Policy(), Traits()))
    outcome: Opening | Rejected | None = None
    relayed = b""
    for chunk in chunks:
        block = decoder.feed(chunk)
        if not block:
            continue
        if outcome is None:
            outcome = judge.opening(block)
            relayed += outcome.reply.body + outcome.last if isinstance(outcome, Opening) else b""
        elif isinstance(outcome, Opening) and not judge.over:
            relayed += _relayed(judge, block)
    if isinstance(outcome, Opening):
        return Opening, _events_of(relayed), judge.usage, judge.stop_reason_seen, judge.over
    rejected = outcome or judge.cut(decoder.rest)
    return rejected.fault, rejected.reason, rejected.text


def _relayed(judge: StreamJudge, block: bytes) -> bytes:
    """Return what of a block behind the opening a client gets."""
    judge.follow(block)
    before, last = judge.split_last_event(block) if judge.over else (block, b"")
    return judge.in_order(before) + last
