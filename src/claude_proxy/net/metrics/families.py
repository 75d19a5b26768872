"""From the proxy's state to the families of metrics that Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Final, TypeAlias

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from claude_proxy.core.health import State
from claude_proxy.core.metrics_state import MetricsState
from claude_proxy.core.status_report import BudgetStatus, ProviderStatus
from claude_proxy.core.traffic import Histogram, Traffic
from claude_proxy.net.metrics.quota import by_label

PREFIX: Final = "claude_proxy_"

TOKEN_TYPES: Final = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")

_Samples: TypeAlias = Iterable[tuple[tuple[str, ...], float]]
"""Values of labels, and of the metric."""


def render(state: MetricsState, accept: str) -> tuple[str, bytes]:
    """Return the content type and the text that a client which sends this `Accept` gets."""
    registry = CollectorRegistry()
    registry.register(StateCollector(state))
    ProcessCollector(registry=registry)  # CPU, memory, open files; on Linux only
    try:
        encode, content_type = choose_encoder(accept)
    except (TypeError, ValueError):  # a version in it that is no number
        encode, content_type = choose_encoder("")
    return content_type, encode(registry)


class StateCollector(Collector):
    """Makes the families of a state. Its registry is of its own: prometheus_client's own one counts nothing here."""

    def __init__(self, state: MetricsState) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        yield from _of_proxy(self._state)
        yield from _of_requests(self._state.traffic)
        yield from _of_tokens(self._state.traffic)
        yield from _of_providers(self._state.status.providers)
        yield from _of_quota(self._state.status.providers)
        yield from _of_budgets(self._state.status.budgets)


def _of_proxy(state: MetricsState) -> Iterator[Metric]:
    status, ledger = state.status, state.ledger
    yield _gauge("build_info", "The version of claude-proxy; always 1.", ("version",), [((status.version,), 1)])
    yield _gauge(
        "start_time_seconds", "When the proxy started, in seconds since the epoch.", (), [((), status.started_at)]
    )
    yield _gauge("requests_in_flight", "Requests that are being answered.", (), [((), status.in_flight)])
    if ledger:
        yield _gauge("ledger_backlog", "Requests that are not in usage.db yet.", (), [((), ledger.backlog)])
        yield _gauge("ledger_problem", "1 if usage.db cannot be written.", (), [((), bool(ledger.problem))])


def _of_requests(traffic: Traffic) -> Iterator[Metric]:
    yield _counter(
        "requests",
        "Requests that are over, by what they ask for, what Claude Code makes them for, and how they ended.",
        ("kind", "class", "ending"),
        traffic.requests.items(),
    )
    yield _counter(
        "attempts",
        "Requests to providers, by what came of them: accepted, a status, or a word as in proxy.log.",
        ("provider", "reason"),
        traffic.attempts.items(),
    )
    yield _counter(
        "failovers",
        "How often another provider was asked, by the provider that failed and why.",
        ("provider", "reason"),
        traffic.failovers.items(),
    )
    yield _counter(
        "answers_saved",
        "Answers that broke off and were carried to their end.",
        (),
        [((), traffic.answers_saved)],
    )
    yield _histogram(
        "time_to_first_byte_seconds",
        "From a request's beginning to the first byte of its answer, by the provider that answered.",
        ("provider",),
        {(provider,): histogram for provider, histogram in traffic.first_byte.items()},
    )
    yield _histogram(
        "request_duration_seconds",
        "From a request's beginning to its end, by the provider that answered.",
        ("kind", "provider"),
        dict(traffic.total.items()),
    )


def _of_tokens(traffic: Traffic) -> Iterator[Metric]:
    model = ("provider", "model")
    sums = traffic.models.items()
    yield _counter(
        "tokens",
        "Tokens that providers charge for, or count against a plan.",
        (*model, "type"),
        [((*labels, kind), getattr(each, kind)) for labels, each in sums for kind in TOKEN_TYPES],
    )
    yield _counter(
        "cost_dollars",
        "What is charged, in US dollars, as far as prices are known.",
        model,
        [(labels, each.cost) for labels, each in sums if each.cost is not None],
    )
    yield _counter(
        "plan_cost_dollars",
        "What the tokens that a plan pays for would have cost, in US dollars, as far as prices are known.",
        model,
        [(labels, each.plan_cost) for labels, each in sums if each.plan_cost is not None],
    )
    yield _counter(
        "unpriced_attempts",
        "Requests to providers whose price is not known, so that the sums of costs lack them.",
        model,
        [(labels, each.unpriced) for labels, each in sums if each.unpriced],
    )


def _of_providers(providers: Iterable[ProviderStatus]) -> Iterator[Metric]:
    yield _gauge(
        "provider_state",
        "1 for the state that a provider is in, 0 for the others.",
        ("provider", "state"),
        [((each.name, state.value), each.state == state.value) for each in providers for state in State],
    )
    yield _gauge(
        "provider_key_refused",
        "1 if a provider refuses its key, or the login.",
        ("provider",),
        [((each.name,), each.key_rejected) for each in providers],
    )
    yield _gauge(
        "provider_out_of_credit",
        "1 if a provider's account is out of credit.",
        ("provider",),
        [((each.name,), each.out_of_credit) for each in providers],
    )


def _of_quota(providers: Iterable[ProviderStatus]) -> Iterator[Metric]:
    reports = [(each.name, each.quota) for each in providers if each.quota]
    windows = [(name, label, window) for name, report in reports for label, window in by_label(report.windows).items()]
    yield _gauge(
        "quota_used_ratio",
        "How much of a plan's window is used, from 0 to 1.",
        ("provider", "window"),
        [((name, label), window.used) for name, label, window in windows],
    )
    yield _gauge(
        "quota_reset_timestamp_seconds",
        "When a plan's window is reset, in seconds since the epoch.",
        ("provider", "window"),
        [((name, label), window.resets_at) for name, label, window in windows if window.resets_at is not None],
    )
    yield _gauge(
        "provider_balance",
        "Prepaid money that is left, in its currency.",
        ("provider", "currency"),
        [((name, report.balance.currency), report.balance.amount) for name, report in reports if report.balance],
    )


def _of_budgets(budgets: Iterable[BudgetStatus]) -> Iterator[Metric]:
    labels = ("provider", "period")
    # of several for one provider and period, the smallest is the one that counts
    found = {(each.provider, each.per): each for each in sorted(budgets, key=lambda each: -each.dollars)}
    yield _gauge(
        "budget_dollars",
        "What a budget allows in a period, in US dollars.",
        labels,
        [(key, each.dollars) for key, each in found.items()],
    )
    yield _gauge(
        "budget_spent_dollars",
        "What was spent of a budget in this period, in US dollars, as far as prices are known.",
        labels,
        [(key, each.spent) for key, each in found.items()],
    )


def _counter(name: str, text: str, labels: tuple[str, ...], samples: _Samples) -> Metric:
    family = CounterMetricFamily(PREFIX + name, text, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def _gauge(name: str, text: str, labels: tuple[str, ...], samples: _Samples) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, text, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def _histogram(
    name: str, text: str, labels: tuple[str, ...], histograms: Mapping[tuple[str, ...], Histogram]
) -> Metric:
    family = HistogramMetricFamily(PREFIX + name, text, labels=labels)
    for values, histogram in histograms.items():
        bounds = (*(str(bound) for bound in histogram.bounds), "+Inf")
        buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
        family.add_metric(values, buckets, histogram.sum)
    return family
