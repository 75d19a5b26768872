"""Notices when the user has changed the configuration."""

from __future__ import annotations

import os

from claude_proxy.config.load import Config, ConfigError, fingerprint, load
from claude_proxy.core.text import with_program
from claude_proxy.proxy.ports import Journal
from claude_proxy.store.home import Home


class ConfigWatch:
    """Compares the configuration's files with what they were at the last look.

    `program` is how the user calls this program, for messages.
    """

    def __init__(self, home: Home, journal: Journal, program: str) -> None:
        self._home = home
        self._program = program
        self._journal = journal
        self._seen = fingerprint(home.root)
        self.problems: tuple[str, ...] = ()
        """What is wrong with the newest configuration, while an older one stays in use."""

    def changed(self) -> Config | None:
        """Return the configuration if it has changed since the last look and can be used, else None."""
        if (seen := fingerprint(self._home.root)) == self._seen:
            return None
        self._seen = seen
        try:
            config = load(self._home.root, os.environ)
        except ConfigError as error:
            self.problems = tuple(with_program(str(problem), self._program) for problem in error.problems)
            text = "the changed configuration cannot be used, the old one stays in use: " + " ".join(self.problems)
            self._journal.note(text, "error")
            return None
        self.problems = ()
        return config
