"""Which rules the text of an error calls for, each about something that is in the request.

Each reader knows one subject and the words that providers use for it; if it is not sure, it returns nothing. No rule
ever removes the words of a message, a tool, or a limit that the user set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from claude_proxy.core.learning.error_texts import QUOTE, THINKING_WITHIN, Pattern
from claude_proxy.core.learning.refused_fields import read_fields_by_name, read_fields_by_path, read_user_id
from claude_proxy.core.learning.refused_tools import read_refused_tools
from claude_proxy.core.learning.sent_request import SentRequest
from claude_proxy.core.learning.unreadable_content import BAD_FILE, NO_DOCUMENTS, NO_IMAGES
from claude_proxy.core.token_excess import Excess, read_excess
from claude_proxy.core.traits import ALL_THINKING, PLAIN_CALL_IDS, THINKING_ON_TOOL_TURNS, Kind, Rule

_PLAIN_BLOCKS: Final = frozenset({"", "text", "tool_use", "tool_result"})
"""Types of blocks that no conversation can do without."""
_THINKING_BLOCKS: Final = frozenset({"thinking", "redacted_thinking"})

_Reader: TypeAlias = Callable[[str, SentRequest], Iterator[Rule]]


def infer_rules(words: str, sent: SentRequest) -> tuple[Rule, ...]:
    """Return the rules that a text calls for; none if it is not understood, or is about the user's own mistake."""
    for reader in _READERS:
        if rules := tuple(reader(words, sent)):
            return rules
    return ()


# Thinking that an earlier turn must include

_MISSING_THINKING: Final = Pattern(
    rf"{THINKING_WITHIN}{{0,80}} must be passed back",
    r"reasoning_content[^\n]{0,80} must be passed back",
    r"reasoning_content is missing in assistant",
)


def _read_missing_thinking(words: str, sent: SentRequest) -> Iterator[Rule]:
    if _MISSING_THINKING.search(words) and "tool_use" in sent.blocks:
        yield Rule(Kind.REQUIRES, THINKING_ON_TOOL_TURNS)


# Ids of tool calls

_CALL_ID_OF: Final = rf"\btool[ _](?:use|call)s?{QUOTE}[ ._-]?(?:block )?{QUOTE}ids?\b{QUOTE}"
_ODD_CALL_ID: Final = Pattern(
    rf"{_CALL_ID_OF}[^\n]{{0,60}}\b(?:pattern|unique|duplicate)",
    rf"\b(?:duplicated?|repeated|non-unique)\b[^\n]{{0,40}}{_CALL_ID_OF}",
    rf"\bmultiple {QUOTE}tool_result{QUOTE} blocks with (?:the same )?id\b",
)
"""An id is not written as it must be, or stands twice."""


def _read_call_ids(words: str, sent: SentRequest) -> Iterator[Rule]:
    if _ODD_CALL_ID.search(words) and "tool_use" in sent.blocks:
        yield Rule(Kind.REQUIRES, PLAIN_CALL_IDS)


# The beta header

_MENTIONS_BETAS: Final = Pattern(r"anthropic-beta\b", r"\bbeta (?:header|flag|feature|value)s?\b", r"\bbetas\b")
_REJECTS: Final = Pattern(
    r"\bunexpected\b",
    r"\binvalid\b",
    r"\bun(?:supported|known|recogni[sz]ed)\b",
    r"\bnot (?:yet )?(?:supported|allowed|available|permitted|recogni[sz]ed)\b",
    r"\bnot support\b",
)
_UNNAMED_BETA: Final = Pattern(r"\b(?:unexpected|invalid|un(?:supported|known|recogni[sz]ed)) beta\b")
_LONG_CONTEXT: Final = Pattern(r"\blong context beta is not")


def _read_betas(words: str, sent: SentRequest) -> Iterator[Rule]:
    if _LONG_CONTEXT.search(words):
        named = [beta for beta in sent.betas if beta.startswith("context-1m")]
    elif _MENTIONS_BETAS.search(words) and _REJECTS.search(words):
        named = [beta for beta in sent.betas if beta in words]
        if sent.betas and not named and _UNNAMED_BETA.search(words):
            named = ["*"]
    else:
        named = []
    yield from (Rule(Kind.BETA, beta) for beta in named)


# Messages with the role `system`

_ROLE: Final = Pattern(
    rf"messages[.\[]\d{{1,6}}\]?[.\]]?role{QUOTE}: [^\n]{{0,200}}(?:system|assistant)",
    rf"(?:unexpected|invalid|unsupported|unknown|illegal|incorrect) (?:message )?role:? {QUOTE}system\b",
    rf"\brole:? {QUOTE}system{QUOTE} (?:is |was )?(?:not|un|invalid|only)",
    r"\bmessages?\.role\b[^\n]{0,80}system",
    r"\bsystem (?:role )?messages? (?:is|are) not (?:allowed|supported|permitted)",
    r"\bsystem role (?:is )?not (?:allowed|supported|permitted)",
    r"\brole (?:must|should|can only) be [^\n]{0,30}user[^\n]{0,10} (?:or|and) [^\n]{0,3}assistant",
    r"\broles must alternate",
    r"\bincorrect role information",
    r"角色信息不正确",
)

