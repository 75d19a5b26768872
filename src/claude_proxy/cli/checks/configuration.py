"""config.json, .env and the keys."""

from __future__ import annotations

from collections.abc import Iterator

from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.checks.finding import Finding, note, ok, wrong
from claude_proxy.cli.probing import credentials
from claude_proxy.config.load import Config, ConfigError, Problem, load
from claude_proxy.core.text import printable


def look(around: CheckContext) -> Iterator[Finding]:
    """Find out whether the configuration can be used, and which providers have their key."""
    try:
        config = load(around.home.root, around.ordinary)
    except ConfigError as error:
        yield from map(_problem, error.problems)
    else:
        yield from judge(config)


def judge(config: Config) -> Iterator[Finding]:
    """Tell of a configuration that can be used: the keys that are there, and what it warns of."""
    named = ", ".join(f"{one.name} ({credentials.held(one.auth.value, one.api_key_env)})" for one in config.providers)
    yield ok("configuration", f"asked in this order, with their keys: {named}")
    for warning in config.warnings:
        if not warning.startswith(".env: "):  # who may read it is looked at by itself
            yield note("configuration", printable(warning))


def _problem(problem: Problem) -> Finding:
    place = f"{problem.file}: {problem.key}" if problem.key else problem.file
    return wrong("configuration", printable(f"{place}: {problem.what}"), printable(problem.mend))
