"""The paths of the page, and what they answer. Templates and queries are loaded when they are first asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar
from urllib.parse import parse_qsl

from claude_proxy.core.live_report import LiveReport
from claude_proxy.core.text import PROGRAM
from claude_proxy.core.types import Headers, Reply
from claude_proxy.net.asgi_client import AsgiClient
from claude_proxy.net.page.access import CODE_SECONDS, SESSION_SECONDS, PageAccess, cookie_name, cookies
from claude_proxy.proxy.ports import Clock

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from claude_proxy.net.page.rendering import Renderer

T = TypeVar("T")

PAGE: Final = "/page"
OPEN: Final = f"{PAGE}/open"
LIVE: Final = f"{PAGE}/live"
_STATIC: Final[Mapping[str, tuple[str, bytes]]] = {
    f"{PAGE}/style.css": ("style.css", b"text/css; charset=utf-8"),
    f"{PAGE}/live.js": ("live.js", b"text/javascript; charset=utf-8"),
    f"{PAGE}/icon.svg": ("icon.svg", b"image/svg+xml"),
}
BY_COOKIE: Final = frozenset({PAGE, LIVE, *_STATIC})
"""What the cookie opens, for GET."""

MAX_QUERY: Final = 2000
"""Bytes of a query that are read."""
_FOLDER: Final = Path(__file__).parent / "static"

_POLICY: Final = (
    b"default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; "
    b"base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final[Headers] = (
    (b"content-security-policy", _POLICY),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
"""Of everything that the page consists of."""

_TEXT: Final = (b"content-type", b"text/plain; charset=utf-8")
_HTML: Final = (b"content-type", b"text/html; charset=utf-8")


class Watched(Protocol):
    """What the page shows of the running proxy."""

    @property
    def port(self) -> int: ...

    def live(self) -> LiveReport:
        """Return what happens now."""
        ...


class Page:
    """The page of one proxy. `usage` is the path of its state/usage.db, if it has one.

    `program` is how the user calls this program: the page says so, but no sentence for those who may not see it.
    """

    def __init__(self, watched: Watched, clock: Clock, usage: Path | None, program: str = PROGRAM) -> None:
        self._watched = watched
        self._clock = clock
        self._usage = usage
        self._program = program
        self._access = PageAccess()
        self._renderer: Renderer | None = None
        self._worker: ThreadPoolExecutor | None = None
        self.closing = asyncio.Event()
        """Set when the proxy stops: then the streams end."""
        self.streams = 0
        self._getting_ready: asyncio.Future[None] | None = None

    def link_path(self) -> dict[str, object]:
        """Return the path of a link that opens the page once, and for how many seconds.

        While the browser starts, the page gets ready.
        """
        now = self._clock.wall()
        self._getting_ready = self.in_thread(lambda: self.renderer().prepare(self._usage, now))
        return {"path": f"{OPEN}?code={self._access.new_code(self._clock.monotonic())}", "seconds": CODE_SECONDS}

    def is_let_in(self, cookie: bytes) -> bool:
        """Whether a `Cookie` header holds the secret of a session."""
        now = self._clock.monotonic()
        found = [self._access.has(value, now) for value in cookies(cookie, cookie_name(self._watched.port))]
        return any(found)

    def open(self, query: bytes) -> Reply:
        """Take the code of a link, and send the browser on with a cookie, so that the code leaves the address bar."""
        code = dict(fields_of(query)).get("code", "")
        secret = self._access.redeem(code.encode(), self._clock.monotonic())
        if secret is None:
            return _sentence(403, f"This link was used before, or is too old. `{PROGRAM} dashboard` makes a new one.")
        cookie = b"%b=%b; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict" % (
            cookie_name(self._watched.port),
            secret.encode(),
            SESSION_SECONDS,
        )
        return Reply(303, (*HEADERS, (b"location", b"/"), (b"set-cookie", cookie)), b"")

    async def show(self, query: bytes) -> Reply:
        """Return the page."""
        live, fields = self._watched.live(), dict(fields_of(query))
        html = await self.in_thread(lambda: self.renderer().page(live, fields, self._usage))
        return Reply(200, (*HEADERS, _HTML), html)

    async def static(self, path: str) -> Reply:
        """Return one of the files that the page loads."""
        name, kind = _STATIC[path]
        data = await self.in_thread((_FOLDER / name).read_bytes)
        return Reply(200, (*HEADERS, (b"content-type", kind)), data)

    async def follow(self, client: AsgiClient) -> Reply | None:
        """Send the live part as server-sent events; None if that was done."""
        from claude_proxy.net.page.live import follow  # noqa: PLC0415 - for those who look

        cookie = dict(client.headers).get(b"cookie", b"")
        return await follow(self, client, lambda: self.is_let_in(cookie), self._watched.live, HEADERS)

    def renderer(self) -> Renderer:
        """Return what fills in the templates. Not for the event loop: the first call loads Jinja2."""
        if self._renderer is None:
            from claude_proxy.net.page.rendering import Renderer  # noqa: PLC0415 - loads Jinja2

            self._renderer = Renderer(self._program)
        return self._renderer

    def in_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Do something slow in the page's one thread: whatever the page costs, it takes no more than that."""
        if self._worker is None:
            from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - for those who look

            self._worker = ThreadPoolExecutor(1, thread_name_prefix="page")
        return asyncio.get_running_loop().run_in_executor(self._worker, work)

    def close(self) -> None:
        """End the streams; what else is asked for is still answered."""
        self.closing.set()

    async def release(self) -> None:
        """Let the thread end, once nobody asks any more and what it does is done."""
        worker, self._worker = self._worker, None
        if worker:
            await asyncio.get_running_loop().run_in_executor(worker, lambda: None)
            worker.shutdown(wait=False)


def ended() -> Reply:
    """Return the answer to a browser whose session is over."""
    return _sentence(401, f"This needs a session, which has ended or never began. Type `{PROGRAM} dashboard`.")


def _sentence(status: int, text: str) -> Reply:
    return Reply(status, (*HEADERS, _TEXT), f"{text}\n".encode())


def fields_of(query: bytes) -> list[tuple[str, str]]:
    """Return the fields of a query, of which the last of each name counts."""
    try:
        return parse_qsl(query[:MAX_QUERY].decode("ascii", "replace"), max_num_fields=20)
    except ValueError:  # too many
        return []