_TEMPLATES: Final = (
    Pattern(
        r"\bsystem (?:role |prompt )?messages? (?:must|should|can|may|has to|have to|needs? to)\b[^\n]{0,40}"
        r"\b(?:beginning|start|first|top)\b"
    ),
    Pattern(r"\b(?:one|single|multiple|several) system (?:role )?messages?\b"),
    Pattern(r"\bonly user[^\n]{0,25}\broles?\b[^\n]{0,20}\bsystem\b"),
    Pattern(r"\b(?:unexpected|unknown|unsupported|invalid) (?:message )?role[ .!]{0,3}(?:$|\n|at row)"),
    Pattern(r"\broles? (?:must|should|have to|need to) (?:strictly )?alternate", r"\balternating (?:user|roles)"),
)
"""What chat templates say of an order of roles that they were not made for."""


def _read_role(words: str, sent: SentRequest) -> Iterator[Rule]:
    if "system" in sent.roles and (_ROLE.search(words) or any(found.search(words) for found in _TEMPLATES)):
        yield Rule(Kind.ROLE, "system")


# The type of thinking

_MODES: Final = ("adaptive", "enabled", "disabled")
_ONLY_MODE: Final = Pattern(rf"\bonly (?:thinking\.)?type ?= ?{QUOTE}(adaptive|enabled|disabled)\b")
_NOT_OFF: Final = Pattern(
    r"\bthinking (?:cannot|can't|can not|may not|must not) be (?:disabled|turned off)",
    r"\bdisabling thinking is not",
)


def _rejected_mode(mode: str) -> Pattern:
    return Pattern(
        rf"{THINKING_WITHIN}{{0,80}}(?:unknown variant|input tag|value:?|type:?|input) [`'\"]{mode}[`'\"]",
        rf"(?:unknown variant|input tag|invalid value:?) [`'\"]{mode}[`'\"][^\n]{{0,80}}thinking",
        rf"\bthinking\.(?:type\.)?{mode}{QUOTE} is not (?:supported|allowed|available)",
        rf"\b{mode}{QUOTE} thinking is not (?:supported|allowed|available)",
        rf"{THINKING_WITHIN}{{0,80}}[`'\"]{mode}[`'\"] is not (?:supported|allowed|valid)",
        rf"\bthinking(?:\.\w{{1,20}})?\.type: input should be (?![^\n]{{0,60}}'{mode}')[`'\"]",
    )


_REJECTED_MODE: Final = {mode: _rejected_mode(mode) for mode in _MODES}


def _read_thinking_mode(words: str, sent: SentRequest) -> Iterator[Rule]:
    mode = sent.thinking
    if mode not in _MODES or "thinking" not in words.lower():
        return
    only = _ONLY_MODE.search(words)
    if only and only[1].lower() != mode:
        yield from (Rule(Kind.THINKING_MODE, other) for other in _MODES if other != only[1].lower())
    elif _REJECTED_MODE[mode].search(words) or (mode == "disabled" and _NOT_OFF.search(words)):
        yield Rule(Kind.THINKING_MODE, mode)


# More tokens than the model writes

MIN_OUTPUT: Final = 256
"""No model writes less; a smaller number in an error means something else, and would spoil every answer."""


def _read_max_tokens(words: str, sent: SentRequest) -> Iterator[Rule]:
    excess = read_excess(words)
    if excess and excess.kind is Excess.OUTPUT and excess.limit and MIN_OUTPUT <= excess.limit < sent.max_tokens:
        yield Rule(Kind.MAX_OUTPUT, str(excess.limit))


# Content blocks

_REJECTED_TYPE: Final = Pattern(
    r"(?:unknown variant|input tag|invalid (?:value|type)|(?:un(?:supported|known|recogni[sz]ed)|invalid)(?: content)?"
    r"(?: block)? types?|\(input):? [`'\"]?([a-z_]{1,40})"
)


def _read_blocks(words: str, sent: SentRequest) -> Iterator[Rule]:
    kinds = {kind.removesuffix("_url") for kind in _REJECTED_TYPE.findall(words)}
    if not BAD_FILE.search(words):
        kinds |= {"image"} if any(found.search(words) for found in NO_IMAGES) else set()
        kinds |= {"document"} if any(found.search(words) for found in NO_DOCUMENTS) else set()
    for kind in sorted((kinds & sent.blocks) - _PLAIN_BLOCKS):
        yield ALL_THINKING if kind in _THINKING_BLOCKS else Rule(Kind.BLOCK, kind)


_READERS: Final[tuple[_Reader, ...]] = (
    _read_max_tokens,
    _read_missing_thinking,
    _read_call_ids,
    _read_betas,
    _read_role,
    _read_thinking_mode,
    _read_blocks,
    read_refused_tools,
    read_fields_by_path,
    read_fields_by_name,
    read_user_id,
)
