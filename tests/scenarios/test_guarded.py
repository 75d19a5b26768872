"""The guard checks every request first: what it refuses reaches no provider."""

from __future__ import annotations

import pytest

from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, running_proxy
from fakes.scripts import message
from fakes.stream_checks import complete_text

REFUSED = {
    "no token": ({"Authorization": ""}, 401),
    "a wrong token": ({"Authorization": "Bearer wrong"}, 401),
    "a token cut short": ({"Authorization": f"Bearer {TOKEN[:-1]}"}, 401),
    "a token that is not ASCII": ({"Authorization": "Bearer \xe9"}, 401),
    "another scheme": ({"Authorization": f"Basic {TOKEN}"}, 401),
    "a wrong x-api-key": ({"Authorization": "", "x-api-key": "wrong"}, 401),
    "a foreign host": ({"Host": "evil.example"}, 403),
    "a foreign host with our port": ({"Host": "evil.example:8787"}, 403),
    "a host that begins like ours": ({"Host": "127.0.0.1.evil.example"}, 403),
    "a container's name for the host, within another domain": ({"Host": "host.docker.internal.evil.example"}, 403),
    "a name of the private domain that is no host's": ({"Host": "wiki.corp.internal"}, 403),
    "a host that ends like a container's name": ({"Host": "host.dockerinternal"}, 403),
    "an origin": ({"Origin": "https://evil.example"}, 403),
    "an origin of null": ({"Origin": "null"}, 403),
    "an origin that looks like ours": ({"Origin": "http://127.0.0.1"}, 403),
    "a cross-site fetch": ({"Sec-Fetch-Site": "cross-site"}, 403),
    "a same-site fetch": ({"Sec-Fetch-Site": "same-site"}, 403),
}


@pytest.mark.parametrize(("headers", "status"), REFUSED.values(), ids=REFUSED.keys())
@async_test
async def test_refuses_requests_that_fail_the_guard(headers: dict[str, str], status: int) -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        answer = await proxy.post(headers=headers)
        error = await answer.json()
        assert (answer.status, error["type"]) == (status, "error")
        assert TOKEN not in str(error)
        listed = await proxy.ask("GET", "/admin/status", headers=headers)
        assert listed.status == status
        assert proxy.ledger.accounts == []
    assert fake.requests == []


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "multipart/form-data"])
@async_test
async def test_refuses_bodies_whose_content_type_is_not_json(content_type: str) -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        answer = await proxy.post(headers={"Content-Type": content_type})
        assert (answer.status, (await answer.json())["error"]["type"]) == (400, "invalid_request_error")
    assert fake.requests == []


ADMITTED = {
    "bearer": {"Authorization": f"Bearer {TOKEN}"},
    "bearer, spelt otherwise": {"Authorization": f"bearer {TOKEN}"},
    "x-api-key": {"Authorization": "", "x-api-key": TOKEN},
    "a header of ours beside a foreign key": {"Authorization": "Bearer sk-ant-oat01-x", "x-claude-proxy-token": TOKEN},
    "localhost": {"Host": "localhost"},
    "localhost with a port": {"Host": "localhost:8787"},
    "IPv6": {"Host": "[::1]:8787"},
    "a complete name": {"Host": "localhost.:8787"},
    "Docker's name for the host": {"Host": "host.docker.internal:8787"},
    "Docker's name, spelt otherwise": {"Host": "Host.Docker.Internal."},
    "Docker's former name": {"Host": "docker.for.mac.host.internal:8787"},
    "Docker's gateway": {"Host": "gateway.docker.internal:8787"},
    "Podman's name for the host": {"Host": "host.containers.internal:8787"},
    "Lima's name for the host": {"Host": "host.lima.internal:8787"},
    "Minikube's name for the host": {"Host": "host.minikube.internal:8787"},
    "OrbStack's name for the host": {"Host": "host.orb.internal"},
    "the address of a container's gateway": {"Host": "172.17.0.1:8787"},
    "the IPv6 address of a gateway": {"Host": "[fd00::1]:8787"},
    "JSON with a charset": {"Content-Type": "application/json; charset=utf-8"},
    "a fetch of one's own": {"Sec-Fetch-Site": "none"},
}


@pytest.mark.parametrize("headers", ADMITTED.values(), ids=ADMITTED.keys())
@async_test
async def test_admits_requests_that_pass_the_guard(headers: dict[str, str]) -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        assert await complete_text(await proxy.post(headers=headers)) == "hello"


UNTOLD = [
    (method, f"/provider/{{}}{path}")
    for method in ("HEAD", "GET", "OPTIONS", "POST", "PUT", "TRACE", "PROPFIND")
    for path in ("", "/", "/health", "/api/hello", "/v1/models", "/v1/messages", "/admin/status", "/nothing", "?a=b")
]


@pytest.mark.parametrize(("method", "target"), UNTOLD)
@async_test
async def test_nothing_tells_without_the_token_which_names_providers_have(method: str, target: str) -> None:
    async with running_proxy(FakeProvider(message("hello")), FakeProvider(message("hello"))) as proxy:
        answers = set()
        for name in ("minimax", "moonshot", "nobody", "MiniMax", "%6dinimax", "..", "minimax%00", ""):
            answer = await proxy.ask(method, target.format(name), headers={"Authorization": ""})
            fields = tuple(sorted(answer.headers.items()))
            answers.add((answer.status, fields, await answer.read()))
    assert len(answers) == 1
