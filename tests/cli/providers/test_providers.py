"""Which providers are configured, and in which order: listed, removed, moved; the rest of the file stays."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.user_config import config_files
from claude_proxy.cli.user_config.config_files import ConfigFiles
from claude_proxy.config.catalogue import catalogue
from claude_proxy.store.home import Home
from claude_proxy.store.lock import exclusive
from fakes.command_line import KEYS, CommandLine
from fakes.config_files import CONFIG, read_config, read_env, rows

KEY = KEYS["MOONSHOT_API_KEY"]


def test_lists_the_configured_providers_in_their_order(own: CommandLine) -> None:
    assert rows(own("providers"))[1:] == [
        ["minimax", "minimax", "api.minimax.io", "MiniMax-M3", "in", "MINIMAX_API_KEY"],
        ["moonshot", "moonshot", "api.moonshot.ai", "kimi-k3", "disabled"],
        ["glm", "zai", "api.z.ai", "glm-5.3,", "haiku:", "glm-5.3-flash", "missing:", "ZAI_API_KEY"],
    ]
    assert own("providers", "list").out == own("providers").out


def test_lists_the_providers_as_json(own: CommandLine) -> None:
    one, two, three = json.loads(own("providers", "--json").out)["providers"]
    assert one == {
        "name": "minimax",
        "preset": "minimax",
        "base_url": "https://api.minimax.io/anthropic",
        "models": dict.fromkeys(["opus", "sonnet", "haiku", "fable"], "MiniMax-M3"),
        "auth": "bearer",
        "api_key_env": "MINIMAX_API_KEY",
        "key_set": True,
        "enabled": True,
    }
    assert (two["enabled"], three["key_set"], three["api_key_env"]) == (False, False, "ZAI_API_KEY")


def test_the_catalogue_is_listed_with_its_date_and_marks(cli: CommandLine) -> None:
    found = rows(cli("providers", "--all"))
    assert [row[0] for row in found[1 : len(catalogue().ids) + 1]] == list(catalogue().ids)
    told = json.loads(cli("providers", "list", "--all", "--json").out)
    assert [entry["id"] for entry in told["providers"]] == list(catalogue().ids)
    assert told["as_of"] == catalogue().as_of
    assert f"As of {catalogue().as_of}. A: official documentation" in cli("providers", "--all").out


def test_a_list_without_a_configuration_says_how_to_create_one(cli: CommandLine) -> None:
    done = cli("providers")
    assert done.code == 2
    assert "there is no config.json" in done.err
    assert "providers add" in done.err


def test_removes_a_provider_with_its_comments_but_not_its_key(own: CommandLine) -> None:
    own("providers", "add", "deepseek", environ={"DEEPSEEK_API_KEY": KEY})
    own("providers", "add", "zai", "--name", "glm", "--key-stdin", stdin=KEY)
    done = own("providers", "remove", "minimax")
    assert (done.code, done.err) == (0, "")
    assert "Its key stays in .env, as MINIMAX_API_KEY." in done.out
    assert "// the cheap one" not in read_config(own)
    assert "// mine" in read_config(own)
    assert "MINIMAX_API_KEY=sk-minimax" in read_env(own)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ('{"providers": [{"preset": "minimax"}]}', "minimax is your only provider;"),
        (CONFIG, "minimax is the only provider with a key;"),
        (
            '{"providers": [{"preset": "minimax"}, {"preset": "zai", "enabled": false}]}',
            "minimax is the only provider that is not disabled;",
        ),
    ],
)
def test_does_not_remove_the_last_usable_provider(own: CommandLine, config: str, words: str) -> None:
    own.home.config.write_text(config, encoding="utf-8")
    done = own("providers", "remove", "minimax")
    assert done.code == 1
    assert words in done.err
    assert read_config(own) == config


def test_named_providers_come_first_and_the_others_keep_their_order(own: CommandLine) -> None:
    done = own("providers", "order", "glm", "moonshot")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith(": glm, moonshot, minimax\n")
    assert [row[0] for row in rows(own("providers"))[1:]] == ["glm", "moonshot", "minimax"]
    own("providers", "order", "minimax", "moonshot", "glm")
    assert read_config(own) == CONFIG


def test_an_order_that_holds_already_changes_nothing(own: CommandLine) -> None:
    before = own.home.config.stat()
    done = own("providers", "order", "minimax")
    assert done.code == 0
    assert "already" in done.out
    assert own.home.config.stat().st_mtime_ns == before.st_mtime_ns


def test_an_unknown_name_in_an_order_changes_nothing(own: CommandLine) -> None:
    done = own("providers", "order", "glm", "nobody")
    assert done.code == 2
    assert '"nobody" is not configured' in done.err
    assert "minimax, moonshot, glm" in done.err
    assert read_config(own) == CONFIG


def test_does_not_remove_a_provider_that_a_route_needs(own: CommandLine) -> None:
    config = CONFIG.replace('  "proxy_port"', '  "routes": {"haiku": ["glm"]},\n  "proxy_port"')
    own.home.config.write_text(config, encoding="utf-8")
    done = own("providers", "remove", "glm")
    assert done.code == 2
    assert "routes.haiku[0]" in done.err
    assert read_config(own) == config


def test_rejects_options_of_list_before_a_command(own: CommandLine) -> None:
    done = own("providers", "--all", "remove", "minimax")
    assert done.code == 2
    assert read_config(own) == CONFIG


@pytest.mark.parametrize("name", ["config.json", ".env"])
@pytest.mark.parametrize("before", [None, "theirs"])
def test_writes_neither_file_if_another_program_changed_one(tmp_path: Path, name: str, before: str | None) -> None:
    path = tmp_path / name
    if before is not None:
        path.write_text(before, encoding="utf-8")
    files = ConfigFiles.read(Home(tmp_path))
    path.write_text("theirs, newer", encoding="utf-8")
    with pytest.raises(CommandError, match=r"another program has just changed .*; nothing was changed"):
        files.write(config="ours", env="ours")
    assert {one.name: one.read_text(encoding="utf-8") for one in tmp_path.iterdir() if one.is_file()} == {
        name: "theirs, newer"
    }


def test_one_command_at_a_time_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    home.prepare()
    files = ConfigFiles.read(home)
    monkeypatch.setattr(config_files, "LOCK_TIMEOUT", 0.0)
    with exclusive(home.state / "edit.lock", 0), pytest.raises(CommandError, match="another command holds"):
        files.write(config="ours", env="ours")
    assert not home.config.exists()
    assert not home.env.exists()
    files.write(config="ours", env="ours")
    assert (home.config.read_text(encoding="utf-8"), home.env.read_text(encoding="utf-8")) == ("ours", "ours")


def test_of_several_commands_that_read_the_same_text_one_writes(tmp_path: Path) -> None:
    files = ConfigFiles.read(Home(tmp_path))

    def write(text: str) -> str | None:
        try:
            files.write(config=text, env=text)
        except CommandError:
            return None
        return text

    with ThreadPoolExecutor(8) as threads:
        written = [text for text in threads.map(write, "abcdefgh") if text]
    assert len(written) == 1
    assert [path.read_text(encoding="utf-8") for path in (files.config.path, files.env.path)] == written * 2
