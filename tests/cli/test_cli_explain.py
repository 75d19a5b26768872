from __future__ import annotations

import json
import re

import pytest

from claude_proxy.cli.output import console
from claude_proxy.core.listed_models import CLAUDE_MODELS
from fakes.command_line import CommandLine, one_request
from fakes.scripts import json_answer
from fakes.threaded import serving

HERE = "http://127.0.0.1:9"


def test_without_a_proxy_the_configuration_answers(cli: CommandLine) -> None:
    cli.configure(HERE, HERE)
    done = cli("explain", "--tokens", "300000", "--image")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[:2] == [
        f"A request for {next(iter(CLAUDE_MODELS))}, about 300,000 tokens, with an image",
        "Order: the order of the providers in config.json",
    ]
    assert " 1. minimax (claude-opus-5-5)" in lines
    assert " 2. moonshot (claude-opus-5-5)" in lines
    changed = lines.index("    would be changed, if it is in the request:")
    assert lines[changed + 1].rstrip() == "      - left out: Claude Code's billing block, auto mode's safeguards"
    assert lines[-2:] == [
        "minimax would be tried first. If it fails before its answer begins: moonshot.",
        "The proxy does not run, so it is not known which providers are cooling down or over budget.",
    ]


@pytest.mark.parametrize(
    ("request_class", "order", "first"),
    [
        ("compaction", "your route for requests of the class compaction", "moonshot"),
        ("auxiliary", "the order of the providers in config.json", "minimax"),
    ],
)
def test_names_the_class_of_the_request_whether_it_has_a_route_or_not(
    cli: CommandLine, request_class: str, order: str, first: str
) -> None:
    cli.configure(HERE, HERE, routes={"compaction": ["moonshot"]})
    lines = cli("explain", "--class", request_class).out.splitlines()
    assert lines[:2] == [f"A request for {next(iter(CLAUDE_MODELS))}, of the class {request_class}", f"Order: {order}"]
    assert f" 1. {first} (claude-opus-5-5)" in lines


def test_on_a_narrow_terminal_a_change_still_looks_like_one(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.home.config.write_text('{"providers": [{"preset": "zai"}]}', encoding="utf-8")
    monkeypatch.setattr(console, "PLAIN_WIDTH", 80)
    lines = [line.rstrip() for line in cli("explain", environ={"ZAI_API_KEY": "sk-zai-5d1e9c3b7f"}).out.splitlines()]
    first = lines.index("    would be changed, if it is in the request:") + 1
    assert lines[first : first + 2] == [
        "      - left out: Claude Code's billing block, auto mode's safeguards, tools",
        "        that a provider runs itself, such as web search",
    ]


@pytest.mark.parametrize("running", [False, True])
def test_warns_that_claudes_own_names_are_sent(cli: CommandLine, upstream: str, running: bool) -> None:
    cli.configure(upstream)
    cli.home.config.write_text(cli.home.config.read_text(encoding="utf-8").replace('"models": {}', '"headers": {}'))
    if running:
        assert cli("start").code == 0
    assert "\nwarning: config.json: provider minimax gets Claude's own model names" in cli("explain").out


def test_names_a_missing_key(cli: CommandLine) -> None:
    cli.configure(HERE, HERE)
    cli.home.env.write_text("MOONSHOT_API_KEY=sk-moonshot-8e3b6d5f0a\n", encoding="utf-8")
    text = cli("explain").out
    assert "  - minimax\n    it has no key: set MINIMAX_API_KEY in .env\n" in text


def test_the_running_proxy_knows_which_providers_are_cooling_down(cli: CommandLine) -> None:
    with serving(json_answer(429, retry_after="600")) as busy, serving(json_answer(200)) as well:
        cli.configure(busy, well)
        assert cli("start").code == 0
        assert cli("explain").out.splitlines()[3] == " 1. minimax (claude-opus-5-5)"
        assert cli("run", "--", *one_request()).code == 0
        text = cli("explain").out
        facts = json.loads(cli("explain", "--json").out)
    assert " 1. moonshot (claude-opus-5-5)" in text
    assert re.search(r"    in cooldown until \S+ \(.+\): tried only if all others fail\n", text)
    assert "cools down" not in text
    assert "does not run" not in text
    assert [fate["provider"] for fate in facts["candidates"]] == ["moonshot", "minimax"]
    assert facts["health_known"] is True


def test_a_terminal_that_is_pinned_asks_for_its_own_provider(shared: CommandLine) -> None:
    led = {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{shared.running().port}/provider/moonshot"}
    assert "Order: pinned to moonshot: no other provider is tried" in shared("explain", environ=led).out
    assert "Order: pinned to minimax" in shared("explain", "--provider", "minimax", environ=led).out
    assert "Order: the order of the providers" in shared("explain", "--provider", "", environ=led).out


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_provider_that_does_not_exist_is_an_error(shared: CommandLine, options: tuple[str, ...]) -> None:
    done = shared("explain", "--provider", "nobody", *options)
    error = "error: no provider is named 'nobody'. Choose one of: minimax, moonshot\n"
    assert (done.code, done.out, done.err) == (2, "", error)


def test_says_that_the_tokens_are_no_number(cli: CommandLine) -> None:
    assert "Invalid value for '--tokens': 'x' is not a whole number.\n" in cli("explain", "--tokens", "x").err
    assert "-1 is not in the range" in cli("explain", "--tokens=-1").err


def test_a_tier_means_the_model_that_claude_code_sends(shared: CommandLine) -> None:
    assert "A request for claude-haiku-5-5\n" in shared("explain", "--model", "Haiku").out
    assert "A request for claude-opus-5-5\n" in shared("explain", "--model", "").out


def test_rejects_what_is_no_number(cli: CommandLine) -> None:
    done = cli("explain", "--tokens", "-1")
    assert done.code == 2
    assert "--tokens" in done.err


def test_reports_a_wrong_configuration(cli: CommandLine) -> None:
    cli.home.config.write_text("{}", encoding="utf-8")
    done = cli("explain")
    assert done.code == 2
    assert "providers" in done.err


def test_an_odd_model_and_session_are_taken_as_they_are(shared: CommandLine) -> None:
    done = shared("explain", "--model", "ö & x=1\x1b[2J", "--session", "ü" * 500)
    assert done.code == 0
    assert "ö & x=1?[2J" in done.out
