"""Which spans a request becomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind, StatusCode

from claude_proxy.core.client_hints import ClientHints
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Account, Attempt, Cost, Ending, Usage
from claude_proxy.net.traces.spans import add_spans
from core.builders import NOW, account

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
REJECTED = Attempt("zai", Reason.STATUS, 529, 500.0, "words of the provider", model="GLM-5.3", started_ms=10.0)
ANSWER = Attempt(
    "minimax", None, 200, 700.0, model="MiniMax-M3", started_ms=600.0, usage=Usage(5, 7, 100, 1000), cost=Cost(0.5)
)


def spans_of(*accounts: Account) -> list[ReadableSpan]:
    """Return the spans, that of the request first."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    for each in accounts:
        add_spans(provider.get_tracer("test"), each)
    finished = list(exporter.get_finished_spans())
    provider.shutdown()
    return [*finished[-1:], *finished[:-1]]


def attributes(span: ReadableSpan) -> Mapping[str, Any]:
    return dict(span.attributes or {})


def identity(span: ReadableSpan) -> SpanContext:
    context = span.get_span_context()
    assert context is not None
    return context


def seconds(span: ReadableSpan) -> tuple[float, float]:
    """Return when it began and ended, from the start of the request."""
    assert span.start_time is not None
    assert span.end_time is not None
    return round(span.start_time / 1e9 - NOW, 3), round(span.end_time / 1e9 - NOW, 3)


def answered(**changes: Any) -> Account:
    values: dict[str, Any] = {
        "attempts": (ANSWER,),
        "provider": "minimax",
        "used_model": "MiniMax-M3",
        "usage": ANSWER.usage,
    }
    numbers = {"total_ms": 9000.0, "first_byte_ms": 1300.0, "requested_model": "claude-opus-5-5"}
    return account(**{**values, **numbers, **changes})


def test_a_request_is_a_span_and_its_attempts_are_children() -> None:
    request, first, second = spans_of(answered(attempts=(REJECTED, ANSWER)))
    assert [span.name for span in (request, first, second)] == [
        "chat claude-opus-5-5",
        "chat GLM-5.3",
        "chat MiniMax-M3",
    ]
    assert (request.kind, first.kind, second.kind) == (SpanKind.SERVER, SpanKind.CLIENT, SpanKind.CLIENT)
    assert [seconds(span) for span in (request, first, second)] == [(0, 9), (0.01, 0.51), (0.6, 9)]
    for attempt in (first, second):
        assert attempt.parent is not None
        assert attempt.parent.span_id == identity(request).span_id
        assert identity(attempt).trace_id == identity(request).trace_id
    assert request.parent is None
    assert (request.status.status_code, second.status.status_code) == (StatusCode.UNSET, StatusCode.UNSET)
    assert (first.status.status_code, first.status.description) == (StatusCode.ERROR, "529")
    assert attributes(first)["error.type"] == "529"
    assert attributes(first)["http.response.status_code"] == 529


def test_a_request_has_the_attributes_of_the_conventions() -> None:
    hints = ClientHints("subagent", agent="an-agent", agent_type="Explore", prompt="a-prompt")
    request, attempt = spans_of(answered(session="a-session", hints=hints, anthropic_dollars=2.0))
    assert attributes(request) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "claude-opus-5-5",
        "gen_ai.response.model": "MiniMax-M3",
        "gen_ai.provider.name": "minimax",
        "gen_ai.conversation.id": "a-session",
        "gen_ai.agent.id": "an-agent",
        "gen_ai.agent.name": "Explore",
        "gen_ai.usage.input_tokens": 1105,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 1000,
        "gen_ai.usage.cache_creation.input_tokens": 100,
        "http.response.status_code": 200,
        "claude_proxy.class": "subagent",
        "claude_proxy.prompt": "a-prompt",
        "claude_proxy.ending": "complete",
        "claude_proxy.failovers": 0,
        "claude_proxy.time_to_first_byte": 1.3,
        "claude_proxy.cost_dollars": 0.5,
        "claude_proxy.plan_cost_dollars": 0.0,
        "claude_proxy.anthropic_cost_dollars": 2.0,
    }
    assert attributes(attempt)["gen_ai.usage.input_tokens"] == 1105


