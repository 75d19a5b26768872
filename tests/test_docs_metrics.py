"""The page of metrics names what `/metrics` shows."""

from __future__ import annotations

import re

from msgspec import structs
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from claude_proxy.core.client_hints import ClientHints
from claude_proxy.core.metrics_state import LedgerState, MetricsState
from claude_proxy.core.quota.quota_report import Balance, QuotaReport, QuotaWindow
from claude_proxy.core.reasons import Reason
from claude_proxy.core.status_report import BudgetStatus, ProviderStatus, StatusReport
from claude_proxy.core.traffic import MAX_MODELS, MAX_PROVIDERS, Traffic
from claude_proxy.core.types import Attempt, Cost, Ending, Usage
from claude_proxy.net.metrics.families import PREFIX, StateCollector
from claude_proxy.net.traces.spans import add_spans
from core.builders import account, provider
from pages import TEXTS, blocks, code, section, table

PAGE = TEXTS["docs/metrics.md"]
HISTOGRAM_SUFFIX = re.compile(r"_(bucket|sum|count)$")


def state_with_everything() -> MetricsState:
    quota = QuotaReport((QuotaWindow("week", 0.5, 1.0),), Balance(1.0, "USD"))
    status = StatusReport(
        version="1",
        instance="i",
        pid=1,
        started_at=0.0,
        host="h",
        port=1,
        providers=(ProviderStatus(name="a", state="ready", quota=quota),),
        budgets=(BudgetStatus("a", "day", 1.0, 0.5, 0, 0.0),),
    )
    traffic = Traffic()
    traffic.follow([provider("a"), provider("b")])
    attempts = [
        Attempt(name, None, 200, 1.0, usage=Usage(1), cost=cost)
        for name, cost in (("a", Cost(1.0, is_plan=True)), ("b", Cost(None)))
    ]
    traffic.take(account(provider="a", attempts=tuple(attempts), first_byte_ms=1.0))
    return MetricsState(status, traffic, LedgerState(0))


def shown() -> dict[str, tuple[str, list[str]]]:
    """Return type and labels of each metric, by its name as the text format has it."""
    found = {}
    for family in StateCollector(state_with_everything()).collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert family.samples, name
        found[name] = (family.type, [label for label in family.samples[0].labels if label != "le"])
    return found


def test_the_table_has_each_metric_with_its_type_and_labels() -> None:
    rows = table(section(PAGE, "All metrics"), "Metric")
    documented = {f"{PREFIX}{code(name)[0]}": (kind, code(labels)) for name, kind, labels, _ in rows}
    assert documented == shown()


def test_questions_and_alerts_name_metrics_that_there_are() -> None:
    examples = "\n".join([*blocks(PAGE, "promql"), *blocks(PAGE, "yaml")])
    named = set(re.findall(rf"\b{PREFIX}\w+", examples))
    assert named
    assert {HISTOGRAM_SUFFIX.sub("", name) for name in named} <= set(shown())


def test_the_limits_of_labels_are_those_of_the_code() -> None:
    assert re.search(rf"first\s+{MAX_MODELS}\b", PAGE)
    assert re.search(rf"first {MAX_PROVIDERS}\b", PAGE)


def test_the_table_of_attributes_has_each_of_them() -> None:
    rows = table(PAGE, "Attribute")
    documented = {name: on for names, on, _ in rows for name in code(names)}
    assert documented == attributes_of_spans()


def attributes_of_spans() -> dict[str, str]:
    """Return the attributes of a request and its attempts for which everything is known."""
    exporter, tracers = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    failed = Attempt("b", Reason.STATUS, 529, 1.0, model="m", usage=Usage(1), cost=Cost(1.0))
    hints = ClientHints("main", "an-agent", "", "Explore", "a-prompt")
    known = account(provider="a", used_model="m", session="s", attempts=(failed,), hints=hints, usage=Usage(1))
    told = structs.replace(known, first_byte_ms=1.0, anthropic_dollars=1.0, ending=Ending.ERROR)
    add_spans(tracers.get_tracer("test"), told)
    attempt, request = (set(span.attributes or ()) for span in exporter.get_finished_spans())
    assert attempt <= request
    return {name: "both" if name in attempt else "request" for name in request}
