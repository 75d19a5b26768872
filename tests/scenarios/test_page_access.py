"""Who gets to see the page: a browser with the cookie that a link with a code becomes, and nobody else."""

from __future__ import annotations

import pytest

from claude_proxy.net.page.access import CODE_SECONDS, MAX_CODES, MAX_COOKIES, MAX_SESSIONS, SESSION_SECONDS
from claude_proxy.net.page.page import BY_COOKIE
from fakes.async_test import async_test
from fakes.client import Answer
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, RunningProxy, running_proxy
from fakes.scripts import message

NO_TOKEN = {"Authorization": ""}
PARTS = sorted(BY_COOKIE - {"/page/live"})


async def link(proxy: RunningProxy) -> str:
    """Return the path of a link, as `dashboard` gets it."""
    answer = await proxy.ask("POST", "/admin/dashboard", b"{}")
    facts = await answer.json()
    assert facts["seconds"] == CODE_SECONDS
    return str(facts["path"])


async def cookie(proxy: RunningProxy, path: str | None = None) -> str:
    """Follow a link, and return the cookie."""
    answer = await browse(proxy, path or await link(proxy))
    assert (answer.status, answer.headers["location"], await answer.read()) == (303, "/", b"")
    return answer.headers["set-cookie"].partition(";")[0]


