"""The stream of server-sent events behind the page's live part: its HTML, whenever that is another one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from claude_proxy.core.live_report import LiveReport
from claude_proxy.core.reply import refusal
from claude_proxy.core.types import Headers, Reply
from claude_proxy.net.asgi_client import AsgiClient

if TYPE_CHECKING:
    from claude_proxy.net.page.page import Page

EVERY: Final = 1.0
"""Seconds between two looks."""
QUIET: Final = 15
"""Looks without an event after which a comment is sent, so that a browser that has left is noticed."""
MAX_STREAMS: Final = 16
"""At a time; a browser has one for each tab."""

_KIND: Final[Headers] = ((b"content-type", b"text/event-stream; charset=utf-8"),)
_COMMENT: Final = b": still here\n\n"
ENDED: Final = b"event: ended\ndata: \n\n"
"""Tells the page that its session is over: a browser would ask again and again."""


async def follow(
    page: Page, client: AsgiClient, is_let_in: Callable[[], bool], report: Callable[[], LiveReport], headers: Headers
) -> Reply | None:
    """Send events until the browser leaves, its session ends or the proxy stops; None if that was done."""
    if page.streams >= MAX_STREAMS:
        return refusal("overloaded_error", f"{MAX_STREAMS} pages are open already: close one")
    if await client.read_body(0) is None:  # from here on, the task is cancelled if the browser leaves
        return refusal("invalid_request_error", "this takes no body")
    page.streams += 1
    try:
        await client.start(200, (*headers, *_KIND))
        await _send_events(page, client, is_let_in, report)
        await client.end()
    finally:
        page.streams -= 1
    return None


async def _send_events(
    page: Page, client: AsgiClient, is_let_in: Callable[[], bool], report: Callable[[], LiveReport]
) -> None:
    last, quiet = "", 0
    while not page.closing.is_set():
        if not is_let_in():
            await client.write(ENDED)
            return
        shown = await page.in_thread(partial(_rendered, page, report()))
        quiet += 1
        if shown != last:
            last, quiet = shown, 0
            await client.write(event("now", shown))
        elif quiet >= QUIET:
            quiet = 0
            await client.write(_COMMENT)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EVERY):
                await page.closing.wait()


def _rendered(page: Page, report: LiveReport) -> str:
    return page.renderer().live(report)


def event(name: str, text: str) -> bytes:
    """Return a text as an event, a line of data for each of its own."""
    lines = "".join(f"data: {line}\n" for line in text.splitlines())
    return f"event: {name}\n{lines}\n".encode()
