"""The environment that Claude Code has in the end: what it is started with, and `env` of its settings files over it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from claude_proxy.cli.claude_code import custom_headers, settings_files, statusline_text
from claude_proxy.cli.claude_code.settings_files import SettingsError, SettingsFile
from claude_proxy.cli.claude_code.statusline_text import BASE_URL, HEADERS, TOKEN, Target

HTTP_PROXY_NAMES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
NO_PROXY_NAMES = ("no_proxy", "NO_PROXY")
"""Claude Code joins both (observed with 2.1.332)."""
DEFAULT_HOST = "127.0.0.1"


class Effective:
    """The variables of one Claude Code. `values` are those of each settings file, the weakest first."""

    def __init__(self, values: Mapping[SettingsFile, Mapping[str, str]], environ: Mapping[str, str]) -> None:
        self.files = tuple(values)
        self.environ = environ
        self.source = {name: file for file, settings in values.items() for name in settings}
        """The file whose value counts, for each variable that a file sets."""
        self._settings = {name: value for settings in values.values() for name, value in settings.items()}

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Effective:
        """Return what holds in the working folder. A file that cannot be used is left out."""
        values = dict[SettingsFile, Mapping[str, str]]()
        for file in settings_files.sources(environ, settings_files.working_folder()):
            try:
                values[file] = settings_files.variables(file)
            except SettingsError:
                continue
        return cls(values, environ)

    def value(self, name: str) -> str:
        """Return the value of a variable, empty if it has none."""
        return self._settings.get(name, self.environ.get(name, ""))

    def our_token(self) -> str:
        """Return the token of this home's proxy; before its first start, the one that the environment has."""
        return statusline_text.token_of(self.environ) or self.environ.get(TOKEN, "")

    def token_file(self) -> Path:
        """Return the file of that token."""
        return Path(statusline_text.state_path(self.environ, "token"))

    def target(self) -> Target | None:
        """Return what the settings' own address leads to, if that is this home's proxy; None if it is not."""
        if BASE_URL not in self._settings:
            return None
        address = {**_home_of(self.environ), BASE_URL: self._settings[BASE_URL]}
        if statusline_text.is_recorded(self.environ):  # then the token beside it says nothing about the address
            return statusline_text.proxy_target_of(address)
        here, there = statusline_text.proxy_target_of(self.environ), statusline_text.parse_target(address[BASE_URL])
        if here and there and here.port == there.port and _same_host(here.host, there.host):
            return there
        beside = (name for name in (TOKEN, HEADERS) if self.source.get(name) == self.source[BASE_URL])
        carried = {name: self._settings[name] for name in beside}
        return statusline_text.proxy_target_of({**address, **carried})

    def leads_here(self) -> bool:
        """Whether no settings file leads Claude Code to another address than this home's proxy."""
        return BASE_URL not in self._settings or self.target() is not None

    def leading_file(self) -> SettingsFile | None:
        """Return the file that leads Claude Code to the proxy, as in an IDE, whatever the terminal's mode is."""
        return self.source[BASE_URL] if self.target() else None

    def host_behind_another_proxy(self) -> str | None:
        """Return the proxy's host if Claude Code would ask another HTTP proxy for it.

        A terminal that is not activated yet gets it into NO_PROXY when it is.
        """
        if not any(self.value(name) for name in HTTP_PROXY_NAMES):
            return None
        here = statusline_text.proxy_target_of(self.environ)
        target = self.target() or here
        host = target.host if target else DEFAULT_HOST
        lists = [self.value(name) for name in NO_PROXY_NAMES]
        if target is None and (os.name != "nt" or not any(map(self._settings.get, NO_PROXY_NAMES))):
            lists += [host for name in NO_PROXY_NAMES if name not in self._settings]
        return None if _covers(lists, host, target.port if target else 0) else host


def _home_of(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: environ[name] for name in (statusline_text.HOME_VARIABLE,) if name in environ}


def _same_host(one: str, other: str) -> bool:
    return one == other or {one, other} <= statusline_text.LOOPBACK


def _covers(lists: Iterable[str], host: str, port: int) -> bool:
    """Whether `NO_PROXY` names a host, as Claude Code reads it: `*` alone, a host, host and port, or `.domain`."""
    for text in lists:
        entries = re.split(r"[,\s]+", text.strip().lower())
        if entries == ["*"] or not {host, f"{host}:{port}"}.isdisjoint(entries):
            return True
        if any(entry.startswith(".") and f".{host}".endswith(entry) for entry in entries):
            return True
    return False


def sources_of_token(tokens: Iterable[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return where the user's or the administrator's settings set one of these tokens: variable and file."""
    wanted, found = {token for token in tokens if token}, list[str]()
    for file in settings_files.sources(environ, settings_files.NOWHERE):
        try:
            settings = settings_files.variables(file)
        except SettingsError:
            continue
        held = {name: settings.get(name, "") for name in (TOKEN, "ANTHROPIC_API_KEY")}
        held[HEADERS] = custom_headers.token_in(settings.get(HEADERS, "")) or ""
        found += [f"env.{name} in {file.path}" for name, value in held.items() if value in wanted]
    return tuple(found)
