"""A provider's key is replaced: the new one is told by its length and end, and the old one is not lost by mistake."""

from __future__ import annotations

import pytest

from cli.providers.typed_answers import typed_in
from fakes.command_line import KEYS, CommandLine
from fakes.config_files import CONFIG, ENV, read_config, read_env
from fakes.scripts import json_answer
from fakes.steps import Script
from fakes.threaded import serving

OLD = KEYS["MINIMAX_API_KEY"]
NEW = "sk-minimax-0c8e2f7d5a"
"""Shown by its end alone."""
REJECTED: Script = json_answer(401, {"type": "error", "error": {"type": "authentication_error", "message": "no"}})


def test_replaces_the_key_in_its_line_with_the_one_on_standard_input(own: CommandLine) -> None:
    done = own("providers", "key", "minimax", stdin=f"{NEW}\n")
    assert (done.code, done.err) == (0, "")
    assert read_env(own) == ENV.replace(OLD, NEW)
    assert read_config(own) == CONFIG
    assert f"{len(NEW)} characters, ending in {NEW[-4:]}" in done.out
    assert NEW not in done.out
    assert str(own.home.env) in done.out


def test_finds_the_provider_in_any_spelling_and_by_the_users_name_for_it(own: CommandLine) -> None:
    assert own("providers", "key", "GLM", stdin=NEW).code == 0
    assert read_env(own) == ENV.replace("ZAI_API_KEY=", f"ZAI_API_KEY={NEW}")


@pytest.mark.parametrize("name", ["minmax", "deepseek", ""])
def test_a_provider_that_is_not_configured_has_no_key_to_replace(own: CommandLine, name: str) -> None:
    done = own("providers", "key", "--", name, stdin=NEW)
    assert done.code == 2
    assert "is not configured" in done.err
    assert read_env(own) == ENV


@pytest.mark.parametrize("text", ["", "\n", "your-key", "sk-\u2026abc", "two words", "$KEY", "op://a/b", "k" * 9000])
def test_what_is_no_key_leaves_the_old_one(own: CommandLine, text: str) -> None:
    done = own("providers", "key", "minimax", stdin=text)
    assert (done.code, done.out) == (2, "")
    assert read_env(own) == ENV


def test_says_what_was_around_the_key(own: CommandLine) -> None:
    done = own("providers", "key", "minimax", stdin=f'"MINIMAX_API_KEY": "{NEW}",')
    assert done.code == 0
    assert "Not part of the key, and left out: " in done.err
    assert read_env(own) == ENV.replace(OLD, NEW)


def test_says_that_the_environment_wins(own: CommandLine) -> None:
    done = own("providers", "key", "minimax", stdin=NEW, environ={"MINIMAX_API_KEY": "sk-other"})
    assert done.code == 0
    assert "MINIMAX_API_KEY is also set in the environment of this terminal, which overrides .env" in done.err
    assert read_env(own) == ENV.replace(OLD, NEW)


def test_says_that_the_environment_of_the_running_proxy_wins(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream, upstream)
    assert cli("start", environ={"MINIMAX_API_KEY": "sk-other"}).code == 0
    done = cli("providers", "key", "minimax", stdin=NEW)
    assert done.code == 0
    assert "the running proxy was started with MINIMAX_API_KEY in its environment" in done.err
    assert own_words(cli("providers", "key", "moonshot", stdin=NEW).err) == ""


def own_words(text: str) -> str:
    return "".join(line for line in text.splitlines() if "environment" in line)


def test_the_test_sends_the_new_key_before_it_is_written(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream)
    done = cli("providers", "key", "minimax", "--test", stdin=NEW)
    assert (done.code, done.err) == (0, "")
    assert "minimax accepts it" in done.out
    assert f"MINIMAX_API_KEY={NEW}\n" in read_env(cli)


def test_a_key_that_the_provider_rejects_leaves_the_old_one(cli: CommandLine) -> None:
    with serving(REJECTED) as url:
        cli.configure(url)
        before = read_env(cli)
        done = cli("providers", "key", "minimax", "--test", stdin=NEW)
    assert done.code == 1
    assert "minimax rejected this key: 401" in done.err
    assert "nothing was changed" in done.err
    assert read_env(cli) == before


def test_a_test_without_an_answer_says_nothing_about_the_key(cli: CommandLine) -> None:
    with serving(json_answer(529)) as url:
        cli.configure(url)
        done = cli("providers", "key", "minimax", "--test", stdin=NEW)
    assert done.code == 0
    assert "warning: the test says nothing about the key" in done.err
    assert f"MINIMAX_API_KEY={NEW}\n" in read_env(cli)


def test_asks_on_a_terminal_without_an_echo_and_offers_the_test(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream)
    answers = [("keep what there is): ", NEW), ("[Y/n]: ", "y")]
    code, shown = typed_in(cli, "providers", "key", "minimax", answers=answers)
    assert code == 0, shown
    assert NEW not in shown
    assert f"{len(OLD)} characters, ending in {OLD[-4:]}" in shown
    assert "minimax accepts it" in shown
    assert f"MINIMAX_API_KEY={NEW}\n" in read_env(cli)


def test_enter_keeps_the_old_key(own: CommandLine) -> None:
    code, shown = typed_in(own, "providers", "key", "minimax", answers=[("keep what there is): ", "")])
    assert code == 1
    assert "Nothing was changed." in shown
    assert read_env(own) == ENV


def test_a_plan_with_claude_codes_login_has_no_key(cli: CommandLine, upstream: str) -> None:
    cli.configure_plan(upstream, upstream)
    done = cli("providers", "key", "plan", stdin=NEW)
    assert (done.code, done.out) == (2, "")
    assert "plan is sent no key (Claude Code's own login); nothing was changed" in done.err


def test_a_server_on_this_machine_can_get_a_key(own: CommandLine) -> None:
    assert own("providers", "add", "ollama", "--model", "m").code == 0
    done = own("providers", "key", "ollama", stdin="sk-1")
    assert (done.code, done.err) == (0, "")
    assert "has 4 characters." in done.out
    assert read_env(own) == f"{ENV}OLLAMA_API_KEY=sk-1\n"


def test_a_fault_of_either_file_leaves_both_alone(own: CommandLine) -> None:
    own.home.env.write_text(f"{ENV}NOT A LINE\n", encoding="utf-8")
    done = own("providers", "key", "minimax", stdin=NEW)
    assert done.code == 2
    assert "is not of the form NAME=value" in done.err
    assert read_env(own) == f"{ENV}NOT A LINE\n"
