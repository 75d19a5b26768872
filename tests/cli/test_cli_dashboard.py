"""`dashboard` as its user runs it: the link works once, in the browser that it starts or in any other."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from fakes.command_line import PATIENCE, CommandLine, command_line

NO_SCREEN = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "BROWSER": ""}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, upstream: str) -> Iterator[CommandLine]:
    with command_line(tmp_path_factory.mktemp("dashboard") / "home") as cli:
        cli.configure(upstream)
        assert cli("start").code == 0
        yield cli
        cli("stop")


def visit(url: str) -> str:
    """Follow a link as a browser does, and return the page."""
    cookies = urllib.request.HTTPCookieProcessor(CookieJar())
    with urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies).open(url, timeout=PATIENCE) as answer:
        assert "code=" not in answer.url
        text: bytes = answer.read()
    return text.decode()


def test_without_a_proxy_it_says_what_to_do(cli: CommandLine) -> None:
    done = cli("dashboard")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        f"error: claude-proxy is not running (home: {cli.home.root})",
        "Start it with: claude-proxy start",
    ]


def test_nothing_for_the_page_is_loaded_before_somebody_opens_it(running: CommandLine) -> None:
    loaded = running.loaded_by_serve()
    pages = {name for name in loaded if name.startswith("claude_proxy.net.page.")}
    assert pages == {"claude_proxy.net.page.access", "claude_proxy.net.page.page"}
    assert not loaded & {"jinja2", "markupsafe"}


def test_the_link_opens_the_page_once(running: CommandLine) -> None:
    done = running("dashboard", "--no-open")
    words, link = done.out.splitlines()
    assert (done.code, words) == (0, "Open this link:")
    assert done.err == "It works once, within 60 seconds.\n"
    assert link.startswith(f"http://127.0.0.1:{running.running().port}/page/open?code=")
    assert '<h2 id="requests-title">' in visit(link)
    with pytest.raises(urllib.error.HTTPError) as error:
        visit(link)
    assert error.value.code == 403
    error.value.close()


@pytest.mark.skipif(sys.platform == "win32", reason="$BROWSER is for systems with a shell")
def test_a_browser_is_started_with_the_link(running: CommandLine, tmp_path: Path) -> None:
    seen, browser = tmp_path / "seen", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >"{seen}"\n', encoding="utf-8")
    browser.chmod(0o755)
    done = running("dashboard", environ={**NO_SCREEN, "BROWSER": f"{browser} %s"})
    words, link = done.out.splitlines()
    assert (done.code, words) == (0, "The page opens in the browser. If it does not, open this link:")
    assert seen.read_text(encoding="utf-8") == f"{link}\n"


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="has windows always")
def test_without_a_screen_no_browser_is_started(running: CommandLine) -> None:
    assert running("dashboard", environ=NO_SCREEN).out.startswith("Open this link:")


@pytest.mark.skipif(sys.platform == "win32", reason="$BROWSER is for systems with a shell")
def test_a_browser_that_does_not_start_leaves_the_link(running: CommandLine, tmp_path: Path) -> None:
    none = {**NO_SCREEN, "BROWSER": "/nowhere/browser %s", "PATH": str(tmp_path)}
    done = running("dashboard", environ=none)
    assert (done.code, done.out.splitlines()[0]) == (0, "Open this link:")
