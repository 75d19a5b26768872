from __future__ import annotations

import pytest

from claude_proxy.core.adapt import adapt
from claude_proxy.core.auth import Auth
from claude_proxy.core.client_login import MAX_LOGIN_BYTES, NoLogin, has_login, open_to, secret_for, strip_credentials
from claude_proxy.core.headers import for_provider
from claude_proxy.core.judge_body import ClassifierConfig, judge_body
from claude_proxy.core.outcome import Rejected
from claude_proxy.core.reasons import Reason
from claude_proxy.core.reply import relayed
from claude_proxy.core.routing import Route
from claude_proxy.core.selection import Criteria, Selector, TooLong
from claude_proxy.core.tokens import FixedCount
from claude_proxy.core.traits import ModelFacts, Traits
from claude_proxy.core.types import Attempt, Fault, Headers, Policy, Reply
from core.builders import NOW, candidate, error, provider, request

TOKEN = b"token-of-this-installation"
LOGIN = (b"authorization", b"Bearer sk-ant-oat01-own")
OURS = (b"x-claude-proxy-token", TOKEN)
REST = ((b"user-agent", b"claude-cli"), (b"anthropic-beta", b"oauth-2025-04-20"))
PLAN = provider("anthropic", auth=Auth.CLIENT, api_key="", api_key_env="")


def test_keeps_the_clients_own_login_and_strips_every_other_credential() -> None:
    others = ((b"x-api-key", b"k"), (b"cookie", b"c"), (b"proxy-authorization", b"p"))
    kept = strip_credentials((*REST, LOGIN, OURS, *others), TOKEN)
    assert kept == (*REST, LOGIN)
    assert has_login(kept)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([b"Bearer " + TOKEN], id="our token"),
        pytest.param([b"bearer   " + TOKEN], id="our token, spelt otherwise"),
        pytest.param([b"Bearer x" + TOKEN], id="our token in it"),
        pytest.param([b"Basic dXNlcjpw"], id="another scheme"),
        pytest.param([b"Bearer"], id="nothing"),
        pytest.param([b"Bearer a b"], id="two words"),
        pytest.param([b"Bearer a\xe9"], id="not ASCII"),
        pytest.param([b"Bearer a\x7f"], id="not printable"),
        pytest.param([b"Bearer " + b"a" * MAX_LOGIN_BYTES], id="without end"),
        pytest.param([LOGIN[1], b"Bearer another"], id="two"),
    ],
)
def test_strips_an_authorization_that_is_no_login(values: list[bytes]) -> None:
    headers: Headers = tuple((b"authorization", value) for value in values)
    kept = strip_credentials((*headers, *REST, OURS), TOKEN)
    assert kept == REST
    assert not has_login(kept)


@pytest.mark.parametrize("name", [b"x-goog-api-key", b"api-key", b"x_claude_proxy_token", b"x-team"])
@pytest.mark.parametrize("value", [TOKEN, b"Bearer " + TOKEN, b"blue, " + TOKEN])
def test_strips_the_proxys_token_from_any_header(name: bytes, value: bytes) -> None:
    assert strip_credentials(((name, value), (name, b"blue"), LOGIN, OURS), TOKEN) == ((name, b"blue"), LOGIN)


def test_keeps_the_longest_login() -> None:
    longest = (b"authorization", b"Bearer " + b"a" * (MAX_LOGIN_BYTES - 7))
    assert strip_credentials((longest,), TOKEN) == (longest,)


def lines(headers: Headers, auth: Auth) -> list[bytes]:
    return for_provider(headers, provider(auth=auth), 7).split(b"\r\n")


def test_a_login_goes_unchanged_to_providers_that_take_it_and_to_no_other() -> None:
    for auth in Auth:
        sent = [line for line in lines((LOGIN, *REST), auth) if b"sk-ant-oat01-own" in line]
        assert sent == ([b"authorization: Bearer sk-ant-oat01-own"] if auth is Auth.CLIENT else [])


@pytest.mark.parametrize("auth", [Auth.CLIENT, Auth.NONE])
def test_sends_no_key_to_a_provider_that_takes_none(auth: Auth) -> None:
    assert not [line for line in lines(REST, auth) if line.lower().startswith((b"authorization", b"x-api-key"))]


