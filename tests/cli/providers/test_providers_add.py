"""A provider is added with its key, in the files of the user; the rest of them stays."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from cli.providers.typed_answers import typed_in
from fakes.command_line import KEYS, CommandLine
from fakes.config_files import CONFIG, ENV, read_config, read_env, rows

KEY = KEYS["MOONSHOT_API_KEY"]


def test_adds_a_provider_at_the_end_with_its_key_from_standard_input(own: CommandLine) -> None:
    done = own("providers", "add", "deepseek", "--key-stdin", stdin=f"{KEY}\n")
    assert (done.code, done.err) == (0, "")
    assert read_config(own) == CONFIG.replace("} /* dear */", '} /* dear */,\n    {"preset": "deepseek"}')
    assert read_env(own) == f"{ENV}DEEPSEEK_API_KEY={KEY}\n"
    assert "number 4 of your 4 providers" in done.out
    assert "as DEEPSEEK_API_KEY" in done.out


def test_adds_a_provider_first_with_its_settings(own: CommandLine) -> None:
    arguments = ["--first", "--name", "relay", "--base-url", "https://relay.example", "--api-key-env", "RELAY_KEY"]
    done = own("providers", "add", "deepseek", *arguments, "--model", "m1", "--key-stdin", stdin=KEY)
    assert (done.code, done.err) == (0, "")
    element = {"preset": "deepseek", "name": "relay", "base_url": "https://relay.example", "models": "m1"}
    written = json.dumps({**element, "api_key_env": "RELAY_KEY"})
    assert read_config(own) == CONFIG.replace("    // the cheap", f"    {written},\n    // the cheap")
    assert "number 1 of your 4 providers" in done.out
    assert read_env(own).endswith(f"RELAY_KEY={KEY}\n")


def test_fills_in_the_empty_line_of_the_keys_variable(own: CommandLine) -> None:
    done = own("providers", "add", "zai", "--key-stdin", stdin=KEY)
    assert done.code == 0
    assert read_env(own) == ENV.replace("ZAI_API_KEY=", f"ZAI_API_KEY={KEY}")


def test_uses_a_key_that_is_already_set_and_leaves_env_alone(own: CommandLine) -> None:
    done = own("providers", "add", "deepseek", environ={"DEEPSEEK_API_KEY": KEY})
    assert (done.code, done.err) == (0, "")
    assert read_env(own) == ENV
    assert "DEEPSEEK_API_KEY (from the environment); .env was not changed" in done.out


def test_without_a_terminal_it_asks_for_no_key_and_changes_nothing(own: CommandLine) -> None:
    done = own("providers", "add", "deepseek")
    assert done.code == 2
    assert "cannot ask for the key: standard input is no terminal" in done.err
    assert "DEEPSEEK_API_KEY" in done.err
    assert (read_config(own), read_env(own)) == (CONFIG, ENV)


def test_creates_a_private_configuration_if_there_is_none(cli: CommandLine) -> None:
    done = cli("providers", "add", "moonshot", "--key-stdin", stdin=KEY)
    assert (done.code, done.err) == (0, "")
    assert read_config(cli) == '{\n  "providers": [\n    {"preset": "moonshot"}\n  ]\n}\n'
    assert read_env(cli) == f"MOONSHOT_API_KEY={KEY}\n"
    assert "Added moonshot (your only provider)." in done.out
    if os.name == "posix":
        assert [stat.S_IMODE(path.stat().st_mode) for path in (cli.home.config, cli.home.env)] == [0o600, 0o600]
    assert cli("check").code == 0


@pytest.mark.parametrize("text", ["{}", '{"proxy_port": 8790}', '{"providers": []}', "\ufeff{\r\n}\r\n"])
def test_a_configuration_without_providers_gets_its_first(cli: CommandLine, text: str) -> None:
    cli.home.config.write_bytes(text.encode())
    done = cli("providers", "add", "moonshot", "--key-stdin", stdin=KEY)
    assert (done.code, done.err) == (0, "")
    assert [row[0] for row in rows(cli("providers"))] == ["name", "moonshot"]


def test_leaves_a_provider_that_is_already_configured_as_it_is(own: CommandLine) -> None:
    done = own("providers", "add", "minimax")
    assert (done.code, done.err) == (0, "")
    assert "minimax is already in" in done.out
    assert "(number 1 of your 3 providers); it was not changed" in done.out
    assert (read_config(own), read_env(own)) == (CONFIG, ENV)


@pytest.mark.parametrize(
    "arguments",
    [["--auth", "none"], ["--first"], ["--name", "MINIMAX", "--model", "M2"], ["--base-url", "https://a.b"]],
)
def test_rejects_other_settings_for_a_provider_that_is_already_configured(
    own: CommandLine, arguments: list[str]
) -> None:
    done = own("providers", "add", "minimax", *arguments)
    assert (done.code, done.out) == (2, "")
    assert "minimax is already in config.json; nothing was changed" in done.err
    assert "claude-proxy providers order minimax" in done.err
    assert (read_config(own), read_env(own)) == (CONFIG, ENV)


def test_rejects_the_name_of_another_provider(own: CommandLine) -> None:
    done = own("providers", "add", "deepseek", "--name", "GLM", environ={"DEEPSEEK_API_KEY": KEY})
    assert done.code == 2
    assert "glm is the name of another provider" in done.err
    assert read_config(own) == CONFIG


def test_suggests_the_nearest_name(own: CommandLine) -> None:
    for arguments, near in [
        (("add", "depseek"), "deepseek"),
        (("remove", "minimx"), "minimax"),
        (("show", "za"), "zai"),
    ]:
        done = own("providers", *arguments)
        assert done.code == 2
        assert f'Did you mean "{near}"?' in done.err
    assert read_config(own) == CONFIG


def test_warns_of_a_key_with_an_unusual_beginning_and_does_not_show_it(cli: CommandLine) -> None:
    done = cli("providers", "add", "openrouter", "--key-stdin", stdin=KEY)
    assert done.code == 0
    assert "warning: the key does not begin with sk-or-" in done.err
    assert KEY in read_env(cli)


@pytest.mark.parametrize("typed", ["", "\n", "two words", "one\ntwo", "schlüssel", "k" * 9000])
def test_rejects_what_is_no_key(own: CommandLine, typed: str) -> None:
    done = own("providers", "add", "deepseek", "--key-stdin", stdin=typed)
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert typed.strip() == "" or typed.strip() not in done.err
    assert (read_config(own), read_env(own)) == (CONFIG, ENV)


def test_rejects_a_key_that_env_would_read_differently(own: CommandLine) -> None:
    done = own("providers", "add", "deepseek", "--key-stdin", stdin="a${HOME}b")
    assert done.code == 2
    assert "Set DEEPSEEK_API_KEY in the environment instead." in done.err
    assert read_env(own) == ENV


def test_warns_of_a_variable_in_the_environment_that_overrides_the_new_key(own: CommandLine) -> None:
    done = own("providers", "add", "deepseek", "--key-stdin", stdin=KEY, environ={"DEEPSEEK_API_KEY": "sk-other"})
    assert done.code == 0
    assert "DEEPSEEK_API_KEY is also set in the environment, which overrides .env" in done.err


def test_asks_for_an_address_with_parts_of_the_users_own(own: CommandLine) -> None:
    done = own("providers", "add", "bedrock-mantle")
    assert done.code == 2
    assert "--base-url https://bedrock-mantle.{region}.api.aws/anthropic" in done.err
    url = "https://bedrock-mantle.eu-central-1.api.aws/anthropic"
    done = own("providers", "add", "bedrock-mantle", "--base-url", url, "--key-stdin", stdin=KEY)
    assert done.code == 0
    assert url in read_config(own)
    assert own("providers", "add", "bedrock-mantle").code == 0


def test_a_provider_on_this_machine_needs_no_key(own: CommandLine) -> None:
    done = own("providers", "add", "ollama", "--model", "qwen3-coder")
    assert (done.code, done.err) == (0, "")
    assert "It needs no key" in done.out
    assert read_env(own) == ENV


def test_a_plan_uses_claude_codes_own_login_and_no_key(own: CommandLine) -> None:
    done = own("providers", "add", "anthropic", "--auth", "client", "--first")
    assert (done.code, done.err) == (0, "")
    assert "Claude Code's own login" in done.out
    assert "Type claude-fb again" in done.out
    assert "providers test" not in done.out
    assert '    {"preset": "anthropic", "auth": "client"},\n    // the cheap one\n' in read_config(own)
    before = read_config(own)
    for arguments in [("anthropic",), ("deepseek", "--auth", "none")]:
        done = own("providers", "add", *arguments, "--key-stdin", stdin=KEY)
        assert done.code == 2
        assert "is sent no key" in done.err
        assert (read_config(own), read_env(own)) == (before, ENV)


@pytest.mark.parametrize(
    ("config", "env", "words"),
    [
        ('{"providers": [', ENV, "is not JSON at line 1"),
        ('{"providers": {}}', ENV, "providers: an object is not a list of providers"),
        ('{"providers": [{"preset": "zai", "nmae": "a"}]}', ENV, 'Did you mean "name"?'),
        ('{"providers": [], "providers": []}', ENV, "is written twice"),
        (CONFIG, "NOT A LINE\n", ".env: line 1: is not of the form NAME=value"),
    ],
)
def test_broken_files_are_reported_and_left_alone(cli: CommandLine, config: str, env: str, words: str) -> None:
    cli.home.config.write_text(config, encoding="utf-8")
    cli.home.env.write_text(env, encoding="utf-8")
    for arguments in [("add", "deepseek", "--key-stdin"), ("remove", "zai"), ("order", "zai")]:
        done = cli("providers", *arguments, stdin=KEY)
        assert done.code == 2
        assert words in done.err
        assert (read_config(cli), read_env(cli)) == (config, env)


def test_does_not_write_a_configuration_with_a_fault(own: CommandLine) -> None:
    done = own("providers", "add", "deepseek", "--base-url", "http://public.example", "--key-stdin", stdin=KEY)
    assert done.code == 2
    assert "providers[3].base_url: is http:// to a public host" in done.err
    assert (read_config(own), read_env(own)) == (CONFIG, ENV)


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither such modes nor links for everybody")
def test_links_and_modes_of_both_files_stay(own: CommandLine, tmp_path: Path) -> None:
    for path, mode in ((own.home.config, 0o640), (own.home.env, 0o640)):
        moved = tmp_path / path.name
        path.rename(moved)
        moved.chmod(mode)
        path.symlink_to(moved)
    done = own("providers", "add", "deepseek", "--key-stdin", stdin=KEY)
    assert done.code == 0
    assert "others on this machine may read your keys" in done.err
    for path in (own.home.config, own.home.env):
        assert path.is_symlink()
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert "deepseek" in (tmp_path / "config.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(("typed", "kept"), [(KEY, True), (f"MOONSHOT_API_KEY='{KEY}',", True), ("", False)])
def test_asks_for_the_key_on_a_terminal_without_an_echo(own: CommandLine, typed: str, kept: bool) -> None:
    code, shown = typed_in(own, "providers", "add", "deepseek", answers=[("later): ", typed)])
    assert code == 0
    assert '{"preset": "deepseek"}' in read_config(own)
    assert (f"DEEPSEEK_API_KEY={KEY}\n" in read_env(own)) is kept
    for words in ("Its key is missing", "When it has its key, test it"):
        assert (words in shown) is not kept


@pytest.mark.parametrize(
    ("wanted", "preset", "also"),
    [
        ("DeepSeek", "deepseek", ""),
        ("kimi", "moonshot", "kimi-code, moonshot-cn"),
        ("Kimi-K3", "moonshot", "moonshot-cn"),
        ("kimi-china", "moonshot-cn", "moonshot"),
        ("qwen", "dashscope-intl", "dashscope"),
        ("Z-AI", "zai", ""),
        ("OpenRouter.ai", "openrouter", ""),
        ("Doubao", "volcengine", ""),
        ("llama.cpp", "llamacpp", ""),
    ],
)
def test_adds_what_an_everyday_name_means_and_says_which_it_is(
    own: CommandLine, wanted: str, preset: str, also: str
) -> None:
    done = own("providers", "add", wanted, "--key-stdin", "--api-key-env", "OWN_KEY", "--name", "own", stdin=KEY)
    assert done.code == 0
    assert f'{{"preset": "{preset}", "name": "own"' in read_config(own)
    first = done.out.splitlines()[0]
    assert first.startswith(f'"{wanted}" is {preset}: ')
    assert also in first


@pytest.mark.parametrize("wanted", ["gemini", "openai", "", "coding plan", "-", "\x1b[31m"])
def test_a_name_that_the_catalogue_does_not_have_is_told_what_there_is(own: CommandLine, wanted: str) -> None:
    done = own("providers", "add", "--", wanted)
    assert done.code == 2
    assert "is not in the catalogue" in done.err
    assert "claude-proxy providers add URL" in done.err
    assert "openrouter" in done.err
    assert "Did you mean" not in done.err
    assert "\x1b" not in done.err
    assert (read_config(own), read_env(own)) == (CONFIG, ENV)


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("https://api.example.com/anthropic", {"name": "example", "base_url": "https://api.example.com/anthropic"}),
        ("https://API.Example.com/v1/messages?beta=true", {"name": "example", "base_url": "https://api.example.com"}),
        ("llm.corp.example/claude/v1/", {"name": "corp", "base_url": "https://llm.corp.example/claude"}),
        ("https://10.0.0.7:8443", {"name": "server-10-0-0-7", "base_url": "https://10.0.0.7:8443"}),
    ],
)
def test_adds_an_address_of_the_users_own_under_a_name_from_its_host(
    own: CommandLine, url: str, settings: dict[str, str]
) -> None:
    done = own("providers", "add", url, "--model", "m1", "--key-stdin", stdin=KEY)
    assert (done.code, done.err) == (0, "")
    variable = settings["name"].replace("-", "_").upper() + "_API_KEY"
    assert json.dumps({**settings, "models": "m1", "api_key_env": variable}) in read_config(own)
    assert f"{variable}={KEY}\n" in read_env(own)
    assert f"POST {settings['base_url']}/v1/messages" in done.out
    assert own("check").code == 0


@pytest.mark.parametrize("url", ["http://localhost:9000", "127.0.0.1:9000/v1", "http://[::1]:9000"])
def test_an_address_on_this_machine_needs_no_key(own: CommandLine, url: str) -> None:
    done = own("providers", "add", url, "--model", "m1")
    assert (done.code, done.err) == (0, "")
    assert '"name": "local-9000"' in read_config(own)
    assert '"auth": "none"' in read_config(own)
    assert read_env(own) == ENV


def test_a_second_address_of_one_host_gets_another_name_and_the_same_one_is_left_alone(own: CommandLine) -> None:
    for path in ("a", "b"):
        done = own("providers", "add", f"https://api.example.com/{path}", "--model", "m", "--key-stdin", stdin=KEY)
        assert done.code == 0
    before = read_config(own)
    assert '"name": "example-2"' in before
    done = own("providers", "add", "https://api.example.com/b")
    assert done.code == 0
    assert "example-2 is already in" in done.out
    assert read_config(own) == before


def test_an_address_of_the_catalogue_is_that_provider(own: CommandLine) -> None:
    done = own("providers", "add", "https://api.deepseek.com/anthropic/v1/messages", "--key-stdin", stdin=KEY)
    assert (done.code, done.err) == (0, "")
    assert '{"preset": "deepseek"}' in read_config(own)


def test_a_name_of_the_users_own_with_an_address_is_a_provider_too(own: CommandLine) -> None:
    options = ("--base-url", "https://llm.example.com", "--model", "m1", "--key-stdin")
    done = own("providers", "add", "mycorp", *options, stdin=KEY)
    assert (done.code, done.err) == (0, "")
    assert '"name": "mycorp"' in read_config(own)
    assert f"MYCORP_API_KEY={KEY}\n" in read_env(own)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://public.example/x", "is http:// to a public host"),
        ("https://user:hunter2@llm.example", "has a user name or a password in it"),
        ("ftp://llm.example/x", "is not an http or https address"),
        ("https:///x", "has no valid host name"),
    ],
)
def test_an_address_that_cannot_be_used_changes_nothing(own: CommandLine, url: str, words: str) -> None:
    done = own("providers", "add", url, "--model", "m1", "--key-stdin", stdin=KEY)
    assert done.code == 2
    assert words in done.err
    assert "hunter2" not in done.err
    assert (read_config(own), read_env(own)) == (CONFIG, ENV)


def test_asks_for_the_model_of_an_address_on_a_terminal(own: CommandLine) -> None:
    answers = [("own names): ", "big-1"), ("later): ", KEY)]
    code, shown = typed_in(own, "providers", "add", "https://api.example.com/anthropic", answers=answers)
    assert code == 0, shown
    assert '"models": "big-1"' in read_config(own)
    assert f"EXAMPLE_API_KEY={KEY}\n" in read_env(own)


@pytest.mark.parametrize("typed", ["your-key", "sk-...abc", "$DEEPSEEK_API_KEY", "op://vault/key"])
def test_rejects_what_only_stands_for_a_key(own: CommandLine, typed: str) -> None:
    done = own("providers", "add", "deepseek", "--key-stdin", stdin=typed)
    assert (done.code, done.out) == (2, "")
    assert typed not in done.err
    assert (read_config(own), read_env(own)) == (CONFIG, ENV)


def test_leaves_out_what_is_around_a_key_and_says_so(own: CommandLine) -> None:
    done = own("providers", "add", "deepseek", "--key-stdin", stdin=f'export DEEPSEEK_API_KEY="{KEY}",\n')
    assert done.code == 0
    assert "Not part of the key, and left out: " in done.err
    assert f"{len(KEY)} characters, ending in {KEY[-4:]}" in done.out
    assert read_env(own) == f"{ENV}DEEPSEEK_API_KEY={KEY}\n"
