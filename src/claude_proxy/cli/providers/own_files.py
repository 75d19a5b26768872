"""config.json and .env of the home, read to be changed, and put back only where nobody else has changed them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from claude_proxy.cli import leading
from claude_proxy.cli.exits import CommandError, Exit
from claude_proxy.cli.rewriting import rewrite
from claude_proxy.config.document import parse_document, read_text
from claude_proxy.config.load import ConfigError, Configured, Survey, survey
from claude_proxy.config.problem import Findings
from claude_proxy.config.variables import parse_variables_of
from claude_proxy.store.home import Home

NEW_FILE_MODE = 0o600
_UNCHANGED = "nothing was changed"


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file of the user's with the text that it held when it was read; None where there is no such file."""

    path: Path
    text: str | None = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> OwnFile:
        """Read a file. Raises `CommandError` where it is none, or no text."""
        findings = Findings()
        try:
            text = read_text(path, findings, encoding="utf-8")
        except FileNotFoundError:
            return cls(path, None)
        if text is None:
            raise CommandError(*map(str, findings.problems), code=Exit.USAGE)
        return cls(path, text)

    def write(self, text: str) -> None:
        """Put a text in place, whole or not at all; mode and link stay. Raises `CommandError`.

        Between the last look at what others have written and our own there is no more than a moment.
        """
        if OwnFile.read(self.path) != self:
            raise CommandError(f"{self.path} was changed meanwhile; {_UNCHANGED}", hint="Run the command once more.")
        rewrite(self.path, text.encode(), new_file_mode=NEW_FILE_MODE)


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """Both files of a home."""

    home: Home
    config: OwnFile
    env: OwnFile

    @classmethod
    def read(cls, home: Home) -> OwnFiles:
        """Read both. Raises `CommandError`."""
        return cls(home, OwnFile.read(home.config), OwnFile.read(home.env))

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
            return survey(_unmarked(config), env, leading.ordinary(os.environ))
        except ConfigError as error:
            raise CommandError(*map(str, error.problems), code=Exit.USAGE, hint=f"Mend it; {_UNCHANGED}.") from error


def _unmarked(text: str) -> str:
    return text.removeprefix("\ufeff")
