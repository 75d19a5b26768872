"""The line for Claude Code's status line.

It has to be there within 100 ms of the start: hence the few imports, the plain socket and the short limits. It never
fails: if it cannot know, it says that. The terminal's mode is followed by the facts that the proxy has for it
(`core.statusline_facts`).

    claude-proxy: fallback | moonshot (kimi-k3) | 5 h 62 % | session $0.42, today $3.10 | 1 failover
    claude-proxy: fallback | moonshot (kimi-k3) | minimax: cooldown until 14:05 (plan limit)
    claude-proxy: pinned zai | zai: cooldown until 14:05 (out of credit)
    claude-proxy: direct
"""

from __future__ import annotations

import _thread
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping

from claude_proxy.cli.background import plain_http
from claude_proxy.core.text import printable
from claude_proxy.store.own_files import read_own

INPUT_SECONDS = 0.02
"""For Claude Code to hand in its JSON; it wrote it long before this process was ready, but a pipe may stay silent."""
ASK_SECONDS = 0.05
"""For the proxy to answer in full, which takes it a millisecond or two."""
MAX_INPUT = 1024 * 1024
MAX_ANSWER = 65_536
MAX_FILE = 65_536
MAX_FACT = 200
"""Characters of one fact from the proxy."""
SEPARATOR = " | "
MAX_LINES = 3
MARGIN = 4
"""Columns of the terminal that Claude Code (2.1.332) does not give to its status line."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
PIN = "/provider/"
MODEL_PREFIX = "claude-proxy/"
"""Of a model with a provider in its name: `core.routing` would take longer to load."""
BASE_URL, TOKEN, HEADERS = "ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS"
STYLES = {"strong": "36", "warning": "33", "error": "1;31"}
"""What colours a style (`core.statusline_facts.Style`). Claude Code shows these colours; the rest is grey."""
HOME_VARIABLE = "CLAUDE_PROXY_HOME"
"""As in `store.home`, which would take longer to load."""


class Target:
    """The proxy that this terminal's Claude Code uses, and the provider it is pinned to (or an empty text)."""

    __slots__ = ("host", "pin", "port")

    def __init__(self, host: str, port: int, pin: str) -> None:
        self.host = host
        self.port = port
        self.pin = pin


class AskError(Exception):
    """The proxy could not be asked; the text says why, in a few words."""


def main() -> int:
    """Print the line, and return the exit code, which is always 0."""
    try:
        text = line(os.environ, _reading(), colour=_wants_colour(os.environ))
    except Exception:  # noqa: BLE001 - a defect must not fill Claude Code's screen
        text = "claude-proxy: its state is not known"
    try:
        sys.stdout.buffer.write(f"{text}\n".encode())  # UTF-8 whatever the console's: Claude Code reads it
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        return 0
    return 0


def line(
    environ: Mapping[str, str], received: Callable[[], bytes], seconds: float = ASK_SECONDS, *, colour: bool = False
) -> str:
    """Return the line for an environment and for the JSON that has been `received` from Claude Code.

    In a narrow terminal it is two or three. The proxy is asked for at most `seconds`.
    """
    given = _given(received())
    facts = [("claude-proxy: " + mode(environ), "plain"), *_model(environ, given), *_facts(environ, given, seconds)]
    return _in_lines(facts, _columns(environ), colour=colour)


def _in_lines(facts: list[tuple[str, str]], columns: int, *, colour: bool) -> str:
    """Return facts one behind the other, and on further lines what Claude Code would cut off."""
    lines, used = [list[str]()], 0
    for text, style in facts:
        used += len(text) + (len(SEPARATOR) if lines[-1] else 0)
        if lines[-1] and used > columns and len(lines) < MAX_LINES:
            lines.append([])
            used = len(text)
        lines[-1].append(_coloured(text, STYLES.get(style, "")) if colour else text)
    return "\n".join(SEPARATOR.join(line) for line in lines)


def _columns(environ: Mapping[str, str]) -> int:
    """Return how much of a line Claude Code shows: it says how wide its terminal is. Elsewhere no line is too long."""
    columns = environ.get("COLUMNS", "")
    return max(1, int(columns) - MARGIN) if columns.isdecimal() and len(columns) < 6 else sys.maxsize


