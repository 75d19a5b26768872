"""What sends spans: it names this program, says once that it cannot send, and holds up nobody."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from claude_proxy.net.traces.tracer import ToldExporter, Traces
from core.builders import account


class ScriptedExporter(SpanExporter):
    """Takes spans or not, as its script says; an exporter may also raise."""

    def __init__(self, *script: SpanExportResult | Exception) -> None:
        self._script = list(script)
        self.closed = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._script.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    def shutdown(self) -> None:
        self.closed = True


GOOD, BAD = SpanExportResult.SUCCESS, SpanExportResult.FAILURE


def test_a_collector_that_is_away_is_said_once_and_once_that_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://me:secret@collector.example:4318/secret")
    said = list[str]()
    exporter = ToldExporter(
        ScriptedExporter(GOOD, BAD, OSError(), BAD, GOOD, GOOD, BAD),
        lambda text, level: said.append(f"{level}: {text}"),
    )
    assert [exporter.export([]) for _ in range(7)] == [GOOD, BAD, BAD, BAD, GOOD, GOOD, BAD]
    away = "warning: traces cannot be sent to collector.example:4318; they are lost until it takes them"
    assert said == [away, "info: traces are sent to collector.example:4318 again", away]


@pytest.mark.parametrize(
    ("endpoint", "shown"),
    [
        ("", "localhost:4318"),
        ("https://api.example/otlp", "api.example"),
        ("http://[", "the collector"),
        ("x", "the collector"),
    ],
)
def test_only_host_and_port_of_the_collector_are_shown(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, shown: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint)
    said = list[str]()
    ToldExporter(ScriptedExporter(BAD), lambda text, _: said.append(text)).export([])
    assert said == [f"traces cannot be sent to {shown}; they are lost until it takes them"]


@pytest.mark.parametrize(
    ("variable", "text", "name"),
    [
        ("", "", "claude-proxy"),
        ("OTEL_SERVICE_NAME", "mine", "mine"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=theirs,team=a", "theirs"),
    ],
)
def test_spans_name_the_program_unless_the_variables_do(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, name: str
) -> None:
    if variable:
        monkeypatch.setenv(variable, text)
    exporter = InMemorySpanExporter()
    traces = Traces(lambda *_: None, exporter)
    traces.add(account())
    traces.close()
    [span] = exporter.get_finished_spans()
    assert span.resource.attributes["service.name"] == name


def test_closing_sends_what_there_is_and_closes_the_exporter() -> None:
    exporter = ScriptedExporter(GOOD)
    traces = Traces(lambda *_: None, exporter)
    traces.add(account())
    traces.close()
    assert exporter.closed
    assert exporter._script == []
