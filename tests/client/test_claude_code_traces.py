"""The real Claude Code with traces of its own, and those of the proxy: they are one."""

from __future__ import annotations

from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from claude_proxy.net.traces.tracer import Traces
from client.claude_code import claude_code
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, running_proxy
from fakes.scripts import answers
from fakes.steps import Status

TRACING = {
    "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
    "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": "1",
    "CLAUDE_CODE_PROPAGATE_TRACEPARENT": "1",
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_TRACES_EXPORT_INTERVAL": "100",
}


@async_test
async def test_requests_join_the_trace_of_claude_code_and_no_provider_hears_of_it(tmp_path: Path) -> None:
    claude = claude_code(tmp_path)
    fake, collector = FakeProvider(answers("hello")), FakeProvider([Status(200, b"")])
    async with collector, running_proxy(fake) as proxy:
        address = {"ANTHROPIC_BASE_URL": proxy.url, "ANTHROPIC_AUTH_TOKEN": TOKEN}
        environ = {**address, **TRACING, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        assert (await claude.start(environ, "say hi")).out == "hello"
        accounts = proxy.ledger.accounts
    sent = [request.body for request in collector.requests if request.path == "/v1/traces"]
    batches = [each for body in sent for each in ExportTraceServiceRequest.FromString(body).resource_spans]
    theirs = [span for batch in batches for scope in batch.scope_spans for span in scope.spans]
    spans = {(span.trace_id.hex(), span.span_id.hex()): span.name for span in theirs}
    exporter = InMemorySpanExporter()
    traces = Traces(lambda *_: None, exporter)
    for account in accounts:
        traces.add(account)
    traces.close()
    parents = [span.parent for span in exporter.get_finished_spans() if span.name.startswith("chat claude")]
    joined = {spans.get((f"{parent.trace_id:032x}", f"{parent.span_id:016x}")) for parent in parents if parent}
    assert "claude_code.llm_request" in joined
    assert not [request for request in fake.requests if request.header("traceparent")]
