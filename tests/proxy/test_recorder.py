"""What a request's account says, whichever way the request ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from claude_proxy.core.auth import Auth
from claude_proxy.core.health import Health
from claude_proxy.core.outcome import Rejected, Whole
from claude_proxy.core.prices import Price, Prices, Rate
from claude_proxy.core.reasons import Reason
from claude_proxy.core.selection import Selector
from claude_proxy.core.types import Ending, Fault, Policy, Reply, Usage
from claude_proxy.proxy.defects import Defects
from claude_proxy.proxy.gateway import Gateway, Memory, RequestHead
from claude_proxy.proxy.ports import Journal, Ledger, Transport
from claude_proxy.proxy.recorder import Recorder
from core.builders import adapted, candidate, provider, request
from fakes.clock import FakeClock

PROVIDER = provider()
LOGIN = ((b"authorization", b"Bearer sk-ant-oat01-own"),)


def recorder(
    clock: FakeClock | None = None, *, counting: bool = False, claude_prices: Mapping[str, Prices] = {}
) -> Recorder:
    gateway = Gateway(
        (PROVIDER,),
        {PROVIDER.name: Health(PROVIDER.name, 1800.0)},
        Selector((PROVIDER,)),
        Policy(),
        cast("Transport", None),
        clock or FakeClock(),
        cast("Ledger", None),
        Memory(),
        Defects(cast("Journal", None)),
        claude_prices=claude_prices,
    )
    return Recorder(gateway, RequestHead("/v1/messages", b"", LOGIN, None), counting=counting)


def leave(record: Recorder) -> None:
    record.client_left()


def stop(record: Recorder) -> None:
    record.stopped()


def complete_and_leave(record: Recorder) -> None:
    record.status, record.ending = 200, Ending.COMPLETE
    record.client_left()


def stream_and_stop(record: Recorder) -> None:
    record.status = 200
    record.stopped()


def stream_and_leave(record: Recorder) -> None:
    record.status = 200
    record.client_left()


def nothing(record: Recorder) -> None:
    """Leave the recorder as it is after a defect."""


@pytest.mark.parametrize(
    ("act", "ending", "status"),
    [
        (nothing, Ending.ERROR, 500),
        (leave, Ending.CLIENT_LEFT, 499),
        (stop, Ending.ERROR, 529),
        (stream_and_stop, Ending.ERROR, 200),
        (stream_and_leave, Ending.CLIENT_LEFT, 200),
        (complete_and_leave, Ending.COMPLETE, 200),
    ],
)
def test_the_account_has_the_ending_and_the_status_that_are_true(act: Any, ending: Ending, status: int) -> None:
    record = recorder()
    act(record)
    account = record.account()
    assert (account.ending, account.status) == (ending, status)


def test_an_attempt_has_its_reason_its_time_and_no_secret() -> None:
    record = recorder()
    sent = adapted({"messages": []})
    rejected = Rejected(Fault.QUOTA, Reason.PLAN_LIMIT, 429, f"no more for {PROVIDER.api_key}")
    record.add(candidate(PROVIDER), sent, rejected, 12.5)
    record.add(
        candidate(provider("plan", auth=Auth.CLIENT)),
        sent,
        Rejected(Fault.REQUEST, Reason.STATUS, 401, "sk-ant-oat01-own"),
        1,
    )
    record.add(candidate(PROVIDER), sent, Whole(Reply(200, (), b"{}")), 30.0)
    first, second, third = record.account().attempts
    assert [str(attempt) for attempt in (first, second, third)] == ["minimax=plan_limit", "plan=401", "minimax=200"]
    assert (first.reason, first.status, first.milliseconds, first.accepted) == (Reason.PLAN_LIMIT, 429, 12.5, False)
    assert PROVIDER.api_key not in first.text
    assert "sk-ant-oat01-own" not in second.text
    assert (second.by_login, third.by_login, third.accepted) == (True, False, True)


def test_a_request_that_no_provider_answered_names_none() -> None:
    record = recorder()
    record.add(candidate(PROVIDER), adapted({"messages": []}), Rejected(Fault.PROVIDER, Reason.RESET), 1.0)
    record.record_signatures(["hash"])
    record.remember()
    assert record.account().provider == ""
    record.answered_by(candidate(PROVIDER))
    assert record.account().provider == "minimax"


def test_times_are_measured_from_the_requests_arrival() -> None:
    clock = FakeClock()
    record = recorder(clock, counting=True)
    clock.pass_time(0.5)
    record.first_byte()
    clock.pass_time(1.0)
    account = record.account()
    assert (account.kind, account.started_at) == ("count_tokens", clock.now - 1.5)
    assert (account.first_byte_ms, account.total_ms) == (500.0, 1500.0)


def answered(record: Recorder, *usages: Usage) -> None:
    record.begin(request(b'{"model": "claude-opus-5-5[1m]", "messages": []}'))
    record.answered_by(candidate(PROVIDER))
    for usage in usages:
        record.add(candidate(PROVIDER), adapted({"messages": []}), Whole(Reply(200, (), b"{}")), 5.0)
        record.charged(usage)


def priced(**prices: Prices) -> Recorder:
    return recorder(claude_prices={name.replace("_", "-"): known for name, known in prices.items()})


def test_tells_what_the_parts_of_an_answer_cost_at_anthropic_each_by_its_own_length() -> None:
    record = priced(claude_opus_5_5=Prices((Rate(Price(10, 50)), Rate(Price(20, 100), above=1_000_000))))
    answered(record, Usage(1_000_000, 0), Usage(1_000_000, 1_000_000))
    assert record.account().anthropic_dollars == 10 + 10 + 50


def test_an_answer_whose_price_at_anthropic_is_not_known_has_none() -> None:
    record = priced(claude_opus_5=Prices((Rate(Price(10, 50)),)))
    answered(record, Usage(), Usage(1))
    assert record.account().anthropic_dollars is None


def test_a_request_that_nobody_answered_costs_nothing_at_anthropic() -> None:
    assert priced().account().anthropic_dollars == 0
