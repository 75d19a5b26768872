"""Where a request may end: the parser gets the bytes of one request at a time, and what follows waits.

httptools parses all that it is given. One read of a socket can hold thousands of small requests, each of which would
take some kilobytes until its turn comes.
"""

from __future__ import annotations

from typing import Final

_EMPTY_LINE: Final = b"\r\n\r\n"


class RequestFraming:
    """Cuts what a client sends where a request may end: behind an empty line, or behind a body of declared length.

    An empty line ends a head as well as a chunked body. Where it does neither, the request goes on in the next piece.
    """

    __slots__ = ("_left", "_tail")

    def __init__(self) -> None:
        self._left = 0  # bytes of the body that are still to come, if its length is declared
        self._tail = b""  # the last bytes, if they may be the beginning of an empty line

    def expect_body(self, length: int) -> None:
        """Take note that a head has ended, and of the length that it declares."""
        self._left = length

    def next_piece(self, data: bytes, start: int) -> int:
        """Return where the piece ends that begins at `start`. Each piece has to be parsed before the next call."""
        if self._left:
            end = min(start + self._left, len(data))
            self._left -= end - start
            return end
        tail, self._tail = self._tail, b""
        if tail:
            split = (tail + data[start : start + 3]).find(_EMPTY_LINE)
            if split >= 0:
                return start + split + len(_EMPTY_LINE) - len(tail)
        found = data.find(_EMPTY_LINE, start)
        if found >= 0:
            return found + len(_EMPTY_LINE)
        self._tail = (tail + data[max(start, len(data) - 3) :])[-3:]
        return len(data)
