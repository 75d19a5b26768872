"""A good configuration, completed from the catalogue and from the defaults."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from claude_proxy.config import providers
from claude_proxy.config.catalogue import Entry, catalogue
from claude_proxy.config.load import ConfigError, Skipped, fingerprint, load
from claude_proxy.config.prices import prices_at
from claude_proxy.core.auth import Auth, KeySource
from claude_proxy.core.egress import Egress
from claude_proxy.core.types import ClaudeCode, Origin, Policy, Provider
from config.folder import Folder

ROOT = Path(__file__).parents[2]
FORM = """{
  "proxy_port": 8787,
  "providers": [
    {"name": "minimax",  "base_url": "https://api.minimax.io/anthropic",  "api_key_env": "MINIMAX_API_KEY"},
    {"name": "moonshot", "base_url": "https://api.moonshot.ai/anthropic", "api_key_env": "MOONSHOT_API_KEY"}
  ],
  "cooldown_minutes": 30
}"""
RELAY = {"name": "relay", "base_url": "https://relay.example/anthropic", "api_key_env": "MINIMAX_API_KEY", "models": {}}


def entry_of(preset: str) -> Entry:
    entry = catalogue().by_id(preset)
    assert entry is not None
    return entry


def only(home: Folder, provider: object, **kwargs: Any) -> Provider:
    (loaded,) = home.loads({"providers": [provider]}, **kwargs).providers
    return loaded


def test_loads_the_documented_form_with_all_defaults(home: Folder) -> None:
    config = home.loads(FORM)
    assert (config.host, config.port, config.log_level) == ("127.0.0.1", 8787, "info")
    assert config.policy == Policy()
    assert config.egress == Egress()
    assert (config.skipped, config.warnings) == ((), ())
    minimax, moonshot = config.providers
    assert minimax == Provider(
        name="minimax",
        base_url="https://api.minimax.io/anthropic",
        origin=Origin("https", "api.minimax.io", 443),
        auth=Auth.BEARER,
        api_key="sk-minimax",
        api_key_env="MINIMAX_API_KEY",
        api_key_source=KeySource.FILE,
        models=dict.fromkeys(("opus", "sonnet", "haiku", "fable"), "MiniMax-M3"),
        own_models=("MiniMax-M3", "MiniMax-M3.1-Flash", "MiniMax-M2.7", "MiniMax-M2.7-highspeed"),
        facts=entry_of("minimax").facts,
        prices=prices_at("minimax"),
        traits=entry_of("minimax").traits,
        smallest_window=1_000_000,
        claude_code=ClaudeCode(timeout_ms=3_000_000),
        quota="minimax",
    )
    assert (moonshot.name, moonshot.api_key) == ("moonshot", "sk-moonshot")


def test_loads_the_shipped_examples_once_a_key_is_filled_in(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.example.json", tmp_path / "config.json")
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    (tmp_path / ".env").write_text(
        example.replace("MOONSHOT_API_KEY=", "MOONSHOT_API_KEY=sk-moonshot"), encoding="utf-8"
    )
    (tmp_path / ".env").chmod(0o600)
    config = load(tmp_path, {})
    assert [provider.name for provider in config.providers] == ["moonshot"]
    assert config.skipped == (Skipped("minimax", "MINIMAX_API_KEY"),)


def test_the_shipped_env_example_has_no_key(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.example.json", tmp_path / "config.json")
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    with pytest.raises(ConfigError, match=r"no provider has its key \(MINIMAX_API_KEY, MOONSHOT_API_KEY not set\)"):
        load(tmp_path, {})


def test_a_preset_alone_is_a_complete_provider(home: Folder) -> None:
    provider = only(home, {"preset": "deepseek"}, env="DEEPSEEK_API_KEY=sk-deep")
    assert provider.name == "deepseek"
    assert provider.base_url == "https://api.deepseek.com/anthropic"
    assert provider.auth is Auth.X_API_KEY
    assert provider.models["haiku"] == "deepseek-flash"
    assert provider.models["opus"] == "deepseek-v4-pro"


def test_a_preset_with_an_address_is_that_provider_behind_a_relay(home: Folder) -> None:
    provider = only(home, {"preset": "minimax", "name": "work", "base_url": "https://relay.example/mm/"})
    assert (provider.name, provider.base_url) == ("work", "https://relay.example/mm")
    assert provider.origin == Origin("https", "relay.example", 443)
    assert provider.api_key == "sk-minimax"
    assert provider.models["opus"] == "MiniMax-M3"


@pytest.mark.parametrize(
    "address",
    [
        "https://api.minimax.io/anthropic/",
        "https://API.MiniMax.io/anthropic",
        "HTTPS://api.minimax.io:443/anthropic//",
    ],
)
def test_finds_a_preset_by_its_address_however_it_is_written(home: Folder, address: str) -> None:
    provider = only(home, {"base_url": address})
    assert (provider.name, provider.base_url) == ("minimax", "https://api.minimax.io/anthropic")
    assert provider.api_key_env == "MINIMAX_API_KEY"


def test_an_unknown_provider_has_plain_defaults(home: Folder) -> None:
    provider = only(home, RELAY)
    assert provider.auth is Auth.BEARER
    assert (dict(provider.models), provider.own_models, provider.counts_tokens) == ({}, (), True)


def test_the_users_settings_win_over_the_catalogue(home: Folder) -> None:
    own = {"preset": "minimax", "auth": "x-api-key", "api_key_env": "MINE", "name": "Mine"}
    provider = only(home, own, env="MINE=abc")
    assert (provider.auth, provider.api_key_env, provider.name) == (Auth.X_API_KEY, "MINE", "Mine")


def test_keeps_every_model_name_for_anthropic(home: Folder) -> None:
    provider = only(home, {"preset": "anthropic"}, env="ANTHROPIC_API_KEY=sk-ant")
    assert dict(provider.models) == {}
    assert provider.auth is Auth.X_API_KEY
    assert "claude-opus-5-5" in provider.own_models


def test_does_not_ask_a_provider_to_count_tokens_that_cannot(home: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = entry_of("minimax")
    silent = replace(entry, endpoints=replace(entry.endpoints, count_tokens="no"))
    monkeypatch.setattr(providers, "catalogue", lambda: replace(catalogue(), providers=(silent,)))
    assert only(home, {"preset": entry.id}).counts_tokens is False


@pytest.mark.parametrize("entry", catalogue().providers, ids=lambda entry: entry.id)
def test_each_preset_is_complete_with_a_key_and_a_region(home: Folder, entry: Entry) -> None:
    settings = {"preset": entry.id}
    if entry.placeholders:
        settings["base_url"] = entry.base_url.format(region="eu-west-3")
    provider = only(home, settings, env=f"{entry.api_key_env}=sk-own")
    assert (provider.name, provider.api_key, provider.auth) == (entry.id, "sk-own", entry.keyed_auth)
    assert (provider.traits, provider.facts, dict(provider.models)) == (entry.traits, entry.facts, entry.tiers or {})


def test_a_server_on_this_machine_needs_and_gets_no_key(home: Folder) -> None:
    provider = only(home, {"preset": "ollama", "models": "qwen3-coder"})
    assert (provider.base_url, provider.auth, provider.api_key) == ("http://localhost:11434", Auth.NONE, "")
    assert provider.counts_tokens is False


def test_such_a_server_needs_the_key_that_the_user_names(home: Folder) -> None:
    ollama = {"preset": "ollama", "models": "qwen3-coder", "api_key_env": "MINE"}
    config = home.loads({"providers": [ollama, RELAY]})
    assert config.skipped == (Skipped("ollama", "MINE"),)
    assert home.loads({"providers": [ollama]}, env="MINE=sk-own").providers[0].auth is Auth.BEARER


def test_warns_until_the_models_of_a_provider_without_claude_names_are_named(home: Folder) -> None:
    assert home.loads({"providers": [{"preset": "ollama"}]}).warnings == (
        (
            "config.json: provider ollama knows none of Claude's model names. "
            'Name its own at providers[0], such as "models": "<name>".'
        ),
    )
    assert home.loads({"providers": [{"preset": "ollama", "models": "qwen3-coder"}]}).warnings == ()
    (warning,) = home.loads({"providers": [unnamed := {k: v for k, v in RELAY.items() if k != "models"}]}).warnings
    assert warning.startswith("config.json: provider relay gets Claude's own model names, since it has no models. ")
    assert home.loads({"providers": [unnamed | {"models": "large-2"}]}).warnings == ()
    assert home.loads({"providers": [unnamed | {"name": "off", "enabled": False}, RELAY]}).warnings == ()
    assert home.loads({"providers": [{"preset": "ollama", "enabled": False}, RELAY]}).warnings == ()


@pytest.mark.parametrize(
    ("env", "variable"),
    [
        ("DASHSCOPE_API_KEY=sk-sp-a\nALIBABA_CODING_PLAN_API_KEY=sk-sp-b", "DASHSCOPE_API_KEY"),
        ("ALIBABA_TOKEN_PLAN_API_KEY=sk-sp-c\nALIBABA_CODING_PLAN_API_KEY=sk-sp-b", "ALIBABA_CODING_PLAN_API_KEY"),
        ("DASHSCOPE_API_KEY=sk-a\nALIBABA_TOKEN_PLAN_API_KEY=sk-sp-c", "ALIBABA_TOKEN_PLAN_API_KEY"),
        ("DASHSCOPE_API_KEY=other\nALIBABA_TOKEN_PLAN_API_KEY=another", "DASHSCOPE_API_KEY"),
    ],
)
def test_takes_the_key_from_the_first_variable_with_a_matching_prefix(home: Folder, env: str, variable: str) -> None:
    assert only(home, {"preset": "bailian-coding"}, env=env).api_key_env == variable


def test_the_users_variable_replaces_those_of_the_catalogue(home: Folder) -> None:
    own = {"preset": "bailian-coding", "api_key_env": "MINE"}
    config = home.loads({"providers": [own, RELAY]}, environ={"DASHSCOPE_API_KEY": "sk-sp-a"})
    assert config.skipped == (Skipped("bailian-coding", "MINE"),)


@pytest.mark.parametrize("model", ["glm-5.3", "glm-5.3[1m]", "glm-5.3[1M]"])
def test_one_model_serves_all_tiers_and_every_other_name(home: Folder, model: str) -> None:
    provider = only(home, RELAY | {"models": model})
    assert dict(provider.models) == dict.fromkeys(("opus", "sonnet", "haiku", "fable", "default"), "glm-5.3")
    assert provider.own_models == ("glm-5.3",)


def test_removes_the_context_suffix_from_the_model_of_a_tier(home: Folder) -> None:
    provider = only(home, RELAY | {"models": {"opus": "glm-5.3[1M]", "default": "glm-5.3[1m]"}})
    assert dict(provider.models) == {"opus": "glm-5.3", "default": "glm-5.3"}


def test_models_by_tier_override_those_of_the_catalogue_one_by_one(home: Folder) -> None:
    provider = only(home, {"preset": "minimax", "models": {"haiku": "MiniMax-M2.7", "default": "other"}})
    assert provider.models["opus"] == "MiniMax-M3"
    assert (provider.models["haiku"], provider.models["default"]) == ("MiniMax-M2.7", "other")
    assert provider.own_models == (*entry_of("minimax").models, "other")


def test_sends_the_users_headers_in_lower_case(home: Folder) -> None:
    provider = only(home, RELAY | {"headers": {"X-Team": " blue ", "X-Name": "Zoë", "X-Empty": ""}})
    assert provider.headers == ((b"x-team", b"blue"), (b"x-name", b"Zo\xeb"), (b"x-empty", b""))


def test_loads_every_general_setting(home: Folder) -> None:
    config = home.loads(
        {
            "$schema": "anything",
            "providers": [RELAY],
            "proxy_port": 1,
            "host": "::1",
            "cooldown_minutes": 0.5,
            "retry_statuses": [429, 400],
            "max_body_mb": 1.5,
            "ping_after_seconds": 0,
            "log_level": "debug",
            "usage_days": 30,
            "proxy_url": "http://user:pass@proxy.example",
        },
    )
    assert (config.port, config.host, config.log_level, config.usage_days) == (1, "::1", "debug", 30)
    assert config.policy == Policy(frozenset({429, 400}), 30.0, 1572864, 0)
    assert config.egress.proxy_url == "http://user:pass@proxy.example:80"
    assert config.warnings == ()


def test_leaves_out_a_disabled_provider_silently(home: Folder) -> None:
    config = home.loads({"providers": [{"preset": "zai", "enabled": False}, RELAY]})
    assert [provider.name for provider in config.providers] == ["relay"]
    assert (config.skipped, config.warnings) == ((), ())


def test_skips_a_provider_without_a_key_and_names_the_variable(home: Folder) -> None:
    config = home.loads({"providers": [{"preset": "zai"}, RELAY]})
    assert [provider.name for provider in config.providers] == ["relay"]
    assert config.skipped == (Skipped("zai", "ZAI_API_KEY"),)
    assert config.warnings == (
        "config.json: provider zai is skipped: its key is missing. Set ZAI_API_KEY in .env or in the environment.",
    )


@pytest.mark.parametrize(
    ("env", "environ", "key"),
    [
        ("MINIMAX_API_KEY=file", {"MINIMAX_API_KEY": "environment"}, "environment"),
        ("MINIMAX_API_KEY=file", {"MINIMAX_API_KEY": " "}, "file"),
        (None, {"MINIMAX_API_KEY": " environment\n"}, "environment"),
        ("export MINIMAX_API_KEY='file' # comment\n", {}, "file"),
        ("\ufeffMINIMAX_API_KEY = file\r\n", {}, "file"),
        ("OTHER=file\nMINIMAX_API_KEY=${OTHER}", {}, "file"),
        ("OTHER=file\nMINIMAX_API_KEY=${OTHER}", {"OTHER": "environment"}, "environment"),
        ("\n# comment\n\nMINIMAX_API_KEY=a$b", {}, "a$b"),
    ],
)
def test_takes_a_key_from_the_environment_else_from_the_file(
    home: Folder, env: str | None, environ: dict[str, str], key: str
) -> None:
    provider = only(home, RELAY, env=env, environ=environ)
    source = KeySource.ENVIRONMENT if environ.get("MINIMAX_API_KEY", "").strip() else KeySource.FILE
    assert (provider.api_key, provider.api_key_source) == (key, source)


@pytest.mark.parametrize(("ending", "name"), [("/v1", "/v1"), ("/v1/messages", "/v1/messages"), ("/v1/", "/v1")])
def test_removes_what_every_request_adds_to_an_address_with_a_warning(home: Folder, ending: str, name: str) -> None:
    config = home.loads({"providers": [{"base_url": f"https://api.minimax.io/anthropic{ending}"}]})
    assert config.providers[0].base_url == "https://api.minimax.io/anthropic"
    assert config.warnings == (
        (
            f'config.json: providers[0].base_url: the "{name}" at its end is left out, '
            "since every request adds it. Remove it."
        ),
    )


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("http://localhost:11434", Origin("http", "localhost", 11434)),
        ("http://relay.localhost", Origin("http", "relay.localhost", 80)),
        ("http://127.0.0.1/a", Origin("http", "127.0.0.1", 80)),
        ("http://[::1]:8080", Origin("http", "::1", 8080)),
        ("http://10.1.2.3", Origin("http", "10.1.2.3", 80)),
        ("http://192.168.0.9:1", Origin("http", "192.168.0.9", 1)),
        ("http://[fd00::1]", Origin("http", "fd00::1", 80)),
        ("http://100.64.0.1", Origin("http", "100.64.0.1", 80)),
        ("http://Relay.Example", Origin("http", "relay.example", 80)),
        ("https://[2606:4700::1]/x", Origin("https", "2606:4700::1", 443)),
    ],
)
def test_accepts_plain_http_to_private_and_allowed_hosts(home: Folder, address: str, origin: Origin) -> None:
    config = home.loads({"providers": [RELAY | {"base_url": address}], "allow_http_hosts": ["relay.EXAMPLE"]})
    assert config.providers[0].origin == origin
    assert config.providers[0].base_url == address.lower()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.9", "::1", "::ffff:127.0.0.1"])
def test_does_not_warn_about_a_loopback_host(home: Folder, host: str) -> None:
    assert home.loads({"providers": [RELAY], "host": host}).warnings == ()


def test_warns_about_a_host_that_lets_others_in(home: Folder) -> None:
    config = home.loads({"providers": [RELAY], "host": "0.0.0.0"})  # noqa: S104 - it is what is warned of
    assert config.host == "0.0.0.0"  # noqa: S104
    assert config.warnings == (
        (
            'config.json: host: "0.0.0.0" lets other machines reach this proxy, over plain http. '
            'Write "127.0.0.1" unless you want that.'
        ),
    )


@pytest.mark.skipif(os.name != "posix", reason="only POSIX modes say who may read a file")
def test_warns_about_keys_that_others_can_read(home: Folder) -> None:
    odd = Folder(home.path / 'a "home" for $5')
    odd.path.mkdir()
    odd.write({"providers": [RELAY]})
    file = odd.path / ".env"
    file.chmod(0o640)
    assert load(odd.path, {}).warnings == (
        f".env: others on this machine may read your keys (mode 0640). Run: chmod 600 '{file}'",
    )


@pytest.mark.parametrize(
    ("settings", "environ", "egress"),
    [
        ({}, {"HTTPS_PROXY": "http://p:1", "https_proxy": "http://q:2"}, Egress("http://p:1")),
        ({}, {"HTTPS_PROXY": "", "https_proxy": "http://q:2/"}, Egress("http://q:2")),
        ({}, {"ALL_PROXY": "http://[::1]:3128"}, Egress("http://[::1]:3128")),
        ({}, {"all_proxy": "proxy.example:3128"}, Egress("http://proxy.example:3128")),
        ({}, {"HTTP_PROXY": "http://p:1"}, Egress()),
        ({"proxy_url": "http://own:1"}, {"HTTPS_PROXY": "http://p:1"}, Egress("http://own:1")),
        ({"proxy_url": ""}, {"HTTPS_PROXY": "http://p:1"}, Egress()),
        ({}, {"NO_PROXY": "a.example, .b.example\tc"}, Egress(None, ("a.example", ".b.example", "c"))),
        ({}, {"no_proxy": "*"}, Egress(None, ("*",))),
    ],
)
def test_takes_the_proxy_from_the_configuration_else_from_the_environment(
    home: Folder, settings: dict[str, str], environ: dict[str, str], egress: Egress
) -> None:
    config = home.loads({"providers": [RELAY], **settings}, environ=environ)
    assert config.egress == egress
    assert config.warnings == ()


def test_ignores_a_proxy_of_the_environment_that_is_not_http_with_a_warning(home: Folder) -> None:
    config = home.loads({"providers": [RELAY]}, environ={"ALL_PROXY": "socks5://user:hunter2@proxy.example:1080"})
    assert config.egress == Egress()
    assert config.warnings == (
        (
            "environment: ALL_PROXY: is not the address of an HTTP proxy, and is ignored. "
            'Set "proxy_url" in config.json.'
        ),
    )


def test_the_fingerprint_changes_only_with_one_of_the_files(home: Folder) -> None:
    assert fingerprint(home.path) == (None, None)
    home.write(FORM, env=None)
    first = fingerprint(home.path)
    assert first == fingerprint(home.path)
    assert first[1] is None
    home.write(FORM + "\n", env=None)
    second = fingerprint(home.path)
    assert second[0] != first[0]
    home.write(FORM + "\n")
    assert fingerprint(home.path)[1] is not None


def test_its_repr_shows_no_key(home: Folder) -> None:
    own = RELAY | {"headers": {"X-Own": "sk-header"}}
    config = home.loads({"providers": [own], "proxy_url": "http://u:sk-proxy@p:1"}, env="MINIMAX_API_KEY=sk-key")
    assert "sk-" not in repr(config)
