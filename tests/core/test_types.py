from __future__ import annotations

import pytest
from msgspec.structs import replace

from claude_proxy.core.auth import Auth
from claude_proxy.core.egress import Egress
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Account, Attempt, Cost, Ending, Policy, Reply, Usage
from core.builders import provider


def test_no_repr_shows_a_secret_or_content() -> None:
    shown = f"{provider(api_key='sk-secret', headers=((b'x-key', b'secret'),))!r}"
    shown += f"{Egress('http://user:secret@proxy:3128')!r} {Reply(200, ((b'a', b'secret'),), b'secret')!r}"
    shown += f"{Attempt('minimax', Reason.STATUS, 401, 3.5, 'secret is not a key')!r}"
    assert "secret" not in shown
    assert "MINIMAX_API_KEY" in shown


def test_the_text_of_an_attempt_is_that_of_the_header() -> None:
    assert str(Attempt("minimax", Reason.STATUS, 429, 12.0, "slow down")) == "minimax=429"


def test_the_default_statuses_that_are_retried() -> None:
    assert Policy().retry_statuses == {408, 425, 429, *range(500, 600)} - {501}


def test_providers_with_one_address_share_the_upstream_and_not_the_credential() -> None:
    first = provider("minimax")
    second = provider("minimax-2", base_url=first.base_url, api_key="sk-2")
    assert first.upstream == second.upstream != provider("zai").upstream
    assert first.credential != second.credential


def test_each_branch_of_a_relay_is_an_upstream_of_its_own() -> None:
    relay = provider("relay")
    assert provider("relay", relay_branch="loose").upstream == f"{relay.upstream}#loose"


def test_a_credential_is_the_key_its_kind_and_where_it_is_used() -> None:
    first = provider("minimax")
    assert provider("another", base_url=first.base_url, api_key=first.api_key).credential == first.credential
    for changes in ({"base_url": "https://relay.example"}, {"api_key": "sk-2"}, {"auth": Auth.X_API_KEY}):
        assert provider("minimax", **changes).credential != first.credential
    assert first.api_key not in repr(first.credential)


@pytest.mark.parametrize(
    ("costs", "cost", "plan_cost"),
    [
        ([], 0.0, 0.0),
        ([Cost(0.5), Cost(0.25)], 0.75, 0.0),
        ([Cost(0.5), Cost(0.25, is_plan=True)], 0.5, 0.25),
        ([Cost(0.5), Cost(None)], None, 0.0),
        ([Cost(0.5), Cost(None, is_plan=True)], 0.5, None),
    ],
)
def test_an_account_adds_up_what_is_charged_and_what_plans_pay(
    costs: list[Cost], cost: float | None, plan_cost: float | None
) -> None:
    attempts = tuple(Attempt("a", None, 200, 1.0, cost=each) for each in costs)
    account = Account(0.0, "", "messages", True, "", "", "", False, 200, attempts, Usage(), Ending.COMPLETE, None, 0.0)
    assert (account.cost, account.plan_cost) == (cost, plan_cost)
    checked = replace(account, attempts=attempts[:1], checks=attempts[1:])
    assert (checked.cost, checked.plan_cost) == (cost, plan_cost)
