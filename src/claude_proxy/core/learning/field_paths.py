"""The path of a field in an error, as dots and names, whichever way it is written.

metadata.user_id   metadata[user_id]   metadata['user_id']   "metadata"."user_id"   metadata -> user_id
["body", "metadata", "user_id"]   /metadata/user_id   #/body/metadata/user_id   $.metadata.user_id
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from typing import Final

_LIST: Final = re.compile(r"(?<![\w\])])[\[(](?:[`'\"]?[\w-]{1,40}+[`'\"]?, ?){1,12}+[`'\"]?[\w-]{1,40}+[`'\"]?,?[\])]")
_BRACKETS: Final = re.compile(r"(?<=[\w\]`'\"])\[[`'\"]?([A-Za-z_][\w-]{0,59}+)[`'\"]?\]")
_ARROW: Final = re.compile(r"(?<=[\w\]]) ?(?:->|=>|→|») ?(?=\w)|(?<=[a-z_\]]) > (?=[a-z_])")
_QUOTED_STEP: Final = re.compile(r"(?<=\w)[`'\"]?\.[`'\"](?=\w)|(?<=\w)[`'\"]\.[`'\"]?(?=\w)")
_POINTER: Final = re.compile(r"(?<![\w/:.])#?((?:/[\w-]{1,60}+){1,14}+)")
_PREFIX: Final = re.compile(
    r"(?<![\w.])(?:\$|body|request|req|root|payload|params|json)\.(?:body\.)?(?=([a-z_]{2,40}+))"
)
_STEP: Final = re.compile(r"[\w-]+")


def with_dotted_paths(words: str, roots: AbstractSet[str]) -> str:
    """Return an error's words with the paths in them as dots and names; `roots` are the fields that may begin one."""

    def joined(path: re.Match[str]) -> str:
        steps = _STEP.findall(path[0])
        steps = steps[steps[0] in ("body", "request") :]
        return ".".join(steps) if steps and steps[0] in roots else path[0]

    words = _LIST.sub(joined, words)
    words = _BRACKETS.sub(r".\1", words)
    words = _ARROW.sub(".", words)
    words = _QUOTED_STEP.sub(".", words)
    words = _POINTER.sub(joined, words)
    return _PREFIX.sub(lambda prefix: "" if prefix[1] in roots else prefix[0], words)
