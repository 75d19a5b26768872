"""A home folder in which a test writes a configuration and loads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from claude_proxy.config.load import Config, ConfigError, load

KEYS = "MINIMAX_API_KEY=sk-minimax\nMOONSHOT_API_KEY=sk-moonshot\n"


@dataclass(frozen=True)
class Folder:
    """A home folder: `loads` and `faults` write config.json (a text as it stands, else as JSON) and `.env`."""

    path: Path

    def write(self, config: object, env: str | bytes | None = KEYS) -> None:
        text = config if isinstance(config, str) else json.dumps(config)
        (self.path / "config.json").write_bytes(text.encode())
        file = self.path / ".env"
        file.unlink(missing_ok=True)
        if env is not None:
            file.write_bytes(env.encode() if isinstance(env, str) else env)
            file.chmod(0o600)

    def loads(self, config: object, env: str | bytes | None = KEYS, environ: Mapping[str, str] | None = None) -> Config:
        self.write(config, env)
        return load(self.path, environ or {})

    def faults(
        self, config: object, env: str | bytes | None = KEYS, environ: Mapping[str, str] | None = None
    ) -> list[str]:
        """Return the messages of all faults."""
        with pytest.raises(ConfigError) as caught:
            self.loads(config, env, environ)
        assert str(caught.value) == "\n".join(map(str, caught.value.problems))
        return [str(problem) for problem in caught.value.problems]
