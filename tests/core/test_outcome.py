from __future__ import annotations

from claude_proxy.core.outcome import Rejected, unanswered
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Fault


def test_the_repr_of_a_rejection_shows_no_text_of_the_provider() -> None:
    fields = "fault=<Fault.PROVIDER: 'provider'>, reason=<Reason.RESET: 'reset'>, status=None, until=None, reply=None"
    assert repr(unanswered(Reason.RESET, "secret")) == f"Rejected({fields})"


def test_a_rejection_is_shown_as_its_status_or_as_a_reason_that_says_more() -> None:
    assert Rejected(Fault.QUOTA, Reason.STATUS, 429).label == "429"
    assert Rejected(Fault.QUOTA, Reason.PLAN_LIMIT, 429).label == "plan_limit"
    assert unanswered(Reason.DNS, "no such host").label == "dns"
