"""The page shows what the proxy did, as valid HTML that nothing from outside can change."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from claude_proxy.core.client_hints import ClientHints
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Account, Attempt, Policy
from claude_proxy.net.page.rendering import PERIODS
from claude_proxy.store.home import Home
from claude_proxy.store.usage_db.database import Database
from claude_proxy.store.usage_db.requests import OUTCOMES
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, make_config, make_provider, started_proxy
from fakes.scripts import message
from fakes.steps import Status
from fakes.stream_checks import complete_text
from fakes.web_page import InvalidError, WebPage
from scenarios.test_page_access import browse, cookie
from store.usage_db.accounts import ATTEMPT, account

FAILED = Attempt("zai", Reason.STATUS, 529, 5.0)
HOSTILE = "<script>alert(1)</script>\"'&\x1b[2J\u202e" + "x" * 400


@contextlib.asynccontextmanager
async def proxy_with_page(
    folder: Path, *providers: FakeProvider, accounts: tuple[Account, ...] = ()
) -> AsyncIterator[tuple[RunningProxy, str]]:
    """Start a proxy with a home in which accounts are recorded; return it and the cookie of its page."""
    home = Home(folder / "home")
    home.prepare()
    record(home, accounts)
    async with contextlib.AsyncExitStack() as stack:
        for provider in providers:
            await stack.enter_async_context(provider)
        names = ("minimax", "moonshot")
        entries = [make_provider(name, fake.url) for name, fake in zip(names, providers, strict=False)]
        config = make_config(entries or [make_provider("minimax", "http://127.0.0.1:9")], Policy())
        proxy = await stack.enter_async_context(started_proxy(config, home=home))
        yield proxy, await cookie(proxy)


def record(home: Home, accounts: tuple[Account, ...] | list[Account]) -> None:
    with closing(Database(home.usage)) as database:
        database.add(accounts)


async def page(proxy: RunningProxy, given: str, query: str = "") -> WebPage:
    answer = await browse(proxy, f"/{query}", given)
    assert answer.status == 200
    return WebPage.parse((await answer.read()).decode())


@async_test
async def test_a_request_that_failed_over_is_shown_with_its_attempts(tmp_path: Path) -> None:
    busy, answering = FakeProvider([Status(529)]), FakeProvider(message("hello"))
    async with proxy_with_page(tmp_path, busy, answering) as (proxy, given):
        sent = {"x-claude-code-session-id": "5f0c-session", "x-claude-code-request-class": "subagent"}
        assert await complete_text(await proxy.post(headers=sent)) == "hello"
        record(Home(tmp_path / "home"), await proxy.ledger.wait_for_accounts(1))
        shown = await page(proxy, given)
    assert "opus-5-5 subagent minimax overloaded → moonshot" in shown.text
    assert "session 5f0c-session" in shown.text
    assert "minimax opus-5-5 overloaded" in shown.text
    assert "moonshot opus-5-5 answered" in shown.text
    assert "minimax: 1 " in shown.text  # on the time line
    assert "minimax cooldown until" in shown.text


@async_test
async def test_nothing_recorded_is_an_empty_page(tmp_path: Path) -> None:
    async with proxy_with_page(tmp_path) as (proxy, given):
        for days in PERIODS:
            shown = await page(proxy, given, f"?days={days}")
            assert "No requests." in shown.text
            assert "No request yet." in shown.text
            assert shown.values("aria-current") == ["page"]


@async_test
async def test_a_file_that_cannot_be_read_is_named_and_the_rest_is_there(tmp_path: Path) -> None:
    async with proxy_with_page(tmp_path) as (proxy, given):
        (tmp_path / "home" / "state" / "usage.db").write_bytes(b"no database " * 1000)
        shown = await page(proxy, given)
        assert "usage.db is damaged" in shown.text
        assert "minimax ready" in shown.text


@async_test
async def test_what_comes_from_outside_is_text_bounded_and_on_one_line(tmp_path: Path) -> None:
    attempt = Attempt(HOSTILE, Reason.STATUS, 529, 5.0, model=HOSTILE, credential=HOSTILE)
    hostile = account(
        started_at=time.time(),
        session=HOSTILE,
        requested_model=HOSTILE,
        used_model=HOSTILE,
        provider=HOSTILE,
        hints=ClientHints(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE),
        attempts=(attempt, Attempt("zai", None, 200, 5.0, model=HOSTILE)),
    )
    async with proxy_with_page(tmp_path, accounts=(hostile,)) as (proxy, given):
        for query in ("", f"?session={quote(HOSTILE)}", f"?provider={quote(HOSTILE)}", f"?model={quote(HOSTILE)}"):
            shown = await page(proxy, given, query)
            assert len(shown.all("script")) == 1
            assert "\x1b" not in shown.text
            assert "\u202e" not in shown.text
            assert "x" * 201 not in shown.text
            texts = [value or "" for element in shown.elements for value in element.attributes.values()]
            assert [text for text in texts if not text.isprintable() or "x" * 201 in text] == []


@async_test
async def test_the_page_holds_no_style_no_script_and_no_address_from_elsewhere(tmp_path: Path) -> None:
    attempts = (Attempt("zai", Reason.STATUS, 529, 5.0), account().attempts[0])
    async with proxy_with_page(tmp_path, accounts=(account(started_at=time.time(), attempts=attempts),)) as (
        proxy,
        given,
    ):
        shown = await page(proxy, given)
    assert not shown.values("style")
    assert not shown.all("style")
    assert [script.attributes["src"] for script in shown.all("script")] == ["/page/live.js"]
    names = {name for element in shown.elements for name in element.attributes}
    assert not [name for name in names if name.startswith("on")]
    addresses = [*shown.values("src"), *shown.values("href"), *shown.values("action")]
    assert addresses
    assert not [address for address in addresses if not address.startswith(("/", "#")) or address.startswith("//")]


@async_test
async def test_it_can_be_used_by_keyboard_and_by_ear(tmp_path: Path) -> None:
    attempts = (Attempt("zai", Reason.STATUS, 529, 5.0), account().attempts[0])
    async with proxy_with_page(tmp_path, accounts=(account(started_at=time.time(), attempts=attempts),)) as (
        proxy,
        given,
    ):
        shown = await page(proxy, given)
    assert shown.all("html")[0].attributes["lang"] == "en"
    identities = shown.values("id")
    assert set(shown.values("aria-labelledby")) <= set(identities)
    for element in shown.all("svg"):
        assert element.attributes.get("aria-hidden") == "true" or element.attributes.get("aria-label")
    for element in shown.elements:
        if element.attributes.get("tabindex"):
            assert element.attributes["tabindex"] == "0"
            assert element.attributes.get("aria-label")
    assert len(shown.all("label")) == len(shown.all("select")) + len(shown.all("input")) - 1  # but the hidden one
    assert shown.all("a")[0].attributes["href"] == "#requests"


FILTERS = [
    "provider=zai",
    "model=haiku",
    "session=b",
    "class=auxiliary",
    "outcome=failover",
    "provider=zai&model=HAIKU",
]


@pytest.mark.parametrize("query", FILTERS)
@async_test
async def test_the_list_of_requests_is_filtered_by_a_form(tmp_path: Path, query: str) -> None:
    wanted = account(
        started_at=time.time(),
        session="b-wanted",
        attempts=(FAILED, ATTEMPT),
        requested_model="claude-haiku-5-5",
        hints=ClientHints(request_class="auxiliary"),
    )
    other = account(started_at=time.time(), session="a-other")
    async with proxy_with_page(tmp_path, accounts=(wanted, other)) as (proxy, given):
        assert "a-other" in (await page(proxy, given)).text
        shown = await page(proxy, given, f"?days=7&{query}")
    assert "b-wanted" in shown.text
    assert "a-other" not in shown.text
    assert "1, the newest first" in shown.text
    [form] = shown.all("form")
    assert form.attributes["method"] == "get"
    assert shown.all("input")[0].attributes == {"type": "hidden", "name": "days", "value": "7"}
    name, value = query.split("&", maxsplit=1)[0].split("=")
    chosen = [element for element in shown.elements if element.attributes.get("value", "") == value]
    assert chosen or value in shown.text, name


@async_test
async def test_no_filter_that_is_not_known_and_no_odd_query_is_an_error(tmp_path: Path) -> None:
    odd = ["days=9999999999999999999", "days=-1", "days=%C2%B2", "days=07", "class=x", "outcome=x", "outcome=", "=&="]
    odd += ["session=" + "x" * 5000, "&".join("a=b" for _ in range(400)), "provider=%00", "provider=%ff%fe", "%", "&;&"]
    async with proxy_with_page(tmp_path, accounts=(account(started_at=time.time()),)) as (proxy, given):
        for query in odd:
            await page(proxy, given, f"?{query}")
        for outcome in OUTCOMES:
            await page(proxy, given, f"?outcome={outcome}")


INVALID = (
    "<p><div></div></p>",
    "<p>",
    "</p>",
    "<li></li>",
    "<b/>",
    "<ul><li></ul></li>",
    '<p id="a"></p><p id="a"></p>',
)


@pytest.mark.parametrize("html", INVALID)
def test_the_check_of_pages_finds_what_a_browser_would_mend(html: str) -> None:
    with pytest.raises(InvalidError):
        WebPage.parse(html)
