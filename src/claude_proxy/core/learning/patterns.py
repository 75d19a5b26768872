"""How the words of errors are looked for: in any case, between any quotes, in bounded time."""

from __future__ import annotations

import re
from typing import Final

QUOTE: Final = "[`'\"\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}]?"
"""What may stand around a name."""


def pattern(*alternatives: str) -> re.Pattern[str]:
    """Return one pattern of several, which heeds no case. Each repetition in them has a bound."""
    return re.compile("|".join(alternatives), re.IGNORECASE)
