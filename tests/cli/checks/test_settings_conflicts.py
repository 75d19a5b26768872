"""Which variables in Claude Code's settings keep it from the proxy: each is assessed by itself."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from claude_proxy.cli.checks import settings_conflicts
from claude_proxy.cli.checks.finding import Finding, Verdict
from claude_proxy.cli.claude_code import settings_files
from claude_proxy.cli.claude_code.effective_settings import Effective, sources_of_token
from claude_proxy.store.home import Home
from claude_proxy.store.running import Running

TOKEN = "t" * 43
OURS = "http://127.0.0.1:8787"
FOREIGN = "http://127.0.0.1:3456"
ADDRESS, AUTH, HEADERS = "ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS"
LED = {ADDRESS: OURS, AUTH: TOKEN}
"""A terminal after claude-fb."""
PLACES = {
    "user": "user/settings.json",
    "project": "project/.claude/settings.json",
    "local": "project/.claude/settings.local.json",
    "managed": "managed/managed-settings.json",
}
COMPANY = "http://proxy.corp:3128"


@dataclass(frozen=True, slots=True)
class Setup:
    """Claude Code's settings files and a home of ours, in a folder."""

    root: Path

    @property
    def environ(self) -> Mapping[str, str]:
        return {"CLAUDE_CONFIG_DIR": str(self.root / "user"), "CLAUDE_PROXY_HOME": str(self.root / "home")}

    @property
    def home(self) -> Home:
        return Home(self.root / "home")

    def write(self, scope: str, **env: str) -> Path:
        path = self.root / PLACES[scope]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"env": env}), encoding="utf-8")
        return path

    def findings(self, terminal: Mapping[str, str]) -> list[Finding]:
        environ = {**self.environ, **terminal}
        sources = settings_files.sources(environ, self.root / "project", self.root / "managed")
        return [one for one in settings_conflicts.assess(sources, environ) if one.verdict is not Verdict.OK]

    def wrong(self, terminal: Mapping[str, str]) -> list[str]:
        """Return the variables that are found to be wrong."""
        found = [one for one in self.findings(terminal) if one.verdict is Verdict.WRONG]
        return [one.what.partition("env.")[2].partition(" ")[0] for one in found]


@pytest.fixture(params=["running", "stopped"])
def setup(request: pytest.FixtureRequest, tmp_path: Path) -> Setup:
    """A home with its token, whose proxy runs or does not."""
    made = Setup(tmp_path)
    made.home.prepare()
    made.home.token.write_text(TOKEN, encoding="ascii")
    made.home.token.chmod(0o600)
    if request.param == "running":
        running = Running(pid=1, host="127.0.0.1", port=8787, instance="a", started_at=0.0, version="1")
        running.write(made.home.running)
    return made


@pytest.mark.parametrize("scope", PLACES)
@pytest.mark.parametrize("address", [FOREIGN, "https://gateway.example", "http://127.0.0.1:87", "", "http://[::1]:1"])
def test_a_foreign_address_is_wrong_though_the_terminal_is_led_to_the_proxy(
    setup: Setup, scope: str, address: str
) -> None:
    setup.write(scope, **{ADDRESS: address})
    assert setup.wrong(LED) == [ADDRESS]
    assert setup.wrong({}) == [ADDRESS]


@pytest.mark.parametrize("scope", PLACES)
def test_a_token_that_is_not_the_proxys_is_wrong_beside_the_right_address(setup: Setup, scope: str) -> None:
    path = setup.write(scope, **{ADDRESS: OURS, AUTH: "stale"})
    assert AUTH in setup.wrong(LED)
    setup.write(scope, **{AUTH: "stale"})
    assert setup.wrong(LED) == [AUTH]
    (finding,) = setup.findings(LED)
    assert f"env.{AUTH} in {path} ({scope} settings) is not the proxy's token" in finding.what
    assert str(setup.home.token) in finding.fix
    assert "stale" not in finding.what + finding.fix


@pytest.mark.parametrize("terminal", [{}, LED, {**LED, ADDRESS: f"{OURS}/"}, {ADDRESS: FOREIGN}])
def test_settings_that_lead_to_the_proxy_with_its_token_are_right(setup: Setup, terminal: Mapping[str, str]) -> None:
    setup.write("user", **LED)
    assert setup.findings(terminal) == []


def test_an_address_of_the_proxy_by_another_name_of_this_machine_is_right(setup: Setup) -> None:
    setup.write("user", **{ADDRESS: "http://localhost:8787/"})
    assert setup.findings(LED) == []


def test_settings_for_all_providers_are_worth_a_note_in_a_pinned_terminal(setup: Setup) -> None:
    setup.write("user", **LED)
    (finding,) = setup.findings({**LED, ADDRESS: f"{OURS}/provider/minimax"})
    assert finding.verdict is Verdict.NOTE
    assert ADDRESS in finding.what


def test_only_the_strongest_files_value_counts(setup: Setup) -> None:
    setup.write("user", **{ADDRESS: FOREIGN, AUTH: "stale"})
    setup.write("local", **LED)
    assert setup.findings({}) == []
    setup.write("managed", **{ADDRESS: FOREIGN})
    (finding,) = setup.findings(LED)
    assert "(managed settings)" in finding.what


def test_a_token_of_another_gateway_is_wrong_with_its_address(setup: Setup) -> None:
    setup.write("user", **{ADDRESS: FOREIGN, AUTH: "its-own"})
    assert setup.wrong(LED) == [ADDRESS, AUTH]


