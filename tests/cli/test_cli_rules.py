from __future__ import annotations

import io
import json
import time
from http.client import HTTPConnection

import pytest
from rich.console import Console

from claude_proxy.cli.rules import show
from claude_proxy.core.learning.learned_rules import LIFETIME, LearnedRule, RuleReport
from claude_proxy.core.provenance import digest_of
from claude_proxy.core.traits import Kind, Rule
from claude_proxy.core.types import Upstream
from claude_proxy.proxy.gateway import Memory
from claude_proxy.store.home import Home
from claude_proxy.store.state_file import encode_state, read_state
from fakes.command_line import CommandLine

NOW = time.time()
ROLE = Rule(Kind.ROLE, "system")
REASON = "Input should be 'user' or 'assistant'"


def learned(upstream: Upstream, rule: Rule, message: str = REASON) -> LearnedRule:
    return LearnedRule(upstream, "kimi-k3", rule, NOW, NOW + LIFETIME, message)


def configure(cli: CommandLine, upstream: str) -> None:
    """Configure two providers with addresses of their own."""
    cli.configure(f"{upstream}/minimax", f"{upstream}/moonshot")


def leave_behind(home: Home, upstream: str) -> None:
    """Write what a proxy that ran before would have."""
    memory = Memory()
    minimax, moonshot = Upstream(f"{upstream}/minimax"), Upstream(f"{upstream}/moonshot")
    memory.signature_owners.note(digest_of("signed"), minimax, NOW)
    memory.learned_rules.keep(learned(minimax, ROLE))
    memory.learned_rules.keep(
        learned(minimax, Rule(Kind.FIELD, "context_management"), "Extra inputs\x1b[2J are not permitted")
    )
    memory.learned_rules.keep(learned(moonshot, Rule(Kind.BETA, "*")))
    home.prepare()
    home.memory.write_bytes(encode_state(memory, NOW))


def remembered(home: Home) -> tuple[list[str], str | None]:
    memory = Memory()
    assert read_state(home.memory, memory, NOW) == ""
    rules = sorted(f"{learned.upstream} {learned.rule}" for learned in memory.learned_rules.kept(NOW))
    return rules, memory.signature_owners.owner("signed", NOW)


def day(epoch: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(epoch))


@pytest.mark.parametrize("running", [False, True])
def test_shows_the_rules_with_the_errors_that_they_come_from(cli: CommandLine, upstream: str, running: bool) -> None:
    leave_behind(cli.home, upstream)
    configure(cli, upstream)
    if running:
        assert cli("start").code == 0
    head, first, second, third = cli("rules").out.splitlines()
    assert head.split() == ["provider", "model", "what", "is", "changed", "since", "until", "learned", "from"]
    assert first.split()[:2] == ["minimax", "kimi-k3"]
    assert f"{day(NOW)}  {day(NOW + LIFETIME)}  {REASON}" in first
    assert "messages with the role system moved into the neighbouring user message" in first
    assert "context_management left out" in second
    assert "\x1b" not in second
    assert "every beta left out" in third
    rows = json.loads(cli("rules", "--json").out)["rules"]
    assert [(row["providers"], row["upstream"], row["rule"]) for row in rows] == [
        (["minimax"], f"{upstream}/minimax", "role:system"),
        (["minimax"], f"{upstream}/minimax", "field:context_management"),
        (["moonshot"], f"{upstream}/moonshot", "beta:*"),
    ]
    assert (rows[0]["message"], rows[0]["in_words"]) == (
        REASON,
        "messages with the role system moved into the neighbouring user message",
    )


def test_shows_rules_in_lines_on_a_narrow_terminal() -> None:
    out = Console(width=80, file=io.StringIO(), markup=False)
    show(out, [RuleReport(("minimax",), learned(Upstream("u"), ROLE, f"{REASON} [b]and[/b] so on"))])
    assert isinstance(out.file, io.StringIO)
    lines = [line.rstrip() for line in out.file.getvalue().splitlines()]
    assert lines == [
        "minimax, kimi-k3: messages with the role system moved into the neighbouring user",
        "message",
        f"  {day(NOW)} to {day(NOW + LIFETIME)}, learned from: {REASON}",
        "  [b]and[/b] so on",
    ]


