"""The line for Claude Code's status line.

It has to be there within 100 ms of the start: hence the few imports, the plain socket and the short limits. It never
fails: where it cannot know, it says that.

    claude-proxy: fallback | moonshot (kimi-k3) | minimax rests until 14:05 (plan limit)
    claude-proxy: pinned zai | zai rests until 14:05 (out of credit)
    claude-proxy: normal
"""

from __future__ import annotations

import _thread
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from claude_proxy.core.text import printable

INPUT_SECONDS = 0.02
"""For Claude Code to hand in its JSON once the proxy has answered; it has long written it, but a pipe may be silent."""
ASK_SECONDS = 0.05
"""For the proxy to answer in full, which takes it a millisecond or two."""
MAX_INPUT = 1024 * 1024
MAX_ANSWER = 1024 * 1024
MAX_FILE = 65_536
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
PIN = "/provider/"


class Target:
    """Where this terminal's Claude Code is led: an http address, and the provider in its path, or an empty text."""

    __slots__ = ("host", "pin", "port")

    def __init__(self, host: str, port: int, pin: str) -> None:
        self.host = host
        self.port = port
        self.pin = pin


class AskError(Exception):
    """The proxy was asked in vain; the text says why, in a few words."""


def main() -> int:
    """Print the line, and return the exit code, which is always 0."""
    try:
        text = line(os.environ, _reading())
    except Exception:  # noqa: BLE001 - a fault of ours must not fill Claude Code's screen
        text = "claude-proxy: its state is not known"
    try:
        sys.stdout.buffer.write(f"{text}\n".encode())  # UTF-8 whatever the console's: Claude Code reads it
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        return 0
    return 0


def line(environ: Mapping[str, str], given: Callable[[], bytes], seconds: float = ASK_SECONDS) -> str:
    """Return the line for an environment, and for what Claude Code has `given` by the time the proxy has answered.

    The proxy is asked for at most `seconds`.
    """
    return " | ".join(["claude-proxy: " + mode(environ), *_facts(environ, given, seconds)])


def mode(environ: Mapping[str, str]) -> str:
    """Return `fallback`, `pinned NAME`, `normal`, or `normal (HOST)` where another gateway is set."""
    if target := led_to(environ):
        return f"pinned {printable(target.pin, 64)}" if target.pin else "fallback"
    host = _address(environ.get("ANTHROPIC_BASE_URL", ""))[1]
    return f"normal ({printable(host, 64)})" if host else "normal"


def led_to(environ: Mapping[str, str]) -> Target | None:
    """Return where Claude Code is led if that is the proxy of this home, else None.

    It is where our token goes, or where the proxy was last seen.
    """
    scheme, host, port, path = _address(environ.get("ANTHROPIC_BASE_URL", ""))
    if scheme != "http" or not port:
        return None
    shown = (environ.get("ANTHROPIC_AUTH_TOKEN", ""), environ.get("ANTHROPIC_CUSTOM_HEADERS", ""))
    token = _token(environ)
    if not (token and any(token in one for one in shown)) and not _is_running_at(environ, host, port):
        return None
    return Target(host, port, path[len(PIN) :].partition("/")[0] if path.startswith(PIN) else "")


def _facts(environ: Mapping[str, str], given: Callable[[], bytes], seconds: float) -> Iterator[str]:
    """Yield what the proxy knows of the session and of rests, or why it cannot be asked; nothing in normal mode."""
    if (target := led_to(environ)) is None:
        return
    try:
        status = _ask(target, _token(environ), seconds)
    except AskError as error:
        yield str(error)
        return
    answered = _mapping(_mapping(status.get("sessions")).get(_session(given())))
    if provider := _text(answered.get("provider")):
        model = _text(answered.get("model"))
        yield f"{provider} ({model})" if model else provider
    listed = status.get("providers")
    yield from _is_cooling_down([_mapping(one) for one in listed] if isinstance(listed, list) else [], target.pin)


