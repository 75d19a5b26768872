"""What a provider is sent and what is known of it, said for each one of the catalogue."""

from __future__ import annotations

import pytest

from claude_proxy.cli.providers import formatting
from claude_proxy.config.catalogue import catalogue
from claude_proxy.config.prices import price_lists
from claude_proxy.core.auth import Auth
from claude_proxy.core.types import Origin, Provider
from fakes.command_line import CommandLine

CONFIG = """{"providers": [
  {"preset": "minimax", "headers": {"x-team": "blue-private"}},
  {"preset": "zai", "name": "glm", "enabled": false, "model_facts": {"glm-5.3": {"context": 64000}}},
  {"preset": "anthropic", "auth": "client"},
  {"name": "mine", "base_url": "https://mine.example/api", "api_key_env": "MINE_KEY", "models": "m1"}
]}"""


@pytest.fixture
def own(cli: CommandLine) -> CommandLine:
    cli.home.config.write_text(CONFIG, encoding="utf-8")
    cli.home.env.write_text("MINIMAX_API_KEY=sk-minimax-4f9d1c7a2b\n", encoding="utf-8")
    cli.home.env.chmod(0o600)
    return cli


def shown(cli: CommandLine, name: str) -> str:
    done = cli("providers", "show", name)
    assert (done.code, done.err) == (0, "")
    return done.out


def test_shows_what_a_configured_provider_is_sent(own: CommandLine) -> None:
    text = shown(own, "minimax")
    lines = text.splitlines()
    assert lines[0] == "minimax: MiniMax (international)"
    assert lines[1].split() == ["sent", "to", "POST", "https://api.minimax.io/anthropic/v1/messages"]
    assert lines[2].split() == ["with", "authorization:", "Bearer", "<MINIMAX_API_KEY>"]
    assert "x-team" in text
    assert "blue-private" not in text
    assert ["MiniMax-M3", "all", "1000k", "131k", "yes", "-", "0.3", "1.2", "0.06", "0.3"] in [
        row.split() for row in lines
    ]
    assert "MiniMax-M3 above 512000 tokens: in 0.6, out 2.4, cached 0.12, written 0.6" in text
    assert "- replaced by a short text: documents" in text
    assert "- A 429 with the code 2056 means that the plan's limit is reached." in text
    assert "- API_TIMEOUT_MS=3000000" in text
    assert f"As of {catalogue().as_of}. Mark A: official documentation." in text


def test_shows_the_users_settings_of_a_provider(own: CommandLine) -> None:
    text = shown(own, "glm")
    assert "glm: Z.ai (GLM, international) (disabled)" in text
    assert "<ZAI_API_KEY> (not set)" in text
    assert ["glm-5.3", "opus,", "sonnet,", "fable", "64k"] in [row.split()[:5] for row in text.splitlines()]


def test_a_dated_name_is_shown_with_what_is_known_of_its_model(cli: CommandLine) -> None:
    dated = '{"providers": [{"preset": "anthropic", "models": {"haiku": "claude-haiku-4-5-20251001"}}]}'
    cli.home.config.write_text(dated, encoding="utf-8")
    rows = [row.split()[:4] for row in shown(cli, "anthropic").splitlines()]
    assert ["claude-haiku-4-5-20251001", "all", "200k", "64k"] in rows


def test_shows_a_provider_that_the_catalogue_does_not_have(own: CommandLine) -> None:
    text = shown(own, "mine")
    assert "POST https://mine.example/api/v1/messages" in text
    assert "not known: it is tried" in text
    assert "As of" not in text


def test_a_provider_with_claude_codes_login_is_sent_requests_as_they_are(own: CommandLine) -> None:
    text = shown(own, "anthropic")
    assert "authorization: <Claude Code's own login>" in text
    assert "- left out: thinking from another provider" in text
    assert "- nothing else: its plan accepts Claude Code's requests as they are" in text


def test_a_preset_need_not_be_configured(cli: CommandLine) -> None:
    assert "zai: Z.ai (GLM, international) (not configured)" in shown(cli, "zai")
    assert "https://bedrock-mantle.your-region.api.aws/anthropic/v1/messages" in shown(cli, "bedrock-mantle")
    assert "no key" in shown(cli, "ollama")


def test_nothing_is_cut_on_a_narrow_terminal(own: CommandLine) -> None:
    done = own("providers", "show", "bedrock-mantle", environ={"FORCE_COLOR": "1", "NO_COLOR": "1", "COLUMNS": "80"})
    assert "anthropic.claude-haiku-4-5" in done.out


def test_shows_that_a_plan_pays_and_what_its_tokens_would_cost(cli: CommandLine) -> None:
    text = shown(cli, "kimi-code")
    assert "A plan with a flat fee pays. The prices, in USD per million tokens, are those without it." in text
    assert ["k3", "-", "1048k", "-", "-", "-", "3", "15", "0.3", "3"] in [row.split() for row in text.splitlines()]
    assert "kimi-for-coding: no price is known, since Moonshot does not say" in text


def test_shows_the_prices_of_the_user(cli: CommandLine) -> None:
    own = '{"preset": "zai", "model_facts": {"glm-5.3": {"price": {"input": 0, "cache_read": null}}}}'
    cli.home.config.write_text(f'{{"providers": [{own}]}}', encoding="utf-8")
    rows = [row.split() for row in shown(cli, "zai").splitlines()]
    assert ["0", "4.4", "-", "1.4"] in [row[-4:] for row in rows if row[:1] == ["glm-5.3"]]


def test_says_of_which_day_the_prices_are(cli: CommandLine) -> None:
    assert f"Prices as of {price_lists().as_of}, most of them from genai-prices" in shown(cli, "anthropic")
    assert "written to the cache for an hour: claude-fable-5-2 16, claude-fable-5-1 20" in shown(cli, "anthropic")


def test_models_are_summed_up_by_the_most_frequent_one() -> None:
    assert formatting.format_models({}) == "as requested"
    assert formatting.format_models({"opus": "a", "haiku": "b", "sonnet": "a"}) == "a, haiku: b"


@pytest.mark.parametrize(
    ("auth", "told"),
    [
        (Auth.BEARER, "authorization: Bearer <A_KEY>"),
        (Auth.X_API_KEY, "x-api-key: <A_KEY>"),
        (Auth.CLIENT, "authorization: <Claude Code's own login>"),
        (Auth.NONE, "no key"),
    ],
)
def test_shows_how_requests_are_authenticated(auth: Auth, told: str) -> None:
    provider = Provider("a", "https://a.example", Origin("https", "a.example", 443), auth, "secret", "A_KEY")
    assert formatting.auth_header(provider, "A_KEY") == told
