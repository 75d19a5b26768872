"""What went through the proxy since it started, as numbers that grow with each request: for `/metrics`.

Labels are names of the configuration, and values of enums. What a client or a provider can make up is `other`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from claude_proxy.core.listed_models import CLAUDE_MODELS
from claude_proxy.core.reasons import Reason, label
from claude_proxy.core.traits import known_of
from claude_proxy.core.types import Account, Attempt, Cost, Ending, Provider, Usage

OTHER: Final = "other"
ACCEPTED: Final = "accepted"
"""In place of a reason: the provider answers."""

MAX_PROVIDERS: Final = 64
"""Names of providers; further ones, which only many changes of the configuration bring, are `other`."""
MAX_MODELS: Final = 128
"""Models with tokens, of all providers together; further ones are `other`."""

FIRST_BYTE_SECONDS: Final = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0, 60.0, 120.0, 300.0)
"""A small model answers within a second, a large one that thinks in some ten; Claude Code waits for 300."""
TOTAL_SECONDS: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0)
"""From a title to an answer of many thousand tokens; the official clients wait ten minutes for one not streamed."""

_STATUSES: Final = frozenset({400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 415, 422, 425, 429})
_SERVER_STATUSES: Final = frozenset({500, 501, 502, 503, 504, 508, 520, 521, 522, 523, 524, 525, 526, 529})
_SHOWN: Final = {status: str(status) for status in _STATUSES | _SERVER_STATUSES}
_CLASSES: Final = {3: "3xx", 4: "4xx", 5: "5xx"}

_Key = TypeVar("_Key")


class Histogram:
    """How many values there were up to each of some bounds, and their sum."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """By bucket, each without those before it; the last one is for values above all bounds."""
        self.sum = 0.0

    def take(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def copy(self) -> Histogram:
        twin = Histogram(self.bounds)
        twin.counts, twin.sum = list(self.counts), self.sum
        return twin


class ModelSums:
    """What a provider's answers with one model took."""

    __slots__ = ("cache_read", "cache_write_1h", "cache_write_5m", "cost", "input", "output", "plan_cost", "unpriced")

    def __init__(self) -> None:
        self.input = self.output = self.cache_read = self.cache_write_5m = self.cache_write_1h = 0
        self.cost: float | None = None
        """Dollars that are charged, of attempts whose price is known; None if that is none."""
        self.plan_cost: float | None = None
        """Dollars that tokens which a plan pays for would have cost."""
        self.unpriced = 0
        """Attempts whose price is not known."""

    def take(self, usage: Usage, cost: Cost) -> None:
        hour = usage.ephemeral_1h_input_tokens
        self.input += usage.input_tokens
        self.output += usage.output_tokens
        self.cache_read += usage.cache_read_input_tokens
        self.cache_write_5m += usage.cache_creation_input_tokens - hour
        self.cache_write_1h += hour
        dollars = cost.dollars
        if cost.is_plan:
            self.cost = self.cost or 0.0
            self.plan_cost = self.plan_cost if dollars is None else (self.plan_cost or 0.0) + dollars
        elif dollars is not None:
            self.cost = (self.cost or 0.0) + dollars
        self.unpriced += dollars is None

    def copy(self) -> ModelSums:
        twin = ModelSums()
        for name in self.__slots__:
            setattr(twin, name, getattr(self, name))
        return twin


