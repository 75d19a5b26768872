from __future__ import annotations

import pytest

from claude_proxy.core.auth import Auth
from claude_proxy.core.headers import find, for_client, for_provider
from claude_proxy.core.types import Headers, Origin, Provider
from core.builders import provider


def sent(headers: Headers, to: Provider | None = None, length: int = 7) -> list[bytes]:
    block = for_provider(headers, to or provider(), length)
    assert block.endswith(b"\r\n\r\n")
    return block.removesuffix(b"\r\n\r\n").split(b"\r\n")


OUR_OWN = [
    b"host: api.minimax.example",
    b"authorization: Bearer sk-minimax",
    b"accept-encoding: identity",
    b"content-length: 7",
]


def test_drops_what_is_not_for_the_provider() -> None:
    names = b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer upgrade"
    names += b" transfer-encoding accept-encoding authorization content-length cookie expect forwarded host x-api-key"
    names += b" x-claude-code-session-id x-claude-code-agent-id x-claude-code-parent-agent-id"
    names += b" x-claude-proxy-token x-claude-proxy- traceparent tracestate baggage"
    assert sent(tuple((name, b"client's") for name in names.split())) == OUR_OWN


def test_keeps_the_rest_in_order() -> None:
    rest = (
        (b"user-agent", b"claude-cli"),
        (b"anthropic-beta", b"a"),
        (b"anthropic-beta", b"b"),
        (b"x-claude-remote", b""),
    )
    assert sent(rest) == [
        *OUR_OWN,
        b"user-agent: claude-cli",
        b"anthropic-beta: a",
        b"anthropic-beta: b",
        b"x-claude-remote: ",
    ]


@pytest.mark.parametrize(
    ("connection", "kept"),
    [
        (b"keep-alive", [b"x-a: 2", b"x-b: 3"]),
        (b"close", [b"x-a: 2", b"x-b: 3"]),
        (b"X-A", [b"x-b: 3"]),
        (b"keep-alive, x-a ,X-B", []),
    ],
)
def test_drops_what_connection_names(connection: bytes, kept: list[bytes]) -> None:
    headers = ((b"connection", connection), (b"x-a", b"2"), (b"x-b", b"3"))
    assert sent(headers) == [*OUR_OWN, *kept]


def test_the_users_own_headers_replace_the_clients() -> None:
    own = provider(headers=((b"user-agent", b"mine"), (b"x-group", b"7")))
    fixed = [*OUR_OWN[:3], b"user-agent: mine", b"x-group: 7", OUR_OWN[3]]
    assert sent(((b"user-agent", b"theirs"), (b"x-app", b"cli")), own) == [*fixed, b"x-app: cli"]


def test_sends_the_key_in_the_header_that_the_provider_accepts() -> None:
    lines = sent((), provider(auth=Auth.X_API_KEY))
    assert b"x-api-key: sk-minimax" in lines
    assert not [line for line in lines if line.startswith(b"authorization")]


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (Origin("https", "a.example", 443), b"a.example"),
        (Origin("https", "a.example", 80), b"a.example:80"),
        (Origin("http", "127.0.0.1", 80), b"127.0.0.1"),
        (Origin("http", "127.0.0.1", 443), b"127.0.0.1:443"),
        (Origin("https", "::1", 443), b"[::1]"),
        (Origin("http", "::1", 8080), b"[::1]:8080"),
    ],
)
def test_sends_the_providers_host(origin: Origin, host: bytes) -> None:
    assert sent((), provider(origin=origin))[0] == b"host: " + host


def test_finds_the_first_field_of_a_name() -> None:
    headers = ((b"ab", b"0"), (b"a", b"1"), (b"b", b"2"), (b"b", b"3"))
    assert find(headers, b"b") == b"2"
    assert find(headers, b"c") is None


def test_the_client_gets_only_what_is_true_of_the_proxy_too() -> None:
    names = b"connection keep-alive proxy-authenticate proxy-connection te trailer transfer-encoding upgrade alt-svc"
    names += b" content-encoding content-length set-cookie strict-transport-security x-claude-proxy-provider"
    kept = ((b"request-id", b"req_1"), (b"anthropic-ratelimit-requests-limit", b"9"), (b"x-claude-code", b"1"))
    assert for_client((*((name, b"provider's") for name in names.split()), *kept)) == kept


def test_the_provider_with_the_clients_own_login_gets_its_trace_as_without_a_proxy() -> None:
    headers = ((b"traceparent", b"00-a-b-01"), (b"tracestate", b"c=d"), (b"baggage", b"e=f"))
    lines = sent(headers, provider(auth=Auth.CLIENT))
    assert lines[-3:] == [b"traceparent: 00-a-b-01", b"tracestate: c=d", b"baggage: e=f"]
