"""The page in a real browser: by its link, at each width, in dark and light, without JavaScript, by keyboard, attacked.

`CLAUDE_PROXY_PICTURES=folder` keeps a picture of each look.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest

from claude_proxy.core.client_hints import ClientHints
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Account, Attempt, Cost, Ending
from claude_proxy.store.usage_db.database import Database
from fakes.browser import Browser, browser, find_browser
from fakes.command_line import CommandLine, command_line
from store.usage_db.accounts import ATTEMPT, USAGE, account

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="drives the browser over inherited pipes")

LONG: Final = "a-very-long-name-of-a-model-that-nobody-would-choose-but-a-relay-did" * 3
FAILED: Final = Attempt("minimax", Reason.STATUS, 529, 900.0, model="MiniMax-M3", credential="MINIMAX_API_KEY")
DAY: Final = 86_400.0


def accounts() -> Iterator[Account]:
    """Yield what a month of work leaves: plans, failovers, errors, long names, several providers."""
    now = time.time()
    for n in range(60):
        cost = Cost(0.3, is_plan=n % 2 == 0)
        answered = Attempt("moonshot", None, 200, 400.0, model="kimi-k3", usage=USAGE, cost=cost)
        yield account(
            started_at=now - n * 0.45 * DAY,
            session=f"{n:08x}-0000-4000-8000-000000000000",
            provider="moonshot",
            used_model="kimi-k3",
            attempts=(FAILED, answered) if n % 5 == 0 else (answered,),
            hints=ClientHints(request_class=("main", "subagent", "auxiliary")[n % 3]),
            anthropic_dollars=2.0,
        )
        yield account(started_at=now - n * 0.4 * DAY, requested_model=LONG if n == 1 else "claude-haiku-5-5")
    yield account(started_at=now, provider="", status=529, attempts=(FAILED,), ending=Ending.ERROR)
    yield account(started_at=now, session=LONG, attempts=(ATTEMPT,) * 12, ending=Ending.RECOVERED)


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory, upstream: str) -> Iterator[CommandLine]:
    """A running proxy that has a month behind it."""
    with command_line(tmp_path_factory.mktemp("page") / "home") as command:
        command.configure(upstream, upstream)
        command.home.prepare()
        with closing(Database(command.home.usage)) as database:
            database.add(accounts())
        assert command("start").code == 0
        yield command
        command("stop")


@pytest.fixture(scope="module")
def tab(cli: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser that has followed the link of `dashboard`."""
    with browser(find_browser(), tmp_path_factory.mktemp("profile")) as opened:
        opened.visit(link(cli))
        yield opened


@pytest.fixture(autouse=True)
def _as_it_was(tab: Browser) -> Iterator[None]:
    yield
    tab.allow_scripts(allowed=True)
    tab.show_as(width=1280)


def link(cli: CommandLine) -> str:
    return cli("dashboard", "--no-open").out.splitlines()[-1]


def home(cli: CommandLine) -> str:
    return f"http://127.0.0.1:{cli.running().port}/"


def test_the_link_leaves_the_address_bar_and_the_page_complains_of_nothing(cli: CommandLine, tab: Browser) -> None:
    tab.visit(link(cli))
    assert tab.evaluate("location.href") == home(cli)
    tab.wait_until("document.getElementById('live-state').textContent === 'live'")
    assert tab.complaints() == []
    assert {address.removeprefix(home(cli)).partition("?")[0] for address in tab.asked_for()} == {
        "",
        "page/open",
        "page/style.css",
        "page/live.js",
        "page/live",
        "page/icon.svg",
    }
    assert tab.evaluate("document.cookie") == ""  # no script can read it


CONTRAST = """(() => {
  const channel = value => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = colour => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(Number);
    return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  };
  const ground = element => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
    return getComputedStyle(document.body).backgroundColor;
  };
  const hasText = element => [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
  const words = [...document.querySelectorAll("body *:not(title)")].filter(hasText);
  return words.map(element => {
    const style = getComputedStyle(element);
    const isDrawn = element.namespaceURI.endsWith("svg");
    const [one, other] = [light(isDrawn ? style.fill : style.color), light(ground(element))];
    return [(Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05), element.textContent.trim().slice(0, 40)];
  }).filter(([ratio]) => ratio < 4.5);
})()"""
"""Each text whose contrast is less than WCAG's AA asks for, which is 4.5."""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 1280])
def test_it_fits_each_width_and_can_be_read_in_dark_and_in_light(
    cli: CommandLine, tab: Browser, width: int, dark: bool
) -> None:
    tab.show_as(width=width, dark=dark)
    for query in ("", "?days=1"):
        tab.visit(home(cli) + query)
        assert tab.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is dark
        if not query and (folder := os.environ.get("CLAUDE_PROXY_PICTURES")):
            tab.screenshot(Path(folder) / f"page-{width}-{'dark' if dark else 'light'}.png")
        for _ in range(2):
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            assert tab.evaluate(CONTRAST) == []
            tab.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert tab.complaints() == []