def test_a_cost_that_is_not_known_is_left_out() -> None:
    unknown = Attempt("minimax", None, 200, 1.0, usage=Usage(1), cost=Cost(None))
    request, attempt = spans_of(answered(attempts=(unknown,)))
    assert "claude_proxy.cost_dollars" not in {**attributes(request), **attributes(attempt)}


def test_it_joins_the_trace_of_the_client() -> None:
    request, attempt = spans_of(answered(trace_parent=f"00-{TRACE}-{PARENT}-01"))
    assert request.parent is not None
    assert (f"{request.parent.trace_id:032x}", f"{request.parent.span_id:016x}") == (TRACE, PARENT)
    assert f"{identity(attempt).trace_id:032x}" == TRACE


def test_a_client_that_samples_its_trace_out_gets_no_spans() -> None:
    assert spans_of(answered(trace_parent=f"00-{TRACE}-{PARENT}-00")) == []


@pytest.mark.parametrize(
    "sent", ["", "nonsense", f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}", "\xff" * 10_000, "00-" * 99]
)
def test_a_parent_that_is_none_begins_a_trace(sent: str) -> None:
    request, _ = spans_of(answered(trace_parent=sent))
    assert request.parent is None


@pytest.mark.parametrize(
    ("ending", "status", "why"),
    [
        (Ending.COMPLETE, 200, None),
        (Ending.RECOVERED, 200, None),
        (Ending.CLIENT_LEFT, 200, None),
        (Ending.COMPLETE, 400, "400"),
        (Ending.STALLED, 200, "stalled"),
        (Ending.ERROR, 529, "error"),
    ],
)
def test_a_request_that_failed_is_an_error(ending: Ending, status: int, why: str | None) -> None:
    request, _ = spans_of(answered(ending=ending, status=status))
    assert request.status.description == attributes(request).get("error.type") == why
    assert (request.status.status_code is StatusCode.ERROR) == (why is not None)


def test_a_stream_that_died_ends_when_its_successor_is_asked_at_the_latest() -> None:
    died = Attempt("zai", Reason.STALLED, None, 300.0, started_ms=0.0)
    _, first, second = spans_of(answered(attempts=(died, ANSWER), ending=Ending.RECOVERED))
    assert seconds(first) == (0, 0.3)
    assert attributes(first)["error.type"] == "stalled"
    assert seconds(second) == (0.6, 9)


def test_a_check_of_tool_calls_is_a_child_too() -> None:
    check = Attempt("judge", None, 200, 50.0, model="m", started_ms=2000.0, usage=Usage(3, 1))
    *_, last = spans_of(answered(checks=(check,)))
    assert (last.name, seconds(last)) == ("check m", (2, 2.05))


def test_a_count_of_tokens_is_named_so() -> None:
    request, _ = spans_of(answered(kind="count_tokens"))
    assert request.name == "count_tokens claude-opus-5-5"


def test_a_request_that_nobody_was_asked_for_has_a_span() -> None:
    [request] = spans_of(account(requested_model="", status=413, ending=Ending.COMPLETE))
    assert (request.name, request.status.description) == ("chat", "413")
    assert "gen_ai.response.model" not in attributes(request)


def test_texts_are_bounded_and_no_words_of_a_provider_are_there() -> None:
    long = "x\x1b" * 10_000
    spans = spans_of(answered(requested_model=long, session=long, used_model=long, attempts=(REJECTED,)))
    shown = str([(span.name, attributes(span), span.status.description) for span in spans])
    assert len(shown) < 3000
    assert "\\x1b" not in shown
    assert "words of the provider" not in shown
