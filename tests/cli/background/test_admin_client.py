from __future__ import annotations

from collections.abc import Callable

import pytest

from claude_proxy.cli.background import admin_client
from claude_proxy.cli.background.admin_client import AdminClient
from claude_proxy.store.running import Running
from fakes.command_line import free_port, listening
from fakes.scripts import json_answer
from fakes.steps import Close, Raw
from fakes.threaded import serving

HEALTH = {"status": "ok", "service": "claude-proxy", "version": "0.1.0", "instance": "a1", "more": "later"}


def at(url: str) -> AdminClient:
    return AdminClient("127.0.0.1", int(url.rpartition(":")[2]), "token-of-mine")


def test_reads_health_and_ignores_fields_of_later_versions() -> None:
    with serving(json_answer(200, HEALTH)) as url:
        assert at(url).health() == admin_client.ProxyHealth("claude-proxy", "0.1.0", "a1")


def test_ignores_proxy_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with serving(json_answer(200, HEALTH)) as url:
        assert at(url).health().instance == "a1"


def test_a_closed_port_is_unreachable() -> None:
    with pytest.raises(admin_client.UnreachableError):
        AdminClient("127.0.0.1", free_port()).health()


@pytest.mark.parametrize("host", ["a b", "a\n", "a\0b", "\u00e9" * 70, ".", "x" * 300, "[", "127.0.0.1:1:1", "\ud800"])
def test_an_invalid_host_is_unreachable(host: str) -> None:
    with pytest.raises(admin_client.UnreachableError):
        AdminClient(host, 8787).health()


def test_silence_is_a_silent_error() -> None:
    with listening() as taken, pytest.raises(admin_client.SilentError):
        AdminClient("127.0.0.1", taken.getsockname()[1], timeout=0.05).health()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n<html",
        b'HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n"\xff"',
    ],
)
def test_another_program_is_unreachable(answer: bytes) -> None:
    with serving([Raw(answer), Close()]) as url, pytest.raises(admin_client.UnreachableError):
        at(url).health()


@pytest.mark.parametrize("call", [AdminClient.status, AdminClient.status_json, lambda proxy: proxy.stop(force=True)])
def test_an_error_names_the_status_and_not_the_token(call: Callable[[AdminClient], object]) -> None:
    with serving(json_answer(401)) as url, pytest.raises(admin_client.RejectedError, match="401") as caught:
        call(at(url))
    assert "token-of-mine" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8787"),
        ("0.0.0.0", "http://127.0.0.1:8787"),  # noqa: S104 - read from a state file, not bound
        ("::", "http://[::1]:8787"),
        ("::1", "http://[::1]:8787"),
        ("localhost", "http://localhost:8787"),
    ],
)
def test_the_address_is_one_that_a_client_on_this_machine_reaches(host: str, url: str) -> None:
    running = Running(pid=1, host=host, port=8787, instance="a1", started_at=0, version="0.1.0")
    assert AdminClient.of(running).url == url
