"""What is known about a provider, in words: its models, its key, and what is changed in its requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import assert_never

from rich.text import Text

from claude_proxy.cli.user_config.credentials import OWN_LOGIN, key_location
from claude_proxy.config.load import Configured
from claude_proxy.core.adaptation.ordered_rules import describe_changes as describe_trait_changes
from claude_proxy.core.adaptation.thinking_blocks import OF_OTHERS
from claude_proxy.core.auth import Auth
from claude_proxy.core.traits import ModelFacts
from claude_proxy.core.types import Provider


def format_models(models: Mapping[str, str]) -> str:
    """Return the models that replace Claude's: `glm-5.3, haiku: glm-5.3-flash`."""
    if not models:
        return "as requested"
    usual, _ = Counter(models.values()).most_common(1)[0]
    others = [f"{tier}: {model}" for tier, model in models.items() if model != usual]
    return ", ".join([usual, *others])


def format_tiers(provider: Provider, model: str) -> str:
    """Return which of Claude's models a provider's model replaces."""
    replaced = [tier for tier, name in provider.models.items() if name == model]
    return "all" if replaced and len(replaced) == len(provider.models) else ", ".join(replaced)


def key_state(configured: Configured) -> Text:
    """Return whether its key is set, with the variable's name."""
    provider = configured.provider
    if configured.missing:
        return Text(f"missing: {configured.missing}", "red")
    return Text(key_location(provider.auth.value, provider.api_key_env), "green")


def auth_header(provider: Provider, variable: str) -> str:
    """Return the header that authenticates us to a provider, without the secret in it."""
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


def format_tokens(count: int | None) -> str:
    """Return a number of tokens, in thousands."""
    return "-" if count is None else f"{count // 1000}k"


def describe_changes(provider: Provider) -> tuple[str, ...]:
    """Return what is changed in every request to a provider, whichever of its models it is for."""
    if provider.auth is Auth.CLIENT:
        return (OF_OTHERS, "nothing else: its plan accepts Claude Code's requests as they are")
    return describe_trait_changes(provider.traits, ModelFacts())
