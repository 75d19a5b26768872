"""What the tracker notes in the log, and what it remembers and forgets."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from claude_proxy.core.auth import Auth, KeySource
from claude_proxy.core.health import Health
from claude_proxy.core.reasons import Reason
from claude_proxy.core.status_report import TooLarge
from claude_proxy.core.types import Account, Attempt, Ending, Provider, Usage
from claude_proxy.proxy.status_tracker import StatusTracker
from fakes.clock import NOON, FakeClock
from fakes.proxy import MemoryLedger, make_provider

ZAI = make_provider("zai", "https://api.zai.example")


class Tracked:
    """A tracker that follows one provider, and the journal behind it."""

    def __init__(self, provider: Provider = ZAI) -> None:
        self.journal = MemoryLedger()
        self.tracker = StatusTracker(self.journal, FakeClock())
        self.health = Health("zai", 60.0)
        self.follow(provider, self.health)

    def follow(self, provider: Provider, health: Health) -> None:
        self.tracker.follow((provider,), {provider.name: health})

    def rejected(self, reason: Reason = Reason.STATUS, status: int = 401) -> None:
        self.record(Attempt("zai", reason, status, 1.0))

    def record(self, *attempts: Attempt, provider: str = "", ending: Ending = Ending.COMPLETE) -> None:
        self.tracker.record(
            Account(
                started_at=NOON,
                session="s",
                kind="messages",
                streaming=True,
                requested_model="m",
                used_model="m",
                provider=provider,
                pinned=False,
                status=200,
                attempts=attempts,
                usage=Usage(),
                ending=ending,
                first_byte_ms=None,
                total_ms=1.0,
            )
        )


ACCEPTED = Attempt("zai", None, 200, 1.0, model="m")


@pytest.mark.parametrize(
    ("provider", "note"),
    [
        (ZAI, "zai refused the key in ZAI_API_KEY (from .env) (401). Replace it there."),
        (
            replace(ZAI, api_key_source=KeySource.ENVIRONMENT),
            "zai refused the key in ZAI_API_KEY (from the environment) (401). Replace it there.",
        ),
        (
            replace(ZAI, auth=Auth.NONE, api_key_source=None),
            "zai asks for a key (401). Name its variable as `api_key_env` in config.json.",
        ),
        (replace(ZAI, name="other"), "zai refused its key (401). It is no longer in config.json."),
    ],
)
def test_a_rejected_key_is_noted_with_its_fix(provider: Provider, note: str) -> None:
    tracked = Tracked(provider)
    tracked.rejected()
    assert tracked.journal.notes == [f"error: {note}"]


@pytest.mark.parametrize(
    ("attempt", "note"),
    [
        (
            Attempt("zai", Reason.STATUS, 403, 1.0, by_login=True),
            "zai refused Claude Code's own login (403). Log in again in Claude Code, with /login.",
        ),
        (Attempt("zai", Reason.NO_CREDIT, 429, 1.0), "zai has no credit left (no_credit). Top up its account."),
        (
            Attempt("zai", Reason.UNKNOWN_MODEL, 404, 1.0, model="glm-9"),
            "zai does not know the model glm-9. Correct `models` in config.json.",
        ),
    ],
)
def test_what_only_the_user_can_fix_is_noted_once_until_it_works_again(attempt: Attempt, note: str) -> None:
    tracked = Tracked()
    tracked.record(attempt)
    tracked.record(attempt, attempt)
    assert tracked.journal.notes == [f"error: {note}"]
    tracked.record(msgspec.structs.replace(ACCEPTED, model=attempt.model), provider="zai")
    tracked.record(attempt)
    assert tracked.journal.notes == [f"error: {note}"] * 2


def test_each_cooldown_is_noted_once() -> None:
    tracked = Tracked()
    tracked.health.strike(tracked.health.force(), NOON, Reason.STATUS, 529)
    tracked.rejected(status=529)
    tracked.rejected(status=529)
    assert tracked.journal.notes == ["warning: zai: cooldown 15 s (529)"]
    tracked.health.rate_limited(tracked.health.force(), NOON, Reason.PLAN_LIMIT, 429, NOON + 60)
    tracked.rejected(Reason.PLAN_LIMIT, 429)
    assert tracked.journal.notes[1:] == ["warning: zai: cooldown 60 s (plan_limit)"]


def test_a_stream_that_breaks_is_the_last_error_of_its_provider() -> None:
    tracked = Tracked()
    tracked.record(ACCEPTED, provider="zai", ending=Ending.STALLED)
    (status,) = tracked.tracker.providers(NOON)
    assert status.last_error is not None
    assert (status.last_error.text, status.last_error.at) == ("a stream ended stalled", NOON)


def test_issues_are_kept_while_the_health_is_and_dropped_with_it() -> None:
    tracked = Tracked()
    tracked.rejected()
    tracked.follow(replace(ZAI, models={"opus": "glm-5.3"}), tracked.health)
    assert tracked.tracker.providers(NOON)[0].key_rejected
    tracked.follow(ZAI, Health("zai", 60.0))
    status = tracked.tracker.providers(NOON)[0]
    assert (status.key_rejected, status.last_error) == (False, None)


def refused(tracked: Tracked, status: int = 413, *attempts: Attempt) -> None:
    tracked.record(*attempts)
    tracked.tracker.record(
        msgspec.structs.replace(tracked.journal.accounts[-1], status=status, attempts=attempts, session="a")
    )


def test_a_request_over_the_proxys_own_limit_is_remembered_and_noted_once() -> None:
    tracked = Tracked()
    tracked.tracker.limit_bodies(10 * 1024 * 1024)
    refused(tracked)
    refused(tracked)
    assert tracked.tracker.too_large == TooLarge(NOON, "a", 10 * 1024 * 1024, 2)
    assert tracked.journal.notes == [
        (
            "error: a request was over 10 MB, the proxy's own limit, and was refused. "
            "Raise max_body_mb in config.json, such as to 32; the running proxy uses it at once."
        )
    ]


def test_a_higher_limit_settles_that_a_request_was_too_large_and_a_lower_one_does_not() -> None:
    tracked = Tracked()
    tracked.tracker.limit_bodies(100)
    refused(tracked)
    tracked.tracker.limit_bodies(100)
    tracked.tracker.limit_bodies(50)
    assert tracked.tracker.too_large is not None
    tracked.tracker.limit_bodies(60)
    assert tracked.tracker.too_large is None


def test_a_request_that_a_provider_found_too_large_is_not_the_proxys_matter() -> None:
    tracked = Tracked()
    refused(tracked, 413, Attempt("zai", Reason.STATUS, 413, 1.0))
    refused(tracked, 400)
    assert tracked.tracker.too_large is None


def test_accounts_and_notes_are_passed_on() -> None:
    tracked = Tracked()
    tracked.record(ACCEPTED, provider="zai")
    tracked.tracker.note("hello", "debug")
    assert len(tracked.journal.accounts) == 1
    assert tracked.journal.notes == ["debug: hello"]
    assert tracked.tracker.last_answer == tracked.tracker.sessions()["s"]


def test_a_cooldown_that_no_fault_began_is_not_noted_again() -> None:
    tracked = Tracked()
    tracked.health.use_up(NOON, NOON + 60)
    tracked.record(ACCEPTED, provider="zai")
    assert tracked.journal.notes == []
