"""The user's own orders: which are taken, what is left out of them, and what is wrong with others."""

from __future__ import annotations

import json

import pytest

from claude_proxy.config.load import ConfigError, survey
from claude_proxy.core.routing import RouteEntry, Routes
from claude_proxy.core.types import Failback
from config.folder import Folder

PROVIDERS = [{"preset": "minimax"}, {"preset": "moonshot"}, {"preset": "zai"}, {"preset": "deepseek", "enabled": False}]


def routes(home: Folder, given: object) -> Routes:
    return home.loads({"providers": PROVIDERS, "routes": given}).routes


def test_uses_the_order_of_the_providers_without_routes(home: Folder) -> None:
    assert home.loads({"providers": PROVIDERS}).routes == Routes() == routes(home, {})


def test_a_place_is_a_provider_or_one_of_its_models(home: Folder) -> None:
    given = {
        "opus": ["moonshot", "minimax"],
        "haiku": ["minimax/MiniMax-M2.7[1M]", "moonshot/vendor/kimi[1m]"],
        "default": ["minimax"],
        "long_context": ["minimax/MiniMax-M3"],
        "long_context_tokens": 150000,
    }
    assert routes(home, given) == Routes(
        by_tier={
            "opus": (RouteEntry("moonshot"), RouteEntry("minimax")),
            "haiku": (RouteEntry("minimax", "MiniMax-M2.7"), RouteEntry("moonshot", "vendor/kimi")),
            "default": (RouteEntry("minimax"),),
        },
        long_context=(RouteEntry("minimax", "MiniMax-M3"),),
        long_context_tokens=150000,
    )


def test_a_request_class_can_have_a_route(home: Folder) -> None:
    given = {"auxiliary": ["minimax"], "compaction": ["moonshot/kimi-k3"], "subagent": [], "workflow": ["zai"]}
    assert routes(home, given) == Routes(
        by_class={"auxiliary": (RouteEntry("minimax"),), "compaction": (RouteEntry("moonshot", "kimi-k3"),)}
    )


def test_leaves_out_unusable_providers_and_drops_an_empty_route(home: Folder) -> None:
    given = {"opus": ["zai", "minimax"], "haiku": ["deepseek/deepseek-flash"], "long_context": ["zai"], "fable": []}
    config = home.loads({"providers": PROVIDERS, "routes": given})
    assert config.routes == Routes(by_tier={"opus": (RouteEntry("minimax"),)})
    assert config.warnings[:-1] == (
        "config.json: routes.opus: zai is left out, since its key is missing.",
        "config.json: routes.haiku: deepseek is left out, since it is disabled.",
        "config.json: routes.long_context: zai is left out, since its key is missing.",
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"opus": ["minimx/a"]}, 'routes.opus[0]: "minimx" is not the name of a provider. Did you mean "minimax"?'),
        (
            {"sonnet": ["minimax", "qqq"]},
            ('routes.sonnet[1]: "qqq" is not the name of a provider. There are deepseek, minimax, moonshot, zai.'),
        ),
        ({"opus": ["Minimax"]}, 'routes.opus[0]: "Minimax" is not the name of a provider. Did you mean "minimax"?'),
        (
            {"opus": "minimax"},
            'routes.opus: "minimax" is not a list. Write one, such as ["minimax", "zai/glm-5.3"].',
        ),
        (
            {"opus": ["minimax/"]},
            (
                'routes.opus[0]: "minimax/" is not the name of a provider, with or without a model of its own behind '
                'a slash. Write one, such as "zai/glm-5.3".'
            ),
        ),
        ({"opsu": []}, 'routes.opsu: is an unknown key. Did you mean "opus"?'),
        (
            {"long_context_tokens": 0},
            (
                "routes.long_context_tokens: 0 is not a whole number of tokens from 1 to 100000000. "
                "Write one, such as 200000."
            ),
        ),
        ([], 'routes: a list is not an object. Write one, such as {"haiku": ["zai/glm-5.3-flash", "minimax"]}.'),
    ],
)
def test_says_what_is_wrong_with_a_route(home: Folder, given: object, message: str) -> None:
    assert home.faults({"providers": PROVIDERS, "routes": given}) == [f"config.json: {message}"]


def test_a_survey_reports_unknown_names_but_no_missing_keys() -> None:
    given = {"providers": PROVIDERS, "routes": {"opus": ["zai", "minimax"]}}
    assert survey(json.dumps(given), "", {}).warnings == ()
    given["providers"] = PROVIDERS[:2]
    with pytest.raises(ConfigError, match=r'routes\.opus\[0\]: "zai" is not the name of a provider'):
        survey(json.dumps(given), "", {})


def test_reports_a_faulty_provider_only_once(home: Folder) -> None:
    faulty = {"name": "relay", "base_url": "ftp://x", "api_key_env": "MINIMAX_API_KEY"}
    (found,) = home.faults({"providers": [*PROVIDERS, faulty], "routes": {"opus": ["relay"]}})
    assert found.startswith("config.json: providers[4].base_url: ")


def test_loads_failback_and_failover_on_auth(home: Folder) -> None:
    usual = home.loads({"providers": PROVIDERS}).policy
    assert (usual.failback, usual.failover_on_auth) == (Failback.CACHE_AWARE, False)
    for failback in Failback:
        given = {"providers": PROVIDERS, "failback": failback.value, "failover_on_auth": True}
        policy = home.loads(given).policy
        assert (policy.failback, policy.failover_on_auth) == (failback, True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"failback": "cache_aware"},
            'failback: "cache_aware" is not "cache-aware", "immediate" or "never". Did you mean "cache-aware"?',
        ),
        ({"failover_on_auth": "yes"}, 'failover_on_auth: "yes" is not true or false. Write true or false, without qu'),
    ],
)
def test_says_which_choices_there_are(home: Folder, given: dict[str, object], message: str) -> None:
    (found,) = home.faults({"providers": PROVIDERS, **given})
    assert found.startswith(f"config.json: {message}")


def test_the_model_that_checks_tool_calls_is_one_of_a_provider(home: Folder) -> None:
    config = home.loads({"providers": PROVIDERS, "auto_mode": "moonshot/kimi-k3"})
    assert config.auto_mode is not None
    assert config.auto_mode.key == ("moonshot", "kimi-k3")
    assert home.loads({"providers": PROVIDERS}).auto_mode is None


def test_a_check_by_a_provider_that_cannot_be_used_is_left_out(home: Folder) -> None:
    config = home.loads({"providers": PROVIDERS, "auto_mode": "zai/glm-5.3"})
    assert config.auto_mode is None
    assert "config.json: auto_mode: zai is left out, since its key is missing." in config.warnings


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("minimax", 'auto_mode: "minimax" names no model. Write it as "provider/model"'),
        ("minimx/a", 'auto_mode: "minimx" is not the name of a provider. Did you mean "minimax"?'),
    ],
)
def test_a_check_by_what_is_no_model_is_an_error(home: Folder, given: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        home.loads({"providers": PROVIDERS, "auto_mode": given})
    assert message in str(raised.value)
