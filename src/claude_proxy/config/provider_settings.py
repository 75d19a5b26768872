"""The settings of one provider as types; see `settings.py`, which holds them all."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from claude_proxy.config.fact_settings import FactSettings, TraitSettings
from claude_proxy.config.kinds import AuthName, Flag, HeaderValue, Milliseconds, Model, Name, Seconds, Text, key, says
from claude_proxy.core.types import Timeouts

_TIMEOUTS = Timeouts()


class TimeoutSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a provider may take before the next one is asked."""

    connect: Annotated[
        Seconds | UnsetType,
        key("Name look-up, TCP and TLS together.", unit="seconds", default=_TIMEOUTS.connect),
    ] = UNSET
    first_event: Annotated[
        Seconds | UnsetType,
        key(
            "From the request's last byte to the first byte of a stream.",
            unit="seconds",
            default=_TIMEOUTS.first_event,
        ),
    ] = UNSET
    first_content: Annotated[
        Seconds | UnsetType,
        key(
            "From the request's last byte to the first content of a stream, or to the head of an answer that is not.",
            unit="seconds",
            default=_TIMEOUTS.first_content,
        ),
    ] = UNSET
    stall: Annotated[
        Seconds | UnsetType,
        key("The longest silence after the first content.", unit="seconds", default=_TIMEOUTS.stall),
    ] = UNSET


SECONDS_EACH = Meta(extra=says("an object", {"connect": 10}))


class ModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of the provider's models stands in for each tier of Claude models."""

    opus: Annotated[Model | UnsetType, key("For Opus. Default: from the catalogue.", unit="model")] = UNSET
    sonnet: Annotated[Model | UnsetType, key("For Sonnet. Default: from the catalogue.", unit="model")] = UNSET
    haiku: Annotated[Model | UnsetType, key("For Haiku. Default: from the catalogue.", unit="model")] = UNSET
    fable: Annotated[Model | UnsetType, key("For Fable. Default: from the catalogue.", unit="model")] = UNSET
    default: Annotated[
        Model | UnsetType,
        key("For every other name. Default: the name goes through unchanged.", unit="model"),
    ] = UNSET


class ClaudeCodeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How Claude Code has to be set to get on with the provider."""

    timeout_ms: Annotated[
        Milliseconds | UnsetType,
        key("Its API_TIMEOUT_MS, at least. Default: from the catalogue, else null.", unit="milliseconds"),
    ] = UNSET
    tool_search: Annotated[
        Flag | UnsetType,
        key("Whether it may search for tools. Default: from the catalogue, else true.", unit="true or false"),
    ] = UNSET


_FACTS_EACH = Meta(extra=says("an object", {"context": 200000}))


class ProviderSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One provider; what is left out comes from the catalogue, by `preset` or else by `base_url`."""

    preset: Annotated[
        Text | UnsetType,
        key(
            "A provider of the catalogue, whose settings stand in for all that is left out here. Alone, it is a whole "
            "provider; with a base_url, it is that provider behind a relay. Default: the one with the same base_url.",
            unit="name of a preset",
        ),
    ] = UNSET
    name: Annotated[
        Name | UnsetType,
        key("What you call it, in commands, logs and paths. Default: the preset's name.", unit="name"),
    ] = UNSET
    base_url: Annotated[
        Text | UnsetType,
        key("Address of its Anthropic endpoint; /v1/messages is added to it. Default: from the catalogue.", unit="URL"),
    ] = UNSET
    api_key_env: Annotated[
        Text | UnsetType,
        key(
            "Name of the variable, in the environment or in .env, that holds the key. Default: from the catalogue.",
            unit="name of a variable",
        ),
    ] = UNSET
    auth: Annotated[
        AuthName | UnsetType,
        key(
            "How it is told who asks: the key as a bearer token in Authorization, or in x-api-key; client passes on "
            "Claude Code's own login, to Anthropic alone; none sends nothing. Default: from the catalogue, else "
            "bearer.",
            unit="choice",
        ),
    ] = UNSET
    models: Annotated[
        Model | ModelSettings | UnsetType,
        Meta(extra=says("a model's name or an object of names", "MiniMax-M3")),
        key(
            "Its models for Claude's: one name for all, or one for each tier. Default: from the catalogue, else names "
            "go through unchanged.",
            unit="model, or object of models",
        ),
    ] = UNSET
    model_facts: Annotated[
        dict[Model, Annotated[FactSettings, _FACTS_EACH]],
        Meta(extra=says("an object", {"glm-5.3": {"context": 200000}})),
        key(
            "What is known of its models, by their names, in place of what the catalogue says.", unit="object of facts"
        ),
    ] = field(default_factory=dict)
    traits: Annotated[
        TraitSettings,
        Meta(extra=says("an object", {"rejects": ["block:document"]})),
        key("What it takes, in place of what the catalogue says.", unit="object of traits"),
    ] = TraitSettings()
    count_tokens: Annotated[
        Flag | UnsetType,
        key(
            "Whether it is asked to count tokens; else they are estimated. Default: from the catalogue, else true.",
            unit="true or false",
        ),
    ] = UNSET
    claude_code: Annotated[
        ClaudeCodeSettings,
        Meta(extra=says("an object", {"tool_search": True})),
        key("How Claude Code is set for it, in place of what the catalogue says.", unit="object"),
    ] = ClaudeCodeSettings()
    enabled: Annotated[Flag, key("Whether it is used at all.", unit="true or false")] = True
    headers: Annotated[
        dict[str, HeaderValue],
        Meta(extra=says("an object", {"X-Team": "blue"}, private=True)),
        key("Headers that are sent to it with every request. Keys do not belong here.", unit="object of texts"),
    ] = field(default_factory=dict)
    timeouts: Annotated[
        TimeoutSettings,
        SECONDS_EACH,
        key("As the general timeouts, which stand in for what is left out here.", unit="object of seconds"),
    ] = TimeoutSettings()
