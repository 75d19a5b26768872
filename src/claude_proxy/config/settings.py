"""The settings as types: each key of config.json with its unit, default, limits and meaning.

Checking, the JSON Schema and its descriptions all come from here, so a key that is added here is known everywhere.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from claude_proxy.config.kinds import (
    Argument,
    BudgetDollars,
    BudgetMegabytes,
    Days,
    FailbackName,
    Flag,
    LogLevel,
    LongContext,
    Megabytes,
    Minutes,
    Name,
    OnBudget,
    Place,
    Port,
    Status,
    Text,
    Wait,
    key,
    plain,
    says,
)
from claude_proxy.config.provider_settings import SECONDS_EACH, ProviderSettings, TimeoutSettings
from claude_proxy.core.routing import Routes
from claude_proxy.core.types import Policy

_POLICY = Policy()
_MEBIBYTE = 1024 * 1024

_PRESET_OR_URL = Meta(
    extra=says("an object", {"preset": "minimax"}),
    extra_json_schema={"anyOf": [{"required": ["preset"]}, {"required": ["base_url"]}]},
)


_BUDGET = Meta(extra=says("an object", {"day": 20}))
_ORDER = Meta(extra=says("a list", ["minimax", "zai/glm-5.3"]))


class RouteSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Orders of their own, each a list of entries: `provider`, or `provider/model`."""

    opus: Annotated[
        tuple[Place, ...] | UnsetType,
        _ORDER,
        key("For Claude Opus. Default: the order of the providers.", unit="list of providers"),
    ] = UNSET
    sonnet: Annotated[
        tuple[Place, ...] | UnsetType,
        _ORDER,
        key("For Claude Sonnet. Default: the order of the providers.", unit="list of providers"),
    ] = UNSET
    haiku: Annotated[
        tuple[Place, ...] | UnsetType,
        _ORDER,
        key("For Claude Haiku. Default: the order of the providers.", unit="list of providers"),
    ] = UNSET
    fable: Annotated[
        tuple[Place, ...] | UnsetType,
        _ORDER,
        key("For Claude Fable. Default: the order of the providers.", unit="list of providers"),
    ] = UNSET
    default: Annotated[
        tuple[Place, ...] | UnsetType,
        _ORDER,
        key("For models of no tier. Default: the order of the providers.", unit="list of providers"),
    ] = UNSET
    long_context: Annotated[
        tuple[Place, ...] | UnsetType,
        _ORDER,
        key(
            "For requests of more than long_context_tokens, whatever their model. Default: as for shorter ones.",
            unit="list of providers",
        ),
    ] = UNSET
    auxiliary: Annotated[
        tuple[Place, ...] | UnsetType,
        _ORDER,
        key(
            "For titles, summaries and the like that Claude Code asks for by itself. Default: as for other requests.",
            unit="list of providers",
        ),
    ] = UNSET
    compaction: Annotated[
        tuple[Place, ...] | UnsetType,
        _ORDER,
        key("For the summary that replaces a conversation. Default: as for other requests.", unit="list of providers"),
    ] = UNSET
    subagent: Annotated[
        tuple[Place, ...] | UnsetType,
        _ORDER,
        key("For subagents. Default: as for other requests.", unit="list of providers"),
    ] = UNSET
    workflow: Annotated[
        tuple[Place, ...] | UnsetType,
        _ORDER,
        key("For the agents of workflows. Default: as for other requests.", unit="list of providers"),
    ] = UNSET
    long_context_tokens: Annotated[
        LongContext | UnsetType,
        key(
            "A request with more tokens than this is long.",
            unit="tokens",
            default=Routes().long_context_tokens,
        ),
    ] = UNSET


class BudgetSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be spent, on all providers or on one."""

    day: Annotated[
        BudgetDollars | UnsetType,
        key("What may be spent in a day, by local time. Default: any sum.", unit="US dollars"),
    ] = UNSET
    month: Annotated[
        BudgetDollars | UnsetType,
        key("What may be spent in a calendar month, by local time. Default: any sum.", unit="US dollars"),
    ] = UNSET
    provider: Annotated[
        Name | UnsetType,
        key("The provider that it is for. Default: all of them together.", unit="text"),
    ] = UNSET


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of claude-proxy."""

    schema_uri: Annotated[
        Text,
        key("The schema of this file, for your editor. The proxy does not read it.", unit="URI"),
    ] = field(name="$schema", default="")
    proxy_port: Annotated[Port, key("The port that the proxy listens on.", unit="port")] = 8787
    providers: Annotated[
        list[Annotated[ProviderSettings, _PRESET_OR_URL]],
        Meta(min_length=1, extra=says("a list of providers", [{"preset": "minimax"}])),
        key("The providers, in the order of failover. Required.", unit="list of objects"),
    ]
    cooldown_minutes: Annotated[
        Minutes,
        key(
            "The cooldown of a provider whose quota is used up and that names no time, and the longest "
            "cooldown after faults in a row.",
            unit="minutes",
        ),
    ] = plain(_POLICY.cooldown / 60)
    routes: Annotated[
        RouteSettings,
        Meta(extra=says("an object", {"haiku": ["zai/glm-5.3-flash", "minimax"]})),
        key(
            "A different order for a tier, for long requests, or for what a request is made for.",
            unit="object of lists",
        ),
    ] = RouteSettings()
    failback: Annotated[
        FailbackName,
        key(
            "When a session that another provider took over goes back to the first choice, once that can "
            "answer: cache-aware after five minutes without a request, or with a new session; immediate at "
            "once; never: it stays until the other provider fails.",
            unit="choice",
        ),
    ] = "cache-aware"
    failover_on_auth: Annotated[
        Flag,
        key(
            "Whether the next provider is asked after a 401, 402 or 403. If false, the client gets that answer.",
            unit="true or false",
        ),
    ] = _POLICY.failover_on_auth
    host: Annotated[
        Text,
        key(
            "The address that the proxy listens on. With any other than a loopback address, other machines can "
            "reach the proxy.",
            unit="IP address or host name",
        ),
    ] = "127.0.0.1"
    allowed_hosts: Annotated[
        tuple[Text, ...],
        Meta(extra=says("a list", ["devbox.example"])),
        key(
            "More names by which clients may call this machine, in their base URL. IP addresses and the names that "
            "containers have for it, such as host.docker.internal, are accepted anyway.",
            unit="list of host names",
        ),
    ] = ()
    retry_statuses: Annotated[
        tuple[Status, ...] | UnsetType,
        Meta(extra=says("a list", [429, 500])),
        key(
            "After an answer with one of these HTTP statuses, the next provider is asked. Default: 408, 425, 429, and "
            "500 to 599 without 501.",
            unit="list of statuses",
        ),
    ] = UNSET
    max_body_mb: Annotated[
        Megabytes,
        key(
            "The largest request that the proxy accepts. A larger one gets a 413. Raise it for conversations with many "
            "images or documents, such as to 32, which is Anthropic's own limit.",
            unit="MB of 1,048,576 bytes",
        ),
    ] = plain(_POLICY.max_body_bytes / _MEBIBYTE)
    memory_budget_mb: Annotated[
        BudgetMegabytes,
        key(
            "The most memory that all requests and answers may take together. What would take more gets a 503, or "
            "ends with an error. A request takes twice its size until its answer begins.",
            unit="MB of 1,048,576 bytes",
        ),
    ] = plain(_POLICY.memory_budget / _MEBIBYTE)
    timeouts: Annotated[
        TimeoutSettings,
        SECONDS_EACH,
        key("How long a provider may take before the next one is asked.", unit="object of seconds"),
    ] = TimeoutSettings()
    ping_after_seconds: Annotated[
        Wait,
        key("How long a streaming client waits for the first content before it gets pings.", unit="seconds"),
    ] = plain(_POLICY.ping_after)
    auto_mode: Annotated[
        Place | UnsetType,
        Meta(extra=says("a provider and its model", "zai/glm-5.3-flash")),
        key(
            "The model that checks tool calls for Claude Code's auto mode, as provider/model. It gets the end of the "
            "conversation and the calls of each answer. Default: no check, so Claude Code asks you.",
            unit="provider/model",
        ),
    ] = UNSET
    continue_answers: Annotated[
        Flag,
        key(
            "Whether the rest of an answer is asked for if it breaks off after its first content.", unit="true or false"
        ),
    ] = _POLICY.continue_answers
    eager_tool_streaming: Annotated[
        Flag,
        key(
            "Whether a client whose tools have eager_input_streaming gets the pieces of a tool call as they come. An "
            "answer that breaks off within one can't go on then.",
            unit="true or false",
        ),
    ] = _POLICY.eager_tool_streaming
    quota: Annotated[
        Flag,
        key(
            "Whether providers are asked, while the proxy is in use, how much of a plan or balance is left, each with "
            "its own key; and whether what answers say of it is read. One whose plan is used up is in cooldown until "
            "the reset.",
            unit="true or false",
        ),
    ] = True
    budgets: Annotated[
        tuple[Annotated[BudgetSettings, _BUDGET], ...],
        Meta(extra=says("a list of budgets", [{"day": 20}])),
        key("What may be spent in a day or a month, on all providers or on one.", unit="list of objects"),
    ] = ()
    on_budget: Annotated[
        OnBudget,
        key(
            "What happens when a budget is used up: pass sends requests to other providers only, warn says it and goes "
            "on.",
            unit="choice",
        ),
    ] = "pass"
    on_event: Annotated[
        tuple[Argument, ...],
        Meta(extra=says("a list: a program and its arguments", ["~/bin/on-event", "--quiet"])),
        key(
            "A program, and its arguments, that gets one line of JSON on standard input when a provider fails, is "
            "back, refuses its key, or is nearly used up. No shell is involved.",
            unit="list of texts",
        ),
    ] = ()
    notify: Annotated[
        Flag,
        key(
            "Whether the desktop shows the same: by notify-send, on macOS by osascript, on Windows by PowerShell.",
            unit="true or false",
        ),
    ] = False
    proxy_url: Annotated[
        Text | UnsetType,
        key(
            "The HTTP proxy on the way to https providers, as http://host:port. An empty text means none, "
            "whatever the environment says. NO_PROXY always applies. Default: HTTPS_PROXY, else "
            "ALL_PROXY, of the environment.",
            unit="URL",
        ),
    ] = UNSET
    log_level: Annotated[
        LogLevel,
        key(
            "What proxy.log gets: info a line for each request, warning only those in which a provider "
            "failed, error only those that failed themselves; debug adds the requests that the proxy rejected.",
            unit="choice",
        ),
    ] = "info"
    usage_days: Annotated[
        Days,
        key("How long it is kept what each request used and cost; 0 means for ever.", unit="days"),
    ] = 400
    otel: Annotated[
        Flag,
        key(
            "Whether a trace of each request is sent to OpenTelemetry, as the OTEL_ variables of the environment or of "
            ".env say. It needs packages that are not installed otherwise.",
            unit="true or false",
        ),
    ] = False
    allow_http_hosts: Annotated[
        tuple[Text, ...],
        Meta(extra=says("a list", ["relay.example"])),
        key(
            "Public hosts that may be reached over plain http://, without encryption.",
            unit="list of host names",
        ),
    ] = ()
