"""The tokens of an answer that came in parts, as one usage in Anthropic's form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from claude_proxy.core.types import Usage
from claude_proxy.core.usage import total


def usage_of_parts(parts: Sequence[Usage]) -> dict[str, Any]:
    """Return the sum, and each part as an iteration.

    Claude Code counts the sum as spent. How full the context is, it reads from the last iteration: the sum would
    count the prompt once for each part.
    """
    return _counts(total(parts)) | {"iterations": [{"type": "message"} | _counts(part) for part in parts]}


def _counts(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "cache_creation_input_tokens": usage.cache_creation_input_tokens,
        "cache_read_input_tokens": usage.cache_read_input_tokens,
        "output_tokens": usage.output_tokens,
    }
