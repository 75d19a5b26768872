"""config.json and .env: every text gives a configuration or its faults, and no fault shows a key."""

from __future__ import annotations

from fuzz.source import Source

from claude_proxy.config.load import survey
from claude_proxy.config.problem import ConfigError

KEY = "sk-fuzz-7Qv4mZp1xT9rK2wL8sB3nD6f"
MARK = b"\0"


def check(data: bytes) -> None:
    """Check two texts, with a key in the environment and, if there is a `$KEY` in them, there too."""
    source = Source(data)
    env = source.until(MARK).decode("utf-8", "replace").replace("$KEY", KEY)
    config = source.text()
    environ = {"MINIMAX_API_KEY": KEY, "HOME": "/nowhere"}
    try:
        found = survey(config, env, environ)
    except ConfigError as error:
        assert error.problems
        for problem in error.problems:
            assert str(problem).isprintable()
            assert KEY not in str(problem)
    else:
        names = [configured.provider.name for configured in found.providers]
        assert len(set(names)) == len(names)
        assert all(warning.isprintable() and KEY not in warning for warning in found.warnings)
        for configured in found.providers:
            assert configured.provider.origin.scheme in {"http", "https"}
            assert 0 < configured.provider.origin.port < 65536
