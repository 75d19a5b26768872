"""What `status` shows besides health, kept in memory: the last answer, the last faults, and what is to be mended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from claude_proxy.core import reasons
from claude_proxy.core.bounded import BoundedDict
from claude_proxy.core.health import Health, State
from claude_proxy.core.text import printable
from claude_proxy.core.types import MAX_MODEL_LENGTH, MAX_SESSION_LENGTH, Account, Attempt, Ending, Provider
from claude_proxy.proxy.ports import Clock, Journal, Level

_BROKEN: Final = frozenset({Ending.TRUNCATED, Ending.STALLED, Ending.ERROR})

MAX_SESSIONS: Final = 256
"""Sessions of which is known who answered last: more than anyone has open."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong with a provider last; `at` in seconds since the epoch."""

    at: float
    text: str


class StatusTracker:
    """A `Journal` that passes on to another what it is told, and remembers the newest of each kind."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._trouble: dict[str, Trouble] = {}
        self._key_refused: set[str] = set()
        self._out_of_credit: set[str] = set()
        self._unknown_model: dict[str, str] = {}
        self._last_answer: dict[str, object] | None = None
        self._sessions = BoundedDict[str, Mapping[str, object]](MAX_SESSIONS)
        self._noted_epoch: dict[Health, int] = {}
        self.healths: Mapping[str, Health] = {}
        self.variables: Mapping[str, str] = {}
        """The variable that holds each provider's key."""

    def record(self, account: Account) -> None:
        self._journal.record(account)
        now = self._clock.wall()
        for attempt in account.attempts:
            if attempt.outcome == "200":
                self._mended(attempt)
            else:
                self._trouble[attempt.provider] = Trouble(now, attempt.text or attempt.outcome)
                self._note_what_to_mend(attempt)
            self._note_rest(attempt.provider, now)
        if account.provider:
            self._last_answer = {
                "provider": account.provider,
                "model": printable(account.used_model, MAX_MODEL_LENGTH),
                "at": now,
            }
            if account.kind == "messages":
                self._remember(account.session, self._last_answer)
            if account.ending in _BROKEN:
                self._trouble[account.provider] = Trouble(now, f"a stream ended {account.ending.value}")

    def note(self, text: str, level: Level = "info") -> None:
        self._journal.note(text, level)

    def forget(self, name: str) -> None:
        """Forget what was known of a provider, since its key or address is another now."""
        self._trouble.pop(name, None)
        self._unknown_model.pop(name, None)
        self._key_refused.discard(name)
        self._out_of_credit.discard(name)

    def _remember(self, session: str, answer: Mapping[str, object]) -> None:
        if 0 < len(session) <= MAX_SESSION_LENGTH:
            self._sessions.put(session, answer)

    def _mended(self, attempt: Attempt) -> None:
        self._key_refused.discard(attempt.provider)
        self._out_of_credit.discard(attempt.provider)
        if self._unknown_model.get(attempt.provider) == _shown(attempt):
            del self._unknown_model[attempt.provider]

    def _note_what_to_mend(self, attempt: Attempt) -> None:
        """Note, once, what an attempt says that only the user can mend."""
        name, outcome, model = attempt.provider, attempt.outcome, _shown(attempt)
        if outcome in reasons.KEY_REFUSED and name not in self._key_refused:
            self._key_refused.add(name)
            self._note_refused_key(attempt)
        elif outcome in reasons.OUT_OF_CREDIT and name not in self._out_of_credit:
            self._out_of_credit.add(name)
            self.note(f"{name} is out of credit ({outcome}): top up its account", "error")
        elif outcome == reasons.UNKNOWN_MODEL and self._unknown_model.get(name) != model:
            self._unknown_model[name] = model
            self.note(f"{name} does not know the model {model}: mend `models` in config.json", "error")

    def _note_refused_key(self, attempt: Attempt) -> None:
        name, status = attempt.provider, attempt.outcome
        if attempt.by_login:
            self.note(f"{name} refused Claude Code's own login ({status}): log in again there, with /login", "error")
            return
        variable = self.variables.get(name, "its key")
        self.note(f"{name} refused its key ({status}): mend {variable} in .env or in the environment", "error")

    def _note_rest(self, name: str, now: float) -> None:
        health = self.healths.get(name)
        if health is None or health.cooldown_until is None or self._noted_epoch.get(health) == health.epoch:
            return
        self._noted_epoch[health] = health.epoch
        self.note(f"{name} rests {max(0, health.cooldown_until - now):.0f} s: {health.reason}", "warning")

    def provider(self, provider: Provider, now: float) -> dict[str, object]:
        """Return one provider's state, fit for JSON. Times are seconds since the epoch."""
        health = self.healths[provider.name]
        trouble = self._trouble.get(provider.name)
        state = health.state(now)
        reason = None if state is State.READY else health.reason
        return {
            "name": provider.name,
            "base_url": provider.base_url,
            "key": provider.api_key_env,
            "auth": provider.auth.value,
            "state": state.value,
            "cooldown_until": health.cooldown_until,
            "reason": reason,
            "why": reason and reasons.in_words(reason, provider.api_key_env),
            "strikes": health.strikes,
            "last_error": {"at": trouble.at, "text": trouble.text} if trouble else None,
            "key_rejected": provider.name in self._key_refused,
            "out_of_credit": provider.name in self._out_of_credit,
            "unknown_model": self._unknown_model_of(provider),
        }

    def _unknown_model_of(self, provider: Provider) -> str | None:
        """Return the model to mend; one that the configuration no longer names needs no mending."""
        model = self._unknown_model.get(provider.name)
        return model if not provider.models or model in provider.models.values() else None

    @property
    def last_answer(self) -> object:
        return self._last_answer

    @property
    def sessions(self) -> Mapping[str, Mapping[str, object]]:
        """Who answered last in each session, by its id; the newest stands last."""
        return dict(self._sessions)


def _shown(attempt: Attempt) -> str:
    return printable(attempt.model, MAX_MODEL_LENGTH)
