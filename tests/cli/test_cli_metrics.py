"""`/metrics` of the background process, and what `doctor` says of its token."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from claude_proxy.cli.background.processes import until
from fakes.command_line import PATIENCE, CommandLine, one_request
from fakes.scripts import json_message
from fakes.threaded import serving

VARIABLE = "CLAUDE_PROXY_METRICS_TOKEN"


def scrape(port: int, token: str) -> dict[str, float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/metrics", headers={"authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    assert answer.status == 200
    text = answer.read().decode()
    connection.close()
    return {sample.name: sample.value for family in text_string_to_metric_families(text) for sample in family.samples}


def with_a_request(port: int, token: str) -> dict[str, float] | None:
    values = scrape(port, token)
    return values if "claude_proxy_requests_total" in values else None


def of_the_token(cli: CommandLine, token: str) -> dict[str, Any]:
    document = json.loads(cli("doctor", "--json", environ={VARIABLE: token}).out)
    [row] = [row for row in document["findings"] if row["check"] == "metrics"]
    assert isinstance(row, dict)
    return row


def test_the_running_proxy_tells_of_its_requests_and_of_its_ledger(cli: CommandLine) -> None:
    with serving(json_message()) as url:
        cli.configure(url)
        assert cli("run", "--", *one_request(), environ={VARIABLE: "0123456789abcdef"}).code == 0
        values = until(lambda: with_a_request(cli.running().port, "0123456789abcdef"), PATIENCE)
    assert values
    assert values["claude_proxy_requests_total"] == 1
    assert values["claude_proxy_ledger_problem"] == 0
    assert values["claude_proxy_ledger_backlog"] in {0, 1}
    assert values["claude_proxy_start_time_seconds"] == pytest.approx(cli.running().started_at, abs=10)


def test_doctor_warns_of_a_token_that_opens_more_than_metrics(cli: CommandLine) -> None:
    cli.configure("http://127.0.0.1:9")
    cli.home.state.mkdir()
    cli.home.token.write_text("the-token-of-the-installation\n", encoding="ascii")
    cli.home.token.chmod(0o600)
    assert of_the_token(cli, "0123456789abcdef")["verdict"] == "ok"
    row = of_the_token(cli, cli.token())
    assert (row["verdict"], row["what"].partition(", and")[0]) == (
        "note",
        f"{VARIABLE} is the proxy's own token, which opens all of it",
    )
    env = cli.home.env.read_text(encoding="utf-8")
    key = next(line.partition("=")[2] for line in env.splitlines() if line.startswith("MINIMAX_API_KEY="))
    row = of_the_token(cli, key)
    assert (row["verdict"], row["what"].partition(", and")[0]) == ("note", f"{VARIABLE} is the key in MINIMAX_API_KEY")


def test_doctor_says_nothing_of_a_token_that_is_not_set(cli: CommandLine) -> None:
    cli.configure("http://127.0.0.1:9")
    findings = json.loads(cli("doctor", "--json").out)["findings"]
    assert not [row for row in findings if row["check"] == "metrics"]
