"""What is known of a provider, in words: its models, its key, and what a request is changed in for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import assert_never

from rich.text import Text

from claude_proxy.cli.probing.credentials import OWN_LOGIN, held
from claude_proxy.config.load import Configured
from claude_proxy.core.adaptation.rules import describe_changes
from claude_proxy.core.adaptation.thinking_blocks import OF_OTHERS
from claude_proxy.core.traits import ModelFacts, Price
from claude_proxy.core.types import Auth, Provider


def mapping(models: Mapping[str, str]) -> str:
    """Return which models stand in for Claude's: `glm-5.3, haiku: glm-5.3-flash`."""
    if not models:
        return "as asked for"
    usual, _ = Counter(models.values()).most_common(1)[0]
    others = [f"{tier}: {model}" for tier, model in models.items() if model != usual]
    return ", ".join([usual, *others])


def tiers(provider: Provider, model: str) -> str:
    """Return which of Claude's models one of a provider's stands in for."""
    found = [tier for tier, name in provider.models.items() if name == model]
    return "all" if found and len(found) == len(provider.models) else ", ".join(found)


def key_state(one: Configured) -> Text:
    """Return whether its key is there, by the variable's name."""
    provider = one.provider
    if one.missing:
        return Text(f"missing: {one.missing}", "red")
    return Text(held(provider.auth.value, provider.api_key_env), "green")


def told_who_asks(provider: Provider, variable: str) -> str:
    """Return the header that a provider is told by who asks it, without what is secret in it."""
    match provider.auth:
        case Auth.BEARER:
            return f"authorization: Bearer <{variable}>"
        case Auth.X_API_KEY:
            return f"x-api-key: <{variable}>"
        case Auth.CLIENT:
            return f"authorization: <{OWN_LOGIN}>"
        case Auth.NONE:
            return "no key"
        case _:
            assert_never(provider.auth)


def tokens(count: int | None) -> str:
    """Return a number of tokens, in thousands."""
    return "-" if count is None else f"{count // 1000}k"


def prices(asked: Price) -> tuple[str, str, str]:
    """Return what a million tokens cost in US dollars: of the request, of the answer, and read from the cache."""
    paid = asked.input, asked.output, asked.cache_read
    first, second, third = ("-" if dollars is None else f"{dollars:g}" for dollars in paid)
    return first, second, third


def changes(provider: Provider) -> tuple[str, ...]:
    """Return what is changed in a request, whichever of a provider's models it is for."""
    if provider.auth is Auth.CLIENT:
        return (OF_OTHERS, "nothing else: its plan serves Claude Code as it is")
    return describe_changes(provider.traits, ModelFacts())
