"""What follows from a reading: reports, notices, cooldowns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from claude_proxy.core.health import MAX_COOLDOWN, Health, State
from claude_proxy.core.quota.quota_report import Balance, QuotaReport, QuotaWindow
from claude_proxy.core.quota.quotas import MAX_AGE, MAX_WINDOWS, SAME_RESET, NoticeKind, QuotaNotice, Quotas
from claude_proxy.core.quota.reading import NoQuota, Quota
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Provider
from core.builders import NOW, provider

HOUR = 3600.0
ZAI = provider("zai", quota="zai")
CLAUDE = provider("claude", quota="anthropic")


class Followed:
    """The quotas of some providers, with their healths."""

    def __init__(self, *providers: Provider) -> None:
        self.providers = providers or (ZAI,)
        self.healths = {each.name: Health(each.name, 1800.0) for each in self.providers}
        self.quotas = Quotas()
        self.quotas.follow(self.providers, self.healths)

    @property
    def health(self) -> Health:
        return self.healths[self.providers[0].name]

    def take(self, *windows: QuotaWindow, now: float = NOW, balance: Balance | None = None) -> list[QuotaNotice]:
        return self.quotas.take(self.providers[0], Quota(windows, balance), now)

    def report(self, now: float = NOW, of: Provider | None = None) -> QuotaReport | None:
        return self.quotas.report(of or self.providers[0], now)

    def answer_a_forced_request(self) -> None:
        permit = self.health.force()
        self.health.accept(permit)
        self.health.complete(permit)


def kinds(notices: list[QuotaNotice]) -> list[NoticeKind]:
    return [notice.kind for notice in notices]


def window(used: float, resets_in: float | None = HOUR, name: str = "5 h", **changes: Any) -> QuotaWindow:
    resets_at = None if resets_in is None else NOW + resets_in
    return QuotaWindow(name, used, resets_at, **{"blocks": used >= 1.0, **changes})


# reports


def test_a_reading_is_reported_with_its_time() -> None:
    followed = Followed()
    followed.take(window(0.4), balance=Balance(3.0, "USD"))
    assert followed.report() == QuotaReport((window(0.4),), Balance(3.0, "USD"), NOW)


@pytest.mark.parametrize(
    ("quota", "unknown"), [("zai", "not asked yet"), ("anthropic", "no answer told it yet"), ("off", "turned off")]
)
def test_before_a_reading_the_report_says_why_nothing_is_known(quota: str, unknown: str) -> None:
    followed = Followed(provider(quota=quota))
    assert followed.report() == QuotaReport(unknown=unknown)


def test_a_provider_that_never_tells_has_no_report() -> None:
    assert Followed(provider()).report() is None


def test_a_window_is_not_reported_after_its_reset() -> None:
    followed = Followed()
    followed.take(window(0.4), window(0.2, 2 * HOUR, "week"))
    assert followed.report(NOW + HOUR) == QuotaReport((window(0.2, 2 * HOUR, "week"),), None, NOW)


def test_a_window_without_a_reset_is_reported_for_a_while() -> None:
    followed = Followed()
    followed.take(window(0.4, None))
    assert followed.report(NOW + MAX_AGE) == QuotaReport((window(0.4, None),), None, NOW)
    assert followed.report(NOW + MAX_AGE + 1) == QuotaReport((), None, NOW)


def test_a_failure_keeps_the_last_reading_and_says_why() -> None:
    followed = Followed()
    followed.take(window(0.4))
    assert followed.quotas.take(ZAI, NoQuota("it answered 503"), NOW + 300) == []
    assert followed.report() == QuotaReport((window(0.4),), None, NOW, "it answered 503")
    followed.take(window(0.5))
    assert followed.report() == QuotaReport((window(0.5),), None, NOW)


def test_an_answer_that_names_no_limit_is_reported_as_unknown() -> None:
    followed = Followed()
    followed.take()
    assert followed.report() == QuotaReport((), None, NOW, "its answer names no limit")


def test_providers_with_one_key_share_a_reading_and_others_do_not() -> None:
    twin, other = replace(ZAI, name="twin"), replace(ZAI, name="other", api_key="another")
    followed = Followed(ZAI, twin, other)
    followed.take(window(1.0))
    assert followed.report(of=twin) == followed.report(of=ZAI)
    assert followed.report(of=other) == QuotaReport(unknown="not asked yet")
    states = [followed.healths[name].state(NOW) for name in ("zai", "twin", "other")]
    assert states == [State.COOLDOWN, State.COOLDOWN, State.READY]


def test_an_account_that_is_no_longer_followed_is_forgotten() -> None:
    followed = Followed()
    followed.take(window(0.4))
    followed.quotas.follow([CLAUDE], {"claude": Health("claude", 1.0)})
    followed.quotas.follow([ZAI], followed.healths)
    assert followed.report() == QuotaReport(unknown="not asked yet")


# cooldowns


def test_a_plan_that_is_used_up_puts_its_provider_into_cooldown_until_the_reset() -> None:
    followed = Followed()
    notices = followed.take(window(1.0), window(1.0, 2 * HOUR + 300, "week"), window(0.3, 9 * HOUR, "month"))
    assert followed.health.cooldown_until == NOW + 2 * HOUR + 300
    assert (followed.health.label, followed.health.strikes) == ("plan_used_up", 0)
    assert kinds(notices) == [NoticeKind.USED_UP]
    assert notices[0].text == "zai: its plan is used up (week): cooldown until the reset in 2 h 5 min"


@pytest.mark.parametrize(
    "harmless",
    [
        window(0.999),
        window(1.0, None),
        window(1.0, -1.0),
        window(1.0, blocks=False),
        window(1.0, blocks=False, is_pace=True),
    ],
    ids=["nearly", "no reset", "reset has passed", "a part of the plan", "pace"],
)
def test_no_other_window_puts_it_into_cooldown(harmless: QuotaWindow) -> None:
    followed = Followed()
    followed.take(harmless)
    assert followed.health.state(NOW) is State.READY


def test_a_second_reading_of_the_same_says_nothing_new() -> None:
    followed = Followed()
    followed.take(window(1.0))
    epoch = followed.health.epoch
    assert followed.take(window(1.0, HOUR + 5), now=NOW + 300) == []
    assert followed.health.epoch == epoch


def test_a_reset_that_is_later_lengthens_the_cooldown() -> None:
    followed = Followed()
    followed.take(window(1.0))
    assert kinds(followed.take(window(1.0), window(1.0, 5 * HOUR, "week"))) == [NoticeKind.USED_UP]
    assert followed.health.cooldown_until == NOW + 5 * HOUR


def test_a_cooldown_that_ends_later_stays_and_a_shorter_one_gets_longer() -> None:
    followed = Followed()
    followed.health.rate_limited(followed.health.force(), NOW, Reason.STATUS, 429, NOW + 2 * HOUR)
    followed.take(window(1.0))
    assert (followed.health.label, followed.health.cooldown_until) == ("429", NOW + 2 * HOUR)
    followed.take(window(1.0, 3 * HOUR))
    assert (followed.health.label, followed.health.cooldown_until) == ("plan_used_up", NOW + 3 * HOUR)


@pytest.mark.parametrize(
    ("name", "longest"),
    [("5 h", 5), ("90 min", 1.5), ("day", 24), ("3 days", 72), ("week", 168), ("week (opus)", 168), ("month", 744)],
)
def test_a_reset_further_ahead_than_the_window_is_long_is_not_believed(name: str, longest: float) -> None:
    followed = Followed()
    too_far = window(1.0, (longest + 1) * HOUR + 1, name)
    assert NoticeKind.USED_UP not in kinds(followed.take(too_far))
    report = followed.report()
    assert report is not None
    assert report.windows == (QuotaWindow(name, 1.0, None, blocks=True),)
    followed.quotas.take_from_answer(ZAI, Quota((too_far,)), NOW, accepted=True)
    assert followed.health.state(NOW) is State.READY
    assert NoticeKind.USED_UP in kinds(followed.take(window(1.0, longest * HOUR, name)))


def test_of_a_window_whose_length_is_not_known_any_reset_is_believed() -> None:
    followed = Followed()
    assert kinds(followed.take(window(1.0, 300 * 24 * HOUR, "key"))) == [NoticeKind.USED_UP]


def test_a_cooldown_lasts_a_week_at_most() -> None:
    followed = Followed()
    followed.take(window(1.0, 30 * 24 * HOUR, "month"))
    assert followed.health.cooldown_until == NOW + MAX_COOLDOWN


def test_a_reading_that_the_plan_is_free_again_ends_its_cooldown() -> None:
    followed = Followed()
    followed.take(window(1.0))
    (notice,) = followed.take(window(0.1, 5 * HOUR), now=NOW + 300)
    assert (notice.kind, notice.text) == (NoticeKind.FREE_AGAIN, "zai: its plan is free again, the cooldown ends")
    assert (followed.health.state(NOW + 300), followed.health.reason) == (State.READY, None)
    assert followed.take(window(0.1, 5 * HOUR), now=NOW + 600) == []


@pytest.mark.parametrize(
    "reading",
    [
        Quota(),
        Quota(balance=Balance(5.0, "USD")),
        NoQuota("it answered 503"),
        Quota((window(1.0, None),)),
        Quota((window(0.1, is_pace=True),)),
    ],
    ids=["nothing", "a balance", "a failure", "used up, no reset", "a pace"],
)
def test_no_other_reading_ends_it(reading: Quota | NoQuota) -> None:
    followed = Followed()
    followed.take(window(1.0))
    followed.quotas.take(ZAI, reading, NOW + 300)
    assert followed.health.state(NOW + 300) is State.COOLDOWN


def test_a_reading_ends_no_cooldown_that_a_fault_began() -> None:
    followed = Followed()
    followed.health.rate_limited(followed.health.force(), NOW, Reason.PLAN_LIMIT, 429, NOW + HOUR)
    assert followed.take(window(0.1)) == []
    assert followed.health.state(NOW) is State.COOLDOWN


def test_a_provider_that_answers_although_its_plan_is_used_up_gets_no_second_cooldown() -> None:
    followed = Followed()
    followed.take(window(1.0))
    followed.answer_a_forced_request()
    assert followed.take(window(1.0, HOUR + SAME_RESET - 1), now=NOW + 300) == []
    assert followed.health.state(NOW + 300) is State.READY
    assert kinds(followed.take(window(1.0, 6 * HOUR), now=NOW + HOUR + 10))[0] is NoticeKind.USED_UP


def test_a_reset_that_moves_on_with_each_reading_keeps_no_provider_out_for_ever() -> None:
    followed = Followed()
    for minutes in range(0, 180, 5):
        since = 60.0 * minutes
        followed.take(window(1.0, HOUR + since), now=NOW + since)
    assert followed.health.cooldown_until == NOW + HOUR
    permit = followed.health.admit(NOW + 3 * HOUR)
    assert permit
    assert permit.probe
    followed.health.accept(permit)
    assert followed.health.state(NOW + 3 * HOUR) is State.READY


def test_after_a_request_has_failed_a_later_reset_of_the_same_window_counts() -> None:
    followed = Followed()
    followed.take(window(1.0))
    permit = followed.health.admit(NOW + HOUR)
    assert permit
    followed.health.rate_limited(permit, NOW + HOUR, Reason.STATUS, 429)
    assert kinds(followed.take(window(1.0, 3 * HOUR), now=NOW + HOUR)) == [NoticeKind.USED_UP]
    assert followed.health.cooldown_until == NOW + 3 * HOUR


def test_turning_it_off_ends_the_cooldown() -> None:
    followed = Followed()
    followed.take(window(1.0))
    followed.quotas.follow([replace(ZAI, quota="off")], followed.healths)
    assert followed.health.state(NOW) is State.READY


def test_a_provider_without_health_is_left_out() -> None:
    followed = Followed()
    followed.quotas.follow([ZAI], {})
    assert followed.take(window(1.0)) == []


# notices


def test_a_window_that_is_nearly_used_up_is_said_once_until_its_reset() -> None:
    followed = Followed()
    (notice,) = followed.take(window(0.8249))
    assert notice.text == "zai: 82 % of its quota is used (5 h). It is reset in 1 h 0 min"
    assert followed.take(window(0.95, HOUR + 200), now=NOW + 300) == []
    assert kinds(followed.take(window(0.9, 6 * HOUR), now=NOW + HOUR)) == [NoticeKind.NEARLY_USED_UP]


def test_a_window_that_has_been_lower_again_is_said_again() -> None:
    followed = Followed()
    followed.take(window(0.9))
    followed.take(window(0.5))
    assert kinds(followed.take(window(0.9))) == [NoticeKind.NEARLY_USED_UP]


def test_a_window_without_a_reset_is_said_once() -> None:
    followed = Followed()
    (notice,) = followed.take(window(0.9, None))
    assert notice.text == "zai: 90 % of its quota is used (5 h)"
    assert followed.take(window(0.95, None), now=NOW + 7 * 24 * HOUR) == []


def test_a_pace_that_is_nearly_full_is_not_said() -> None:
    assert Followed().take(window(0.99, 30.0, is_pace=True)) == []


def test_a_low_balance_is_said_once_until_it_is_topped_up() -> None:
    followed = Followed()
    low, high = Balance(0.5, "USD", is_low=True), Balance(20.0, "USD")
    (notice,) = followed.take(balance=low)
    assert notice == QuotaNotice("zai", NoticeKind.BALANCE_LOW, "zai: its balance is low: 0.50 USD. Top up its account")
    assert followed.take(balance=low) == []
    assert followed.take(balance=high) == []
    assert kinds(followed.take(balance=low)) == [NoticeKind.BALANCE_LOW]


@pytest.mark.parametrize(
    ("seconds", "words"), [(20.0, "in 1 min"), (2700.0, "in 45 min"), (2 * 86400 + HOUR, "in 2 d 1 h")]
)
def test_a_reset_is_said_in_words(seconds: float, words: str) -> None:
    assert Followed().take(window(0.9, seconds, "week"))[0].text.endswith(words)


# answers


def from_answer(followed: Followed, *windows: QuotaWindow, accepted: bool = True) -> list[QuotaNotice]:
    return followed.quotas.take_from_answer(CLAUDE, Quota(windows), NOW, accepted=accepted)


def test_a_window_that_an_answer_does_not_name_stays_until_its_reset() -> None:
    followed = Followed(CLAUDE)
    opus = window(0.7, 2 * HOUR, "week (opus)")
    from_answer(followed, window(0.1), opus, window(0.2, None, "day"))
    from_answer(followed, window(0.2))
    assert followed.report() == QuotaReport((window(0.2), opus), None, NOW)


def test_answers_that_name_ever_new_windows_fill_no_memory() -> None:
    followed = Followed(CLAUDE)
    for answer in range(100):
        windows = tuple(window(0.9, name=f"week ({answer}.{number})") for number in range(10))
        followed.quotas.take_from_answer(CLAUDE, Quota(windows), NOW, accepted=True)
    report = followed.report()
    assert report is not None
    assert len(report.windows) == MAX_WINDOWS
    assert [each.name for each in report.windows[:10]] == [f"week (99.{number})" for number in range(10)]
    [account] = followed.quotas._accounts.values()
    assert len(account.said) <= 4 * MAX_WINDOWS


def test_an_accepted_answer_that_uses_up_the_plan_begins_a_cooldown() -> None:
    followed = Followed(CLAUDE)
    assert kinds(from_answer(followed, window(1.0)))[0] is NoticeKind.USED_UP
    assert followed.health.cooldown_until == NOW + HOUR


def test_what_an_error_means_for_the_health_is_left_to_its_judge() -> None:
    followed = Followed(CLAUDE)
    from_answer(followed, window(1.0), accepted=False)
    assert followed.health.state(NOW) is State.READY
    assert followed.report() == QuotaReport((window(1.0),), None, NOW)