def test_a_token_in_a_file_replaces_the_login_that_a_provider_needs(setup: Setup) -> None:
    setup.write("user", **{AUTH: TOKEN})
    assert setup.wrong({ADDRESS: OURS, HEADERS: f"x-claude-proxy-token: {TOKEN}"}) == [AUTH]


@pytest.mark.parametrize("value", ["", "0", "false", "No", "off"])
def test_a_switch_that_is_off_changes_nothing(setup: Setup, value: str) -> None:
    setup.write("user", CLAUDE_CODE_USE_BEDROCK=value, CLAUDE_CODE_USE_VERTEX=value, ANTHROPIC_API_KEY="")
    assert setup.findings(LED) == []


@pytest.mark.parametrize("name", settings_conflicts.SWITCHES)
def test_a_switch_that_is_on_bypasses_the_proxy(setup: Setup, name: str) -> None:
    setup.write("user", **{name: "1"})
    assert setup.wrong(LED) == [name]


def test_a_key_in_a_file_is_wrong_though_the_terminal_had_the_same(setup: Setup) -> None:
    setup.write("user", ANTHROPIC_API_KEY="sk-own")
    assert setup.wrong({"ANTHROPIC_API_KEY": "sk-own"}) == ["ANTHROPIC_API_KEY"]


@pytest.mark.parametrize("scope", PLACES)
@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"])
def test_a_companys_proxy_in_a_file_is_wrong_until_this_machine_is_excepted(
    setup: Setup, scope: str, name: str
) -> None:
    path = setup.write(scope, **{name: COMPANY})
    assert setup.wrong(LED) == [name]
    (finding,) = setup.findings(LED)
    assert f"env.{name} in {path}" in finding.what
    assert "NO_PROXY" in finding.fix
    assert COMPANY not in finding.what + finding.fix
    assert setup.findings({**LED, "NO_PROXY": "corp.example,127.0.0.1"}) == []
    assert setup.findings({}) == []  # claude-fb and run set NO_PROXY then


@pytest.mark.parametrize(
    ("listed", "is_wrong"),
    [
        ("127.0.0.1", False),
        ("localhost, 127.0.0.1 ,::1", False),
        ("a 127.0.0.1", False),
        ("*", False),
        ("127.0.0.1:8787", False),
        ("127.0.0.1:1", True),
        ("localhost", True),
        ("*,a", True),
        ("corp.example", True),
        ("", True),
    ],
)
def test_the_exception_is_read_as_claude_code_reads_it(setup: Setup, listed: str, *, is_wrong: bool) -> None:
    setup.write("user", HTTPS_PROXY=COMPANY)
    assert bool(setup.wrong({**LED, "NO_PROXY": listed})) is is_wrong


def test_a_domain_in_the_exception_holds_for_the_hosts_in_it(setup: Setup) -> None:
    setup.write("user", HTTP_PROXY=COMPANY)
    led = {ADDRESS: "http://box.lan:8787", AUTH: TOKEN, "NO_PROXY": ".lan"}
    setup.home.running.unlink(missing_ok=True)
    assert setup.findings(led) == []


def test_settings_that_lead_to_the_proxy_need_the_exception_too(setup: Setup) -> None:
    setup.write("user", **LED, HTTPS_PROXY=COMPANY)
    assert setup.wrong({}) == ["HTTPS_PROXY"]
    setup.write("user", **LED, HTTPS_PROXY=COMPANY, NO_PROXY="127.0.0.1")
    assert setup.findings({}) == []


def test_an_exception_in_a_file_replaces_the_terminals(setup: Setup) -> None:
    setup.write("user", NO_PROXY="corp.example", no_proxy="corp.example")
    led = {**LED, "HTTPS_PROXY": COMPANY, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    assert setup.wrong(led) == ["NO_PROXY", "no_proxy"]


def test_an_empty_proxy_in_a_file_is_none(setup: Setup) -> None:
    setup.write("user", HTTPS_PROXY="", HTTP_PROXY="")
    assert setup.findings({**LED, "HTTPS_PROXY": COMPANY}) == []


def test_names_the_file_that_leads_claude_code_to_the_proxy(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(setup.root)
    assert Effective.read(setup.environ).leading_file() is None
    path = setup.write("user", **{**LED, ADDRESS: f"{OURS}/provider/minimax"})
    effective = Effective.read(setup.environ)
    leading, target = effective.leading_file(), effective.target()
    assert leading is not None
    assert target is not None
    assert (leading.path, target.pin) == (path, "minimax")
    path.write_text("no JSON", encoding="utf-8")
    assert Effective.read(setup.environ).leading_file() is None


@pytest.mark.parametrize(
    ("name", "value"),
    [(AUTH, "stale"), ("ANTHROPIC_API_KEY", "stale"), (HEADERS, "a: b\nx-claude-proxy-token: stale")],
)
def test_finds_the_file_that_a_token_is_from(setup: Setup, name: str, value: str) -> None:
    path = setup.write("user", **{name: value})
    assert sources_of_token(["other", "stale"], setup.environ) == (f"env.{name} in {path}",)
    assert sources_of_token(["other", ""], setup.environ) == ()
    path.write_text("no JSON", encoding="utf-8")
    assert sources_of_token(["stale"], setup.environ) == ()


@pytest.mark.skipif(os.name == "nt", reason="the folder of the administrator's settings is fixed there")
def test_without_a_token_nothing_is_looked_for(setup: Setup) -> None:
    assert sources_of_token([], setup.environ) == ()
