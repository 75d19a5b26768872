"""config.json and .env of the home, read to be changed, and put back only where nobody else has changed them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from claude_proxy.cli.background import lifecycle
from claude_proxy.cli.output.exit_codes import CommandError, Exit, not_written
from claude_proxy.cli.shell import activate
from claude_proxy.config.document import parse_document, read_text
from claude_proxy.config.load import ConfigError, Configured, Survey, survey
from claude_proxy.config.problem import Findings
from claude_proxy.config.variables import parse_variables_of
from claude_proxy.store.files import rewrite
from claude_proxy.store.home import Home
from claude_proxy.store.lock import exclusive

NEW_FILE_MODE = 0o600
LOCK_TIMEOUT = 5.0
"""Seconds to wait for another command that writes; it takes milliseconds."""
_UNCHANGED = "nothing was changed"


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file of the user's with the text that it held when it was read; None where there is no such file."""

    path: Path
    text: str | None = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> ConfigFile:
        """Read a file. Raises `CommandError` where it is none, or no text."""
        findings = Findings()
        try:
            text = read_text(path, findings, encoding="utf-8")
        except FileNotFoundError:
            return cls(path, None)
        if text is None:
            raise CommandError(*map(str, findings.problems), code=Exit.USAGE)
        return cls(path, text)

    def require_unchanged(self) -> None:
        """Raise `CommandError` where somebody else has written it since it was read."""
        if ConfigFile.read(self.path) != self:
            raise CommandError(f"{self.path} was changed meanwhile; {_UNCHANGED}", hint="Run the command once more.")


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
        """Put new texts in place, unless either file was changed meanwhile; modes and links stay.

        Each is written whole or not at all. Another command of ours waits meanwhile; to what others write there is no
        more than a moment between the last look and our own. Raises `CommandError`.
        """
        lifecycle.prepare(self.home)
        with _alone(self.home):
            for file in (self.env, self.config):
                file.require_unchanged()
            for file, text in ((self.env, env), (self.config, config)):  # the key is there before its provider is named
                if text is not None:
                    _rewrite(file.path, text)

    @property
    def config_text(self) -> str:
        """What is in config.json. Raises `CommandError` where there is none."""
        if self.config.text is None:
            hint = "`claude-proxy providers add NAME` makes it; `claude-proxy providers --all` lists the names."
            raise CommandError(f"there is no config.json in {self.home.root} yet", code=Exit.USAGE, hint=hint)
        return self.config.text

    def configured(self) -> tuple[Configured, ...]:
        """Return the providers that config.json names, none where there are none yet. Raises `CommandError`."""
        if self.config.text is None:
            return ()
        document = parse_document(_unmarked(self.config.text), Findings())
        nobody_yet = document is not None and document.get("providers", []) == []
        return () if nobody_yet else self.survey().providers

    def holds(self, variable: str) -> bool:
        """Tell whether .env has something in a variable."""
        return bool(parse_variables_of(self.env.text or "", {}, Findings()).file.get(variable, "").strip())

    def survey(self, config: str | None = None, env: str | None = None) -> Survey:
        """Return the providers that the files name, or would name with other texts. Raises `CommandError`."""
        config = self.config_text if config is None else config
        env = (self.env.text or "") if env is None else env
        try:
            return survey(_unmarked(config), env, activate.ordinary(os.environ))
        except ConfigError as error:
            raise CommandError(*map(str, error.problems), code=Exit.USAGE, hint=f"Mend it; {_UNCHANGED}.") from error


@contextlib.contextmanager
def _alone(home: Home) -> Iterator[None]:
    lock = home.state / "edit.lock"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(exclusive(lock, LOCK_TIMEOUT))
        except TimeoutError:
            raise CommandError(f"another command holds {lock}; {_UNCHANGED}", hint="Run this one once more.") from None
        except OSError as error:
            raise CommandError(f"{lock} cannot be locked: {error.strerror}; {_UNCHANGED}") from error
        yield


def _unmarked(text: str) -> str:
    return text.removeprefix("\ufeff")


def _rewrite(path: Path, text: str) -> None:
    try:
        rewrite(path, text.encode(), new_file_mode=NEW_FILE_MODE)
    except OSError as error:
        raise not_written(error) from error
