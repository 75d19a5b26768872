"""A plan that is used up, as the commands show it, and how its cooldown ends."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from claude_proxy.cli.background.processes import until
from fakes import quota_answers
from fakes.command_line import PATIENCE, CommandLine, one_request
from fakes.quota_answers import with_endpoints
from fakes.threaded import serving


@pytest.fixture
def used_up(cli: CommandLine) -> Iterator[CommandLine]:
    """Run a proxy that has learned that the plan of its provider is used up."""
    answer = {"/v1/token_plan/remains": lambda: quota_answers.minimax(time.time(), 0)}
    with serving(with_endpoints(answer)) as url:
        cli.configure(url)
        document = json.loads(cli.home.config.read_text(encoding="utf-8"))
        document["providers"] = [{"preset": "minimax", "base_url": f"{url}/anthropic"}]
        cli.home.config.write_text(json.dumps(document), encoding="utf-8")
        assert cli("run", "--", *one_request()).code == 0
        wait_for(cli, "cooldown")
        yield cli
        cli.clean_up()


def provider(cli: CommandLine) -> Any:
    return json.loads(cli("status", "--json").out)["providers"][0]


def wait_for(cli: CommandLine, state: str) -> None:
    """Wait until the provider is in a state."""
    assert until(lambda: True if provider(cli)["state"] == state else None, PATIENCE)


def test_status_and_explain_say_that_the_plan_is_used_up(used_up: CommandLine) -> None:
    text = used_up("status").out
    assert "(plan used up)" in text
    assert "########## 100 %" in text
    assert "(plan used up)" in used_up("explain", "--model", "opus").out
    assert [window["name"] for window in provider(used_up)["quota"]["windows"]] == ["5 h", "week"]
    assert "its plan is used up (5 h)" in used_up.home.log.read_text(encoding="utf-8")


def test_the_cooldown_outlasts_a_restart_but_not_claude_reset(used_up: CommandLine) -> None:
    assert used_up("restart").code == 0
    assert provider(used_up)["why"] == "plan used up"
    assert used_up("stop", "--from-reset").code == 0
    assert used_up("start").code == 0
    assert provider(used_up)["state"] == "ready"


def test_claude_reset_without_a_proxy_is_no_error(cli: CommandLine) -> None:
    assert cli("stop", "--from-reset").code == 0
