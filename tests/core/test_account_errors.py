"""What a client reads if a provider refuses its key or has no credit left."""

from __future__ import annotations

import json

import pytest

from claude_proxy.core.account_errors import MAX_WORDS, account_notice, key_place, with_notice
from claude_proxy.core.auth import Auth, KeySource
from claude_proxy.core.messages import MAX_ERROR_BYTES
from claude_proxy.core.types import Provider, Reply
from core.builders import provider

FROM_FILE = provider(api_key_source=KeySource.FILE)
FROM_ENVIRONMENT = provider(api_key_source=KeySource.ENVIRONMENT)
WITHOUT_KEY = provider(auth=Auth.NONE)


@pytest.mark.parametrize(
    ("of", "status", "others", "notice"),
    [
        (
            FROM_FILE,
            401,
            True,
            "minimax refused the key in MINIMAX_API_KEY (from .env). Replace it there, or set failover_on_auth.",
        ),
        (
            FROM_ENVIRONMENT,
            403,
            False,
            "minimax refused the key in MINIMAX_API_KEY (from the environment). Replace it there.",
        ),
        (
            FROM_FILE,
            402,
            False,
            "minimax has no credit left for the key in MINIMAX_API_KEY (from .env). Top up its account.",
        ),
        (WITHOUT_KEY, 402, True, "minimax has no credit left. Top up its account, or set failover_on_auth."),
        (WITHOUT_KEY, 401, False, "minimax asks for a key. Name its variable as api_key_env in config.json."),
    ],
)
def test_the_notice_names_the_provider_the_variable_its_place_and_the_next_step(
    of: Provider, status: int, notice: str, *, others: bool
) -> None:
    assert account_notice(of, status, others=others) == f"claude-proxy: {notice}"


@pytest.mark.parametrize(("of", "status"), [(FROM_FILE, 400), (FROM_FILE, 404), (provider(auth=Auth.CLIENT), 401)])
def test_there_is_no_notice_about_a_request_or_a_login_of_the_clients_own(of: Provider, status: int) -> None:
    assert not account_notice(of, status, others=True)


def test_the_place_of_a_key_that_is_set_nowhere_is_its_variable() -> None:
    assert key_place(WITHOUT_KEY) == "MINIMAX_API_KEY"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            b'{"type":"error","error":{"type":"x","message":"login fail","code":1004},"request_id":"r"}',
            {
                "type": "error",
                "error": {"type": "x", "message": "OURS login fail", "code": 1004},
                "request_id": "r",
            },
            id="the API's form keeps all else",
        ),
        pytest.param(
            b'{"error":{"message":"Incorrect API key","type":"invalid_request_error","code":"invalid_api_key"}}',
            {
                "type": "error",
                "error": {
                    "message": "OURS Incorrect API key",
                    "type": "invalid_request_error",
                    "code": "invalid_api_key",
                },
            },
            id="another company's form too",
        ),
        pytest.param(
            b'{"error":{"type":"x"}}', {"type": "error", "error": {"type": "x", "message": "OURS"}}, id="no message"
        ),
        pytest.param(b'{"error":{"message":7}}', 'OURS {"error":{"message":7}}', id="a message that is no text"),
        pytest.param(b'{"error":"no such key"}', "OURS no such key", id="a bare text"),
        pytest.param(b'{"code":401,"msg":"bad token"}', "OURS bad token", id="a top-level message"),
        pytest.param(b"Unauthorized\n", "OURS Unauthorized", id="plain text"),
        pytest.param(b"", "OURS", id="nothing"),
        pytest.param(b"[1]", "OURS [1]", id="a list"),
    ],
)
def test_ours_comes_before_the_providers_words_in_whatever_form(body: bytes, expected: object) -> None:
    changed = with_notice(Reply(401, ((b"content-type", b"text/plain"), (b"request-id", b"r")), body), "OURS")
    assert (changed.status, changed.headers) == (401, ((b"request-id", b"r"), (b"content-type", b"application/json")))
    if isinstance(expected, str):
        expected = {"type": "error", "error": {"type": "authentication_error", "message": expected}}
    assert json.loads(changed.body) == expected


def test_a_page_is_shortened() -> None:
    for size in (10_000, MAX_ERROR_BYTES + 1):
        message = json.loads(with_notice(Reply(403, (), b"x" * size), "OURS").body)["error"]["message"]
        assert len(message) <= MAX_WORDS + 5
        assert message.startswith("OURS xxx")


@pytest.mark.parametrize(
    "words", ["max_tokens: must be at least 1", "messages.0.content: no", "thinking[x]: no", "metadata.user_id: no"]
)
def test_an_error_about_a_field_of_the_request_is_not_about_the_account(words: str) -> None:
    answer = Reply(401, (), json.dumps({"error": {"type": "invalid_request_error", "message": words}}).encode())
    assert with_notice(answer, "OURS") is answer
