"""What is written within one turn of the event loop is sent in one piece."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from claude_proxy.net.coalescing_transport import MAX_COALESCED_BYTES, CoalescingTransport
from fakes.async_test import async_test


class Written(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closing = False

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))


@async_test
async def test_writes_of_one_turn_are_sent_in_one_piece() -> None:
    written = Written()
    coalescing = CoalescingTransport(written, asyncio.get_running_loop())
    for piece in (b"a", b"b", b"c"):
        coalescing.write(piece)
    assert written.writes == []
    await asyncio.sleep(0)
    assert written.writes == [b"abc"]


@async_test
async def test_large_writes_do_not_wait_for_the_end_of_the_turn() -> None:
    """So that the transport learns how much there is, and can ask its writer to wait."""
    written = Written()
    coalescing = CoalescingTransport(written, asyncio.get_running_loop())
    piece = secrets.token_bytes(MAX_COALESCED_BYTES // 2)
    for _ in range(6):
        coalescing.write(piece)
    assert written.writes == [piece * 3] * 2


@pytest.mark.parametrize("ended_by", ["the proxy", "the client"])
@async_test
async def test_what_is_written_to_an_ended_connection_is_dropped(ended_by: str) -> None:
    """uvloop raises a RuntimeError for it, which nothing would catch at the end of a turn."""
    written = Written()
    coalescing = CoalescingTransport(written, asyncio.get_running_loop())
    if ended_by == "the proxy":
        coalescing.write(b"before")
        coalescing.close()
        coalescing.write(b"after")
    else:
        coalescing.write(b"lost")
        written.closing = True
    await asyncio.sleep(0)
    assert written.writes == ([b"before"] if ended_by == "the proxy" else [])
