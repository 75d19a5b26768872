"""config.json, .env and the keys."""

from __future__ import annotations

from collections.abc import Iterator

from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.checks.finding import Finding, note, ok, wrong
from claude_proxy.cli.output.program import with_invocations
from claude_proxy.cli.user_config import credentials
from claude_proxy.config.load import Config, ConfigError, Problem, load
from claude_proxy.config.variables import READABLE_BY_OTHERS
from claude_proxy.core.text import printable


def inspect(context: CheckContext) -> Iterator[Finding]:
    """Check whether the configuration is valid, and which providers have their key."""
    try:
        config = load(context.home.root, context.original_environment)
    except ConfigError as error:
        yield from map(_problem, error.problems)
    else:
        yield from assess(config)


def assess(config: Config) -> Iterator[Finding]:
    """Report on a valid configuration: its keys and its warnings."""
    named = [
        f"{provider.name} (key: {credentials.key_location(provider.auth.value, provider.api_key_env)})"
        for provider in config.providers
    ]
    yield ok("configuration", f"valid; the providers, in this order: {', '.join(named)}")
    for warning in config.warnings:
        if not warning.startswith(READABLE_BY_OTHERS):  # the check of private files reports it
            yield note("configuration", printable(warning))


def _problem(problem: Problem) -> Finding:
    place = f"{problem.file}: {problem.key}" if problem.key else problem.file
    return wrong("configuration", printable(f"{place}: {problem.what}"), printable(with_invocations(problem.fix)))
