"""Where the checks look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from claude_proxy.cli.shell import activation
from claude_proxy.config.load import Config, ConfigError, load
from claude_proxy.store.home import Home


@dataclass(frozen=True, slots=True)
class CheckContext:
    """The setup to check: the home, this terminal's environment and folder, and the time."""

    home: Home
    environ: Mapping[str, str] = field(repr=False)
    folder: Path
    now: float
    """Seconds since the epoch."""

    @property
    def original_environment(self) -> Mapping[str, str]:
        """The environment that the proxy gets: with the keys that a terminal's mode has unset."""
        return activation.original_environment(self.environ)

    def config(self) -> Config | None:
        """Return the configuration, or None if it has a fault, which its own check reports."""
        try:
            return load(self.home.root, self.original_environment)
        except ConfigError:
            return None