def _wants_colour(environ: Mapping[str, str]) -> bool:
    """Whether the line has colours: it goes to Claude Code through a pipe, so only the user can say no."""
    return not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def _coloured(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if code else text


def mode(environ: Mapping[str, str]) -> str:
    """Return `fallback`, `pinned NAME`, `direct`, or `direct (HOST)` if another gateway is set."""
    if target := proxy_target_of(environ):
        return f"pinned {printable(target.pin, 64)}" if target.pin else "fallback"
    host = _address(environ.get(BASE_URL, ""))[1]
    return f"direct ({printable(host, 64)})" if host else "direct"


def proxy_target_of(environ: Mapping[str, str]) -> Target | None:
    """Return what Claude Code talks to if that is the proxy of this home, else None.

    It is if our token goes there, or if the proxy was last seen there.
    """
    target = parse_target(environ.get(BASE_URL, ""))
    if target is None:
        return None
    credentials = (environ.get(TOKEN, ""), environ.get(HEADERS, ""))
    token = token_of(environ)
    ours = (token and any(token in text for text in credentials)) or _is_running_at(environ, target.host, target.port)
    return target if ours else None


def parse_target(url: str) -> Target | None:
    """Return what a base URL names if it has the form of a proxy's: plain HTTP, and a port."""
    scheme, host, port, path = _address(url)
    if scheme != "http" or not port:
        return None
    return Target(host, port, path[len(PIN) :].partition("/")[0] if path.startswith(PIN) else "")


def _model(environ: Mapping[str, str], given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Say that the session's model names its provider: `/model` keeps that for all later sessions."""
    model = str(_mapping(given.get("model")).get("id", ""))
    if model.startswith(MODEL_PREFIX):
        name = printable(model[len(MODEL_PREFIX) :], 64)
        alone = "without failover" if proxy_target_of(environ) else "only through the proxy"
        yield f"! pinned by /model: {name}, {alone}", "error"


def _facts(environ: Mapping[str, str], given: Mapping[str, object], seconds: float) -> Iterator[tuple[str, str]]:
    """Yield the proxy's facts for this terminal, each with its style, or why it cannot be asked.

    Nothing if the proxy is not used.
    """
    if (target := proxy_target_of(environ)) is None:
        return
    try:
        facts = _ask(target, token_of(environ), str(given.get("session_id", "")), seconds)
    except AskError as error:
        yield str(error), "warning"
        return
    for fact in facts:
        match fact:
            case [str(text), str(style)]:
                yield printable(text, MAX_FACT), style
            case str(text):  # as a proxy of an older version gives it
                yield printable(text, MAX_FACT), "plain"


def _given(data: bytes) -> Mapping[str, object]:
    """Return what Claude Code says of the session; nothing if that is not JSON."""
    try:
        return _mapping(json.loads(data))
    except (ValueError, RecursionError):
        return {}


def _reading() -> Callable[[], bytes]:
    """Begin to read standard input, and return what gives its content: all, or what has come within `INPUT_SECONDS`.

    A thread reads, since Windows has no other way to wait for a pipe with a limit; the process ends without it.
    """
    if sys.stdin is None:
        return bytes
    pieces = list[bytes]()
    finished = _thread.allocate_lock()
    finished.acquire()

    def read() -> None:
        try:
            while sum(map(len, pieces)) < MAX_INPUT and (piece := os.read(0, 65_536)):
                pieces.append(piece)
        except OSError:
            return
        finally:
            finished.release()

    def received() -> bytes:
        finished.acquire(timeout=INPUT_SECONDS)
        return b"".join(pieces)

    _thread.start_new_thread(read, ())
    return received


def _ask(target: Target, token: str, session: str, seconds: float) -> list[object]:
    """Return the proxy's facts for this terminal. Raises `AskError`."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    query = f"session={_percent(session)}&pin={_percent(target.pin)}&utc_offset={time.localtime().tm_gmtoff}"
    head = (
        f"GET /admin/statusline?{query} HTTP/1.1\r\nHost: {host}:{target.port}\r\n"
        f"Authorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    )
    try:
        answer = plain_http.ask((target.host, target.port), head.encode("latin-1"), seconds, MAX_ANSWER)
    except TimeoutError:
        raise AskError("the proxy does not answer") from None
    except (OSError, UnicodeError):
        raise AskError("the proxy is not running") from None
    except ValueError:
        raise AskError("the proxy does not tell its state") from None
    if answer.status == 401:
        raise AskError("the proxy does not accept this token")
    if answer.status == 404:
        raise AskError("the proxy is of another version: restart it")
    try:
        facts = json.loads(answer.body)
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, list):
        raise AskError("the proxy does not tell its state")
    return facts


def _percent(text: str) -> str:
    """Return a text as a query holds it; `urllib.parse` would take longer to load."""
    return "".join(f"%{byte:02X}" for byte in text[:MAX_FACT].encode(errors="replace"))


def _address(url: str) -> tuple[str, str, int, str]:
    """Return scheme, host, port (0 if there is none or a wrong one) and path of a base URL, never its password."""
    scheme, _, rest = url.strip().partition("://")
    authority, slash, path = rest.partition("/")
    host, _, port = authority.rpartition("@")[2].rpartition(":")
    if not host or "]" in port:  # there is no port
        host, port = host + (":" if host else "") + port, ""
    return scheme.lower(), host.strip("[]").lower(), int(port) if port.isdecimal() else 0, slash + path


def is_recorded(environ: Mapping[str, str]) -> bool:
    """Whether the home says where its proxy runs."""
    return bool(_read(environ, "proxy.json"))


def _is_running_at(environ: Mapping[str, str], host: str, port: int) -> bool:
    try:
        running = _mapping(json.loads(_read(environ, "proxy.json")))
    except (ValueError, RecursionError):
        return False
    return running.get("port") == port and (host in LOOPBACK or host == running.get("host"))


def token_of(environ: Mapping[str, str]) -> str:
    """Return the token of the home's proxy, empty if there is none yet."""
    return _read(environ, "token").decode("ascii", "replace").strip()


def _read(environ: Mapping[str, str], name: str) -> bytes:
    """Return a file of the home's `state/`, empty if there is none; `store.home` would take longer to load."""
    try:
        return read_own(state_path(environ, name), MAX_FILE) or b""
    except (OSError, ValueError):
        return b""


def state_path(environ: Mapping[str, str], name: str) -> str:
    """Return the path of a file in the home's `state/`."""
    root = os.path.expanduser(environ.get(HOME_VARIABLE) or "~/.claude-proxy")  # noqa: PTH111 - no pathlib here
    return os.path.join(root, "state", name)  # noqa: PTH118 - no pathlib here


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
