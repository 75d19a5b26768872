"""What a provider says costs little to read, whatever it says: memory is counted, and each pattern's ways to match."""

from __future__ import annotations

import importlib
import pkgutil
import re
import string
import tracemalloc
from collections.abc import Callable, Iterator
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

from claude_proxy import core
from claude_proxy.core.judge_body import ClassifierConfig, judge_body
from claude_proxy.core.learning.error_texts import Pattern, error_texts
from claude_proxy.core.limits import parse_error
from claude_proxy.core.messages import read_error
from claude_proxy.core.outcome import Rejected, Whole
from claude_proxy.core.reasons import Reason
from claude_proxy.core.signatures import Signatures, signatures_in
from claude_proxy.core.traits import Traits
from claude_proxy.core.types import Policy, Reply, Usage
from claude_proxy.core.usage import usage_of
from core.builders import NOW

CONFIG = ClassifierConfig(Policy(), Traits())
SIZE = 200_000

VALUES = {
    "empty lists": b"[" + b"[]," * (SIZE // 3) + b"[]]",
    "empty objects": b"[" + b"{}," * (SIZE // 3) + b"{}]",
    "numbers": b"[" + b"1," * (SIZE // 2) + b"1]",
    "members": b"{" + b",".join(b'"%x":1' % number for number in range(SIZE // 9)) + b"}",
    "deep": b"[" * (SIZE // 2) + b"]" * (SIZE // 2),
    "many levels": b'{"error":' * 8 + b"[" + b"[]," * (SIZE // 3) + b"[]]" + b"}" * 8,
    "lists of lists": b"[" + b",".join([b"[" + b",".join([b"[{}]"] * 32) + b"]"] * (SIZE // 170)) + b"]",
}
READERS: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    "usage": (b'{"usage":%b}', usage_of),
    "usage in a start": (b'{"message":{"usage":%b}}', usage_of),
    "count": (b'{"usage":{"input_tokens":%b}}', usage_of),
    "signature": (b'{"index":0,"delta":{"signature":%b}}', lambda data: Signatures().read(data)),
    "signature in an answer": (b'{"content":[{"signature":%b}]}', signatures_in),
    "blocks": (b'{"content":%b,"signature":1}', signatures_in),
    "limit": (b'{"error":%b}', parse_error),
    "message": (b'{"error":{"message":%b}}', parse_error),
    "error": (b'{"error":%b}', read_error),
    "answer": (b'{"type":"message","content":%b}', lambda body: judge_body(Reply(200, (), body), CONFIG, NOW)),
    "what an error teaches": (b'{"detail":%b}', error_texts),
    "what an inner error teaches": (b'{"error":{"message":%b}}', error_texts),
}


@pytest.mark.parametrize("shape", VALUES)
@pytest.mark.parametrize("reader", READERS)
def test_what_is_not_looked_for_is_skipped_and_takes_no_memory(reader: str, shape: str) -> None:
    form, read = READERS[reader]
    data = form % VALUES[shape]
    read(data)
    tracemalloc.start()
    try:
        read(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * len(data)


def test_an_answer_of_more_values_than_are_read_at_once_is_none() -> None:
    many = b'{"type":"message","content":[' + b"[]," * 200_000 + b"1]}"
    outcome = judge_body(Reply(200, (), many), CONFIG, NOW)
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.text) == (Reason.NONSENSE, "the answer holds over 200000 values")
    long = (
        b'{"type":"message","content":[{"type":"text","text":"' + b"n" * 2_000_000 + b'"}],"usage":{"input_tokens":1}}'
    )
    assert isinstance(judge_body(Reply(200, (), long), CONFIG, NOW), Whole)
    assert usage_of(long) == Usage(1)


MAX_WAYS = 1500
"""Ways in which a pattern may try to match at one place."""

MATCHED_AT_ONE_PLACE = frozenset({"request._NEXT_KEY", "request._END", "request._NEXT_COMMA"})
"""Patterns of what a client sends, which are not searched for."""

ALPHABET = frozenset(string.printable + "é不超ſ")


def patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    for found in pkgutil.walk_packages(core.__path__, f"{core.__name__}."):
        for name, value in vars(importlib.import_module(found.name)).items():
            for pattern in patterns_in(value):
                yield f"{found.name.removeprefix(f'{core.__name__}.')}.{name}", pattern


def patterns_in(value: object) -> Iterator[re.Pattern[Any]]:
    match value:
        case re.Pattern():
            yield value
        case Pattern():
            yield value.compiled
        case tuple() | list():
            for inner in value:
                yield from patterns_in(inner)
        case dict():
            yield from patterns_in(list(value.values()))
        case _:
            pass


PATTERNS = [pytest.param(pattern, id=name) for name, pattern in patterns() if name not in MATCHED_AT_ONE_PLACE]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_no_pattern_has_many_ways_to_match(pattern: re.Pattern[Any]) -> None:
    assert ways(list(parser.parse(pattern.pattern, pattern.flags)), frozenset()) <= MAX_WAYS


@pytest.mark.parametrize(
    ("pattern", "least"),
    [
        (r"(?:a+)+b", float("inf")),
        (r"reset[a-z_]*\D{0,20}\d", float("inf")),
        (r"a[^\n]{0,80}b", 80),
        (r"x?y[ab]{0,9}a{0,9}a", 100),
        (r"a*b", 1),
        (r"[a-z]{0,40}+\D{0,20}1", 1),
    ],
)
def test_the_ways_of_known_patterns_are_counted(pattern: str, least: float) -> None:
    assert least <= ways(list(parser.parse(pattern)), frozenset()) <= max(least * 2, 30)


Nodes = list[tuple[Any, Any]]


def ways(nodes: Nodes, behind: frozenset[str]) -> float:
    """Return in how many ways a part of a pattern may match at one place; `behind` is what can come after it."""
    product, after = 1.0, behind
    for index in range(len(nodes) - 1, -1, -1):
        product *= ways_of(nodes[index], after)
        after = first(nodes[index:], behind)
    return product


def ways_of(node: tuple[Any, Any], after: frozenset[str]) -> float:
    kind, value = node
    if kind in (code.MAX_REPEAT, code.MIN_REPEAT):
        low, high, inner = value
        begins = first(list(inner), frozenset())  # again, after itself
        once = ways(list(inner), after | begins)
        if not begins & after and once == 1:
            return 1
        return once * (float("inf") if high is code.MAXREPEAT else high - low + 1)
    if kind is code.SUBPATTERN:
        return ways(list(value[3]), after)
    if kind is code.BRANCH:
        return max(ways(list(branch), after) for branch in value[1])
    return 1  # a character, or what never goes back: possessive repeats, atomic groups


def first(nodes: Nodes, behind: frozenset[str]) -> frozenset[str]:
    """Return the characters with which a part of a pattern may begin."""
    found = EMPTY
    for node in nodes:
        found = (found - EMPTY) | first_of(*node)
        if not EMPTY & found:
            return found
    return (found - EMPTY) | behind


def first_of(kind: Any, value: Any) -> frozenset[str]:
    if kind in (code.AT, code.ASSERT, code.ASSERT_NOT):
        return EMPTY
    if kind in (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT):
        low, _, inner = value
        return first(list(inner), EMPTY) | (frozenset() if low else EMPTY)
    if kind is code.SUBPATTERN:
        return first(list(value[3]), EMPTY)
    if kind is code.BRANCH:
        return frozenset[str]().union(*(first(list(branch), EMPTY) for branch in value[1]))
    if kind is code.ATOMIC_GROUP:
        return first(list(value), EMPTY)
    return characters(kind, value)


EMPTY = frozenset({""})
"""Stands for what comes behind a part that may match nothing."""


def characters(kind: Any, value: Any) -> frozenset[str]:
    single = re.compile(parser_text(kind, value), re.IGNORECASE | re.DOTALL)
    return frozenset(filter(single.fullmatch, ALPHABET))


def parser_text(kind: Any, value: Any) -> str:
    """Return a pattern for one character, written anew from what the parser made of it."""
    if kind is code.LITERAL:
        return re.escape(chr(value))
    if kind is code.NOT_LITERAL:
        return f"[^{re.escape(chr(value))}]"
    if kind is code.ANY:
        return r"[^\n]"
    if kind is code.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    if kind is code.CATEGORY:
        return CATEGORIES[value]
    if kind is code.IN:
        negated = value[0][0] is code.NEGATE
        return f"[{'^' * negated}{''.join(parser_text(*item) for item in value[negated:])}]"
    raise AssertionError(kind)


CATEGORIES = {
    code.CATEGORY_DIGIT: r"\d",
    code.CATEGORY_NOT_DIGIT: r"\D",
    code.CATEGORY_SPACE: r"\s",
    code.CATEGORY_NOT_SPACE: r"\S",
    code.CATEGORY_WORD: r"\w",
    code.CATEGORY_NOT_WORD: r"\W",
}
