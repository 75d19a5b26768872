"""How this system shows a notification. Texts are arguments of their own, or come on standard input: never a script."""

from __future__ import annotations

import base64
import html
import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from claude_proxy.app.events.runner import Invocation
from claude_proxy.core.text import PROGRAM, printable

MAX_SHOWN: Final = 250
"""Characters: desktops cut off what is longer."""

Notifier: TypeAlias = Callable[[str], Invocation]
"""Returns what shows a text."""

Which: TypeAlias = Callable[[str], str | None]

_OSASCRIPT: Final = "/usr/bin/osascript"
_APPLESCRIPT: Final = (
    "on run argv",
    "display notification (item 2 of argv) with title (item 1 of argv)",
    "end run",
)

_TOAST: Final = """
$ErrorActionPreference = 'Stop'
$note = [Console]::In.ReadToEnd() | ConvertFrom-Json
[void][Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime]
$kind = [Windows.UI.Notifications.ToastTemplateType]::ToastText02
$xml = [Windows.UI.Notifications.ToastNotificationManager]::GetTemplateContent($kind)
$texts = $xml.GetElementsByTagName('text')
[void]$texts.Item(0).AppendChild($xml.CreateTextNode($note.title))
[void]$texts.Item(1).AppendChild($xml.CreateTextNode($note.text))
$toast = [Windows.UI.Notifications.ToastNotification]::new($xml)
$app = '{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\\WindowsPowerShell\\v1.0\\powershell.exe'
[Windows.UI.Notifications.ToastNotificationManager]::CreateToastNotifier($app).Show($toast)
"""
"""For Windows PowerShell, which each Windows has. A toast has to be in the name of an installed program: its own."""


def notifier(environ: Mapping[str, str], platform: str = sys.platform, which: Which | None = None) -> Notifier | str:
    """Return how to show a notification; if there is no way, why, and what to do about it."""
    which = which or (lambda name: shutil.which(name, path=environ.get("PATH", "")))
    if platform == "darwin":
        return _by_osascript if which(_OSASCRIPT) else f"there is no {_OSASCRIPT}"
    if platform == "win32":
        system = environ.get("SYSTEMROOT") or environ.get("SystemRoot") or r"C:\Windows"
        powershell = rf"{system}\System32\WindowsPowerShell\v1.0\powershell.exe"
        return _by_powershell(powershell) if which(powershell) else f"there is no {powershell}"
    program = which("notify-send")
    if program is None:
        return "there is no notify-send; install it, such as with `apt install libnotify-bin`"
    if not _has_desktop(environ):
        return "there is no desktop session here: DISPLAY, WAYLAND_DISPLAY and DBUS_SESSION_BUS_ADDRESS are not set"
    return _by_notify_send(program)


def _has_desktop(environ: Mapping[str, str]) -> bool:
    names = ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS")
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    return any(environ.get(name) for name in names) or (bool(runtime) and Path(runtime, "bus").exists())


def _by_notify_send(program: str) -> Notifier:
    def show(text: str) -> Invocation:
        body = html.escape(_short(text), quote=False)  # it may be read as markup
        return Invocation((program, f"--app-name={PROGRAM}", "--", PROGRAM, body), b"")

    return show


def _by_osascript(text: str) -> Invocation:
    lines = [argument for line in _APPLESCRIPT for argument in ("-e", line)]
    return Invocation((_OSASCRIPT, *lines, PROGRAM, _short(text)), b"")


def _by_powershell(program: str) -> Notifier:
    script = base64.b64encode(_TOAST.encode("utf-16-le")).decode()
    arguments = (program, "-NoLogo", "-NoProfile", "-NonInteractive", "-EncodedCommand", script)

    def show(text: str) -> Invocation:
        return Invocation(arguments, json.dumps({"title": PROGRAM, "text": _short(text)}).encode("ascii"))

    return show


def _short(text: str) -> str:
    return printable(text, MAX_SHOWN)


def why_no_notifications(environ: Mapping[str, str]) -> str:
    """Return why this system can't show a notification, and what to do about it; empty if it can."""
    found = notifier(environ)
    return found if isinstance(found, str) else ""
