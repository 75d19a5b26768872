"""config.json and .env of the home: loaded, or read to be changed and written if no other program changed them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from claude_proxy.cli.background import lifecycle
from claude_proxy.cli.output.exit_codes import CommandError, Exit, not_written
from claude_proxy.cli.output.program import invocation, with_invocations
from claude_proxy.cli.shell import activation
from claude_proxy.config.document import parse_document, read_text
from claude_proxy.config.load import Config, ConfigError, Configured, Survey, load, survey
from claude_proxy.config.problem import Findings
from claude_proxy.config.variables import parse_variables_of
from claude_proxy.store.files import rewrite
from claude_proxy.store.home import Home
from claude_proxy.store.lock import exclusive

NEW_FILE_MODE = 0o600
LOCK_TIMEOUT = 5.0
"""Seconds to wait for another command that writes; it takes milliseconds."""
_UNCHANGED = "nothing was changed"


def load_config(home: Home) -> Config:
    """Return the home's configuration. Raises `CommandError` with a line for each fault in it."""
    try:
        return load(home.root, activation.original_environment(os.environ))
    except ConfigError as error:
        raise CommandError(*config_problems(error), code=Exit.USAGE) from error


def config_problems(error: ConfigError) -> list[str]:
    """Return each fault of a configuration, with the commands that it names as this user calls them."""
    return [with_invocations(str(problem)) for problem in error.problems]


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file of the user's with the text that it held when it was read; None if there is no such file."""

    path: Path
    text: str | None = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> ConfigFile:
        """Read a file. Raises `CommandError` if it is no file, or no text."""
        findings = Findings()
        try:
            text = read_text(path, findings, encoding="utf-8")
        except FileNotFoundError:
            return cls(path, None)
        if text is None:
            raise CommandError(*map(str, findings.problems), code=Exit.USAGE)
        return cls(path, text)

    def require_unchanged(self) -> None:
        """Raise `CommandError` if another program has written it since it was read."""
        if ConfigFile.read(self.path) != self:
            raise CommandError(
                f"another program has just changed {self.path}; {_UNCHANGED}", hint="Run the command again."
            )


@dataclass(frozen=True, slots=True)
class ConfigFiles:
    """Both files of a home."""

    home: Home
    config: ConfigFile
    env: ConfigFile

    @classmethod
    def read(cls, home: Home) -> ConfigFiles:
        """Read both. Raises `CommandError`."""
        return cls(home, ConfigFile.read(home.config), ConfigFile.read(home.env))

    def write(self, *, config: str | None = None, env: str | None = None) -> None:
        """Write new texts, unless either file was changed meanwhile; modes and links stay.

        Each is written whole or not at all. Our other commands wait meanwhile; another program has only the moment
        between the last look at the file and its replacement. Raises `CommandError`.
        """
        lifecycle.prepare(self.home)
        with _edit_lock(self.home):
            for file in (self.env, self.config):
                file.require_unchanged()
            for file, text in ((self.env, env), (self.config, config)):  # a provider's key is there before its name
                if text is not None:
                    _rewrite(file.path, text)

    @property
    def config_text(self) -> str:
        """What is in config.json. Raises `CommandError` if there is no such file."""
        if self.config.text is None:
            add, names = invocation("providers add NAME"), invocation("providers --all")
            hint = f"`{add}` creates it; `{names}` lists the names."
            raise CommandError(f"there is no config.json in {self.home.root} yet", code=Exit.USAGE, hint=hint)
        return self.config.text

    def configured(self) -> tuple[Configured, ...]:
        """Return the providers that config.json names, none if there are none yet. Raises `CommandError`."""
        if self.config.text is None:
            return ()
        document = parse_document(_without_mark(self.config.text), Findings())
        none_yet = document is not None and document.get("providers", []) == []
        return () if none_yet else self.survey().providers

    def holds(self, variable: str) -> bool:
        """Return whether .env has a value for a variable."""
        return bool(parse_variables_of(self.env.text or "", {}, Findings()).file.get(variable, "").strip())

    def survey(self, config: str | None = None, env: str | None = None) -> Survey:
        """Return the providers that the files name, or would name with other texts. Raises `CommandError`."""
        config = self.config_text if config is None else config
        env = (self.env.text or "") if env is None else env
        try:
            return survey(_without_mark(config), env, activation.original_environment(os.environ))
        except ConfigError as error:
            raise CommandError(*config_problems(error), code=Exit.USAGE, hint=f"Fix it first; {_UNCHANGED}.") from error


@contextlib.contextmanager
def _edit_lock(home: Home) -> Iterator[None]:
    lock = home.state / "edit.lock"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(exclusive(lock, LOCK_TIMEOUT))
        except TimeoutError:
            raise CommandError(f"another command holds {lock}; {_UNCHANGED}", hint="Run this one again.") from None
        except OSError as error:
            raise lifecycle.cannot_lock(lock, error) from error
        yield


def _without_mark(text: str) -> str:
    return text.removeprefix("\ufeff")


def _rewrite(path: Path, text: str) -> None:
    try:
        rewrite(path, text.encode(), new_file_mode=NEW_FILE_MODE)
    except OSError as error:
        raise not_written(error) from error
