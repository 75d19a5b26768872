"""What makes spans and sends them, by OTLP over HTTP, as the OTEL_ variables say."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from claude_proxy import __version__
from claude_proxy.core.text import PROGRAM
from claude_proxy.core.types import Account
from claude_proxy.net.traces.spans import add_spans
from claude_proxy.proxy.ports import Level

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_USUAL_ENDPOINT: Final = "http://localhost:4318"


class Traces:
    """Makes the spans of requests. A thread of the SDK's sends them in batches; of what it cannot send, it drops most.

    `say` takes, from these threads, that nothing can be sent, and that it can again; it may raise nothing.
    """

    def __init__(self, say: Callable[[str, Level], object], exporter: SpanExporter | None = None) -> None:
        _silence()
        told = ToldExporter(exporter or OTLPSpanExporter(), say)
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(told))
        self._tracer = self._provider.get_tracer(PROGRAM, __version__)

    def add(self, account: Account) -> None:
        """Make the spans of a request that is over."""
        add_spans(self._tracer, account)

    def close(self) -> None:
        """Send what there is, and stop."""
        self._provider.shutdown()


class ToldExporter(SpanExporter):
    """An exporter in front of another: it says once that spans cannot be sent, and once that they can be again."""

    def __init__(self, exporter: SpanExporter, say: Callable[[str, Level], object]) -> None:
        self._exporter = exporter
        self._say = say
        self._fails = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            result = self._exporter.export(spans)
        except Exception:  # noqa: BLE001 - the SDK's thread goes on
            result = SpanExportResult.FAILURE
        fails = result is not SpanExportResult.SUCCESS
        if fails and not self._fails:
            self._say(f"traces cannot be sent to {_collector()}; they are lost until it takes them", "warning")
        elif self._fails and not fails:
            self._say(f"traces are sent to {_collector()} again", "info")
        self._fails = fails
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _collector() -> str:
    """Return where spans are sent to: host and port alone, since the rest of a URL may hold a secret."""
    endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), _USUAL_ENDPOINT)
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    return f"{host}:{port}" if port else host or "the collector"


def _resource() -> Resource:
    """Return what names this program, unless the variables do."""
    found = Resource.create({SERVICE_VERSION: __version__})
    name = str(found.attributes.get(SERVICE_NAME, ""))
    return found.merge(Resource({SERVICE_NAME: PROGRAM})) if name.startswith("unknown_service") else found


def _silence() -> None:
    """Keep the SDK from writing to standard error: what its user has to know is said in proxy.log."""
    for name in ("opentelemetry", "urllib3"):
        logger = logging.getLogger(name)
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