class Traffic:
    """Counts requests that are over, and the attempts of each; those of the auto mode's checks are among them."""

    __slots__ = (
        "_found",
        "_known",
        "answers_saved",
        "attempts",
        "failovers",
        "first_byte",
        "models",
        "requests",
        "total",
    )

    def __init__(self) -> None:
        self._known: Mapping[str, Mapping[str, str]] = {}
        """For each provider, from the names of its models in lower case to these names."""
        self._found = dict[tuple[str, str], ModelSums]()
        """By a provider and a model as they stand in attempts: what is found for most of them without a search."""
        self.requests = Counter[tuple[str, str, str]]()
        """By kind, class and ending."""
        self.attempts = Counter[tuple[str, str]]()
        """By provider and reason."""
        self.failovers = Counter[tuple[str, str]]()
        """How often another provider was asked, by the one before it and why that failed."""
        self.answers_saved = 0
        self.first_byte = dict[str, Histogram]()
        """Seconds, by the provider that answered; empty if none did."""
        self.total = dict[tuple[str, str], Histogram]()
        """Seconds, by kind and provider."""
        self.models = dict[tuple[str, str], ModelSums]()
        """By provider and model; only those with tokens."""

    def follow(self, providers: Iterable[Provider], claude: Iterable[str] = ()) -> None:
        """Know these providers and their models from now on, besides those of earlier configurations.

        `claude` are names of Anthropic's models, which a relay may have as they are.
        """
        claude = (*CLAUDE_MODELS, *claude)
        known = dict(self._known)
        for provider in providers:
            if provider.name in known or len(known) < MAX_PROVIDERS:
                names = (*claude, *provider.prices, *provider.models.values(), *provider.own_models)
                known[provider.name] = {name.lower(): name for name in names}
        self._known = known
        self._found.clear()

    def take(self, account: Account) -> None:
        """Count a request that is over."""
        kind, provider = account.kind, self._provider(account.provider)
        self.requests[kind, account.hints.request_class, account.ending.value] += 1
        self.answers_saved += account.ending is Ending.RECOVERED
        before, left = "", ("", "")
        for attempt in account.attempts:
            if before and before != attempt.provider:
                self.failovers[left] += 1
            before, left = attempt.provider, self._take_attempt(attempt)
        for check in account.checks:
            self._take_attempt(check)
        if account.first_byte_ms is not None:
            _at(self.first_byte, provider, FIRST_BYTE_SECONDS).take(account.first_byte_ms / 1000)
        _at(self.total, (kind, provider), TOTAL_SECONDS).take(account.total_ms / 1000)

    def copy(self) -> Traffic:
        """Return the counts as they are now, for another thread to read."""
        twin = Traffic()
        twin.requests, twin.attempts, twin.failovers = self.requests.copy(), self.attempts.copy(), self.failovers.copy()
        twin.answers_saved = self.answers_saved
        twin.first_byte = {key: histogram.copy() for key, histogram in self.first_byte.items()}
        twin.total = {key: histogram.copy() for key, histogram in self.total.items()}
        twin.models = {key: sums.copy() for key, sums in self.models.items()}
        return twin

    def _take_attempt(self, attempt: Attempt) -> tuple[str, str]:
        labels = self._provider(attempt.provider), ACCEPTED if attempt.reason is None else _reason(attempt)
        self.attempts[labels] += 1
        if _has_tokens(usage := attempt.usage):
            sums = self._found.get((attempt.provider, attempt.model)) or self._sums(attempt.provider, attempt.model)
            sums.take(usage, attempt.cost)
        return labels

    def _provider(self, name: str) -> str:
        return name if name in self._known or not name else OTHER

    def _sums(self, provider: str, model: str) -> ModelSums:
        """Return the sums of a model: those of `other` if it is none of the provider's, or there are too many."""
        models = self._known.get(provider)
        known = models and known_of(models, model.lower())
        labels = self._provider(provider), known or OTHER
        if labels not in self.models and len(self.models) >= MAX_MODELS:
            labels = labels[0], OTHER
        sums = self.models.setdefault(labels, ModelSums())
        if known:
            self._found[provider, model] = sums
        return sums

    def __repr__(self) -> str:
        return f"<Traffic {self.requests.total()} requests, {self.attempts.total()} attempts>"


def _at(table: dict[_Key, Histogram], key: _Key, bounds: tuple[float, ...]) -> Histogram:
    found = table.get(key)
    if found is None:
        found = table[key] = Histogram(bounds)
    return found


def _has_tokens(usage: Usage) -> bool:
    used = usage.output_tokens or usage.input_tokens
    return bool(used or usage.cache_read_input_tokens or usage.cache_creation_input_tokens)


def _reason(attempt: Attempt) -> str:
    """Return why an attempt failed: a word of `Reason`, or a status if that is known to mean something."""
    if attempt.reason is not Reason.STATUS:
        return label(attempt.reason, None)
    status = attempt.status or 0
    return _SHOWN.get(status) or _CLASSES.get(status // 100, OTHER)