def test_a_provider_that_takes_the_login_gets_the_other_headers_as_without_the_proxy() -> None:
    names = b"x-claude-code-session-id x-claude-code-agent-id x-claude-code-parent-agent-id".split()
    ids = tuple((name, b"5e55") for name in names)
    kept = lines((*REST, *ids, (b"cookie", b"c"), (b"x-claude-proxy-token", TOKEN)), Auth.CLIENT)
    assert kept == [
        b"host: api.minimax.example",
        b"accept-encoding: identity",
        b"content-length: 7",
        *(b"%b: %b" % pair for pair in (*REST, *ids)),
        b"",
        b"",
    ]


def test_a_login_does_not_outlive_its_request() -> None:
    first = adapt(request(b'{"model":"m"}', (LOGIN,)), candidate(PLAN, "m"))
    second = adapt(request(b'{"model":"m"}', ((b"authorization", b"Bearer another"),)), candidate(PLAN, "m"))
    third = adapt(request(b'{"model":"m"}'), candidate(PLAN, "m"))
    assert b"sk-ant-oat01-own" in first.head
    assert b"sk-ant-oat01-own" not in second.head + third.head
    assert b"another" not in third.head


def test_without_a_login_skips_the_providers_that_take_one() -> None:
    route = Route((candidate(PLAN), candidate(), candidate(provider("zai"))))
    assert open_to(route, with_login=True) is route
    assert open_to(route, with_login=False) == Route(route.candidates[1:])


def test_a_route_of_providers_with_keys_stays_unchanged() -> None:
    route = Route((candidate(), candidate(provider("zai"))))
    assert open_to(route, with_login=False) is route


@pytest.mark.parametrize("pinned", [True, False])
def test_without_a_login_and_without_another_provider_says_how_to_fix_it(pinned: bool) -> None:
    found = open_to(Route((candidate(PLAN),), pinned=pinned), with_login=False)
    assert isinstance(found, NoLogin)
    assert found.message.startswith("anthropic ")
    assert "/login" in found.message
    assert "claude-fb" in found.message
    assert found.message.endswith(" or with `claude-proxy run -- claude`")


def test_the_secret_is_the_key_or_the_login() -> None:
    assert secret_for(provider(), (LOGIN,)) == "sk-minimax"
    assert secret_for(PLAN, (LOGIN,)) == "sk-ant-oat01-own"
    assert secret_for(PLAN, ((b"authorization", b"Bearer  two-spaces"),)) == "two-spaces"
    assert secret_for(PLAN, REST) == ""


@pytest.mark.parametrize("status", [401, 403])
def test_a_rejected_login_keeps_its_x_should_retry_since_the_client_can_renew_it(status: int) -> None:
    answer = error("authentication_error", status, headers=((b"x-should-retry", b"true"),))
    asked = [Attempt("zai", Reason.STATUS, 529, 1.0), Attempt("anthropic", Reason.STATUS, status, 1.0, by_login=True)]
    assert (b"x-should-retry", b"true") in relayed(answer, asked, "anthropic").headers
    assert (b"x-should-retry", b"false") in relayed(answer, asked, "zai").headers


def test_a_provider_that_lacks_its_login_does_not_count_as_one_with_a_larger_window() -> None:
    roomy = provider("anthropic", auth=Auth.CLIENT, facts={"m": ModelFacts(context=1_000_000)})
    small = provider(facts={"m": ModelFacts(context=100)})
    selector = Selector((roomy, small))
    found = selector.choose(Criteria("m", FixedCount(1000), login=False), NOW)
    assert isinstance(found, TooLong)
    assert found.window == 100
    assert isinstance(Selector((roomy,)).choose(Criteria("m", FixedCount(1), login=False), NOW), NoLogin)
    assert isinstance(selector.choose(Criteria("m", FixedCount(1000)), NOW), Route)


@pytest.mark.parametrize("policy", [Policy(failover_on_auth=True), Policy(retry_statuses=frozenset({401, 403}))])
def test_an_expired_login_never_fails_over(policy: Policy) -> None:
    for_the_client = error("authentication_error", 401)
    for_the_next = error("permission_error", 403)
    by_login, by_key = ClassifierConfig(policy, Traits(), by_login=True), ClassifierConfig(policy, Traits())
    assert fault(for_the_client, by_login) is Fault.REQUEST
    assert fault(for_the_next, by_login) is Fault.PROVIDER
    assert fault(for_the_client, by_key) is Fault.PROVIDER


def fault(reply: Reply, terms: ClassifierConfig) -> Fault:
    outcome = judge_body(reply, terms, NOW)
    assert isinstance(outcome, Rejected)
    return outcome.fault
