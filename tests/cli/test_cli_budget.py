"""A budget of a running proxy: what the commands say of it, and that a restart forgets nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.event_command import EventCommand
from claude_proxy.cli.background.processes import until
from fakes.command_line import PATIENCE, CommandLine, one_request


def configure(cli: CommandLine, upstream: str, **settings: Any) -> None:
    """Let an answer of the provider cost more than a cent."""
    cli.configure(upstream)
    document = json.loads(cli.home.config.read_text(encoding="utf-8"))
    facts = {"m": {"price": {"input": 10_000, "output": 10_000, "cache_read": 10_000}}}
    for provider in document["providers"]:
        provider.update({"plan": False, "models": {"default": "m"}, "model_facts": facts})
    cli.home.config.write_text(json.dumps({**document, **settings}), encoding="utf-8")
    cli.home.config.chmod(0o600)


def status(cli: CommandLine) -> Any:
    return json.loads(cli("status", "--json").out)


@pytest.fixture
def used_up(cli: CommandLine, upstream: str, tmp_path: Path) -> Iterator[tuple[CommandLine, EventCommand]]:
    """Run a proxy whose budget was used up by its first request."""
    command = EventCommand(tmp_path)
    configure(cli, upstream, budgets=[{"month": 0.01}], on_event=list(command.arguments))
    assert cli("run", "--", *one_request()).code == 0
    assert until(lambda: True if status(cli)["providers"][0]["over_budget"] else None, PATIENCE)
    yield cli, command
    cli.clean_up()


def test_the_commands_say_that_a_budget_is_used_up_also_after_a_restart(
    used_up: tuple[CommandLine, EventCommand],
) -> None:
    cli, command = used_up
    [event] = command.wait_for(1)
    assert (event["event"], event["percent"]) == ("budget", 100)
    spent = status(cli)["budgets"][0]["spent"]
    assert cli("restart").code == 0
    assert until(lambda: True if status(cli)["providers"][0]["over_budget"] else None, PATIENCE)
    assert status(cli)["budgets"][0]["spent"] == pytest.approx(spent)
    assert "over budget" in cli("status").out
    assert "passed over: the budget of $0.010 a month is used up" in cli("explain").out.replace("\n    ", " ")
    assert cli("run", "--", *one_request()).code == 0
    assert status(cli)["budgets"][0]["spent"] == pytest.approx(spent)  # it was refused
    assert command.kinds() == ["budget"]  # it was said before the restart
    [budget] = status(cli)["budgets"]
    assert budget["begins_anew"] > time.time()


def test_what_is_said_of_a_budget_and_how_it_is_told_hold_no_key(used_up: tuple[CommandLine, EventCommand]) -> None:
    cli, command = used_up
    command.wait_for(1)
    [(_, line, variables)] = command.calls()
    key = cli.home.env.read_text(encoding="utf-8").partition("=")[2].strip()
    assert key
    for text in (line, json.dumps(variables), cli("status", "--json").out):
        assert key not in text
        assert cli.token() not in text
