"""The token that opens `/metrics`: whether it opens nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.checks.finding import Finding, note, ok
from claude_proxy.config.metrics_token import VARIABLE
from claude_proxy.store.token import stored_token


def inspect(context: CheckContext) -> Iterator[Finding]:
    """Check whether the token is one of its own; nothing if there is none."""
    config = context.config()
    if config is None or not config.metrics_token:
        return
    others = {provider.api_key: f"the key in {provider.api_key_env}" for provider in config.providers}
    if token := stored_token(context.home):
        others[token] = "the proxy's own token, which opens all of it"
    if other := others.get(config.metrics_token):
        fix = "Write another one, such as: openssl rand -hex 24"
        yield note("metrics", f"{VARIABLE} is {other}, and the program that reads /metrics knows it", fix)
    else:
        yield ok("metrics", f"{VARIABLE} opens /metrics and nothing else")
