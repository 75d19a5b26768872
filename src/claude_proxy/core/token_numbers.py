"""The numbers in an error that may count tokens, and what each of them counts, by the nouns beside it."""

from __future__ import annotations

import enum
import re
from typing import Final, NamedTuple

_MAX_NUMBERS: Final = 8
"""Of one error; real ones have up to six, repetitions included."""

OUTPUT_NAME: Final = (
    r"max[_ ]?(?:completion|output|new|gen(?:eration)?)?[_ ]?tokens(?:_to_sample)?\b(?! allowed)"
    r"|max_?(?:output_?|new_?|completion_?)?tokens?\b"
    r"|(?:completion|output|generated|new) tokens?\b|(?:in|for) the (?:completion|output|response)\b"
    r"|(?:maximum )?tokens you requested|generation length|\b(?:generate|write) (?:only )?(?:up to|at most)\b"
    r"|最大输出|输出(?:长度|token)"
)
_LIMIT_NAME: Final = (
    r"max(?:imum)?\s(?:\S{1,20}\s){0,4}?(?:length|tokens?|context|window|size|count|limit)\b(?! you requested)"
    r"|context[ _-]?(?:length|window|size|limit)\b|(?:model|sequence|token|total|input|prompt)s? (?:length )?limit\b"
    r"|(?:max[_ ]?(?:model|seq|sequence|context|total|input|prompt)[_ ]?(?:len|length|tokens)?|n_ctx|num_ctx)\b"
    r"|模型.{0,8}(?:长度|上限)|上下文(?:长度|窗口)"
)
"""What bounds: a maximum of anything, the window."""

PROMPT_NAME: Final = (
    r"\b(?:prompts?|inputs?|messages?|conversation|history|sequence)\b(?![_.\[/]|: \w+[.\[]|\s*\[)"
    r"|token indices|输入|提示词|对话"
)

_THOUSANDS: Final = re.compile(r"(?<=\d)[,_](?=\d{3}(?!\d))")
_STATUS: Final = re.compile(
    r"^\W{0,3}[45]\d\d\b(?!\s*(?:tokens|[+>]))|\b(?:code|status|http)\W{1,4}\d{3}\b|<\d{3}>", re.IGNORECASE
)
_NUMBER: Final = re.compile(r"(?<![\w.#/-])(\d{1,9})(?![\w/]|-\w|[.,:]\d)")
"""A number that stands alone: not part of a name, a version, an address or an id."""
_BY: Final = re.compile(r"\bby $", re.IGNORECASE)
_CODE: Final = re.compile(r"[\[(]\d{4}[\])]\s*$")
_BELOW: Final = re.compile(
    r"(?:\b(?:less|lower|smaller|fewer) than(?! or)|\bbelow|<(?!=)|小于(?!等于|或等于))\W{0,3}$", re.IGNORECASE
)
_EXCLUSIVE: Final = re.compile(r"\W{0,3}exclusive\b", re.IGNORECASE)
"""Around a limit that is itself too much."""


class Role(enum.Enum):
    """What a number counts."""

    OUTPUT = enum.auto()
    LIMIT = enum.auto()
    PROMPT = enum.auto()
    TOTAL = enum.auto()


class Number(NamedTuple):
    """A number in an error, and what it counts; None if no noun beside it says so."""

    value: int
    role: Role | None
    is_too_much: bool
    """Whether it is the first number that is not allowed."""


_ROLES: Final = re.compile(
    rf"(?P<OUTPUT>{OUTPUT_NAME}|\b(?:completion|output)\b)|(?P<LIMIT>{_LIMIT_NAME})|(?P<PROMPT>{PROMPT_NAME})"
    r"|(?P<TOTAL>\b(?:total|requested|in all)\b)|(?P<BOUND>\b(?:max(?:imum)?|limit(?:ed)?|at most|up to|only|allowed"
    r"|supports?|window|range|no more than|expected)\b|<=|≤|最大|上限)",
    re.IGNORECASE,
)
_BEHIND: Final = re.compile(
    r"[`'\"()]{0,2}\s?(?:(?:tokens?|of|in|from|for|as|are|were|the|your|text|tool|image|which|is|a)\s){0,4}[`'\"]?"
    rf"(?:(?P<OUTPUT>{OUTPUT_NAME}|(?:completion|output|response)\b)|(?P<LIMIT>(?:max(?:imum)?|limit|context)\b)"
    r"|(?P<PROMPT>(?:prompt|inputs?|messages?)\b))",
    re.IGNORECASE,
)
"""What may stand behind a number and say what it counts: `112946 in the messages`, `32768 maximum context length`."""


def without_status(words: str) -> str:
    """Return words without the status or code in front of them, and their numbers without commas."""
    return _STATUS.sub(" ", _THOUSANDS.sub("", words))


def numbers_in(words: str) -> list[Number]:
    """Return the numbers that may count tokens, each once, with what is said of it."""
    found = dict[int, Number]()
    words = _CODE.sub("", words)
    behind = 0
    matches = [
        match for match in _NUMBER.finditer(words) if int(match[1]) > 1 and not _BY.search(words[: match.start()])
    ]
    for match in matches[:_MAX_NUMBERS]:
        value = int(match[1])
        between, rest = words[behind : match.start()], words[match.end() :]
        role, behind = _role(between, rest), match.end()
        if value not in found or found[value].role is None:
            found[value] = Number(value, role, bool(_BELOW.search(between) or _EXCLUSIVE.match(rest)))
    return list(found.values())


def _role(before: str, after: str) -> Role | None:
    if behind := _BEHIND.match(after):
        return Role[str(behind.lastgroup)]
    said = [str(match.lastgroup) for match in _ROLES.finditer(before[-100:])]
    if not said:
        return None
    named = said[-1]
    return Role.LIMIT if named == "BOUND" else Role[named]
