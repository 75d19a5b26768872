"""The catalogue that is shipped holds together."""

from __future__ import annotations

import datetime as dt

import pytest

from claude_proxy.config.address import Address, is_loopback, parse_base_url
from claude_proxy.config.catalogue import Entry, catalogue
from claude_proxy.config.variables import is_variable
from claude_proxy.core.auth import Auth
from claude_proxy.core.model_names import TIERS
from claude_proxy.core.traits import ForcedTool, Kind, ModelFacts, Rule, Thinking, Traits

KINDS = {"native": 1, "api": 13, "plan": 14, "aggregator": 11, "local": 5, "gateway": 1, "cloud": 1}
FILLED = {"region": "us-east-1", "workspace": "ws-1"}
each_entry = pytest.mark.parametrize("entry", catalogue().providers, ids=lambda entry: entry.id)


def entry_of(preset: str) -> Entry:
    entry = catalogue().by_id(preset)
    assert entry is not None
    return entry


def address_of(text: str) -> Address:
    address = parse_base_url(text.format(**FILLED))
    assert isinstance(address, Address)
    return address


def refused(preset: str) -> set[str]:
    return set(map(str, entry_of(preset).traits.rejects))


def test_has_the_known_providers_as_of_a_day() -> None:
    kinds = [entry.kind for entry in catalogue().providers]
    assert {kind: kinds.count(kind) for kind in kinds} == KINDS
    assert len(set(catalogue().ids)) == len(kinds) == 46
    assert dt.date.fromisoformat(catalogue().as_of) >= dt.date(2026, 11, 28)
    assert (catalogue().schema, set(catalogue().confidence_key)) == ("claude-proxy-catalogue/1", {"A", "B", "C"})


@each_entry
def test_each_entry_is_consistent(entry: Entry) -> None:
    for base in (entry.base_url, *entry.alt_base_urls.values()):
        address = address_of(base)
        assert str(address) == base.format(**FILLED)
        assert address.origin.scheme == "https" or is_loopback(address.origin.host)
    assert catalogue().by_id(entry.id) is entry
    assert is_variable(entry.api_key_env)
    assert entry.auth.preferred in entry.auth.accepted
    assert entry.keyed_auth in {Auth.BEARER, Auth.X_API_KEY}
    assert set(entry.tiers or {}) <= set(TIERS)
    assert set((entry.tiers or {}).values()) <= set(entry.models) or not entry.models
    assert all(quirk.endswith((".", "…")) for quirk in entry.quirks)


@each_entry
def test_finds_an_entry_by_its_address_unless_it_is_on_this_machine(entry: Entry) -> None:
    on_this_machine = is_loopback(address_of(entry.base_url).origin.host)
    assert on_this_machine == (entry.kind in {"local", "gateway"})
    assert catalogue().by_address(address_of(entry.base_url)) is (None if on_this_machine else entry)


@pytest.mark.parametrize(
    ("address", "preset"),
    [
        ("https://us.api.fireworks.ai/inference", "fireworks"),
        ("https://bedrock-mantle.eu-west-3.api.aws/anthropic", "bedrock-mantle"),
        ("https://ws-7.cn-hongkong.maas.aliyuncs.com/apps/anthropic", "dashscope"),
        ("https://token-plan.cn-beijing.maas.aliyuncs.com/apps/anthropic", "bailian-token-plan"),
        ("https://bedrock-mantle.eu.west.api.aws/anthropic", None),
        ("https://bedrock-mantle.eu-west-3.api.aws/other", None),
        ("https://api.minimax.io", None),
    ],
)
def test_finds_an_entry_by_other_addresses_and_filled_placeholders(address: str, preset: str | None) -> None:
    entry = catalogue().by_address(address_of(address))
    assert (entry.id if entry else None) == preset


def test_takes_no_key_from_the_variable_of_another_provider() -> None:
    own = {entry.api_key_env for entry in catalogue().providers}
    assert not [entry.id for entry in catalogue().providers if own & set(entry.api_key_env_aliases)]


def test_providers_of_claude_check_signatures_and_only_anthropic_keeps_the_billing_block() -> None:
    assert [entry.id for entry in catalogue().providers if entry.traits.is_anthropic] == ["anthropic"]
    assert [entry.id for entry in catalogue().providers if entry.traits.checks_signatures] == [
        "anthropic",
        "bedrock-mantle",
    ]


