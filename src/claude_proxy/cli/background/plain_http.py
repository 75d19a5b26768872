"""One HTTP request to the proxy on this machine. `http.client` would take longer to load than the request takes."""

from __future__ import annotations

import socket
import time

PIECE = 65_536


class HttpAnswer:
    """The status and the body of an answer."""

    __slots__ = ("body", "status")

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.body = body


def ask(address: tuple[str, int], request: bytes, seconds: float, limit: int) -> HttpAnswer:
    """Send a whole request, which asks for `Connection: close`, and return the answer; its body may be cut at `limit`.

    Raises `OSError` (`TimeoutError` if it takes longer than `seconds`), or `ValueError` for no host or no HTTP.
    """
    deadline = time.monotonic() + seconds
    with socket.create_connection(address, _left(deadline)) as connection:
        connection.sendall(request)
        answer = b""
        while len(answer) < limit and not _is_whole(answer):
            connection.settimeout(_left(deadline))
            if not (piece := connection.recv(PIECE)):
                break
            answer += piece
    return _parse(answer)


def _left(deadline: float) -> float:
    return max(0.001, deadline - time.monotonic())


def _is_whole(answer: bytes) -> bool:
    """Whether the body is as long as the head says: other programs may keep the connection open."""
    head, _, body = answer.partition(b"\r\n\r\n")
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    length = rest.partition(b"\r\n")[0].strip()
    return bool(found) and len(head) < len(answer) and length.isdigit() and len(body) >= int(length)


def _parse(answer: bytes) -> HttpAnswer:
    head, _, body = answer.partition(b"\r\n\r\n")
    version, _, rest = head.partition(b" ")
    status = rest[:3]
    if not version.startswith(b"HTTP/1.") or not status.isdigit():
        raise ValueError("this is no HTTP")
    return HttpAnswer(int(status), body)
