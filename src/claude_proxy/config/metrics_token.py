"""The token that opens `/metrics` and nothing else."""

from __future__ import annotations

from typing import Final

from claude_proxy.config.problem import Findings
from claude_proxy.config.variables import Variables

VARIABLE: Final = "CLAUDE_PROXY_METRICS_TOKEN"

MIN_LENGTH: Final = 16
"""Characters: of random letters and digits, more than anyone can try."""
MAX_LENGTH: Final = 512

_FIX: Final = (
    f"Write {MIN_LENGTH} to {MAX_LENGTH} letters and digits, such as those that this prints: openssl rand -hex 24"
)


def read_metrics_token(variables: Variables, findings: Findings) -> str:
    """Return the token, or an empty text if none is set; one that cannot be used is a problem in `findings`."""
    source = variables.source(VARIABLE)
    token = variables.text(VARIABLE)
    if not token:
        return ""
    if MIN_LENGTH <= len(token) <= MAX_LENGTH and token.isascii() and token.isprintable() and " " not in token:
        return token
    findings.problem(VARIABLE, "it is too short, too long, or no plain text", _FIX, file=source.value)
    return ""
