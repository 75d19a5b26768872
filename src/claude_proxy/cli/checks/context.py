"""Where the checks look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from claude_proxy.cli.shell import activate
from claude_proxy.config.load import Config, ConfigError, load
from claude_proxy.store.home import Home


@dataclass(frozen=True, slots=True)
class CheckContext:
    """The set-up that is looked at: the home, this terminal's environment, its folder, and the time there."""

    home: Home
    environ: Mapping[str, str] = field(repr=False)
    folder: Path
    now: float
    """Seconds since the epoch."""

    @property
    def ordinary(self) -> Mapping[str, str]:
        """The environment that the proxy gets: with the keys that a terminal's mode has put aside."""
        return activate.ordinary(self.environ)

    def config(self) -> Config | None:
        """Return the configuration, or None where it cannot be used: its own check says why."""
        try:
            return load(self.home.root, self.ordinary)
        except ConfigError:
            return None
