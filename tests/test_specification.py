"""What the specification promises of commands, files, defaults and the set-up: one test for each of its statements.

The project was begun from it, and nothing takes back what it says: these tests stand, whatever is renamed or moved.
Each test's docstring has its words. What it says of requests and answers is in test_specification_wire.py.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from claude_proxy.cli.checks.windows_access import strangers
from claude_proxy.cli.shell.quoting import Shell, command_line
from claude_proxy.store.home import Home
from fakes.command_line import CommandLine
from fakes.scripts import json_answer
from fakes.specification import CONFIG, ENV, NEW_PROVIDER_CONFIG, NEW_PROVIDER_ENV, PORT, PROVIDERS
from fakes.threaded import serving
from shells.terminals import Terminal, terminal

ROOT = Path(__file__).resolve().parent.parent
URL = "ANTHROPIC_BASE_URL"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[CommandLine]:
    """The command, with an empty ~/.claude-proxy of its own."""
    (tmp_path / ".claude-proxy").mkdir(mode=0o700)
    running = CommandLine(Home(tmp_path / ".claude-proxy"))
    yield running
    running.clean_up()


def write(cli: CommandLine, config: str, env: str) -> None:
    cli.home.config.write_text(config, encoding="utf-8")
    cli.home.env.write_text(env, encoding="utf-8")
    cli.home.env.chmod(0o600)


def providers(cli: CommandLine) -> list[tuple[str, str, str]]:
    """Return what the program makes of each entry of config.json that has a key."""
    done = cli("providers", "--json")
    assert (done.code, done.err) == (0, "")
    listed = json.loads(done.out)["providers"]
    return [(one["name"], one["base_url"], one["api_key_env"]) for one in listed if one["key_set"]]


# Overview and requirements


def test_the_location_is_dot_claude_proxy_in_the_users_folder(cli: CommandLine, tmp_path: Path) -> None:
    """Location: `~/.claude-proxy/`; `proxy.log`: Runtime logs."""
    with serving(json_answer(200)) as url:
        cli.configure(url)
        users = {"CLAUDE_PROXY_HOME": "", "HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
        done = cli("start", environ=users)
        assert done.code == 0, done.err
        assert (tmp_path / ".claude-proxy" / "proxy.log").read_text(encoding="utf-8")
        assert json.loads(cli("status", "--json", environ=users).out)["home"] == str(tmp_path / ".claude-proxy")


def test_the_default_port_is_8787(cli: CommandLine) -> None:
    """Default Port: `8787`."""
    elsewhere = "192.0.2.1"  # TEST-NET-1: no machine has this address, so doctor reports the port
    write(cli, CONFIG.replace('"proxy_port": 8787', f'"host": "{elsewhere}"'), ENV)
    assert f"{elsewhere}, port {PORT}" in cli("doctor").out


def test_python_3_14_is_supported() -> None:
    """Python Version: 3.14+."""
    oldest = re.fullmatch(r">=3\.(\d+)", PROJECT["requires-python"])
    assert oldest is not None
    assert int(oldest[1]) <= 14
    assert "Programming Language :: Python :: 3.14" in PROJECT["classifiers"]


def test_proxy_py_needs_the_standard_library_alone() -> None:
    """Requirements: […] standard library."""
    tree = ast.parse((ROOT / "proxy.py").read_text(encoding="utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert names
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


# Configuration


@pytest.mark.parametrize("entry", PROVIDERS, ids=lambda entry: entry[0])
def test_each_supported_provider_has_its_base_url_and_variable(entry: tuple[str, str, str], cli: CommandLine) -> None:
    """Supported Providers: name, base URL, environment variable; here each is known by its name alone."""
    name, _, variable = entry
    write(cli, json.dumps({"providers": [{"preset": name}]}), f"{variable}=sk-...\n")
    assert providers(cli) == [entry]


def test_the_printed_config_and_env_are_right(cli: CommandLine) -> None:
    """config.json; Environment Variables (.env): both as printed."""
    write(cli, CONFIG, ENV)
    done = cli("check")
    assert (done.code, done.err) == (0, "")
    assert providers(cli) == PROVIDERS


def test_the_printed_new_provider_is_right(cli: CommandLine) -> None:
    """Adding New Providers: edit `config.json`, add the API key to `.env`; both as printed."""
    write(cli, NEW_PROVIDER_CONFIG, NEW_PROVIDER_ENV)
    done = cli("check")
    assert (done.code, done.err) == (0, "")
    assert providers(cli) == [("new-provider", "https://api.newprovider.com/anthropic", "NEWPROVIDER_API_KEY")]


# Files and set-up


@pytest.mark.parametrize("name", ["proxy.py", "ClaudeProxy.psm1", ".gitignore", "config.example.json", ".env.example"])
def test_each_file_is_in_the_repository(name: str) -> None:
    """Files, and those that Setup copies."""
    assert (ROOT / name).is_file()


def test_proxy_py_is_the_proxy_server(cli: CommandLine) -> None:
    """Claude Code → :8787 (proxy.py) → Provider APIs."""
    with serving(json_answer(200)) as url:
        port = cli.configure(url)
        program = [sys.executable, str(ROOT / "proxy.py"), "start"]
        done = subprocess.run(program, env=cli.environ(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
            assert answer.status == 200


def test_the_copied_templates_need_their_keys_alone(cli: CommandLine) -> None:
    """`cp config.example.json config.json`, `cp .env.example .env`, edit `.env` with your provider API keys."""
    shutil.copy(ROOT / "config.example.json", cli.home.config)
    env = (ROOT / ".env.example").read_text(encoding="utf-8")
    for _, _, variable in PROVIDERS:
        env, edited = re.subn(rf"^{variable}=$", f"{variable}=sk-...", env, flags=re.MULTILINE)
        assert edited == 1
    write(cli, cli.home.config.read_text(encoding="utf-8"), env)
    done = cli("check")
    assert (done.code, done.err) == (0, "")
    assert providers(cli) == PROVIDERS


def test_the_example_is_the_printed_config() -> None:
    """`config.json`: Provider configuration."""
    example = json.loads((ROOT / "config.example.json").read_text(encoding="utf-8"))
    assert {name: value for name, value in example.items() if name != "$schema"} == json.loads(CONFIG)


def test_git_takes_neither_keys_nor_logs(tmp_path: Path) -> None:
    """`.env` contains API keys - never commit this file; `.gitignore`: Git ignore rules."""

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", tmp_path, *words], capture_output=True, text=True, check=True).stdout

    git("init", "--quiet")
    shutil.copy(ROOT / ".gitignore", tmp_path)
    for name in (".env", ".env.example", "config.json", "proxy.log", "proxy.log.1", "proxy.py"):
        (tmp_path / name).touch()
    git("add", "--all")
    assert set(git("ls-files").split()) == {".gitignore", ".env.example", "proxy.py"}


def test_the_access_that_icacls_leaves_is_private() -> None:
    """`icacls "$HOME/.claude-proxy/.env" /inheritance:r /grant "YOUR_USERNAME:(F)"` secures the .env file."""
    me, other = "S-1-5-21-1004336348-1177238915-682003330-1001", "S-1-5-21-1004336348-1177238915-682003330-1002"
    assert strangers(f"D:PAI(A;;FA;;;{me})", me) == ()
    assert strangers(f"D:PAI(A;;FA;;;{me})(A;;FA;;;{other})", me) == (other,)


@pytest.mark.skipif(sys.platform == "win32", reason="modes are for Linux and macOS: run the tests there")
def test_a_readable_env_is_reported(cli: CommandLine) -> None:
    """Restrict .env file permissions to prevent accidental access."""
    write(cli, CONFIG, ENV)
    cli.home.env.chmod(0o644)
    assert ".env (mode 0644)" in cli("doctor").out
    cli.home.env.chmod(0o600)
    assert ".env (mode" not in cli("doctor").out


# Commands, as they are typed in PowerShell


CLAUDE = """\
import json, os, sys, urllib.error, urllib.request

