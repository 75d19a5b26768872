"""Which field a provider rejects: read from the path in front of the words, or from a name within them.

Only fields in these tables count: what a request can do without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from claude_proxy.core.learning.error_texts import QUOTE, Pattern
from claude_proxy.core.learning.field_paths import with_dotted_paths
from claude_proxy.core.learning.sent_request import SentRequest
from claude_proxy.core.traits import Kind, Rule

FIELDS: Final = frozenset(
    {
        "cache_control",
        "container",
        "context_management",
        "inference_geo",
        "mcp_servers",
        "metadata",
        "metadata.user_id",
        "output_config",
        "output_config.effort",
        "output_config.task_budget",
        "service_tier",
        "speed",
        "temperature",
        "thinking",
        "thinking.block_binding",
        "thinking.display",
        "top_k",
        "top_p",
    }
)
"""What a request is as good without, or nearly: settings of how the model works, nothing that is asked in words."""

_WHOLE: Final = frozenset({"cache_control", "container", "context_management", "mcp_servers", "metadata"})
"""Fields that are removed whole if anything in them is rejected."""

_CHOICES: Final = frozenset({"context_management", "output_config.effort", "service_tier", "speed", "thinking.display"})
"""Fields with a choice of words: if the word is rejected, the field is removed, and the provider uses its default."""

_OF_CACHE_CONTROL: Final = frozenset({"scope", "ttl"})
"""What can be left out of a cache mark."""

_TOOL_FIELDS: Final = frozenset(
    {"allowed_callers", "defer_loading", "eager_input_streaming", "input_examples", "strict"}
)

# By the path in front of the words

_ROOT_NAMES: Final = frozenset({"messages", "tools", "system", *(name.partition(".")[0] for name in FIELDS)})
_ROOTS: Final = "|".join(sorted(_ROOT_NAMES))
_PATHED: Final = re.compile(rf"(?<![\w.])((?:{_ROOTS})(?:[.\[][\w-]{{1,60}}+\]?+){{0,12}}+){QUOTE}: ([^\n]{{1,300}})")
_FIELD_PATH: Final = re.compile(rf"not permitted, field: {QUOTE}([\w.\[\]-]{{1,200}})")
_STEP: Final = re.compile(r"[A-Za-z_][\w-]*")
_NOT_ACCEPTED: Final = Pattern(
    r"\bnot permitted",
    r"^only [\w.]{1,20} is allowed",
    r"\bextra_forbidden",
    r"\bun(?:known|recogni[sz]ed|expected|supported)",
    r"\bnot (?:yet )?(?:supported|allowed|available)",
    r"\bnot support\b",
    r"\bdeprecated",
    r"\badditional propert",
    r"\bdoes not match any of the expected tags",
    r"不支持|未知",
)
_OTHER_WORD: Final = Pattern(
    r"input should be [`'\"]",
    r"unknown variant",
    r"invalid (?:value|enum|option)",
    r"\b(?:must|should) be (?:equal to )?one of",
    r"\bis not one of",
)


_UNKNOWN_FIELD: Final = Pattern(rf"unknown field {QUOTE}(\w{{1,60}})")


def read_fields_by_path(words: str, sent: SentRequest) -> Iterator[Rule]:
    """Read `path: words`. Only the first path counts: later ones may be quoted from anywhere."""
    words = with_dotted_paths(words, _ROOT_NAMES)
    found = _PATHED.search(words)
    if found:
        names, reason = _STEP.findall(found[1]), found[2]
        serde = _UNKNOWN_FIELD.match(reason)  # `tools[0]: unknown field x` names it after the path
        if _NOT_ACCEPTED.search(reason):
            yield from _rules_at([*names, serde[1]] if serde else names, sent)
        elif _OTHER_WORD.search(reason):
            yield from (rule for rule in _rules_at(names, sent) if rule.name in _CHOICES)
    for path in _FIELD_PATH.findall(words):
        yield from _rules_at(_STEP.findall(path), sent)


def _rules_at(names: list[str], sent: SentRequest) -> Iterator[Rule]:
    """Yield the rule about what is at a path; numbers and the tags of unions may be between its names."""
    if "cache_control" in names[1:]:
        inner = names[-1] if names[-1] in _OF_CACHE_CONTROL else "cache_control"
        if sent.mentions(inner):
            yield Rule(Kind.MARK, inner if inner == "cache_control" else f"cache_control.{inner}")
    elif names[0] == "tools":
        if names[-1] in _TOOL_FIELDS & sent.tool_fields:
            yield Rule(Kind.TOOL_FIELD, names[-1])
    elif names[0] not in {"messages", "system"}:
        whole = names[0] if len(names) == 1 or names[0] in _WHOLE else ""
        yield from _rules_for_first(
            (f"{names[0]}.{names[-1]}", f"{names[0]}.{names[min(1, len(names) - 1)]}", whole), sent
        )


def _rules_for_first(paths: tuple[str, ...], sent: SentRequest) -> Iterator[Rule]:
    """Yield the rules about the first of these fields that is there and can be removed."""
    for path in paths:
        if path in FIELDS and sent.has(path) and not _holds_more(path, sent):
            yield from (Rule(Kind.FIELD, part) for part in _removable(path, sent))
            return


def _removable(path: str, sent: SentRequest) -> list[str]:
    """Return what to remove: member by member if a later request may have one that has to stay."""
    return sorted(f"{path}.{name}" for name in sent.inside(path)) if path == "output_config" else [path]


def _holds_more(path: str, sent: SentRequest) -> bool:
    """Tell whether the field holds more than may be removed: `output_config.format` is what the user asked for."""
    return path == "output_config" and any(f"output_config.{name}" not in FIELDS for name in sent.inside(path))


# By what a value must be

_USER_ID: Final = Pattern(rf"(?<![\w.])(?:metadata\.)?user_id{QUOTE}(?![\w.])")
_WRONG_VALUE: Final = Pattern(
    r"\bpattern\b|\bregex|\bmatch(?:es)?\b|\bformat\b|\bcharacters?\b|\bletters?\b|\balphanumeric",
    r"\btoo long\b|\blonger than\b|\blength\b|\bexceeds?\b|\bat most\b|\binvalid\b|\bnot (?:a )?valid\b",
    r"\b(?:must|should) be\b|\bexpected\b|不合法|非法|格式|长度",
)


def read_user_id(words: str, sent: SentRequest) -> Iterator[Rule]:
    """Read any complaint about the value of `metadata.user_id`: no answer depends on it."""
    named = _USER_ID.search(with_dotted_paths(words, _ROOT_NAMES))
    if named and _WRONG_VALUE.search(words) and sent.has("metadata.user_id"):
        yield Rule(Kind.FIELD, "metadata.user_id")


# By a name within the words

_NAME: Final = rf"{QUOTE}([a-z_][\w.\[\]]{{1,80}}+){QUOTE}"
_NAME_IN_CHINESE: Final = rf"{QUOTE}([a-z_][\w.\[\]]{{1,80}}){QUOTE}"
"""Without a space, what comes after the name reads as more of it at first."""
_REJECTED: Final = "unknown|unrecogni[sz]ed|unexpected|unsupported"
_NOT: Final = "not (?:yet )?(?:supported|allowed|permitted)"
_NOUN: Final = r"(?:field|parameter|argument|key|property|input|attribute|value)(?:s|\(s\))?"
_NAMED: Final = (
    Pattern(
        rf"\b(?:{_REJECTED}|invalid|extra|additional) (?:request |json |keyword )?{_NOUN}"
        rf"(?: supplied| in object| in request)?:? {_NAME}"
    ),
    Pattern(rf"(?<![\w.]){_NAME}(?: {_NOUN})? (?:is|was|are) (?:{_NOT}|{_REJECTED}|deprecated)"),
    Pattern(rf"(?:not|n't) support (?:the |parameter |field )?{_NAME}"),
    Pattern(rf"\band {_NAME} cannot both be"),
    Pattern(rf"(?:参数|字段) ?{_NAME_IN_CHINESE} ?不支持"),
    Pattern(rf"不支持(?:参数|字段)? ?{_NAME}"),
)


def read_fields_by_name(words: str, sent: SentRequest) -> Iterator[Rule]:
    """Read `unknown field x` and the like, if no path says what it is about."""
    words = with_dotted_paths(words, _ROOT_NAMES)
    if _PATHED.search(words):
        return
    for named in _NAMED:
        for name in named.findall(words):
            yield from _rules_named(name.removeprefix("body."), sent)


def _rules_named(name: str, sent: SentRequest) -> Iterator[Rule]:
    names = _STEP.findall(name)
    if len(names) > 1:
        yield from _rules_at(names, sent)
    elif name in _TOOL_FIELDS & sent.tool_fields:
        yield Rule(Kind.TOOL_FIELD, name)
    else:
        nested = sorted(field for field in FIELDS if field.endswith(f".{name}"))
        yield from _rules_for_first((name, *nested), sent)
