"""The settings of one provider as types; `settings.py` has all settings."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from claude_proxy.config.fact_settings import OwnFactSettings, TraitSettings
from claude_proxy.config.kinds import AuthName, Flag, HeaderValue, Milliseconds, Model, Name, Seconds, Text, key, says
from claude_proxy.config.overrides import Overrides
from claude_proxy.core.types import ClaudeCode, Timeouts

_TIMEOUTS = Timeouts()


class TimeoutSettings(Overrides[Timeouts], frozen=True):
    """How long a provider may take before the next one is asked."""

    connect: Annotated[
        Seconds | UnsetType,
        key("To connect: name lookup, TCP, tunnel and TLS together.", unit="seconds", default=_TIMEOUTS.connect),
    ] = UNSET
    first_event: Annotated[
        Seconds | UnsetType,
        key(
            "From the last byte of the request to the first byte of the stream that answers it. On this machine: 600, "
            "since a local model reads a long prompt in silence.",
            unit="seconds",
            default=_TIMEOUTS.first_event,
        ),
    ] = UNSET
    first_content: Annotated[
        Seconds | UnsetType,
        key(
            "From the last byte of the request to the first content of a stream, and as long again between two pieces "
            "of content, if only pings and comments come. If the answer is not streamed: until the response headers, "
            "then the same time again for the body.",
            unit="seconds",
            default=_TIMEOUTS.first_content,
        ),
    ] = UNSET
    stall: Annotated[
        Seconds | UnsetType,
        key(
            "The longest silence after the first byte of an answer; a ping or a comment ends it. On this machine: 600.",
            unit="seconds",
            default=_TIMEOUTS.stall,
        ),
    ] = UNSET


SECONDS_EACH = Meta(extra=says("an object", {"connect": 10}))


class ModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of the provider's models stands in for each tier of Claude models."""

    opus: Annotated[Model | UnsetType, key("For Claude Opus. Default: from the catalogue.", unit="model")] = UNSET
    sonnet: Annotated[Model | UnsetType, key("For Claude Sonnet. Default: from the catalogue.", unit="model")] = UNSET
    haiku: Annotated[Model | UnsetType, key("For Claude Haiku. Default: from the catalogue.", unit="model")] = UNSET
    fable: Annotated[Model | UnsetType, key("For Claude Fable. Default: from the catalogue.", unit="model")] = UNSET
    default: Annotated[
        Model | UnsetType,
        key("For names that no other key covers. Default: the name goes through unchanged.", unit="model"),
    ] = UNSET


class ClaudeCodeSettings(Overrides[ClaudeCode], frozen=True):
    """How Claude Code has to be set to get on with the provider."""

    timeout_ms: Annotated[
        Milliseconds | UnsetType,
        key("API_TIMEOUT_MS, unless yours is longer. Default: from the catalogue, else null.", unit="milliseconds"),
    ] = UNSET
    tool_search: Annotated[
        Flag | UnsetType,
        key(
            "Whether it may search for tools; false turns ENABLE_TOOL_SEARCH off. Default: from the "
            "catalogue, else true.",
            unit="true or false",
        ),
    ] = UNSET


_FACTS_EACH = Meta(extra=says("an object", {"context": 200000}))


class ProviderSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One provider; what is left out comes from the catalogue, by `preset` or else by `base_url`."""

    preset: Annotated[
        Text | UnsetType,
        key(
            "A provider of the catalogue, which supplies everything that you leave out. Alone, it is a whole "
            "provider; with a base_url, it is that provider behind a relay. Default: the one with the same "
            "base_url.",
            unit="name of a preset",
        ),
    ] = UNSET
    name: Annotated[
        Name | UnsetType,
        key(
            "What you call it in commands, logs and paths: up to 64 letters, digits, dots, hyphens and "
            "underscores. No two providers may share a name. Default: the preset's name.",
            unit="name",
        ),
    ] = UNSET
    base_url: Annotated[
        Text | UnsetType,
        key("The address of its Anthropic endpoint, without /v1/messages. Default: from the catalogue.", unit="URL"),
    ] = UNSET
    api_key_env: Annotated[
        Text | UnsetType,
        key(
            "The variable that holds the key. If it is set in the environment, that wins over .env. Default: "
            "from the catalogue.",
            unit="name of a variable",
        ),
    ] = UNSET
    auth: Annotated[
        AuthName | UnsetType,
        key(
            "How requests are authorized: bearer sends the key in Authorization, x-api-key in that header; "
            "client passes on Claude Code's own login, to Anthropic alone unless a base_url beside the preset "
            "anthropic names another address; none sends nothing. The last two need no key. Default: from the "
            "catalogue, else bearer.",
            unit="choice",
        ),
    ] = UNSET
    models: Annotated[
        Model | ModelSettings | UnsetType,
        Meta(extra=says("a model's name or an object of names", "MiniMax-M3")),
        key(
            "The provider's models that replace Claude's: one name for all, or one for each tier. Default: from "
            "the catalogue, else names go through unchanged.",
            unit="model, or object of models",
        ),
    ] = UNSET
    model_facts: Annotated[
        dict[Model, Annotated[OwnFactSettings, _FACTS_EACH]],
        Meta(extra=says("an object", {"glm-5.3": {"context": 200000}})),
        key("Facts about its models, by their names. They override the catalogue.", unit="object of facts"),
    ] = field(default_factory=dict)
    traits: Annotated[
        TraitSettings,
        Meta(extra=says("an object", {"rejects": ["block:document"]})),
        key("What it accepts and rejects. Overrides the catalogue.", unit="object of traits"),
    ] = TraitSettings()
    count_tokens: Annotated[
        Flag | UnsetType,
        key(
            "Whether it is asked to count tokens. If not, they are estimated. Default: from the catalogue, else true.",
            unit="true or false",
        ),
    ] = UNSET
    quota: Annotated[
        Flag | UnsetType,
        key(
            "Whether it is asked how much of its plan or balance is left. Default: the general setting.",
            unit="true or false",
        ),
    ] = UNSET
    claude_code: Annotated[
        ClaudeCodeSettings,
        Meta(extra=says("an object", {"tool_search": True})),
        key("How the shell functions and run set Claude Code for it. Overrides the catalogue.", unit="object"),
    ] = ClaudeCodeSettings()
    plan: Annotated[
        Flag | UnsetType,
        key(
            "Whether a plan with a flat fee pays for its tokens. Then no cost is charged for them, and what they would "
            "have cost is shown apart. Default: true for the plans of the catalogue, for keys that are known to be a "
            "plan's, and for Claude Code's own login; else false.",
            unit="true or false",
        ),
    ] = UNSET
    enabled: Annotated[Flag, key("Whether it is used.", unit="true or false")] = True
    headers: Annotated[
        dict[str, HeaderValue],
        Meta(extra=says("an object", {"X-Team": "blue"}, private=True)),
        key("Headers that are sent to it with every request. Keys do not belong here.", unit="object of texts"),
    ] = field(default_factory=dict)
    timeouts: Annotated[
        TimeoutSettings,
        SECONDS_EACH,
        key("Its own timeouts. The general ones apply for those that you leave out.", unit="object of seconds"),
    ] = TimeoutSettings()
