"""Defects of the proxy's own: each is noted once, and what it broke is done without."""

from __future__ import annotations

from types import TracebackType
from typing import Final

from claude_proxy.core.bounded import BoundedDict
from claude_proxy.proxy.ports import Journal

MAX_NOTED: Final = 256
"""Places that are remembered as noted: more than defects can be at a time."""


class Defects:
    """Notes defects. As a context, it ends one there: for what an answer is worth more than, such as learning from it.

    A note has the kind of the exception and the place, once for both. It has no text, which might quote content.
    """

    __slots__ = ("_journal", "_noted")

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._noted = BoundedDict[str, bool](MAX_NOTED)

    def note(self, error: Exception) -> None:
        trace = error.__traceback__
        while trace and trace.tb_next:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "unknown"
        text = f"internal error: {type(error).__name__} at {place}"
        if text not in self._noted:
            self._noted[text] = True
            self._journal.note(text, "error")

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> bool:
        """Note a defect and go on behind the block. Cancelling, and whatever else is no `Exception`, passes."""
        if not isinstance(error, Exception):
            return False
        self.note(error)
        return True
