"""The commands where a provider takes Claude Code's own login: what they set, and what they say in place of a key."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.command_line import CommandLine
from fakes.provider import FakeProvider
from fakes.scripts import json_answer
from fakes.threaded import serving

OWN_HEADER = "X-Team: blue"
SHOW = """
import json, os
names = ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS", "CLAUDE_CODE_OAUTH_TOKEN")
print(json.dumps([(os.environ.get(name) or "").replace(os.environ["THE_TOKEN"], "TOKEN") for name in names]))
"""


@pytest.fixture
def planned(cli: CommandLine, upstream: str) -> CommandLine:
    """The command, with its proxy running in front of a provider that takes the login, and one that takes a key."""
    cli.configure_plan(upstream, upstream)
    assert cli("start").code == 0
    return cli


@pytest.mark.parametrize(
    ("pin", "expected"),
    [
        ([], ["", f"{OWN_HEADER}\nx-claude-proxy-token: TOKEN", "sk-ant-oat01-x"]),
        (["--provider", "plan"], ["", f"{OWN_HEADER}\nx-claude-proxy-token: TOKEN", "sk-ant-oat01-x"]),
        (["--provider", "moonshot"], ["TOKEN", OWN_HEADER, "sk-ant-oat01-x"]),
    ],
)
def test_run_keeps_the_login_if_a_provider_needs_it(planned: CommandLine, pin: list[str], expected: list[str]) -> None:
    environ = {
        "ANTHROPIC_AUTH_TOKEN": "of another gateway",
        "ANTHROPIC_CUSTOM_HEADERS": OWN_HEADER,
        "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-x",
        "THE_TOKEN": planned.token(),
    }
    done = planned("run", *pin, "--", sys.executable, "-c", SHOW, environ=environ)
    assert json.loads(done.out) == expected


def test_check_and_status_name_the_login_in_place_of_a_key(planned: CommandLine) -> None:
    rows = {line.split()[0]: line for line in planned("check").out.splitlines() if line.strip()}
    assert rows["plan"].rstrip().endswith("Claude Code's own login")
    assert rows["moonshot"].rstrip().endswith("in MOONSHOT_API_KEY")
    providers = json.loads(planned("status", "--json").out)["providers"]
    assert [one["auth"] for one in providers] == ["client", "bearer"]


@pytest.fixture
def plan() -> Iterator[FakeProvider]:
    """A provider that answers."""
    provider = FakeProvider(json_answer(200))
    with serving(provider):
        yield provider


@pytest.mark.parametrize("command", ["check", "doctor"])
def test_live_skips_providers_that_use_the_login(
    cli: CommandLine, upstream: str, plan: FakeProvider, command: str
) -> None:
    cli.configure_plan(plan.url, upstream)
    done = cli(command, "--live")
    assert done.code == 0, done.out
    assert " ".join(done.out.split()).count("Claude Code's own login, which only Claude Code's requests carry") == 1
    assert plan.requests == []


def test_a_rejected_login_is_to_be_replaced_in_claude_code(cli: CommandLine, upstream: str) -> None:
    with serving(json_answer(401)) as url:
        cli.configure_plan(url, upstream)
        assert cli("start").code == 0
        code = (
            "import os, urllib.request, urllib.error\n"
            "name, _, token = os.environ['ANTHROPIC_CUSTOM_HEADERS'].partition(': ')\n"
            "headers = {name: token, 'authorization': 'Bearer sk-ant-oat01-x', 'content-type': 'application/json'}\n"
            "url = os.environ['ANTHROPIC_BASE_URL'] + '/v1/messages'\n"
            'body = b\'{"model": "claude-opus-5-5", "messages": []}\'\n'
            "opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))\n"
            "try:\n    opener.open(urllib.request.Request(url, body, headers))\n"
            "except urllib.error.HTTPError as error:\n    print(error.code)\n    error.close()\n"
        )
        assert cli("run", "--", sys.executable, "-c", code).out == "401\n"
        told = " ".join(cli("status", environ={"COLUMNS": "1000"}).out.split())
        assert "plan refused Claude Code's own login. Log in again in Claude Code, with /login." in told
        rows = findings(cli, code=1)
        assert [row["what"] for row in rows if row["check"] == "keys"] == ["plan refused Claude Code's own login"]
    assert "ANTHROPIC_API_KEY" not in told + str(rows)


def findings(cli: CommandLine, code: int, environ: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """Return what doctor finds wrong, or worth knowing."""
    done = cli("doctor", "--json", environ=environ)
    assert done.code == code, done.out
    return [
        row
        for row in json.loads(done.out)["findings"]
        if row["verdict"] in {"wrong", "note"} and row["check"] != "shell"
    ]


def test_doctor_accepts_the_token_in_either_variable(planned: CommandLine) -> None:
    base = f"http://127.0.0.1:{planned.running().port}"
    ours = f"x-claude-proxy-token: {planned.token()}"
    by_header = {"ANTHROPIC_BASE_URL": base, "ANTHROPIC_CUSTOM_HEADERS": f"X-Team: blue\n{ours}"}
    assert findings(planned, 0, by_header) == []
    by_variable = {"ANTHROPIC_BASE_URL": base, "ANTHROPIC_AUTH_TOKEN": planned.token()}
    (row,) = findings(planned, 1, by_variable)
    assert "ANTHROPIC_AUTH_TOKEN replaces Claude Code's own login, which plan needs" in row["what"]
    (row,) = findings(planned, 1, {**by_header, "ANTHROPIC_AUTH_TOKEN": "of another gateway"})
    assert "ANTHROPIC_AUTH_TOKEN replaces" in row["what"]
    pinned = {**by_variable, "ANTHROPIC_BASE_URL": f"{base}/provider/moonshot"}
    assert findings(planned, 0, pinned) == []
    (row,) = findings(planned, 1, {**by_header, "ANTHROPIC_CUSTOM_HEADERS": "x-claude-proxy-token: old"})
    assert "ANTHROPIC_CUSTOM_HEADERS holds a token that is not the proxy's" in row["what"]


def test_doctor_reports_settings_that_remove_the_token(planned: CommandLine, tmp_path: Path) -> None:
    ours = f"x-claude-proxy-token: {planned.token()}"
    led = {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{planned.running().port}", "CLAUDE_CONFIG_DIR": str(tmp_path)}
    by_header = {**led, "ANTHROPIC_CUSTOM_HEADERS": ours}

    def told(environ: dict[str, str], **settings: str) -> list[str]:
        (tmp_path / "settings.json").write_text(json.dumps({"env": settings}), encoding="utf-8")
        done = planned("doctor", "--json", environ=environ)
        rows = json.loads(done.out)["findings"]
        return [row["what"].split()[0] for row in rows if row["check"] == "settings" and row["verdict"] == "wrong"]

    assert told(by_header, ANTHROPIC_CUSTOM_HEADERS="X-Team: blue") == ["env.ANTHROPIC_CUSTOM_HEADERS"]
    assert told(by_header, ANTHROPIC_CUSTOM_HEADERS=f"X-Team: blue\n{ours}") == []
    assert told(by_header, ANTHROPIC_AUTH_TOKEN=planned.token()) == ["env.ANTHROPIC_AUTH_TOKEN"]
    by_variable = {**led, "ANTHROPIC_AUTH_TOKEN": planned.token()}
    assert told(by_variable, ANTHROPIC_CUSTOM_HEADERS="X-Team: blue") == []