if "ANTHROPIC_BASE_URL" not in os.environ:
    sys.exit("direct")
prompt = {"model": "claude-opus-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": sys.argv[1]}]}
headers = {"authorization": f"Bearer {os.environ['ANTHROPIC_AUTH_TOKEN']}", "content-type": "application/json"}
url = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
try:
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(prompt).encode(), headers)) as answer:
        print(answer.status, answer.headers["x-claude-proxy-provider"])
except urllib.error.HTTPError as error:
    print(error.code, "failed")
    error.close()
"""
"""Stands in for Claude Code: asks once, and prints the status and who answered."""


@dataclass(frozen=True, slots=True)
class PowerShell:
    """A PowerShell with the module loaded. MiniMax is rate limited in it, Moonshot answers."""

    typed: Terminal
    proxy_url: str

    def type(self, line: str) -> str:
        """Type a line that must succeed, and return what it showed."""
        said = self.typed(line)
        assert said.code == 0, said.text
        return said.text.strip()

    def claude(self) -> str:
        return self.type('claude "do something"')

    def variable(self) -> str | None:
        return self.typed.exported(URL).get(URL)

    def is_running(self) -> bool:
        return bool(json.loads(self.typed.command_line("status", "--json").out)["running"])


@pytest.fixture
def powershell(cli: CommandLine, tmp_path: Path) -> Iterator[PowerShell]:
    (tmp_path / "claude.py").write_text(CLAUDE, encoding="utf-8")
    claude = command_line(Shell.POWERSHELL, [sys.executable, str(tmp_path / "claude.py")])
    with serving(json_answer(429)) as minimax, serving(json_answer(200)) as moonshot:
        port = cli.configure(minimax, moonshot)
        with terminal(Shell.POWERSHELL, cli) as typed:
            typed(f"function claude {{ {claude} @args 2>&1 }}")
            yield PowerShell(typed, f"http://127.0.0.1:{port}")


def test_claude_fb_starts_fallback_mode(powershell: PowerShell) -> None:
    """`claude-fb`: Start fallback mode, all providers, auto-failover; MiniMax first, Moonshot if MiniMax fails."""
    shown = powershell.type("claude-fb")
    assert [line.split()[:2] for line in shown.splitlines() if re.match(r"\s*\d\.", line)] == [
        ["1.", "minimax"],
        ["2.", "moonshot"],
    ]
    assert powershell.variable() == powershell.proxy_url
    assert powershell.claude() == "200 moonshot"


def test_claude_switch_goes_through_one_provider_only(powershell: PowerShell) -> None:
    """`claude-switch -Provider moonshot`: goes through Moonshot only."""
    powershell.type("claude-switch -Provider moonshot")
    assert powershell.claude() == "200 moonshot"


def test_claude_switch_does_not_fail_over(powershell: PowerShell) -> None:
    """`claude-switch -Provider minimax`: no failover occurs; if that provider fails, the request fails."""
    powershell.type("claude-switch -Provider minimax")
    assert powershell.claude() == "429 failed"
    powershell.type("claude-fb")
    assert powershell.claude() == "200 moonshot"


def test_claude_reset_returns_to_normal(powershell: PowerShell) -> None:
    """`claude-reset`: Stop proxy, remove env vars, return to normal."""
    before = powershell.typed.variables()
    powershell.type("claude-fb")
    assert (powershell.is_running(), powershell.typed.variables() == before) == (True, False)
    powershell.type("claude-reset")
    assert (powershell.is_running(), powershell.typed.variables() == before) == (False, True)
    assert powershell.claude() == "direct"


def test_claude_status_shows_mode_and_proxy(powershell: PowerShell) -> None:
    """`claude-status`: Show current mode and proxy status."""
    shown = powershell.type("claude-status")
    assert ("This terminal: direct" in shown, "not running" in shown) == (True, True)
    powershell.type("claude-fb")
    shown = powershell.type("claude-status")
    assert ("fallback mode" in shown, f"running at {powershell.proxy_url}" in shown) == (True, True)
    powershell.type("claude-switch -Provider moonshot")
    assert "to moonshot" in powershell.type("claude-status")


def test_the_module_is_imported_from_the_location_and_reloaded(powershell: PowerShell) -> None:
    """`Import-Module ~/.claude-proxy/ClaudeProxy.psm1`; Module reload: the same with `-Force`."""
    folder = powershell.typed.errors.parent  # the HOME of this PowerShell
    (folder / ".claude-proxy").symlink_to(ROOT, target_is_directory=True)
    powershell.type("Remove-Module ClaudeProxy")
    assert powershell.typed("claude-status").code != 0
    powershell.type("Import-Module ~/.claude-proxy/ClaudeProxy.psm1")
    powershell.type("claude-fb")
    powershell.type("Import-Module ~/.claude-proxy/ClaudeProxy.psm1 -Force")
    assert "fallback mode" in powershell.type("claude-status")
    assert powershell.claude() == "200 moonshot"
