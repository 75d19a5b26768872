"""Whatever the catalogue says of a provider, config.json says otherwise."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from claude_proxy.config.catalogue import catalogue
from claude_proxy.config.fact_settings import FactSettings, PriceSettings, TraitSettings
from claude_proxy.config.provider_settings import ClaudeCodeSettings, TimeoutSettings
from claude_proxy.core.auth import Auth
from claude_proxy.core.prices import Price
from claude_proxy.core.traits import ForcedTool, Kind, ModelFacts, Rule, Thinking, Traits
from claude_proxy.core.types import ClaudeCode, Provider, Timeouts
from config.folder import Folder

ENV = "MINIMAX_API_KEY=a\nDEEPSEEK_API_KEY=b\nMOONSHOT_API_KEY=c\nANTHROPIC_API_KEY=d"
RELAY = {"name": "relay", "base_url": "https://relay.example", "api_key_env": "MINIMAX_API_KEY"}
NEWER = ("max_bytes", "schema", "tool_name")
KINDS = {(kind, "a") for kind in Kind} - {
    (kind, "a") for kind in (Kind.FIELD, Kind.BETA, Kind.MAX_OUTPUT, Kind.REQUIRES)
}
LOGIN = {"preset": "anthropic", "auth": "client"}


def only(home: Folder, provider: dict[str, Any], env: str = ENV) -> Provider:
    (found,) = home.loads({"providers": [provider]}, env=env).providers
    return found


def faults(home: Folder, provider: dict[str, Any]) -> list[str]:
    return [fault.removeprefix("config.json: providers[0].") for fault in home.faults({"providers": [provider]}, ENV)]


def traits_of(preset: str) -> Traits:
    entry = catalogue().by_id(preset)
    assert entry is not None
    return entry.traits


@pytest.mark.parametrize(
    ("known", "settings"),
    [
        (Traits, TraitSettings),
        (ModelFacts, FactSettings),
        (Price, PriceSettings),
        (Timeouts, TimeoutSettings),
        (ClaudeCode, ClaudeCodeSettings),
    ],
)
def test_settings_have_the_fields_of_the_cores_type(known: type, settings: type) -> None:
    assert {field.name for field in fields(known)} == set(settings.__struct_fields__)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("is_anthropic", True, True),
        ("checks_signatures", True, True),
        ("rejects", ["beta:*", "field:output_config.effort"], {(Kind.BETA, "*"), (Kind.FIELD, "output_config.effort")}),
        (
            "rejects",
            [f"{kind}:a" for kind in ("tool_field", "block", "role", "thinking", "thinking_mode", "mark", *NEWER)],
            KINDS,
        ),
        ("rejects", [], set()),
        ("thinking_on_tool_turns", False, False),
        ("server_tools", ["web_search_"], ("web_search_",)),
        ("server_tools", [], ()),
        ("server_tools", None, None),
        ("efforts", ["low", "high"], ("low", "high")),
        ("efforts", [], ()),
        ("effort_without_thinking", True, True),
        ("input_counts_cache", True, True),
        ("session_header", "x-session", "x-session"),
        ("session_header", "", ""),
        ("reset_utc_offset", -5.5, -5.5),
    ],
)
def test_overrides_each_trait_alone(home: Folder, name: str, value: object, meant: object) -> None:
    provider = only(home, {"preset": "deepseek", "traits": {name: value}})
    if name == "rejects":
        meant = frozenset(Rule(*pair) for pair in meant)  # type: ignore[attr-defined]
    for field in fields(Traits):
        expected = meant if field.name == name else getattr(traits_of("deepseek"), field.name)
        assert getattr(provider.traits, field.name) == expected, field.name


def test_an_unknown_provider_has_the_given_traits(home: Folder) -> None:
    assert only(home, RELAY).traits == Traits()
    assert only(home, RELAY).facts == {}
    given = only(home, RELAY | {"traits": {"rejects": ["role:system"]}, "model_facts": {"m": {"images": False}}})
    assert given.traits == Traits(rejects=frozenset({Rule(Kind.ROLE, "system")}))
    assert given.facts == {"m": ModelFacts(images=False)}
    assert given.own_models == ("m",)


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("context", 9, 9),
        ("context", None, None),
        ("max_output", 7, 7),
        ("max_output", None, None),
        ("images", False, False),
        ("images", None, None),
        ("thinking", "adaptive", Thinking.ADAPTIVE),
        ("thinking", None, None),
        ("forced_tool", "no", ForcedTool.NO),
    ],
)
def test_overrides_each_fact_of_a_model_alone(home: Folder, name: str, value: object, meant: object) -> None:
    usual = only(home, {"preset": "deepseek"}).facts
    changed = only(home, {"preset": "deepseek", "model_facts": {"deepseek-flash": {name: value}}}).facts
    assert changed["deepseek-v4-pro"] == usual["deepseek-v4-pro"]
    for field in fields(ModelFacts):
        expected = meant if field.name == name else getattr(usual["deepseek-flash"], field.name)
        assert getattr(changed["deepseek-flash"], field.name) == expected, field.name


@pytest.mark.parametrize("suffix", ["[1m]", "[1M]"])
def test_removes_the_context_suffix_from_a_model_of_the_facts(home: Folder, suffix: str) -> None:
    facts = only(home, {"preset": "minimax", "model_facts": {f"MiniMax-M3{suffix}": {"context": 5}}}).facts
    assert facts["MiniMax-M3"].context == 5
    assert f"MiniMax-M3{suffix}" not in facts


def test_keeps_the_other_facts_of_a_dated_name(home: Folder) -> None:
    name = "claude-haiku-4-5-20251001"
    facts = only(home, {"preset": "anthropic", "model_facts": {name: {"context": 5}}}).facts
    assert (facts[name].context, facts[name].max_output) == (5, 64_000)
    assert facts["claude-haiku-4-5"].context == 200_000


@pytest.mark.parametrize(
    ("settings", "meant"),
    [
        ({}, ClaudeCode(600_000)),
        ({"claude_code": {"timeout_ms": 5}}, ClaudeCode(5)),
        ({"claude_code": {"timeout_ms": None, "tool_search": False}}, ClaudeCode(tool_search=False)),
    ],
)
def test_overrides_the_settings_for_claude_code(home: Folder, settings: dict[str, Any], meant: ClaudeCode) -> None:
    assert only(home, {"preset": "deepseek"} | settings).claude_code == meant


@pytest.mark.parametrize("preset", ["minimax", "ollama"])
@pytest.mark.parametrize("counts", [True, False])
def test_overrides_whether_tokens_are_counted(home: Folder, preset: str, counts: bool) -> None:
    assert only(home, {"preset": preset, "models": "m", "count_tokens": counts}).counts_tokens is counts


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model_facts": {"m": 5}}, 'model_facts.m: 5 is not an object. Write one, such as {"context": 200000}.'),
        ({"model_facts": {"a b": {}}}, 'model_facts.a b: "a b" is not a model\'s name of printable ASCII without spac'),
        (
            {"model_facts": {"m": {"context": 0}}},
            "model_facts.m.context: 0 is not a number of tokens from 1 to 100000000, or null. Write one, such",
        ),
        ({"model_facts": {"m": {"context": "9"}}}, 'model_facts.m.context: "9" is not a number of tokens'),
        ({"model_facts": {"m": {"images": "no"}}}, 'model_facts.m.images: "no" is not true, false or null.'),
        (
            {"model_facts": {"m": {"thinking": "enabeld"}}},
            (
                'model_facts.m.thinking: "enabeld" is not "adaptive", "adaptive-only", "enabled", "enabled-only", '
                '"always" or null. Write one, such as "enabled".'
            ),
        ),
        (
            {"model_facts": {"m": {"forced_tool": "noo"}}},
            'model_facts.m.forced_tool: "noo" is not "yes", "without-thinking" or "no". Did you mean "no"?',
        ),
        ({"model_facts": {"m": {"contxt": 5}}}, 'model_facts.m.contxt: is an unknown key. Did you mean "context"?'),
        (
            {"model_facts": {"m": {"price": {"input": -1}}}},
            "model_facts.m.price.input: -1 is not a price from 0 to 10000, or null. Write one, such as 1.4.",
        ),
        ({"traits": []}, 'traits: a list is not an object. Write one, such as {"rejects": ["block:document"]}.'),
        (
            {"traits": {"rejects": "role:system"}},
            'traits.rejects: "role:system" is not a list. Write one, such as ["block:document", "role:system"].',
        ),
        (
            {"traits": {"rejects": ["document"]}},
            (
                'traits.rejects[0]: "document" is not a kind and a name, apart by a colon (kinds: field, tool_field, '
                "beta, block, role, thinking, thinking_mode, mark, max_bytes, schema, tool_name). "
                'Write one, such as "block:document".'
            ),
        ),
        ({"traits": {"rejects": ["blok:document"]}}, 'traits.rejects[0]: "blok:document" is not a kind and a name'),
        ({"traits": {"rejects": ["requires:x"]}}, 'traits.rejects[0]: "requires:x" is not a kind and a name'),
        ({"traits": {"server_tools": "web"}}, 'traits.server_tools: "web" is not a list of words, or null.'),
        ({"traits": {"efforts": ["a b"]}}, 'traits.efforts[0]: "a b" is not a word of printable ASCII without spaces.'),
        (
            {"traits": {"session_header": "x-api-key"}},
            (
                'traits.session_header: "x-api-key" is not the name of a header that begins with x-, in lower case. '
                'Write one, such as "x-session".'
            ),
        ),
        ({"traits": {"session_header": "authorization"}}, 'traits.session_header: "authorization" is not the name of'),
        ({"traits": {"reset_utc_offset": 15}}, "traits.reset_utc_offset: 15 is not a number of hours from -12 to 14."),
        ({"traits": {"quirky": True}}, "traits.quirky: is an unknown key. Remove it; the keys known here are is_anthr"),
        (
            {"claude_code": {"timeout_ms": 0}},
            "claude_code.timeout_ms: 0 is not a number of milliseconds from 1 to 86400000, or null. Write one, such",
        ),
        ({"count_tokens": "no"}, 'count_tokens: "no" is not true or false. Write true or false, without quotes.'),
    ],
)
def test_says_what_is_wrong_with_an_override(home: Folder, settings: dict[str, Any], message: str) -> None:
    (found,) = faults(home, RELAY | settings)
    assert found.startswith(message)


@pytest.mark.parametrize(
    "settings",
    [
        LOGIN,
        {"base_url": "https://api.anthropic.com", "auth": "client"},
        LOGIN | {"base_url": "https://relay.example/anthropic"},
        LOGIN | {"base_url": "http://127.0.0.1:9000", "name": "plan"},
    ],
)
def test_the_clients_own_login_is_for_anthropic_and_needs_no_key(home: Folder, settings: dict[str, Any]) -> None:
    provider = only(home, settings, env="")
    assert (provider.auth, provider.api_key, provider.api_key_env) == (Auth.CLIENT, "", "")
    assert provider.traits.is_anthropic


@pytest.mark.parametrize("settings", [RELAY, {"preset": "minimax"}, {"preset": "bedrock-mantle"} | RELAY])
def test_rejects_the_clients_own_login_for_other_providers(home: Folder, settings: dict[str, Any]) -> None:
    keyless = {name: value for name, value in settings.items() if name != "api_key_env"}
    assert faults(home, keyless | {"auth": "client"}) == [
        (
            'auth: is "client", but Claude Code\'s own login is for Anthropic, and this is another provider. '
            'Leave "auth" out and give this provider a key, or write "preset": "anthropic".'
        )
    ]


def test_reports_only_the_preset_if_that_is_wrong_too(home: Folder) -> None:
    (found,) = faults(home, {"preset": "antropic", "auth": "client"})
    assert found.startswith('preset: "antropic" is not a known preset.')


@pytest.mark.parametrize("auth", ["client", "none"])
def test_rejects_a_variable_for_a_key_that_is_not_sent(home: Folder, auth: str) -> None:
    assert faults(home, {"preset": "anthropic", "auth": auth, "api_key_env": "ANTHROPIC_API_KEY"}) == [
        f'api_key_env: is set together with "auth": "{auth}", which sends no key. Remove one of the two.'
    ]


@pytest.mark.parametrize(
    "settings",
    [
        {"name": "own", "base_url": "http://127.0.0.1:9000"},
        {"preset": "ollama", "models": "m"},
        {"preset": "litellm"},
        {"preset": "minimax-cn"},
    ],
)
def test_sends_no_key_to_a_provider_that_needs_none(home: Folder, settings: dict[str, Any]) -> None:
    env = "OLLAMA_API_KEY=a\nLITELLM_MASTER_KEY=b\nMINIMAX_CN_API_KEY=c"
    provider = only(home, settings | {"auth": "none"}, env=env)
    assert (provider.auth, provider.api_key, provider.api_key_env) == (Auth.NONE, "", "")


def test_sends_a_key_to_a_server_on_this_machine_if_asked_to(home: Folder) -> None:
    config = home.loads({"providers": [{"preset": "ollama", "models": "m", "auth": "x-api-key"}, RELAY]}, env=ENV)
    assert [skipped.variable for skipped in config.skipped] == ["OLLAMA_API_KEY"]
    keyed = only(home, {"preset": "ollama", "models": "m", "auth": "x-api-key"}, env="OLLAMA_API_KEY=a")
    assert (keyed.auth, keyed.api_key) == (Auth.X_API_KEY, "a")
