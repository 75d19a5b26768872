"""What is known of a provider and its models, as settings: in the catalogue, and in config.json, which overrides it."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from claude_proxy.config.kinds import (
    Dollars,
    Flag,
    ForcedToolUse,
    HeaderName,
    HoursEast,
    Known,
    Refused,
    ThinkingMode,
    Tokens,
    Word,
    key,
    says,
)
from claude_proxy.config.overrides import Overrides
from claude_proxy.core.prices import Price
from claude_proxy.core.traits import ModelFacts, Traits


class PriceSettings(Overrides[Price], frozen=True):
    """What a million tokens of a model cost."""

    input: Annotated[Dollars | UnsetType, key("Tokens of the request. Default: the known price.", unit="USD")] = UNSET
    output: Annotated[Dollars | UnsetType, key("Tokens of the answer. Default: the known price.", unit="USD")] = UNSET
    cache_read: Annotated[
        Dollars | UnsetType, key("Tokens read from the prompt cache. Default: the known price.", unit="USD")
    ] = UNSET
    cache_write_5m: Annotated[
        Dollars | UnsetType,
        key("Tokens written to the cache for five minutes. Default: the known price.", unit="USD"),
    ] = UNSET
    cache_write_1h: Annotated[
        Dollars | UnsetType, key("Tokens written to the cache for an hour. Default: the known price.", unit="USD")
    ] = UNSET


class FactSettings(Overrides[ModelFacts], frozen=True):
    """What is known of a model; null: nothing, so that it gets what the client sent."""

    context: Annotated[
        Tokens | UnsetType,
        key("Its context window. A longer request is not sent to it. Default: from the catalogue.", unit="tokens"),
    ] = UNSET
    max_output: Annotated[
        Tokens | UnsetType,
        key(
            "The most tokens that it can write. A larger max_tokens is lowered to it. Default: from the catalogue.",
            unit="tokens",
        ),
    ] = UNSET
    images: Annotated[
        Known | UnsetType, key("Whether it reads images. Default: from the catalogue.", unit="true, false or null")
    ] = UNSET
    thinking: Annotated[
        ThinkingMode | UnsetType,
        key(
            "Which types of thinking it accepts. What Claude Code asks for is changed to one of them. "
            "adaptive: this type, or thinking turned off. adaptive-only: this type; it cannot be turned off. "
            "enabled: this type, or thinking turned off. enabled-only: this type; it cannot be turned off. "
            "always: both types; it cannot be turned off. Default: from the catalogue.",
            unit="choice",
        ),
    ] = UNSET
    forced_tool: Annotated[
        ForcedToolUse | UnsetType,
        key("Whether it can be forced to use a tool. Default: from the catalogue, else yes.", unit="choice"),
    ] = UNSET


class OwnFactSettings(FactSettings, frozen=True):
    """What the user knows of a model: facts, and what it costs."""

    price: Annotated[
        PriceSettings,
        Meta(extra=says("an object", {"input": 1.4, "output": 4.4})),
        key(
            "What a million tokens cost. What you give counts at any time and for requests of any length.",
            unit="object of prices",
        ),
    ] = PriceSettings()


class TraitSettings(Overrides[Traits], frozen=True):
    """What a provider accepts, whichever of its models is asked."""

    is_anthropic: Annotated[
        Flag | UnsetType,
        key(
            "Whether it gets Claude Code's billing block, which is removed for all others. Default: from the "
            "catalogue, else false.",
            unit="true or false",
        ),
    ] = UNSET
    checks_signatures: Annotated[
        Flag | UnsetType,
        key(
            "Whether it rejects thinking blocks that another provider signed. Default: from the catalogue, else false.",
            unit="true or false",
        ),
    ] = UNSET
    rejects: Annotated[
        tuple[Refused, ...] | UnsetType,
        Meta(extra=says("a list", ["block:document", "role:system"])),
        key(
            "What it rejects, each as kind:name. The proxy leaves it out. Default: from the catalogue, else nothing.",
            unit="list of texts",
        ),
    ] = UNSET
    thinking_on_tool_turns: Annotated[
        Flag | UnsetType,
        key(
            "Whether, while it thinks, each earlier turn with a tool call must have its thinking. Default: "
            "from the catalogue, else false.",
            unit="true or false",
        ),
    ] = UNSET
    plain_call_ids: Annotated[
        Flag | UnsetType,
        key(
            "Whether ids of tool calls may have only letters, digits, _ and -, and no two calls the same; others are "
            "replaced. Always true if checks_signatures is true. Default: from the catalogue, else false.",
            unit="true or false",
        ),
    ] = UNSET
    server_tools: Annotated[
        Annotated[tuple[Word, ...] | None, Meta(extra=says("a list of words, or null", ["web_search_"]))] | UnsetType,
        key(
            "The server tools that it has, each by the beginning of its type, such as web_search_. [] means "
            "none; null means unknown, and then they are sent. Default: from the catalogue, else null.",
            unit="list of texts, or null",
        ),
    ] = UNSET
    efforts: Annotated[
        tuple[Word, ...] | UnsetType,
        Meta(extra=says("a list", ["high", "max"])),
        key(
            "The values of output_config.effort that it accepts, from least to most. [] means any. Default: "
            "from the catalogue, else any.",
            unit="list of texts",
        ),
    ] = UNSET
    effort_without_thinking: Annotated[
        Flag | UnsetType,
        key(
            "Whether it accepts an effort while thinking is disabled. Default: from the catalogue, else true.",
            unit="true or false",
        ),
    ] = UNSET
    input_counts_cache: Annotated[
        Flag | UnsetType,
        key(
            "Whether its count of input tokens includes those of the cache. Default: from the catalogue, else false.",
            unit="true or false",
        ),
    ] = UNSET
    session_header: Annotated[
        HeaderName | UnsetType,
        key(
            "The header by which it identifies a conversation. Claude Code's session id is sent in it. "
            "Default: from the catalogue, else none.",
            unit="name of a header",
        ),
    ] = UNSET
    reset_utc_offset: Annotated[
        HoursEast | UnsetType,
        key(
            "How far east of UTC the times in its messages are. Default: from the catalogue, else 0.",
            unit="hours",
        ),
    ] = UNSET
