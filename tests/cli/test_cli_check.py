from __future__ import annotations

import json
import os

import pytest

from fakes.command_line import KEYS, CommandLine, free_port
from fakes.provider import FakeProvider
from fakes.scripts import json_answer
from fakes.server import PEM
from fakes.steps import Stall
from fakes.threaded import serving


def test_a_right_configuration_shows_where_the_keys_are(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream, upstream)
    done = cli("check")
    assert (done.code, done.err) == (0, "")
    rows = [line.split() for line in done.out.splitlines()]
    assert ["minimax", upstream, "in", "MINIMAX_API_KEY"] in rows
    assert ["moonshot", upstream, "in", "MOONSHOT_API_KEY"] in rows


def test_a_missing_key_is_a_warning_that_names_its_variable(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream, upstream)
    cli.home.env.write_text(f"MINIMAX_API_KEY={KEYS['MINIMAX_API_KEY']}\n", encoding="utf-8")
    done = cli("check")
    assert done.code == 0
    assert "warning: " in done.out
    assert "missing: set MOONSHOT_API_KEY" in done.out


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.parametrize("name", ["config.json", ".env"])
def test_rejects_a_pipe_without_waiting(cli: CommandLine, upstream: str, name: str) -> None:
    cli.configure(upstream)
    path = cli.home.root / name
    path.unlink()
    os.mkfifo(path)
    try:
        done = cli("check")
    finally:
        path.unlink()
    assert (done.code, done.err) == (2, f"error: {name}: is no regular file. Make {path} a file with text in it.\n")


def test_starts_nothing_and_creates_nothing(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream)
    cli("check")
    assert {path.name for path in cli.home.root.iterdir()} == {"config.json", ".env"}


def test_live_asks_each_provider_itself(cli: CommandLine) -> None:
    first = FakeProvider(json_answer(200))
    with serving(first) as one, serving(json_answer(429)) as other:
        cli.configure(f"{one}/anthropic", other)
        done = cli("check", "--live")
    assert done.code == 1
    rows = {line.split()[0]: line for line in done.out.splitlines() if line}
    assert rows["minimax"].split()[1:3] == ["claude-haiku-5-5", "200"]
    assert rows["minimax"].split()[4] == "ms"
    assert rows["moonshot"].split()[2] == "429"
    assert rows["moonshot"].rstrip().endswith("scripted 429")
    (request,) = first.requests
    assert request.target == "/anthropic/v1/messages"
    assert request.header("authorization") == f"Bearer {KEYS['MINIMAX_API_KEY']}"


def test_live_is_0_if_all_providers_answer(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream, upstream)
    done = cli("check", "--live")
    assert done.code == 0
    assert done.out.count(" 200 ") == 2


def test_live_asks_for_the_providers_own_small_model(cli: CommandLine) -> None:
    provider = FakeProvider(json_answer(200))
    with serving(provider) as url:
        cli.configure(url)
        document = json.loads(cli.home.config.read_text(encoding="utf-8"))
        document["providers"][0]["models"] = {"haiku": "tiny-1", "opus": "huge-1"}
        cli.home.config.write_text(json.dumps(document), encoding="utf-8")
        done = cli("check", "--live")
    assert "tiny-1" in done.out
    body = provider.requests[0].json()
    assert len(provider.requests) == 1
    assert body["model"] == "tiny-1"
    assert body["max_tokens"] <= 64
    assert "stream" not in body


@pytest.mark.parametrize("status", [401, 403])
def test_live_names_the_variable_of_a_rejected_key(cli: CommandLine, status: int) -> None:
    with serving(json_answer(status)) as url:
        cli.configure(url)
        done = cli("check", "--live")
    assert done.code == 1
    assert "minimax refused the key in MINIMAX_API_KEY (from .env). Replace it there." in done.out


@pytest.mark.parametrize("before", [0, 270, 290])
def test_live_does_not_repeat_a_key_that_is_quoted(before: int, cli: CommandLine) -> None:
    key = "Bq7-" * 12
    error = {"type": "error", "error": {"type": "authentication_error", "message": f"{'x' * before} {key} is wrong"}}
    with serving(json_answer(401, error)) as url:
        cli.configure(url)
        done = cli("check", "--live", environ={"MINIMAX_API_KEY": key, "COLUMNS": "1000"})
    assert "minimax refused the key in MINIMAX_API_KEY (from " in done.out
    assert "Bq7" not in done.out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"type": "error", "error": {"type": "overloaded_error", "message": "too busy"}}, "too busy"),
        ({"base_resp": {"status_code": 1002, "status_msg": "no balance"}}, "no balance"),
        ("<html>", "html"),
    ],
)
def test_live_sees_an_error_behind_200(cli: CommandLine, content: object, words: str) -> None:
    with serving(json_answer(200, content)) as url:
        cli.configure(url)
        done = cli("check", "--live")
    assert done.code == 1
    assert words in done.out


def test_live_reports_a_provider_that_cannot_be_reached(cli: CommandLine) -> None:
    cli.configure(f"http://127.0.0.1:{free_port()}")
    done = cli("check", "--live")
    assert done.code == 1
    assert " refused " in done.out


def test_live_gives_a_silent_provider_its_time_and_no_more(cli: CommandLine) -> None:
    with serving([Stall()]) as url:
        cli.configure(url, timeouts={"first_event": 0.2, "first_content": 0.2, "stall": 0.2})
        done = cli("check", "--live")
    assert done.code == 1


def test_live_says_which_way_it_went_and_that_the_running_proxy_goes_another(cli: CommandLine, upstream: str) -> None:
    cli.extra |= dict.fromkeys(("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR"), "")
    cli.configure(upstream, upstream)
    proxy = {"HTTPS_PROXY": "http://me:hunter2@proxy.corp:3128", "NO_PROXY": "a.example"}
    assert cli("start", environ=proxy).code == 0
    way = "through the proxy http://proxy.corp:3128 (HTTPS_PROXY), but directly to a.example"
    for command in ("check", "doctor"):
        there = cli(command, "--live")
        assert "directly, as this terminal is set" in there.out
        assert f"the running proxy takes another way: {way}." in there.out.replace("\n        It has", ". It has")
        assert "`claude-proxy restart`" in there.out
        here = cli(command, "--live", environ=proxy)
        assert f"{way}, as this terminal is set" in here.out
        assert "another way" not in here.out
        assert "hunter2" not in there.out + here.out
    shown = cli("status").out
    assert f"It reaches the providers {way}\n" in shown
    assert "hunter2" not in shown + cli("status", "--json").out


def test_live_trusts_the_certificates_that_node_trusts_too(cli: CommandLine) -> None:
    with serving(FakeProvider(json_answer(200), tls=True)) as url:
        cli.configure(url)
        refused = cli("check", "--live")
        assert refused.code == 1
        assert "certificate not trusted" in refused.out
        done = cli("check", "--live", environ={"NODE_EXTRA_CA_CERTS": str(PEM)})
    assert done.code == 0
    assert f"with the certificates in {PEM} (NODE_EXTRA_CA_CERTS)" in done.out


def test_a_file_of_certificates_that_does_not_exist_is_named(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream)
    for command in ("check", "doctor"):
        done = cli(command, environ={"NODE_EXTRA_CA_CERTS": "/nowhere/ca.pem"})
        assert "environment: NODE_EXTRA_CA_CERTS: /nowhere/ca.pem does not exist." in done.out
    assert cli("start", environ={"NODE_EXTRA_CA_CERTS": "/nowhere/ca.pem"}).code == 0
    assert "NODE_EXTRA_CA_CERTS: /nowhere/ca.pem does not exist." in cli("status").out
