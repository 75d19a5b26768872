"""The types of single values in the settings: the limits of each, and what a message says about a wrong one."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from msgspec import Meta

from claude_proxy.core.traits import Kind

_MAX_WAIT = 86400
"""Seconds, a day: a longer wait is a slip of the finger."""
_MAX_COOLDOWN = 10080
"""Minutes, a week: the longest time after which a plan's quota returns."""
_MAX_TOKENS = 100_000_000
"""Ten times the largest context window that was ever announced."""


def key(description: str, *, unit: str, default: float | None = None) -> Meta:
    """Describe a key. `default` is given only if it is not the default of the type."""
    extra: dict[str, object] = {"x-unit": unit}
    if default is not None:
        extra["default"] = plain(default)
    return Meta(description=description, extra_json_schema=extra)


def plain(number: float) -> float:
    """Return a whole number without its `.0`, as people write it."""
    return int(number) if number == int(number) else number


def says(expected: str, example: object = None, *, fix: str = "", private: bool = False) -> dict[str, object]:
    """Say what a value must be, and how to fix a wrong one. No message shows a value that is `private`."""
    return {"expected": expected, "fix": fix or f"Write one, such as {json.dumps(example)}.", "private": private}


Text = Annotated[str, Meta(extra=says("a text", fix="Write a text, in quotes."))]
HeaderValue = Annotated[str, Meta(extra=says("a text", fix="Write a text, in quotes.", private=True))]
Flag = Annotated[bool, Meta(extra=says("true or false", fix="Write true or false, without quotes."))]
Argument = Annotated[
    str, Meta(pattern=r"^[^\x00]*$", max_length=4096, extra=says("a text without NUL", fix="Write a text, in quotes."))
]
Port = Annotated[int, Meta(ge=1, le=65535, extra=says("a whole number from 1 to 65535", 8787))]
Status = Annotated[int, Meta(ge=400, le=599, extra=says("an HTTP status from 400 to 599", 429))]
Minutes = Annotated[
    float, Meta(ge=0, le=_MAX_COOLDOWN, extra=says(f"a number of minutes from 0 to {_MAX_COOLDOWN}", 30))
]
Megabytes = Annotated[float, Meta(ge=0.01, le=1024, extra=says("a number of megabytes from 0.01 to 1024", 10))]
BudgetMegabytes = Annotated[float, Meta(ge=1, le=1_048_576, extra=says("a number of megabytes from 1 to 1048576", 512))]
Wait = Annotated[float, Meta(ge=0, le=_MAX_WAIT, extra=says(f"a number of seconds from 0 to {_MAX_WAIT}", 5))]
Seconds = Annotated[
    float, Meta(gt=0, le=_MAX_WAIT, extra=says(f"a number of seconds above 0 and up to {_MAX_WAIT}", 60))
]
Model = Annotated[
    str,
    Meta(
        pattern=r"^[!-~]+$",
        max_length=200,
        extra=says("a model's name of printable ASCII without spaces", "MiniMax-M3"),
    ),
]
Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        max_length=64,
        extra=says(
            "a name that fits in a URL path (letters, digits, dots, hyphens and underscores, a letter or digit first)",
            "minimax",
        ),
    ),
]
Days = Annotated[int, Meta(ge=0, le=36_500, extra=says("a whole number of days from 0 to 36500", 400))]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"],
    Meta(extra=says('"debug", "info", "warning" or "error"', "info")),
]
AuthName = Annotated[
    Literal["bearer", "x-api-key", "client", "none"],
    Meta(extra=says('"bearer", "x-api-key", "client" or "none"', "bearer")),
]
FailbackName = Annotated[
    Literal["cache-aware", "immediate", "never"],
    Meta(extra=says('"cache-aware", "immediate" or "never"', "cache-aware")),
]
Place = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[!-~]+)?$",
        max_length=265,
        extra=says("the name of a provider, with or without a model of its own behind a slash", "zai/glm-5.3"),
    ),
]
LongContext = Annotated[
    int, Meta(ge=1, le=_MAX_TOKENS, extra=says(f"a whole number of tokens from 1 to {_MAX_TOKENS}", 200000))
]
Tokens = Annotated[
    Annotated[int, Meta(ge=1, le=_MAX_TOKENS)] | None,
    Meta(extra=says(f"a number of tokens from 1 to {_MAX_TOKENS}, or null", 200000)),
]
Milliseconds = Annotated[
    Annotated[int, Meta(ge=1, le=_MAX_WAIT * 1000)] | None,
    Meta(extra=says(f"a number of milliseconds from 1 to {_MAX_WAIT * 1000}, or null", 600000)),
]
Known = Annotated[bool | None, Meta(extra=says("true, false or null", True))]
BudgetDollars = Annotated[float, Meta(gt=0, le=1_000_000, extra=says("a sum of dollars above 0 and up to 1000000", 20))]
OnBudget = Annotated[Literal["pass", "warn"], Meta(extra=says('"pass" or "warn"', "pass"))]
Dollars = Annotated[
    Annotated[float, Meta(ge=0, le=10000)] | None,
    Meta(extra=says("a price from 0 to 10000, or null", 1.4)),
]
ThinkingMode = Annotated[
    Literal["adaptive", "adaptive-only", "enabled", "enabled-only", "always"] | None,
    Meta(extra=says('"adaptive", "adaptive-only", "enabled", "enabled-only", "always" or null', "enabled")),
]
ForcedToolUse = Annotated[
    Literal["yes", "without-thinking", "no"], Meta(extra=says('"yes", "without-thinking" or "no"', "yes"))
]
_KINDS = ", ".join(kind.value for kind in Kind if kind not in (Kind.MAX_OUTPUT, Kind.REQUIRES))
Refused = Annotated[
    str,
    Meta(
        pattern=rf"^({_KINDS.replace(', ', '|')}):[!-~]+$",
        max_length=200,
        extra=says(f"a kind and a name, apart by a colon (kinds: {_KINDS})", "block:document"),
    ),
]
Word = Annotated[
    str, Meta(pattern=r"^[!-~]+$", max_length=200, extra=says("a word of printable ASCII without spaces", "high"))
]
HeaderName = Annotated[
    str,
    Meta(
        pattern=r"^(?!x-api-key$|x-claude-)x-[a-z0-9-]{1,60}$|^$",
        extra=says("the name of a header that begins with x-, in lower case", "x-session"),
    ),
]
HoursEast = Annotated[float, Meta(ge=-12, le=14, extra=says("a number of hours from -12 to 14", 8))]
