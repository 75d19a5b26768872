"""What a provider rejects of the tools that it is sent: a keyword of their schemas, a type beside `anyOf`, a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from claude_proxy.core.adaptation.tool_names import is_plain
from claude_proxy.core.adaptation.tool_schemas import KEYWORDS
from claude_proxy.core.learning.error_texts import QUOTE, Pattern
from claude_proxy.core.learning.sent_request import SentRequest
from claude_proxy.core.traits import ODD_TOOL_NAME, TYPE_BESIDE_ANY_OF, Kind, Rule

_ABOUT_TOOLS: Final = Pattern(r"\b(?:tools?|functions?|function_declarations|input_schema|parameters|schemas?)\b")
_ANY_OF: Final = (
    Pattern(r"\bany_?of\b"),
    Pattern(rf"\btype{QUOTE}(?: |$)"),
    Pattern(r"\b(?:parent|items?|beside|alongside|next to|together|with)\b"),
)
"""All of them are in words about a type beside `anyOf`."""
_REJECTS: Final = Pattern(
    r"\b(?:unknown|unsupported|unexpected|unrecogni[sz]ed|invalid|extra|additional|forbidden)\b",
    r"\b(?:not|n't|cannot) (?:yet |currently |be )?(?:supported?|allowed|permitted|available|recogni[sz]ed|used)\b",
    r"\bcannot find field\b|不支持|未知",
)
_MARK: Final = "[`'\"\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}]"
_QUOTED: Final = re.compile(rf"{_MARK}(\$?[A-Za-z]{{2,24}}){_MARK}")
_AFTER_NOUN: Final = re.compile(r"\b(?:keyword|key|field|property|name)s?:? (\$?[A-Za-z]{2,24})\b", re.IGNORECASE)
_LAST_STEP: Final = re.compile(r"\b(?:input_schema|parameters)[\w.\[\]$-]{0,200}?[.](\$?[A-Za-z]{2,24})(?![\w.\[$-])")
_UNMISTAKABLE: Final = re.compile(r"(?<![\w$])(\$[a-z]{2,20}|[a-z]{2,16}[A-Z][A-Za-z]{2,16})\b")
"""A word that is written as no word of English is."""

_NAME_OF_TOOL: Final = (
    Pattern(r"\b(?:tools?|functions?)\b[^\n]{0,30}\bnames?\b"),
    Pattern(
        r"\b(?:pattern|invalid|must (?:start|begin|match|be|only|contain)|too long|at most|max|maximum|length)\b",
        r"\b(?:characters?|letters?)\b",
    ),
)
"""Both are in words about a tool's name."""


def read_refused_tools(words: str, sent: SentRequest) -> Iterator[Rule]:
    """Read what is wrong with the tools, if it is something that can be written in another way."""
    if not sent.has("tools") or not _ABOUT_TOOLS.search(words):
        return
    if all(part.search(words) for part in _ANY_OF) and sent.tools_mention("anyOf"):
        yield Rule(Kind.SCHEMA, TYPE_BESIDE_ANY_OF)
    elif all(part.search(words) for part in _NAME_OF_TOOL) and not all(map(is_plain, sent.tool_names)):
        yield ODD_TOOL_NAME
    elif _REJECTS.search(words):
        named = {word for find in (_QUOTED, _AFTER_NOUN, _LAST_STEP, _UNMISTAKABLE) for word in find.findall(words)}
        yield from (Rule(Kind.SCHEMA, word) for word in sorted(named & KEYWORDS) if sent.tools_mention(word))


_INDEX: Final = re.compile(r"\b(?:tools?|function_declarations)[.\[](\d{1,4})\b")
_PROPERTY: Final = re.compile(r"\bproperties[.\[]['\"]?([\w-]{1,64})")
MAX_NAMED: Final = 3
"""Tools that are named at most for one error."""


def tools_at_fault(words: str, sent: SentRequest) -> tuple[str, ...]:
    """Return the names of the tools that an error is about; none if it says the name itself, or does not say enough.

    It may say the tool's number, or a property in its schema.
    """
    if not _ABOUT_TOOLS.search(words):
        return ()
    names = sent.tool_names
    numbers = [int(number) for number in _INDEX.findall(words)]
    if numbers:
        named = [names[number] for number in numbers if number < len(names)]
    elif found := _PROPERTY.search(words):
        key = f'"{found[1]}"'.encode()
        named = [name for name, schema in zip(names, sent.tool_schemas, strict=True) if key in schema]
    else:
        named = list(names) if "schema" in words.lower() else []
    named = [name for name in dict.fromkeys(named) if name and name not in words]
    return tuple(named) if len(named) <= MAX_NAMED else ()