@pytest.mark.parametrize("running", [False, True])
def test_forgetting_one_provider_and_then_all(cli: CommandLine, upstream: str, running: bool) -> None:
    leave_behind(cli.home, upstream)
    configure(cli, upstream)
    if running:
        assert cli("start").code == 0
    assert cli("rules", "forget", "nobody").out == "Forgotten: 0 rules of nobody.\n"
    assert cli("rules", "forget", "minimax").out == "Forgotten: 2 rules of minimax.\n"
    assert len(json.loads(cli("rules", "--json").out)["rules"]) == 1
    if not running:
        assert remembered(cli.home) == ([f"{upstream}/moonshot beta:*"], f"{upstream}/minimax")
    assert json.loads(cli("rules", "forget", "--all", "--json").out) == {"forgotten": 1}
    assert cli("rules").out.startswith("No provider has rejected anything that can be left out.")
    if running:
        assert cli("stop").code == 0
    assert remembered(cli.home) == ([], f"{upstream}/minimax")


@pytest.mark.parametrize("running", [False, True])
def test_shows_and_forgets_the_rules_that_providers_share(cli: CommandLine, upstream: str, running: bool) -> None:
    leave_behind(cli.home, upstream)
    cli.configure(f"{upstream}/moonshot", f"{upstream}/moonshot")
    if running:
        assert cli("start").code == 0
    reports = json.loads(cli("rules", "--json").out)["rules"]
    assert [report["providers"] for report in reports[1:]] == [[f"{upstream}/minimax"], ["minimax", "moonshot"]]
    assert cli("rules").out.splitlines()[3].startswith("minimax, moonshot")
    assert cli("rules", "forget", "moonshot").out == "Forgotten: 1 rule of moonshot.\n"
    assert cli("rules", "forget", "minimax").out == "Forgotten: 0 rules of minimax.\n"
    address = f"{upstream}/minimax"
    assert cli("rules", "forget", address).out == f"Forgotten: 2 rules of {address}.\n"


@pytest.mark.parametrize("running", [False, True])
def test_names_a_provider_that_lacks_its_key(cli: CommandLine, upstream: str, running: bool) -> None:
    leave_behind(cli.home, upstream)
    configure(cli, upstream)
    cli.home.env.write_text("MINIMAX_API_KEY=sk-1\n", encoding="utf-8")
    if running:
        assert cli("start").code == 0
    assert json.loads(cli("rules", "--json").out)["rules"][2]["providers"] == ["moonshot"]
    assert cli("rules", "forget", "moonshot").out == "Forgotten: 1 rule of moonshot.\n"


def test_shows_the_address_if_the_configuration_is_broken(cli: CommandLine, upstream: str) -> None:
    leave_behind(cli.home, upstream)
    cli.home.config.write_text("{", encoding="utf-8")
    assert json.loads(cli("rules", "--json").out)["rules"][0]["providers"] == [f"{upstream}/minimax"]


def test_a_new_home_has_no_rules(cli: CommandLine) -> None:
    assert cli("rules").out.startswith("No provider has rejected anything that can be left out.")
    assert json.loads(cli("rules", "--json").out) == {"rules": []}
    assert cli("rules", "forget", "--all").out == "Forgotten: 0 rules.\n"
    assert not cli.home.memory.exists()


@pytest.mark.parametrize("arguments", [["forget"], ["forget", "minimax", "--all"], ["--all"], ["other"]])
def test_rejects_options_that_do_not_go_together(cli: CommandLine, arguments: list[str]) -> None:
    assert cli("rules", *arguments).code == 2


def test_reports_a_damaged_file_once_and_puts_it_aside(cli: CommandLine) -> None:
    cli.home.prepare()
    cli.home.memory.write_bytes(b"{")
    done = cli("rules")
    assert done.code == 1
    assert "memory.json is damaged (now memory.json.damaged). The proxy starts without" in done.err
    assert cli("rules").code == 0


@pytest.mark.parametrize("at", [1e300, -1e300, -5])
def test_ignores_a_rule_without_a_valid_time(cli: CommandLine, at: float) -> None:
    leave_behind(cli.home, "https://api.example")
    document = json.loads(cli.home.memory.read_bytes())
    document["tables"]["lessons"][0]["at"] = at
    cli.home.memory.write_text(json.dumps(document))
    assert (cli("rules").code, len(remembered(cli.home)[0])) == (0, 2)


def test_rejects_an_unknown_action(started: CommandLine) -> None:
    headers = {"Authorization": f"Bearer {started.token()}", "Content-Type": "application/json"}
    for path, body, status in [
        ("/admin/rules/forget", b"{}", 400),
        ("/admin/rules/forget", b'{"provider":5}', 400),
        ("/provider/minimax/admin/rules/forget", b'{"provider":null}', 404),
    ]:
        connection = HTTPConnection("127.0.0.1", started.running().port, timeout=10)
        connection.request("POST", path, body, headers)
        assert connection.getresponse().status == status
        connection.close()
