"""The settings as types: each key of config.json with its unit, default, limits and meaning.

Checking, the JSON Schema and its descriptions all come from here, so a key that is added here is known everywhere.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from claude_proxy.core.model import Policy, Timeouts

_POLICY = Policy()
_TIMEOUTS = Timeouts()
_MEBIBYTE = 1024 * 1024

_LONGEST_WAIT = 86400
"""Seconds, a day: a longer wait is a slip of the finger."""
_LONGEST_REST = 10080
"""Minutes, a week: the longest time after which a plan's quota returns."""


def _key(description: str, *, unit: str, default: float | None = None) -> Meta:
    """Describe a key; `default` only where the type's own is not what stands in."""
    extra: dict[str, object] = {"x-unit": unit}
    if default is not None:
        extra["default"] = _plain(default)
    return Meta(description=description, extra_json_schema=extra)


def _plain(number: float) -> float:
    """Return a whole number without its `.0`, as people write it."""
    return int(number) if number == int(number) else number


def _says(expected: str, example: object = None, *, mend: str = "", private: bool = False) -> dict[str, object]:
    """Say what a value must be, and how to mend a wrong one; a message repeats no value that is `private`."""
    return {"expected": expected, "mend": mend or f"Write one, such as {json.dumps(example)}.", "private": private}


Text = Annotated[str, Meta(extra=_says("a text", mend="Write a text, in quotes."))]
HeaderValue = Annotated[str, Meta(extra=_says("a text", mend="Write a text, in quotes.", private=True))]
Flag = Annotated[bool, Meta(extra=_says("true or false", mend="Write true or false, without quotes."))]
Port = Annotated[int, Meta(ge=1, le=65535, extra=_says("a whole number from 1 to 65535", 8787))]
Status = Annotated[int, Meta(ge=400, le=599, extra=_says("an HTTP status from 400 to 599", 429))]
Minutes = Annotated[
    float, Meta(ge=0, le=_LONGEST_REST, extra=_says(f"a number of minutes from 0 to {_LONGEST_REST}", 30))
]
Megabytes = Annotated[float, Meta(ge=0.01, le=1024, extra=_says("a number of megabytes from 0.01 to 1024", 10))]
Wait = Annotated[float, Meta(ge=0, le=_LONGEST_WAIT, extra=_says(f"a number of seconds from 0 to {_LONGEST_WAIT}", 5))]
Seconds = Annotated[
    float, Meta(gt=0, le=_LONGEST_WAIT, extra=_says(f"a number of seconds above 0 and up to {_LONGEST_WAIT}", 60))
]
Model = Annotated[
    str,
    Meta(
        pattern=r"^[!-~]+$",
        max_length=200,
        extra=_says("a model's name of printable ASCII without spaces", "MiniMax-M3"),
    ),
]
Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        max_length=64,
        extra=_says(
            "a name that fits in a URL path (letters, digits, dots, hyphens and underscores, a letter or digit first)",
            "minimax",
        ),
    ),
]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"],
    Meta(extra=_says('"debug", "info", "warning" or "error"', "info")),
]
AuthHeader = Annotated[Literal["bearer", "x-api-key"], Meta(extra=_says('"bearer" or "x-api-key"', "bearer"))]


class TimeoutSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a provider may take before the next one is asked."""

    connect: Annotated[
        Seconds | UnsetType,
        _key("Name look-up, TCP and TLS together.", unit="seconds", default=_TIMEOUTS.connect),
    ] = UNSET
    first_event: Annotated[
        Seconds | UnsetType,
        _key(
            "From the request's last byte to the first byte of a stream.",
            unit="seconds",
            default=_TIMEOUTS.first_event,
        ),
    ] = UNSET
    first_content: Annotated[
        Seconds | UnsetType,
        _key(
            "From the request's last byte to the first content of a stream, or to the head of an answer that is not.",
            unit="seconds",
            default=_TIMEOUTS.first_content,
        ),
    ] = UNSET
    stall: Annotated[
        Seconds | UnsetType,
        _key("The longest silence after the first content.", unit="seconds", default=_TIMEOUTS.stall),
    ] = UNSET


_SECONDS_EACH = Meta(extra=_says("an object", {"connect": 10}))


class ModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of the provider's models stands in for each tier of Claude models."""

    opus: Annotated[Model | UnsetType, _key("For Opus. Default: from the catalogue.", unit="model")] = UNSET
    sonnet: Annotated[Model | UnsetType, _key("For Sonnet. Default: from the catalogue.", unit="model")] = UNSET
    haiku: Annotated[Model | UnsetType, _key("For Haiku. Default: from the catalogue.", unit="model")] = UNSET
    fable: Annotated[Model | UnsetType, _key("For Fable. Default: from the catalogue.", unit="model")] = UNSET
    default: Annotated[
        Model | UnsetType,
        _key("For every other name. Default: the name goes through unchanged.", unit="model"),
    ] = UNSET


class ProviderSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One provider; what is left out comes from the catalogue, by `preset` or else by `base_url`."""

    preset: Annotated[
        Text | UnsetType,
        _key(
            "A provider of the catalogue, whose settings stand in for all that is left out here. Alone, it is a whole "
            "provider; with a base_url, it is that provider behind a relay. Default: the one with the same base_url.",
            unit="name of a preset",
        ),
    ] = UNSET
    name: Annotated[
        Name | UnsetType,
        _key("What you call it, in commands, logs and paths. Default: the preset's name.", unit="name"),
    ] = UNSET
    base_url: Annotated[
        Text | UnsetType,
        _key(
            "Address of its Anthropic endpoint; /v1/messages is added to it. Default: from the catalogue.", unit="URL"
        ),
    ] = UNSET
    api_key_env: Annotated[
        Text | UnsetType,
        _key(
            "Name of the variable, in the environment or in .env, that holds the key. Default: from the catalogue.",
            unit="name of a variable",
        ),
    ] = UNSET
    auth: Annotated[
        AuthHeader | UnsetType,
        _key(
            "The header that takes the key: Authorization as a bearer token, or x-api-key. Default: from the "
            "catalogue, else bearer.",
            unit="choice",
        ),
    ] = UNSET
    models: Annotated[
        Model | ModelSettings | UnsetType,
        Meta(extra=_says("a model's name or an object of names", "MiniMax-M3")),
        _key(
            "Its models for Claude's: one name for all, or one for each tier. Default: from the catalogue, else names "
            "go through unchanged.",
            unit="model, or object of models",
        ),
    ] = UNSET
    enabled: Annotated[Flag, _key("Whether it is used at all.", unit="true or false")] = True
    headers: Annotated[
        dict[str, HeaderValue],
        Meta(extra=_says("an object", {"X-Team": "blue"}, private=True)),
        _key("Headers that are sent to it with every request. Keys do not belong here.", unit="object of texts"),
    ] = field(default_factory=dict)
    timeouts: Annotated[
        TimeoutSettings,
        _SECONDS_EACH,
        _key("As the general timeouts, which stand in for what is left out here.", unit="object of seconds"),
    ] = TimeoutSettings()


_PRESET_OR_URL = Meta(
    extra=_says("an object", {"preset": "minimax"}),
    extra_json_schema={"anyOf": [{"required": ["preset"]}, {"required": ["base_url"]}]},
)


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of claude-proxy."""

    schema_uri: Annotated[
        Text,
        _key("Where an editor finds the description of this file; claude-proxy does not read it.", unit="URI"),
    ] = field(name="$schema", default="")
    proxy_port: Annotated[Port, _key("Port that the proxy listens on.", unit="port")] = 8787
    providers: Annotated[
        list[Annotated[ProviderSettings, _PRESET_OR_URL]],
        Meta(min_length=1, extra=_says("a list of providers", [{"preset": "minimax"}])),
        _key("The providers, in the order of failover. Required.", unit="list of objects"),
    ]
    cooldown_minutes: Annotated[
        Minutes,
        _key(
            "How long a provider rests when its quota is used up and it names no time, and the longest rest after "
            "faults in a row.",
            unit="minutes",
        ),
    ] = _plain(_POLICY.cooldown / 60)
    host: Annotated[
        Text,
        _key(
            "Address that the proxy listens on. Other than a loopback one, it lets other machines in.",
            unit="IP address or host name",
        ),
    ] = "127.0.0.1"
    retry_statuses: Annotated[
        tuple[Status, ...],
        Meta(extra=_says("a list", [429, 500])),
        _key("Answers with one of these HTTP statuses make the next provider be asked.", unit="list of statuses"),
    ] = tuple(sorted(_POLICY.retry_statuses))
    max_body_mb: Annotated[
        Megabytes,
        _key("The largest request that is taken; a larger one is answered with 413.", unit="MB of 1,048,576 bytes"),
    ] = _plain(_POLICY.max_body_bytes / _MEBIBYTE)
    timeouts: Annotated[
        TimeoutSettings,
        _SECONDS_EACH,
        _key("How long a provider may take before the next one is asked.", unit="object of seconds"),
    ] = TimeoutSettings()
    ping_after_seconds: Annotated[
        Wait,
        _key("How long a streaming client waits for the first content before it is sent pings.", unit="seconds"),
    ] = _plain(_POLICY.ping_after)
    proxy_url: Annotated[
        Text | UnsetType,
        _key(
            "HTTP proxy for the way out to https providers, as http://host:port; an empty text means none, whatever "
            "the environment says. Default: HTTPS_PROXY, else ALL_PROXY, of the environment. NO_PROXY holds in every "
            "case.",
            unit="URL",
        ),
    ] = UNSET
    log_level: Annotated[
        LogLevel,
        _key(
            "What proxy.log gets: with info a line for each exchange, with warning those in which a provider failed, "
            "with error those that failed; debug adds the requests that were refused.",
            unit="choice",
        ),
    ] = "info"
    allow_http_hosts: Annotated[
        tuple[Text, ...],
        Meta(extra=_says("a list", ["relay.example"])),
        _key(
            "Hosts that may be spoken to by plain http://, although they are neither this machine nor a private "
            "address.",
            unit="list of host names",
        ),
    ] = ()