async def browse(proxy: RunningProxy, path: str, cookie: str = "", method: str = "GET", **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await proxy.ask(method, path, headers={**NO_TOKEN, "Cookie": cookie, **sent})


@async_test
async def test_a_link_becomes_a_cookie_that_shows_the_page_and_its_parts() -> None:
    async with running_proxy(FakeProvider()) as proxy:
        opened = await browse(proxy, await link(proxy))
        given, *attributes = opened.headers["set-cookie"].split("; ")
        assert given.startswith(f"claude-proxy-{proxy.port}=")
        assert attributes == ["Path=/", f"Max-Age={SESSION_SECONDS:.0f}", "HttpOnly", "SameSite=Strict"]
        for path in ("/", *PARTS):
            answer = await browse(proxy, path, given, Sec_Fetch_Site="same-origin")
            assert answer.status == 200, path
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none';")
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
        assert b"<!doctype html>" in await (await browse(proxy, "/", given)).read()


@async_test
async def test_a_link_works_once() -> None:
    async with running_proxy(FakeProvider()) as proxy:
        path = await link(proxy)
        await cookie(proxy, path)
        again = await browse(proxy, path)
        assert (again.status, "set-cookie" in again.headers) == (403, False)
        assert b"`claude-proxy dashboard` makes a new one" in await again.read()


@pytest.mark.parametrize(
    "change", [lambda path: path[:-1], lambda path: path + "x", lambda path: path.partition("?")[0], str.upper]
)
@async_test
async def test_a_code_that_is_not_quite_right_opens_nothing_and_is_not_used_up(change: object) -> None:
    assert callable(change)
    async with running_proxy(FakeProvider()) as proxy:
        path = await link(proxy)
        assert (await browse(proxy, change(path))).status in {401, 403}
        assert await cookie(proxy, path)


@async_test
async def test_a_link_and_a_session_end_after_their_time() -> None:
    clock = FakeClock()
    async with running_proxy(FakeProvider(), clock=clock) as proxy:
        old = await link(proxy)
        clock.pass_time(CODE_SECONDS)
        assert (await browse(proxy, old)).status == 403
        given = await cookie(proxy)
        clock.pass_time(SESSION_SECONDS - 1)
        assert (await browse(proxy, "/page", given)).status == 200
        clock.pass_time(1)
        assert (await browse(proxy, "/page", given)).status == 401


@async_test
async def test_of_many_links_and_sessions_the_oldest_end() -> None:
    async with running_proxy(FakeProvider()) as proxy:
        links = [await link(proxy) for _ in range(MAX_CODES + 1)]
        assert (await browse(proxy, links[0])).status == 403
        given = [await cookie(proxy, links[1])]
        given += [await cookie(proxy) for _ in range(MAX_SESSIONS)]
        assert (await browse(proxy, "/page", given[0])).status == 401
        assert (await browse(proxy, "/page", given[1])).status == 200


@async_test
async def test_without_the_cookie_there_is_a_sentence_and_nothing_else() -> None:
    async with running_proxy(FakeProvider()) as proxy:
        right = await cookie(proxy)
        for wrong in ("", right[:-1], right + "x", right.replace(str(proxy.port), "1"), f"x={TOKEN}", "=", ";;; ="):
            answer = await browse(proxy, "/", wrong)
            text = await answer.read()
            assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
            assert text.endswith(b"Type `claude-proxy dashboard` to see its page.\n")
            for path in ("/page/live", *PARTS):
                refused = await browse(proxy, path, wrong)
                assert refused.status == 401
                assert b"Type `claude-proxy dashboard`" in await refused.read()


@async_test
async def test_the_cookie_opens_nothing_but_the_page() -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        given = await cookie(proxy)
        for path in (
            "/v1/models",
            "/admin/status",
            "/admin/live",
            "/admin/rules",
            "/nothing",
            "/provider/minimax/page",
        ):
            assert (await browse(proxy, path, given)).status == 401, path
        for path in ("/admin/stop", "/admin/dashboard", "/v1/messages", "/page", "/page/live"):
            for method in ("POST", "PUT", "DELETE"):
                assert (await browse(proxy, path, given, method)).status == 401, (method, path)
        posted = await proxy.post(headers={**NO_TOKEN, "Cookie": given})
        assert posted.status == 401
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            assert (await browse(proxy, "/", given, method)).status == 405
    assert fake.requests == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8787"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:8787"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
@async_test
async def test_other_sites_are_refused_with_the_cookie_too(headers: dict[str, str]) -> None:
    async with running_proxy(FakeProvider()) as proxy:
        given = await cookie(proxy)
        for path in ("/", "/page/live", *PARTS):
            assert (await browse(proxy, path, given, **headers)).status == 403, path
        unused = await link(proxy)
        assert (await browse(proxy, unused, **headers)).status == 403
        assert await cookie(proxy, unused)  # it was not used up


@pytest.mark.parametrize("place", ["iframe", "frame", "embed", "object", "fencedframe", "IFrame"])
@async_test
async def test_within_another_page_it_is_not_shown(place: str) -> None:
    async with running_proxy(FakeProvider()) as proxy:
        given = await cookie(proxy)
        within = await browse(proxy, "/", given, Sec_Fetch_Dest=place, Sec_Fetch_Site="same-origin")
        assert b"<html" not in await within.read()
        assert (await browse(proxy, "/page", given, Sec_Fetch_Dest=place)).status == 401


@async_test
async def test_links_need_the_token_and_are_not_below_a_provider() -> None:
    async with running_proxy(FakeProvider()) as proxy:
        assert (await proxy.ask("POST", "/admin/dashboard", b"{}", headers=NO_TOKEN)).status == 401
        assert (await proxy.ask("POST", "/provider/minimax/admin/dashboard", b"{}")).status == 404
        assert (await proxy.ask("GET", "/admin/dashboard")).status == 405
        path = await link(proxy)
        assert (await proxy.ask("GET", f"/provider/minimax{path}")).status == 404
        for part in ("/page", "/page/live", "/page/style.css"):
            assert (await proxy.ask("GET", f"/provider/minimax{part}")).status == 404
        assert await cookie(proxy, path)


@async_test
async def test_of_several_cookies_the_right_one_counts() -> None:
    async with running_proxy(FakeProvider()) as proxy:
        given = await cookie(proxy)
        name = given.partition("=")[0]
        assert (await browse(proxy, "/page", f"a=b; {name}=wrong; {given}; c=d")).status == 200
        assert (await browse(proxy, "/page", f"{name}=wrong; " * MAX_COOKIES + given)).status == 401