def _is_cooling_down(providers: Sequence[Mapping[str, object]], pin: str) -> Iterator[str]:
    if pin:
        providers = [one for one in providers if one.get("name") == pin]
        if not providers:
            yield "no such provider"
    resting = [one for one in providers if one.get("state") == "cooldown"]
    if resting:
        others = f" and {len(resting) - 1} more" if len(resting) > 1 else ""
        first = resting[0]
        told = "" if others else _text(first.get("why"))
        why = f" ({told})" if told else ""
        yield f"{_text(first.get('name'))}{others} rests{_until(first.get('cooldown_until'))}{why}"


def _until(epoch: object) -> str:
    """Return the end of a rest in local time, with the date where that is not today's."""
    if not isinstance(epoch, int | float):
        return ""
    try:
        then, today = time.localtime(epoch), time.localtime()
    except (ValueError, OverflowError, OSError):
        return ""
    return time.strftime(" until %H:%M" if then[:3] == today[:3] else " until %Y-%m-%d %H:%M", then)


def _session(given: bytes) -> str:
    try:
        return str(_mapping(json.loads(given)).get("session_id", ""))
    except (ValueError, RecursionError):
        return ""


def _reading() -> Callable[[], bytes]:
    """Begin to read standard input, and return what gives its content: all, or what has come when the time is over.

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


def _ask(target: Target, token: str, seconds: float) -> Mapping[str, object]:
    """Return the proxy's status. Raises `AskError`."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    head = (
        f"GET /admin/status HTTP/1.1\r\nHost: {host}:{target.port}\r\n"
        f"Authorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    )
    try:
        answer = _exchange(target, head.encode("latin-1"), time.monotonic() + seconds)
    except TimeoutError:
        raise AskError("the proxy does not answer") from None
    except (OSError, UnicodeError):
        raise AskError("the proxy is not running") from None
    status, _, rest = answer.partition(b"\r\n")
    if status.split(b" ")[1:2] == [b"401"]:
        raise AskError("the proxy does not take this token")
    try:
        return _mapping(json.loads(rest.partition(b"\r\n\r\n")[2]))
    except (ValueError, RecursionError):
        raise AskError("the proxy does not tell its status") from None


def _exchange(target: Target, head: bytes, deadline: float) -> bytes:
    """Send a request, and return the answer up to its end. Raises `OSError`, of which `TimeoutError` is one."""
    answer = b""
    with socket.create_connection((target.host, target.port), max(0.001, deadline - time.monotonic())) as connection:
        connection.sendall(head)
        while len(answer) < MAX_ANSWER:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            piece = connection.recv(65_536)
            if not piece:
                break
            answer += piece
    return answer


def _address(url: str) -> tuple[str, str, int, str]:
    """Return scheme, host, port (0 where none or a wrong one is named) and path of a base URL, never its password."""
    scheme, _, rest = url.strip().partition("://")
    authority, slash, path = rest.partition("/")
    host, _, port = authority.rpartition("@")[2].rpartition(":")
    if not host or "]" in port:  # no port is named
        host, port = host + (":" if host else "") + port, ""
    return scheme.lower(), host.strip("[]").lower(), int(port) if port.isdecimal() else 0, slash + path


def _is_running_at(environ: Mapping[str, str], host: str, port: int) -> bool:
    try:
        running = _mapping(json.loads(_read(environ, "proxy.json")))
    except (ValueError, RecursionError):
        return False
    return running.get("port") == port and (host in LOOPBACK or host == running.get("host"))


def _token(environ: Mapping[str, str]) -> str:
    return _read(environ, "token").decode("ascii", "replace").strip()


def _read(environ: Mapping[str, str], name: str) -> bytes:
    """Return a file of the home's `state/`, empty where there is none; `store.home` would take longer to load."""
    root = os.path.expanduser(environ.get("CLAUDE_PROXY_HOME") or "~/.claude-proxy")  # noqa: PTH111 - no pathlib here
    try:
        with open(os.path.join(root, "state", name), "rb") as file:  # noqa: PTH118, PTH123 - no pathlib here
            return file.read(MAX_FILE)
    except (OSError, ValueError):
        return b""


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return printable(value, 64) if isinstance(value, str) else ""
