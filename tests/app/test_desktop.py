"""How notifications are shown: whatever a text says, it stays a text."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path

import pytest

from claude_proxy.app.events.desktop import MAX_SHOWN, Notifier, notifier
from claude_proxy.app.events.runner import Invocation, Runner
from claude_proxy.cli.background.processes import until
from fakes.server import PATIENCE

HOSTILE = [
    '" & (do shell script "touch /tmp/x") & "',
    "$(touch x) `touch x` ; touch x | touch x",
    "'; Start-Process calc #",
    "--icon=/etc/passwd -e 'x'",
    "<b>bold</b> & <a href='x'>link</a>",
    "two\nlines\x1b[31m\u202e",
    "\u2019; calc; \u2019",
]
each_text = pytest.mark.parametrize("text", HOSTILE)


def found(platform: str, environ: dict[str, str] | None = None) -> Notifier:
    result = notifier(environ or {"DISPLAY": ":0"}, platform, lambda name: f"/bin/{name}" if "/" not in name else name)
    assert not isinstance(result, str)
    return result


def same_but_for_the_text(one: Invocation, other: Invocation) -> list[int]:
    pairs = zip(one.arguments, other.arguments, strict=True)
    return [place for place, (left, right) in enumerate(pairs) if left != right]


@each_text
def test_notify_send_gets_the_text_as_its_last_argument_behind_the_options(text: str) -> None:
    show = found("linux")
    arguments = show(text).arguments
    assert arguments[:4] == ("/bin/notify-send", "--app-name=claude-proxy", "--", "claude-proxy")
    assert same_but_for_the_text(show(text), show("x")) == [4]
    assert "<" not in arguments[4]
    assert arguments[4].isprintable()


@each_text
def test_osascript_gets_the_text_as_an_argument_of_a_script_that_never_changes(text: str) -> None:
    show = found("darwin")
    assert same_but_for_the_text(show(text), show("x")) == [8]
    assert show("x").arguments[-2:] == ("claude-proxy", "x")
    assert text.split("\n", maxsplit=1)[0][:10] not in " ".join(show(text).arguments[:-1])


@each_text
def test_powershell_gets_the_text_on_standard_input_as_ascii_json(text: str) -> None:
    show = found("win32", {"SystemRoot": r"C:\Windows"})
    shown = show(text)
    assert same_but_for_the_text(shown, show("x")) == []
    assert shown.line.isascii()
    assert json.loads(shown.line)["title"] == "claude-proxy"
    assert json.loads(shown.line)["text"].isprintable()
    script = base64.b64decode(shown.arguments[-1]).decode("utf-16-le")
    assert "ConvertFrom-Json" in script
    assert "Invoke-Expression" not in script


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_a_long_text_is_cut(platform: str) -> None:
    show = found(platform)
    size = max(len(show("x" * 10_000).arguments[-1]), len(show("x" * 10_000).line))
    assert len(show("x" * 10_000).arguments[-1]) + len(show("x" * 10_000).line) <= size + MAX_SHOWN + 100
    assert "x" * (MAX_SHOWN + 1) not in str(show("x" * 10_000))


@pytest.mark.parametrize(
    ("platform", "environ", "why"),
    [
        ("linux", {"DISPLAY": ":0"}, "there is no notify-send; install it"),
        ("darwin", {}, "there is no /usr/bin/osascript"),
        ("win32", {}, "there is no C:"),
    ],
)
def test_says_what_is_missing(platform: str, environ: dict[str, str], why: str) -> None:
    result = notifier(environ, platform, lambda _: None)
    assert isinstance(result, str)
    assert why in result


def test_without_a_desktop_session_there_is_nothing_to_show_on(tmp_path: Path) -> None:
    result = notifier({"XDG_RUNTIME_DIR": str(tmp_path)}, "linux", lambda name: f"/bin/{name}")
    assert isinstance(result, str)
    assert "there is no desktop session here" in result
    (tmp_path / "bus").touch()
    assert not isinstance(notifier({"XDG_RUNTIME_DIR": str(tmp_path)}, "linux", lambda name: f"/bin/{name}"), str)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
@each_text
def test_a_real_program_gets_a_hostile_text_whole(tmp_path: Path, text: str) -> None:
    program, out = tmp_path / "notify-send", tmp_path / "out"
    program.write_text(f'#!/bin/sh\nfor a in "$@"; do printf "%s\\n" "$a"; done > {out}.new && mv {out}.new {out}\n')
    program.chmod(0o755)
    show = notifier({"DISPLAY": ":0"}, "linux", lambda _: str(program))
    assert not isinstance(show, str)
    runner = Runner("notify", print, {"PATH": os.environ["PATH"]}, tmp_path)
    runner.start()
    runner.put(show(text))
    assert until(lambda: True if out.exists() else None, PATIENCE)
    runner.close()
    assert tuple(out.read_text(encoding="utf-8").splitlines()) == show(text).arguments[1:]
    assert {path.name for path in tmp_path.iterdir()} == {"notify-send", "out"}
