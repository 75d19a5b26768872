"""What the proxy remembers of its answers while it runs, so that `status` can show it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from claude_proxy.core import events
from claude_proxy.core.account_errors import key_place
from claude_proxy.core.body_limit import how_to_raise, limit_in_words
from claude_proxy.core.bounded import BoundedDict
from claude_proxy.core.budgets import BudgetNotice, Budgets
from claude_proxy.core.events import Event, Outages
from claude_proxy.core.health import Health
from claude_proxy.core.issues import Issues, provider_status
from claude_proxy.core.messages import STATUS_OF_ERROR
from claude_proxy.core.quota.quota_report import QuotaReport
from claude_proxy.core.reasons import Reason
from claude_proxy.core.recent_failovers import RecentFailovers
from claude_proxy.core.spending import Spending
from claude_proxy.core.status_report import LastAnswer, ProviderStatus, TooLarge
from claude_proxy.core.text import printable
from claude_proxy.core.traffic import Traffic
from claude_proxy.core.types import MAX_MODEL_LENGTH, MAX_SESSION_LENGTH, Account, Attempt, Ending, Provider
from claude_proxy.proxy.ports import Clock, EventSink, Journal, Level

_BROKEN: Final = frozenset({Ending.TRUNCATED, Ending.STALLED, Ending.ERROR})
_NO_ISSUES: Final = Issues()
_REQUEST_TOO_LARGE: Final = STATUS_OF_ERROR["request_too_large"]

MAX_SESSIONS: Final = 256
"""Sessions whose last answer is remembered: more than anyone has open."""


class StatusTracker:
    """A `Journal` in front of another: it passes everything on, and remembers the newest of each kind.

    It also notes, once each, what only the user can fix, and each cooldown that begins.
    """

    def __init__(self, journal: Journal, clock: Clock, event_sink: EventSink | None = None) -> None:
        self._journal = journal
        self._clock = clock
        self._event_sink = event_sink
        self._outages = Outages()
        self._providers: tuple[Provider, ...] = ()
        self._healths: Mapping[str, Health] = {}
        self._issues: dict[str, Issues] = {}
        self._noted_epochs: dict[str, int] = {}
        self.last_answer: LastAnswer | None = None
        self._body_limit = 0
        self.too_large: TooLarge | None = None
        self.answers_saved = 0
        """Answers that broke off and were carried to their end."""
        self.spending = Spending()
        self.budgets = Budgets(now := clock.wall(), clock.utc_offset(now))
        self.failovers = RecentFailovers()
        self.traffic = Traffic()
        self._sessions = BoundedDict[str, LastAnswer](MAX_SESSIONS)

    def limit_bodies(self, limit: int) -> None:
        """Take note of how large a request may be. A higher limit settles that one was too large."""
        if limit > self._body_limit:
            self.too_large = None
        self._body_limit = limit

    def follow(self, providers: tuple[Provider, ...], healths: Mapping[str, Health]) -> None:
        """Report on these providers from now on. A new health means a new key or address: old issues are dropped."""
        for name in self._healths.keys() | healths.keys():
            if self._healths.get(name) is not healths.get(name):
                self._issues.pop(name, None)
                self._noted_epochs.pop(name, None)
        self._providers = providers
        self._healths = healths
        self._outages.follow(healths, self._clock.wall())

    def providers(
        self, now: float, quota: Callable[[str], QuotaReport | None] = lambda _: None
    ) -> tuple[ProviderStatus, ...]:
        """Return the state of each provider, in the order of failover; `quota` returns what is left of its plan."""
        return tuple(
            provider_status(
                provider,
                self._healths[name := provider.name],
                self._issues.get(name, _NO_ISSUES),
                now,
                quota=quota(name),
                over_budget=self.budgets.blocks(provider),
            )
            for provider in self._providers
        )

    def sessions(self) -> dict[str, LastAnswer]:
        """Return the last answer of each session, by its id; the newest is last."""
        return dict(self._sessions)

    def note(self, text: str, level: Level = "info") -> None:
        self._journal.note(text, level)

    def record(self, account: Account) -> None:
        self._journal.record(account)
        now = self._clock.wall()
        for attempt in account.attempts:
            self._take(attempt, now)
            self._note_cooldown(attempt.provider, now)
        if account.status == _REQUEST_TOO_LARGE and not account.attempts:
            self._take_too_large(account, now)
        self.failovers.take(account)
        for event in events.failovers(account, now):
            self.tell(event)
        self.traffic.take(account)
        utc_offset = self._clock.utc_offset(account.started_at)
        self.spending.take(account, utc_offset)
        self._tell_of_budgets(self.budgets.take(account, now, utc_offset))
        if account.ending is Ending.RECOVERED:
            self.answers_saved += 1
            self.tell(events.answer_saved(account, now))
        if account.provider:
            self._remember_answer(account, now)

    def look(self) -> None:
        """Take note of the time, which begins days with their own budgets, and of the cooldowns since the last look."""
        now = self._clock.wall()
        utc_offset = self._clock.utc_offset(now)
        self._tell_of_budgets(self.budgets.look(now, utc_offset))
        for event in self._outages.look(now, utc_offset):
            self.tell(event)

    def tell(self, event: Event) -> None:
        if self._event_sink:
            self._event_sink.tell(event)

    def _tell_of_budgets(self, notices: Iterable[BudgetNotice]) -> None:
        for notice in notices:
            self.note(notice.text, "warning")
            if event := events.of_budget(notice, self._clock.wall()):
                self.tell(event)

    def _take(self, attempt: Attempt, now: float) -> None:
        before = self._issues.get(attempt.provider, _NO_ISSUES)
        after = before.after(attempt, now)
        if after is before:
            return
        self._issues[attempt.provider] = after
        for text in self._to_fix(attempt, before, after):
            self.note(text, "error")
            if after.key_rejected > before.key_rejected:
                self.tell(events.key_refused(attempt.provider, text, now))
            elif after.out_of_credit > before.out_of_credit:
                self.tell(events.quota_low(attempt.provider, text, now))

    def _take_too_large(self, account: Account, now: float) -> None:
        before, limit = self.too_large, self._body_limit
        session = account.session if len(account.session) <= MAX_SESSION_LENGTH else ""
        self.too_large = TooLarge(now, session, limit, before.count + 1 if before else 1)
        if before is None:
            words = f"a request was over {limit_in_words(limit)}, the proxy's own limit, and was refused"
            self.note(f"{words}. {how_to_raise(limit)}", "error")

    def _to_fix(self, attempt: Attempt, before: Issues, after: Issues) -> list[str]:
        """Return what an attempt showed for the first time and only the user can fix."""
        name, outcome = attempt.provider, attempt.outcome
        texts = list[str]()
        if after.key_rejected > before.key_rejected:
            texts.append(self._rejected_key(attempt))
        if after.out_of_credit > before.out_of_credit:
            texts.append(f"{name} has no credit left ({outcome}). Top up its account.")
        if after.unknown_model not in {None, before.unknown_model}:
            texts.append(f"{name} does not know the model {after.unknown_model}. Correct `models` in config.json.")
        return texts

    def _rejected_key(self, attempt: Attempt) -> str:
        name, outcome = attempt.provider, attempt.outcome
        if attempt.by_login:
            return f"{name} refused Claude Code's own login ({outcome}). Log in again in Claude Code, with /login."
        provider = next((known for known in self._providers if known.name == name), None)
        if provider is None:
            return f"{name} refused its key ({outcome}). It is no longer in config.json."
        if provider.api_key_source is None:
            return f"{name} asks for a key ({outcome}). Name its variable as `api_key_env` in config.json."
        return f"{name} refused the key in {key_place(provider)} ({outcome}). Replace it there."

    def _note_cooldown(self, name: str, now: float) -> None:
        health = self._healths.get(name)
        if health is None or health.cooldown_until is None or self._noted_epochs.get(name) == health.epoch:
            return
        self._noted_epochs[name] = health.epoch
        if health.reason is Reason.PLAN_USED_UP:
            return  # said when it began
        self.note(f"{name}: cooldown {max(0, health.cooldown_until - now):.0f} s ({health.label})", "warning")

    def _remember_answer(self, account: Account, now: float) -> None:
        self.last_answer = LastAnswer(account.provider, printable(account.used_model, MAX_MODEL_LENGTH), now)
        if account.kind == "messages":
            self._remember_session(account.session, self.last_answer)
        if account.ending in _BROKEN:
            issues = self._issues.get(account.provider, _NO_ISSUES)
            self._issues[account.provider] = issues.after_error(f"a stream ended {account.ending.value}", now)

    def _remember_session(self, session: str, answer: LastAnswer) -> None:
        if 0 < len(session) <= MAX_SESSION_LENGTH:
            self._sessions[session] = answer
