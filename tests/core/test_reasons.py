from __future__ import annotations

import pytest

from claude_proxy.core.messages import STATUS_OF_ERROR
from claude_proxy.core.reasons import (
    Reason,
    in_words,
    is_not_offered,
    is_out_of_credit,
    label,
    label_in_words,
    rejects_key,
)
from claude_proxy.core.types import Ending
from claude_proxy.proxy.ports import Failure


@pytest.mark.parametrize(
    ("reason", "status", "words"),
    [
        (Reason.NO_CREDIT, 402, "out of credit"),
        (Reason.STATUS, 402, "out of credit"),
        (Reason.PLAN_LIMIT, 429, "plan limit"),
        (Reason.STATUS, 429, "too many requests"),
        (Reason.RATE_LIMIT_ERROR, 429, "too many requests"),
        (Reason.STATUS, 503, "overloaded"),
        (Reason.STATUS, 529, "overloaded"),
        (Reason.OVERLOADED_ERROR, 529, "overloaded"),
        (Reason.REFUSED, None, "out of reach"),
        (Reason.STALLED, None, "silent"),
        (Reason.TRUNCATED, None, "broke off"),
        (Reason.STATUS, 401, "login refused"),
        (Reason.STATUS, 500, "answered 500"),
        (Reason.API_ERROR, 500, "api error"),
        (None, None, ""),
    ],
)
def test_says_a_reason_in_plain_words(reason: Reason | None, status: int | None, words: str) -> None:
    assert in_words(reason, status) == words


@pytest.mark.parametrize("status", [401, 403])
def test_names_the_variable_of_a_rejected_key(status: int) -> None:
    assert in_words(Reason.STATUS, status, "A_KEY") == "key refused: replace A_KEY"
    assert in_words(Reason.STATUS, 529, "A_KEY") == "overloaded"


@pytest.mark.parametrize(
    ("reason", "status", "shown"),
    [
        (None, 200, "200"),
        (Reason.STATUS, 429, "429"),
        (Reason.PLAN_LIMIT, 429, "plan_limit"),
        (Reason.DNS, None, "dns"),
    ],
)
def test_shows_the_status_or_the_reason_if_that_says_more(
    reason: Reason | None, status: int | None, shown: str
) -> None:
    assert label(reason, status) == shown


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ("429", "too many requests"),
        ("401", "key refused"),
        ("404", "answered 404"),
        ("plan_limit", "plan limit"),
        ("dns", "out of reach"),
        ("no_content", "no content"),
        ("of_a_newer_version", "of a newer version"),
        ("12345", "12345"),
    ],
)
def test_what_is_shown_can_be_told_in_words(shown: str, words: str) -> None:
    assert label_in_words(shown) == words


def test_only_a_plain_status_is_about_the_key_or_the_endpoint() -> None:
    statuses = (200, 401, 402, 403, 404, 405, 429, 501)
    assert [status for status in statuses if rejects_key(Reason.STATUS, status)] == [401, 403]
    assert [status for status in statuses if is_out_of_credit(Reason.STATUS, status)] == [402]
    assert [status for status in statuses if is_not_offered(Reason.STATUS, status)] == [404, 405, 501]
    assert not rejects_key(Reason.PLAN_LIMIT, 403)
    assert not is_not_offered(Reason.UNKNOWN_MODEL, 404)
    assert not is_out_of_credit(Reason.PLAN_LIMIT, 402)
    assert is_out_of_credit(Reason.NO_CREDIT, 429)


def test_each_type_of_error_failure_and_broken_ending_has_its_reason() -> None:
    assert {Reason(kind).value for kind in STATUS_OF_ERROR} == set(STATUS_OF_ERROR)
    assert {failure.name: failure.value for failure in Failure} == {
        failure.name: Reason[failure.name] for failure in Failure
    }
    broken = (Ending.TRUNCATED, Ending.STALLED, Ending.ERROR)
    assert [Reason(ending.value).value for ending in broken] == [ending.value for ending in broken]
