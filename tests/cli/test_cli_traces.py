"""Traces of the background process: what a collector gets, and what happens without one."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from claude_proxy.cli.background.processes import until
from fakes.command_line import KEYS, PATIENCE, CommandLine, free_port
from fakes.scripts import json_message
from fakes.server_connection import Request
from fakes.steps import Script, Stall, Status
from fakes.threaded import serving

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACING = {
    "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01",
    "tracestate": "vendor=secret",
    "baggage": "user=secret",
}
PROMPT, ANSWER = "a-prompt-of-the-user", "an-answer-of-the-model"
AT_ONCE = {"OTEL_BSP_SCHEDULE_DELAY": "20"}


class Peer:
    """A server that gives one answer, and remembers what it was sent."""

    def __init__(self, answer: Script) -> None:
        self.requests = list[Request]()
        self._answer = answer

    def __call__(self, request: Request) -> Script:
        self.requests.append(request)
        return self._answer


class Collector(Peer):
    """Takes traces by OTLP over HTTP."""

    def __init__(self) -> None:
        super().__init__([Status(200, b"", {"content-type": "application/x-protobuf"})])

    def spans(self) -> list[Span]:
        sent = [ExportTraceServiceRequest.FromString(request.body) for request in list(self.requests)]
        scopes = [scope for each in sent for resource in each.resource_spans for scope in resource.scope_spans]
        return [span for scope in scopes for span in scope.spans]


@pytest.fixture
def provider() -> Iterator[tuple[Peer, str]]:
    peer = Peer(json_message(ANSWER))
    with serving(peer) as url:
        yield peer, url


def start(cli: CommandLine, url: str, variables: Mapping[str, str], environ: Mapping[str, str] | None = None) -> None:
    """Start a proxy that sends traces; the variables stand in `.env`."""
    cli.configure(url, otel=True)
    with cli.home.env.open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in variables.items())
    done = cli("start", environ=environ)
    assert done.code == 0, done


def ask(cli: CommandLine) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", cli.running().port, timeout=PATIENCE)
    messages = [{"role": "user", "content": PROMPT}]
    body = json.dumps({"model": "claude-opus-5-5", "max_tokens": 9, "messages": messages})
    headers = {"x-api-key": cli.token(), "content-type": "application/json", **TRACING}
    connection.request("POST", "/v1/messages", body, headers)
    assert connection.getresponse().read()
    connection.close()


def log(cli: CommandLine) -> str:
    return cli.home.log.read_text(encoding="utf-8")


def warnings(cli: CommandLine) -> list[str]:
    found: list[str] = json.loads(cli("status", "--json").out)["warnings"]
    return [text for text in found if "otel" in text]


def test_a_collector_gets_a_trace_that_joins_the_clients(cli: CommandLine, provider: tuple[Peer, str]) -> None:
    collector = Collector()
    with serving(collector) as url:
        start(
            cli, provider[1], {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_HEADERS": "x-key=a", **AT_ONCE}
        )
        ask(cli)
        assert until(lambda: len(collector.spans()) >= 2 or None, PATIENCE)
    attempt, request = collector.spans()
    assert (request.name, attempt.name) == ("chat claude-opus-5-5", "chat claude-opus-5-5")
    assert request.trace_id == attempt.trace_id == bytes.fromhex(TRACE)
    assert attempt.parent_span_id == request.span_id
    [sent, *_] = collector.requests
    assert (sent.path, sent.header("x-key")) == ("/v1/traces", "a")
    bodies = b"".join(request.body for request in collector.requests)
    secrets = [*KEYS.values(), cli.token(), "vendor=secret", "user=secret", PROMPT, ANSWER]
    assert not [secret for secret in secrets if secret.encode() in bodies]
    assert warnings(cli) == []


def test_a_stop_sends_what_is_not_sent_yet(cli: CommandLine, provider: tuple[Peer, str]) -> None:
    collector = Collector()
    with serving(collector) as url:
        start(cli, provider[1], {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "3600000"})
        ask(cli)
        assert cli("stop").code == 0
        assert len(collector.spans()) == 2


def test_no_provider_learns_where_a_request_belongs_in_the_users_traces(
    cli: CommandLine, provider: tuple[Peer, str]
) -> None:
    peer, url = provider
    cli.configure(url)
    assert cli("start").code == 0
    ask(cli)
    [request] = peer.requests
    assert [request.header(name) for name in TRACING] == [None, None, None]


def test_without_a_collector_requests_are_answered_and_it_is_said_once(
    cli: CommandLine, provider: tuple[Peer, str]
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    limits = {"OTEL_EXPORTER_OTLP_TIMEOUT": "0.1", **AT_ONCE}
    start(cli, provider[1], {"OTEL_EXPORTER_OTLP_ENDPOINT": nobody, **limits})
    words = "traces cannot be sent to 127.0.0.1:"
    for _ in range(3):
        ask(cli)
        assert until(lambda: words in log(cli) or None, PATIENCE)
    assert cli("stop").code == 0
    assert log(cli).count(words) == 1
    assert "Traceback" not in log(cli)


def test_a_collector_that_never_answers_holds_up_no_stop(cli: CommandLine, provider: tuple[Peer, str]) -> None:
    silent = Peer([Stall()])
    with serving(silent) as url:
        start(cli, provider[1], {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_TIMEOUT": "3600", **AT_ONCE})
        ask(cli)
        assert until(lambda: silent.requests or None, PATIENCE)
        assert cli("stop").code == 0


def test_what_is_not_installed_is_said_and_requests_are_answered(
    cli: CommandLine, provider: tuple[Peer, str], tmp_path: Path
) -> None:
    package = tmp_path / "without" / "opentelemetry"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError\n", encoding="utf-8")
    environ = cli.environ()
    start(cli, provider[1], {}, {"PYTHONPATH": os.pathsep.join([str(package.parent), environ["PYTHONPATH"]])})
    ask(cli)
    [warning] = until(lambda: warnings(cli) or None, PATIENCE) or [""]
    assert warning.startswith("config.json: otel is true, but what sends traces is not installed. Run `make otel`")
    assert "make otel" in log(cli)


def test_nothing_of_it_is_loaded_unless_it_is_asked_for(cli: CommandLine) -> None:
    tops = {name.partition(".")[0] for name in cli.loaded_by_serve()}
    assert not tops & {"opentelemetry", "prometheus_client", "requests", "google", "urllib3"}
