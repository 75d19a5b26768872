"""Which content a model cannot read, such as images: by what an error says of it, whichever sentence it uses.

A text counts if one of its sentences names the content and says that it is not taken at all, that none of it is, or
that text is all there is. What it says of one file (its format, its size) is about that file.
"""

from __future__ import annotations

from typing import Final

from claude_proxy.core.learning.error_texts import QUOTE, Pattern

_IMAGES: Final = r"(?:images?(?:\(s\))?|image_urls?|pictures?|photos?|vision|visual|multi-?modal(?:ity)?)"
_DOCUMENTS: Final = r"(?:documents?(?:\(s\))?|pdfs?)"
_WITHIN: Final = r"[^\n.;:!?]"
_TAKEN: Final = r"(?:supported|allowed|accepted|available|enabled|permitted|implemented|possible|recogni[sz]ed)"
_TAKE: Final = r"(?:support|accept|allow|handle|take|have|understand|provide)"
_SOURCES: Final = r"(?:endpoints?|models?|providers?|channels?|deployments?)"


def _refused(kind: str) -> tuple[str, ...]:
    return (
        rf"(?:\bnot|n't|\bcannot|\bnever) (?:\w{{1,12}} ){{0,1}}{_TAKE}\w{{0,3}}\b{_WITHIN}{{0,40}}?\b{kind}(?!\w)",
        rf"\b{kind}(?!\w){_WITHIN}{{0,40}}?(?:\b(?:not|never)|n't) (?:\w{{1,12}} ){{0,2}}{_TAKEN}\b",
        rf"\b{kind}(?!\w){_WITHIN}{{0,30}}?\b(?:unsupported|disabled|only {_TAKEN} (?:by|for|on|with))\b",
        rf"\bun(?:supported|expected) (?:content )?(?:type |block )?{kind}(?!\w)",
        rf"\bno (?:available )?{_SOURCES}\b{_WITHIN}{{0,12}}?\bsupport(?:s|ing)? (?:for )?{kind}(?!\w)",
        rf"\b(?:0|zero|no) {kind}(?!\w){_WITHIN}{{0,30}}?\b(?:may|can|must|{_TAKEN})\b",
        rf"\b(?:limit|maximum|max|at most) (?:of |is )?(?:0|zero) {kind}(?!\w)",
        rf"\b(?:no|lacks?|without) {kind} (?:support|capabilit|input)\w{{0,5}}\b",
        rf"\bnot an? {kind}(?!\w)",
        rf"不支持{_WITHIN}{{0,6}}?(?:图片|图像|视觉|多模态)" if kind == _IMAGES else r"不支持(?:文档|文件)",
        rf"(?:图片|图像|视觉|多模态){_WITHIN}{{0,6}}?不支持" if kind == _IMAGES else r"文档.{0,4}不支持",
    )


NO_IMAGES: Final = (
    *map(Pattern, _refused(_IMAGES)),
    Pattern(
        r"\bonly (?:supports?|accepts?|handles?|takes?|reads?) (?:plain )?text",
        r"\bonly text (?:content|inputs?|messages?|is|blocks?)\b",
        r"\btext[- ]only model",
        r"\bcontent\W{0,3} (?:field )?(?:must|should|has to|needs to) be (?:of type )?(?:an? )?(?:valid )?"
        rf"{QUOTE}(?:str|string|text)\b",
        r"\bcontent[`'\"]?: input should be a valid string",
        rf"\bcontent\b[^\n]{{0,8}}\bexpected (?:an? )?{QUOTE}str(?:ing)?\b[^\n]{{0,8}}\bgot (?:an? )?{QUOTE}"
        r"(?:array|list|sequence)",
    ),
)
"""The last three: a content that is text can hold no image."""

NO_DOCUMENTS: Final = tuple(map(Pattern, _refused(_DOCUMENTS)))

BAD_FILE: Final = Pattern(
    r"\b(?:images?|files?|documents?|pdfs?) (?:formats?|types?|sizes?|dimensions?|urls?)\b",
    r"\bmedia.?types?\b",
    r"\bmime\b",
    r"\bexceed",
    r"\b(?:animated|avif|base64|bmp|gif|heic|multiple|remote|svg|tiff?|url|webp) (?:images?|documents?|pdfs?)\b",
    r"\b(?:images?|documents?|pdfs?) (?:above|beyond|bigger|larger|longer|of (?!any)|over|wider|with)\b",
    r"\bat most [1-9]",
    r"\bmore than [1-9]",
)
"""It is about this one file: others of its kind may be accepted."""
