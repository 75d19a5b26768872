"""Edits the list of providers in the text of config.json: all else stays byte for byte.

The texts must be configurations in which `parse_document` and `check` found no fault.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from claude_proxy.config.comments import comments
from claude_proxy.config.json_list import Element, List, find_list
from claude_proxy.config.json_text import LINE_END, indentation, prepend_member

KEY = "providers"


def add_provider(text: str, provider: Mapping[str, object], *, first: bool = False) -> str:
    """Return the text with one more provider, at the end of the list or at its beginning."""
    found = find_list(text, KEY)
    if found is None:
        return add_provider(prepend_member(text, f'"{KEY}": []'), provider)
    element = Element(_rendered(provider, found))
    if not found.elements:
        return found.with_elements([element], _opened(found))
    gap = _separator(found)
    if first:
        return found.with_elements([element, *found.elements], [found.gaps[0], gap, *found.gaps[1:]])
    return found.with_elements([*found.elements, element], [*found.gaps[:-1], gap, found.gaps[-1]])


def remove_provider(text: str, index: int) -> str:
    """Return the text without the provider at a place of the list, and without the comments that belong to it."""
    found = _list(text)
    elements = [*found.elements[:index], *found.elements[index + 1 :]]
    merged = _merged(found.gaps[index], found.gaps[index + 1], last=index == len(elements))
    return found.with_elements(elements, [*found.gaps[:index], merged, *found.gaps[index + 2 :]])


def reorder_providers(text: str, order: Sequence[int]) -> str:
    """Return the text with the providers in another order, which names each old place once."""
    found = _list(text)
    return found.with_elements([found.elements[index] for index in order], found.gaps)


def _list(text: str) -> List:
    found = find_list(text, KEY)
    if found is None:
        raise LookupError(KEY)
    return found


def _separator(found: List) -> str:
    """Return what to write between a new element and its neighbour: the same as between the others."""
    gaps = found.gaps[:-1]
    on_lines = [gap for gap in gaps if LINE_END.search(gap)]
    if on_lines:
        return found.line_end + indentation(on_lines[-1])
    return gaps[-1] if len(gaps) > 1 else " "


def _merged(gap: str, following: str, *, last: bool) -> str:
    """Return one gap for the two around an element that is removed. Comments in them stay."""
    kept = gap.rstrip() if _has_comment(gap) else ""
    return kept + following if last or _has_comment(following) else gap


def _has_comment(text: str) -> bool:
    return any(comments(text))


def _rendered(provider: Mapping[str, object], found: List) -> str:
    """Return a provider as JSON: on one line, or over several if the last one is."""
    model = found.elements[-1].body if found.elements else ""
    members = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in provider.items()]
    opening = re.match(r"\{[ \t]*(?:\r\n|\r|\n)([ \t]+)", model)
    if opening is None:
        return f"{{{', '.join(members)}}}"
    rows = f",{found.line_end}".join(opening[1] + member for member in members)
    return found.line_end.join(["{", rows, indentation(model) + "}"])


def _opened(found: List) -> tuple[str, str]:
    """Return the gaps around the first element of an empty list."""
    outer = indentation(found.text[: found.start])
    if not outer:  # all of it is on one line
        return found.gaps[0], ""
    return found.gaps[0].rstrip() + found.line_end + outer * 2, found.line_end + outer
