"""A key as it was pasted: what is around it is removed, and what is no key is rejected, with the reason.

No text here repeats what was pasted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from claude_proxy.config.problem import looks_secret

MAX_KEY = 8192
"""Characters; a signed token has a few thousand."""
COPY_AGAIN = "Copy the key again, without anything around it."
NOT_PLAIN = "has a space, a control character or one that is not ASCII"

_PLAIN = re.compile(r"[!-~]+")
_INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\x00"
"""What copying from a page or a chat may add, and `str.strip` leaves."""
_QUOTES = "\"'`\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"
_BRACKETS = ("<>", "[]", "{}", "()")

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_ASSIGNMENT = re.compile(
    rf"(?:(?:export|set|env|let|const|var|ENV|ARG|declare\s+-x|set\s+-\w+)\s+|-e\s*|--env[= ]|\$env:)?"
    rf"[\"']?(?P<name>{_NAME})[\"']?\s*(?:=|:(?=[\s\"'])|:=)\s*(?P<value>.*[^=\s].*)",
    re.DOTALL,
)
_COMMAND = re.compile(rf"(?:setx|set\s+-\w+)\s+(?P<name>{_NAME})\s+(?P<value>\S.*)", re.DOTALL)
"""A variable that a shell's command sets, without an equals sign."""
_HEADER = r"(?:(?:-H|--header)\s*[\"']?)?(?:proxy-authorization|authorization|x-api-key|api-key)\s*:\s*"
_HEADS = (
    (re.compile(_HEADER, re.IGNORECASE), "the name of a header"),
    (re.compile(r"bearer\s+", re.IGNORECASE), "the word Bearer"),
)
_TAILS = ((re.compile(r"[,;]+$"), "a comma or semicolon after it"), (re.compile(r"\s+#.*$"), "a comment"))

_REFERENCE = re.compile(
    r"\$.*|%\w+%|\{\{.*|!(?:env|secret|vault)\b.*"  # a variable, a command, a template
    r"|[A-Za-z][A-Za-z0-9+.-]*://.*"
    r"|(?:op|env|file|arn|ssm|vault|keychain|keyring|sops|pass|secretref|secrets?)[:/.].*",
    re.DOTALL,
)
"""What another program replaces with a key, or an address where the key is."""
_VARIABLE_NAME = re.compile(r"(?:.*[^A-Za-z0-9])?[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_(?:KEY|TOKEN|SECRET)\W*", re.DOTALL)
_MASKED = re.compile(r"\u2026|\.{3}|\u2022|\u25cf|\u00b7{2}|\*{2}")

_WORD = re.compile(r"[A-Za-z]+|[0-9]+")
_CAMEL_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_INVITES = frozenset(
    {"your", "yours", "here", "placeholder", "insert", "paste", "replace", "replaceme", "change", "changeme", "enter"}
    | {"example", "todo", "fixme"},
)
"""No key has one of these words between two marks by chance."""
_NAMES_OF_KEYS = frozenset({"my", "the", "api", "apikey", "key", "keys", "token"})
_DUMMY = re.compile(r"(?:.*[^A-Za-z0-9])?[xX]{3,}(?:[^A-Za-z0-9].*)?|.*[xX]{6}.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PastedKey:
    """A key, and what was around it, in words: `a comma`."""

    key: str = field(repr=False)
    removed: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """Which part was not taken, as a sentence; empty if all of it is the key."""
        return f"Not part of the key, and left out: {', '.join(self.removed)}." if self.removed else ""


@dataclass(frozen=True, slots=True)
class InvalidKey:
    """Why a text is no key: `what` continues a sentence about it, `fix` is a sentence of its own."""

    what: str
    fix: str = COPY_AGAIN


def read_key(text: str) -> PastedKey | InvalidKey:
    """Return the key in what a user pasted. Spaces and line ends around it go without a word."""
    if len(text) > MAX_KEY:
        return InvalidKey("is too long for a key")
    removed: list[str] = []
    key = _stripped(text)
    while (piece := _shell(key)) is not None:
        key, what = piece
        removed += [] if what in removed else [what]
    return _why_not(key) or PastedKey(key, tuple(removed))


def describe(key: str) -> str:
    """Return how long a key is, and how it ends: enough to tell two keys apart, and too little to use one."""
    end = f", ending in {key[-4:]}" if len(key) >= 12 else ""
    return f"{len(key)} characters{end}"


def can_be_sent(text: str) -> bool:
    """Tell whether a text can stand in a header, whatever it means."""
    return len(text) <= MAX_KEY and _PLAIN.fullmatch(text) is not None


def _stripped(text: str) -> str:
    before = None
    while before != text:
        before, text = text, text.strip().strip(_INVISIBLE)
    return text


def _shell(text: str) -> tuple[str, str] | None:
    """Return a text without one thing around it, and the name of that thing; None if there is nothing more."""
    for pattern, what in _TAILS:
        if match := pattern.search(text):
            return _stripped(text[: match.start()]), what
    for pattern, what in _HEADS:
        if (match := pattern.match(text)) and text[match.end() :].strip():
            return _stripped(text[match.end() :]), what
    match = _ASSIGNMENT.fullmatch(text) or _COMMAND.fullmatch(text)
    if match and not looks_secret(match["name"]):
        return _stripped(match["value"]), f"{match['name'][:64]}="
    inner = text.strip(_QUOTES)
    if inner != text:
        return _stripped(inner), "quotes"
    if text[:1] + text[-1:] in _BRACKETS and any(map(str.isdigit, text)):
        return _stripped(text[1:-1]), "brackets"
    return None


def _why_not(key: str) -> InvalidKey | None:
    if not key:
        return InvalidKey("is empty")
    if _MASKED.search(key):
        return InvalidKey("is a shortened or hidden form of a key, not the whole key", "Copy the whole key.")
    if _REFERENCE.fullmatch(key):
        fix = "Write the key itself: nothing here looks it up."
        return InvalidKey("refers to a key that is kept elsewhere, and is no key itself", fix)
    if _is_placeholder(key):
        return InvalidKey("is a placeholder, not a key", "Write your own key in its place.")
    if _VARIABLE_NAME.fullmatch(key):
        return InvalidKey("is the name of a variable, not the key in it", "Write the key itself.")
    return None if can_be_sent(key) else InvalidKey(NOT_PLAIN)


def _is_placeholder(text: str) -> bool:
    """Tell whether a text only says that a key belongs in its place: `your-key`, `sk-xxxx`."""
    words = {word.lower() for word in _WORD.findall(text)}
    if not any(map(str.isdigit, text)):  # a key without a digit is rare, and one with such words unheard of
        words |= {word.lower() for word in _CAMEL_WORD.findall(text)}
        if text.lower().startswith("your") or (len(words) > 1 and words <= _NAMES_OF_KEYS):
            return True
        if text == "sk-" or text[:1] + text[-1:] in _BRACKETS:
            return True
    return bool(words & _INVITES) or _DUMMY.fullmatch(text) is not None
