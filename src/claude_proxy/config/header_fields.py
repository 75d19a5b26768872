"""The user's own header fields for a provider, as they go on the wire."""

from __future__ import annotations

import re
from collections.abc import Mapping

from claude_proxy.config.document import join
from claude_proxy.config.problem import Findings
from claude_proxy.core.headers import HOP_BY_HOP
from claude_proxy.core.types import Headers

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # a token of RFC 9110
_VALUE = re.compile(r"[\x20-\x7e\x80-\xff]*")  # field-content of RFC 9110; characters above have no bytes on the wire

_KEYS = frozenset({"authorization", "x-api-key", "cookie"})
_OURS = {name.decode() for name in HOP_BY_HOP} | {"accept-encoding", "content-length", "content-type", "expect", "host"}


def wire_headers(headers: Mapping[str, str], key: str, findings: Findings) -> Headers:
    """Return header fields with names in lower case. One that cannot be sent is a problem; its value is not shown."""
    pairs: dict[str, str] = {}
    for name, value in headers.items():
        fault = _fault(name, value, pairs)
        if fault is not None:
            findings.problem(join(key, name), *fault)
        else:
            pairs[name.lower()] = value.strip()
    return tuple((name.encode(), value.encode("latin-1")) for name, value in pairs.items())


def _fault(name: str, value: str, earlier: Mapping[str, str]) -> tuple[str, str] | None:
    if _NAME.fullmatch(name) is None:
        return "is not the name of a header", "Write letters, digits and hyphens."
    if name.lower() in _KEYS:
        return "is set from the provider's key", 'Remove it, and name the variable that holds the key in "api_key_env".'
    if name.lower() in _OURS:
        return "is set by claude-proxy itself", "Remove it."
    if name.lower() in earlier:
        return "is written twice, with different upper and lower case", "Keep one of the two."
    if _VALUE.fullmatch(value) is None:
        return "has a character that no header may have", "Write it in ASCII."
    return None