def test_without_javascript_all_but_the_live_part_works(cli: CommandLine, tab: Browser) -> None:
    tab.allow_scripts(allowed=False)
    tab.visit(home(cli) + "?days=90")
    assert tab.evaluate("document.getElementById('live-state').textContent").startswith("as of ")
    assert tab.evaluate("document.querySelectorAll('.cards li').length") == 2
    assert tab.evaluate("document.querySelectorAll('.requests li').length") == 122
    assert tab.evaluate("document.querySelectorAll('.chart rect').length") > 60
    assert tab.evaluate("document.querySelectorAll('.chart circle').length") > 10
    assert not [address for address in tab.asked_for() if address.endswith(".js")]
    tab.evaluate("document.querySelector('[name=class]').value = 'subagent'")
    tab.events.clear()
    tab.evaluate("document.querySelector('form button').click()")
    tab.wait_for_event("Page.loadEventFired")
    assert tab.evaluate("location.search.includes('days=90')")
    assert tab.evaluate("location.search.includes('class=subagent')")
    assert tab.evaluate("document.querySelectorAll('.requests li').length") == 20
    assert tab.evaluate("document.querySelector('[name=class]').value") == "subagent"


def test_a_request_is_opened_by_keyboard(cli: CommandLine, tab: Browser) -> None:
    tab.visit(home(cli))
    tab.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "To the requests"
    assert tab.evaluate("document.activeElement.getBoundingClientRect().left") >= 0  # it shows while it has the focus
    tab.press("Enter")
    tab.wait_until("location.hash === '#requests'")
    for _ in range(20):
        tab.press("Tab")
        if tab.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    assert tab.evaluate("document.activeElement.closest('.requests') !== null")
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.press("Enter")
    assert tab.evaluate("document.activeElement.parentElement.open")


def test_the_policy_lets_no_script_and_no_style_in(cli: CommandLine, tab: Browser) -> None:
    tab.visit(home(cli))
    tab.evaluate("""document.body.insertAdjacentHTML('beforeend', `
        <img src="/page/nothing" onerror="window.hit = 1"><p id="styled" style="color: rgb(1, 2, 3)">x</p>`)""")
    tab.evaluate("""(() => { const script = document.createElement('script');
        script.textContent = 'window.hit = 2'; document.body.append(script); })()""")
    tab.evaluate("new Promise(done => setTimeout(done, 200))")
    assert tab.evaluate("window.hit") is None
    assert tab.evaluate("getComputedStyle(document.getElementById('styled')).color") != "rgb(1, 2, 3)"
    assert any("Content Security Policy" in text for text in tab.complaints())


@contextmanager
def another_site(html: str) -> Iterator[str]:
    """Serve a page at another port of the same host: for a browser, the same site."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


def test_another_server_of_this_machine_can_neither_read_nor_frame_it(cli: CommandLine, tab: Browser) -> None:
    ours = home(cli)
    read = f"""(async () => {{
        const read = async (path, options) => {{
            try {{ return await (await fetch('{ours}' + path, {{credentials: 'include', ...options}})).text(); }}
            catch {{ return 'refused'; }}
        }};
        return [await read(''), await read('page'), await read('page/live'), await read('', {{method: 'POST'}}),
                await read('', {{mode: 'no-cors'}}), await read('admin/stop', {{method: 'POST', mode: 'no-cors'}})];
    }})()"""
    with another_site(f'<p>hello</p><iframe src="{ours}"></iframe>') as theirs:
        tab.visit(theirs)
        assert tab.evaluate("document.querySelector('p').textContent") == "hello"
        answers = tab.evaluate(read)
        assert answers[:4] == ["refused"] * 4
        assert answers[4:] == ["", ""]  # what the page may not look at
        assert any("403" in text or "frame" in text.lower() for text in tab.complaints())
    tab.visit(ours)
    assert tab.evaluate("document.querySelectorAll('section').length") == 5


def test_while_the_proxy_is_away_the_page_says_so_and_then_that_its_session_is_over(
    cli: CommandLine, tab: Browser
) -> None:
    tab.visit(home(cli))
    state = "document.getElementById('live-state').textContent"
    tab.wait_until(f"{state} === 'live'")
    assert cli("stop").code == 0
    tab.wait_until(f"{state}.startsWith('No answer from the proxy')")
    assert cli("start").code == 0
    tab.wait_until(f"{state}.startsWith('The session has ended. Type claude-proxy dashboard')")
    tab.visit(home(cli))
    assert "Type `claude-proxy dashboard`" in tab.evaluate("document.body.textContent")
    tab.visit(link(cli))
    assert tab.evaluate("document.querySelectorAll('section').length") == 5
