"""What is written within one turn of the event loop is sent in one piece."""

from __future__ import annotations

import asyncio
import secrets

from claude_proxy.net.coalescing_transport import MAX_COALESCED_BYTES, CoalescingTransport
from fakes.async_test import async_test


class Written(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

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
