from __future__ import annotations

import pytest

from claude_proxy.core.hops import MAX_HOPS, Hops
from claude_proxy.core.types import Origin
from core.builders import provider

HEAD = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\n\r\n"
HOPS = Hops("1f2e", "the token of this proxy")
LOCAL = provider("relay", origin=Origin("http", "127.0.0.1", 8787))


def test_a_request_to_an_address_that_may_be_a_proxy_gets_a_hop() -> None:
    assert HOPS.added_to(HEAD, b"", LOCAL) == HEAD[:-2] + b"x-claude-proxy-hops: 1f2e/relay\r\n\r\n"


def test_a_hop_stands_behind_those_that_were_passed() -> None:
    assert HOPS.added_to(HEAD, b"aa/one", LOCAL) == HEAD[:-2] + b"x-claude-proxy-hops: aa/one, 1f2e/relay\r\n\r\n"


def test_a_real_provider_gets_no_hop() -> None:
    assert HOPS.added_to(HEAD, b"aa/one", provider()) == HEAD


def test_a_provider_whose_key_is_the_token_of_this_proxy_gets_a_hop() -> None:
    assert b"hops: 1f2e/mine\r\n" in HOPS.added_to(HEAD, b"", provider("mine", api_key="the token of this proxy"))


@pytest.mark.parametrize("passed", [b"1f2e/relay", b"aa/one, 1f2e/relay", b"1f2e/relay,aa/one", b" 1f2e/relay "])
def test_a_request_that_has_passed_this_proxy_comes_back_by_the_provider_that_it_left_by(passed: bytes) -> None:
    assert HOPS.fault(passed) == (
        "the base_url of the provider relay leads back to this proxy. Correct it in config.json."
    )


@pytest.mark.parametrize("passed", [b"aa/one", b"aa/1f2e", b"1f2e5/relay", b"", b",", b"/", b"\xff"])
def test_a_request_that_has_passed_others_has_not_come_back(passed: bytes) -> None:
    assert HOPS.fault(passed) == ""


def test_a_request_that_has_passed_too_many_proxies_is_at_fault() -> None:
    assert HOPS.fault(b", ".join([b"aa/one"] * (MAX_HOPS - 1))) == ""
    assert "has passed 8 proxies" in HOPS.fault(b", ".join([b"aa/one"] * MAX_HOPS))


def test_a_name_from_outside_is_made_safe_to_show() -> None:
    assert "provider a?[31mb leads" in HOPS.fault(b"1f2e/a\x1b[31mb")
    assert len(HOPS.fault(b"1f2e/" + b"x" * 9999)) < 200
