"""Why a provider rests, in the user's words instead of ours."""

from __future__ import annotations

from typing import Final

from claude_proxy.core import limits

KEY_REFUSED: Final = frozenset({"401", "403"})
OUT_OF_CREDIT: Final = frozenset({"402", limits.NO_CREDIT.label})
UNKNOWN_MODEL: Final = limits.UNKNOWN_MODEL.label

_TOO_FAST, _BUSY, _SILENT, _AWAY, _CUT = "too many requests", "overloaded", "silent", "out of reach", "broke off"
_WORDS: Final = {
    **dict.fromkeys(OUT_OF_CREDIT, "out of credit"),
    limits.PLAN_LIMIT.label: "plan limit",
    **dict.fromkeys(("429", "rate_limit_error"), _TOO_FAST),
    **dict.fromkeys(("503", "529", "overloaded_error"), _BUSY),
    **dict.fromkeys(("first_event_timeout", "first_content_timeout", "stalled"), _SILENT),
    **dict.fromkeys(("dns", "refused", "unreachable", "connect_timeout", "tls", "tunnel"), _AWAY),
    **dict.fromkeys(("reset", "truncated"), _CUT),
}


def in_words(reason: str, variable: str = "") -> str:
    """Return a rest's reason in plain words; `variable` holds the key, empty where a login stands in its place."""
    if reason in KEY_REFUSED:
        return f"key refused: mend {variable}" if variable else "login refused"
    return _WORDS.get(reason) or (f"answered {reason}" if reason.isdecimal() else reason.replace("_", " "))
