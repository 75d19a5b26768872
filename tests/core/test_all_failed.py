"""The sentence and the status that a client gets if no provider can answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from claude_proxy.core.all_failed import FIX, is_lasting, sentence, status_of
from claude_proxy.core.failover import Failed
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Fault
from core.builders import rejected

NOON = 20_000 * 86_400.0 + 12 * 3600
SOON = NOON + 3600


def failed(
    name: str, why: Reason | int, until: float | None = None, *, fault: Fault = Fault.PROVIDER, text: str = ""
) -> Failed:
    return Failed(name, replace(rejected(fault, why), text=text), until, f"{name.upper()}_KEY (from .env)")


def limited(name: str, until: float | None = SOON, why: Reason | int = 429) -> Failed:
    return failed(name, why, until, fault=Fault.QUOTA)


def untrusted(name: str) -> Failed:
    return failed(name, Reason.TLS, SOON, text=f"{name}.com: certificate not trusted: expired")


def offline(name: str, why: Reason = Reason.DNS) -> Failed:
    return failed(name, why, SOON, text=f"{name}.com: {why.value}")


CASES = [
    (
        [limited("a"), limited("b", NOON + 86_400)],
        "All providers are at their limits: a until 13:00, b until 2024-10-05 12:00.",
    ),
    ([limited("a", why=Reason.PLAN_LIMIT)], "a is at its limit until 13:00."),
    ([limited("a", None)], "a is at its limit."),
    ([limited("a", why=Reason.NO_CREDIT)], "a could not answer: out of credit (no_credit)."),
    (
        [limited("a", why=Reason.NO_CREDIT), limited("b")],
        "no provider could answer: a: out of credit (no_credit); b: too many requests until 13:00.",
    ),
    (
        [failed("a", 529, SOON, text="Overloaded."), failed("b", Reason.RESET)],
        "no provider could answer: a: overloaded (Overloaded) until 13:00; b: broke off (reset).",
    ),
    (
        [failed("a", 401), limited("b")],
        "no provider could answer: a: refused the key in A_KEY (from .env); b: too many requests until 13:00.",
    ),
    ([failed("a", 401)], "a refused the key in A_KEY (from .env). Replace it there."),
    (
        [failed("a", 401), failed("b", 403)],
        "a refused the key in A_KEY (from .env), b refused the key in B_KEY (from .env). Replace them there.",
    ),
    ([failed("a", Reason.TOO_LONG)], "a could not answer: too long (too_long)."),
    ([failed("a", Reason.MALFORMED, text="malformed")], "a could not answer: malformed."),
    ([offline("a")], "a cannot be reached (a.com: dns). Is this machine online?"),
    (
        [offline("a", Reason.UNREACHABLE), offline("b", Reason.CONNECT_TIMEOUT)],
        "No provider can be reached (a.com: unreachable; b.com: connect_timeout). Is this machine online?",
    ),
    (
        [offline("a"), failed("b", Reason.REFUSED, text="refused")],
        "no provider could answer: a: out of reach (a.com: dns) until 13:00; b: out of reach (refused).",
    ),
]


@pytest.mark.parametrize(("all_failed", "expected"), CASES)
def test_one_sentence_names_each_provider_and_its_return(all_failed: list[Failed], expected: str) -> None:
    texts = {each.provider: each.rejected.text for each in all_failed}
    assert sentence(all_failed, texts, NOON, 0) == expected


def test_an_untrusted_certificate_is_told_once_with_its_fix() -> None:
    names = ("a", "b", "c")
    texts = {name: untrusted(name).rejected.text for name in names}
    assert sentence([untrusted("a")], texts, NOON, 0) == f"the certificate of a is not trusted (expired). {FIX}"
    assert (
        sentence([untrusted(name) for name in names], texts, NOON, 0)
        == f"the certificates of a, b and c are not trusted (expired). {FIX}"
    )


@pytest.mark.parametrize(
    ("all_failed", "status", "lasting"),
    [
        ([limited("a"), limited("b", why=Reason.NO_CREDIT)], (429, "rate_limit_error"), False),
        ([limited("a"), failed("b", 503)], (503, "api_error"), False),
        ([failed("a", 529)], (503, "api_error"), False),
        ([failed("a", 401), failed("b", 403)], (401, "authentication_error"), True),
        ([failed("a", 401), failed("b", 529)], (503, "api_error"), False),
        ([failed("a", Reason.RESET), failed("b", Reason.NONSENSE)], (502, "api_error"), False),
        ([failed("a", Reason.FIRST_EVENT_TIMEOUT)], (503, "api_error"), False),
        ([untrusted("a"), untrusted("b")], (502, "api_error"), True),
        ([untrusted("a"), failed("b", Reason.TLS)], (502, "api_error"), False),
        ([offline("a")], (503, "api_error"), False),
    ],
)
def test_the_status_is_one_that_claude_code_shows_and_asks_again_for_if_that_can_help(
    all_failed: list[Failed], status: tuple[int, str], *, lasting: bool
) -> None:
    assert (status_of(all_failed), is_lasting(all_failed)) == (status, lasting)


def test_the_words_of_a_single_provider_at_its_limit_are_told() -> None:
    told = sentence([limited("a")], {"a": "Your plan is used up until Monday."}, NOON, 0)
    assert told == "a is at its limit until 13:00 (Your plan is used up until Monday)."