def test_has_a_rule_for_what_a_provider_rejects_and_none_for_what_it_ignores() -> None:
    assert (
        refused("minimax")
        == refused("minimax-cn")
        == {
            *("role:system", "block:document", "max_bytes:67108864"),
        }
    )
    assert refused("zai") == refused("zhipu") == refused("xiaomi") == {"role:system"}
    assert (
        refused("moonshot")
        == refused("moonshot-cn")
        == {
            "block:tool_reference",
            "block:document",
            "block:search_result",
            "block:redacted_thinking",
            "field:temperature",
            "field:top_p",
            "field:top_k",
            "schema:type-beside-anyOf",
            "tool_name:odd",
        }
    )
    assert refused("deepseek") == {
        "role:system",
        "block:document",
        "block:search_result",
        "block:redacted_thinking",
        "block:tool_reference",
        "block:code_execution_tool_result",
        "block:mcp_tool_use",
        "block:mcp_tool_result",
    }
    assert Rule(Kind.ROLE, "system") in entry_of("xiaomi-token-plan-ams").traits.rejects
    assert refused("ollama") == refused("openrouter") == set()


def test_knows_the_server_tools_of_providers_but_not_of_aggregators() -> None:
    server_tools = {entry.id: entry.traits.server_tools for entry in catalogue().providers}
    assert server_tools["deepseek"] == ("web_search_", "web_fetch_")
    others = {entry.kind for entry in catalogue().providers if server_tools[entry.id] is None}
    assert others == set(KINDS) - {"api", "plan"}


def test_has_the_other_traits() -> None:
    def having(name: str) -> set[str]:
        default = getattr(Traits(), name)
        return {entry.id for entry in catalogue().providers if getattr(entry.traits, name) != default}

    mimo = {"xiaomi", "xiaomi-token-plan-cn", "xiaomi-token-plan-sgp", "xiaomi-token-plan-ams"}
    assert having("thinking_on_tool_turns") == mimo | {"deepseek"}
    assert having("efforts") == having("effort_without_thinking") == {"deepseek"}
    assert entry_of("deepseek").traits.efforts == ("high", "max")
    qwen = {preset for preset in catalogue().ids if preset.startswith(("dashscope", "bailian"))}
    assert having("input_counts_cache") == qwen | {"minimax", "minimax-cn"}
    assert having("session_header") == {"opencode-zen"}
    assert having("reset_utc_offset") == {"zai", "zhipu"}
    assert entry_of("zai").traits.reset_utc_offset == 8


@pytest.mark.parametrize(
    ("preset", "model", "facts"),
    [
        (
            "anthropic",
            "claude-opus-5-5",
            ModelFacts(1_000_000, 128_000, True, Thinking.ADAPTIVE_ONLY, ForcedTool.NO),
        ),
        (
            "moonshot",
            "kimi-k2.7-code",
            ModelFacts(262_144, None, None, Thinking.ENABLED_ONLY, ForcedTool.WITHOUT_THINKING),
        ),
        (
            "deepseek",
            "deepseek-v4-pro",
            ModelFacts(1_000_000, 384_000, False, Thinking.ENABLED),
        ),
        ("kimi-code", "k3", ModelFacts(1_048_576)),
        ("minimax-cn", "MiniMax-M3.1-Flash", ModelFacts(1_000_000, thinking=Thinking.ALWAYS)),
    ],
)
def test_has_the_facts_of_a_model(preset: str, model: str, facts: ModelFacts) -> None:
    assert entry_of(preset).facts[model] == facts


def test_has_the_thinking_mode_of_a_model() -> None:
    takes = {model: facts.thinking for entry in catalogue().providers for model, facts in entry.facts.items()}
    assert {model for model, mode in takes.items() if mode is Thinking.ADAPTIVE_ONLY} == {
        "claude-fable-5-1",
        "claude-fable-5-2",
        "claude-opus-5-5",
    }
    assert takes["claude-opus-4-8"] is takes["claude-haiku-5-5"] is Thinking.ADAPTIVE
    assert takes["claude-haiku-4-5"] is Thinking.ENABLED
    assert takes["claude-sonnet-4-6"] is takes["MiniMax-M3"] is takes["glm-5.3"] is None
    always = {model for model, mode in takes.items() if mode is Thinking.ALWAYS}
    assert always == {
        *("MiniMax-M2.7", "MiniMax-M2.7-highspeed", "MiniMax-M3.1-Flash"),
        *("kimi-k3.1-pro", "kimi-k3.1-pro-highspeed", "qwen3.8-max"),
    }


def test_reads_the_file_once() -> None:
    assert catalogue() is catalogue()
