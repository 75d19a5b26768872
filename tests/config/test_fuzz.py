"""Whatever stands in the files, loading ends in a configuration or in a `ConfigError`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.config.load import Config, ConfigError, load
from config.settings_kinds import KINDS

KEYS = sorted({name for kind in KINDS for name in kind.__struct_encode_fields__})
VALUES = st.sampled_from(
    [
        "",
        "minimax",
        "a b",
        "sk-abc",
        "http://x",
        "https://[::1]:1/a",
        "https://x.example/v1",
        "bearer",
        "client",
        "minimax/m",
        "role:system",
        "::1",
        "\ud800",
        "\x00",
    ]
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | VALUES | st.text(st.characters(exclude_categories=()))
)
NAMES = st.sampled_from(KEYS) | st.text(max_size=5)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6), max_leaves=20
)
PROVIDERS = st.lists(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6) | JSON, max_size=3)
CONFIGS = st.builds(lambda rest, providers: {**rest, "providers": providers}, st.dictionaries(NAMES, JSON), PROVIDERS)


def outcome(config: bytes, env: bytes, environ: dict[str, str]) -> Config | ConfigError:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "config.json").write_bytes(config)
        Path(folder, ".env").write_bytes(env)
        try:
            return load(Path(folder), environ)
        except ConfigError as error:
            return error


def is_sound(found: Config | ConfigError) -> bool:
    """Tell whether an outcome is one that can be shown, and names at least one provider or one problem."""
    if isinstance(found, ConfigError):
        str(found).encode()
        return bool(found.problems) and all("\n" not in str(problem) for problem in found.problems)
    return bool(found.providers)


@given(CONFIGS | JSON)
def test_any_json_gives_a_configuration_or_problems(config: object) -> None:
    environ = {"MINIMAX_API_KEY": "abc", "ALL_PROXY": "x"}
    assert is_sound(outcome(json.dumps(config).encode(), b"A=b", environ))


@given(st.binary() | st.text().map(str.encode), st.binary() | st.text().map(str.encode))
def test_any_bytes_give_problems(config: bytes, env: bytes) -> None:
    assert is_sound(outcome(config, env, {}))


@given(st.binary() | st.text().map(str.encode), st.dictionaries(st.text(), st.text()))
def test_any_env_file_and_environment_give_either(env: bytes, environ: dict[str, str]) -> None:
    environ |= {"HTTPS_PROXY": next(iter(environ), ""), "NO_PROXY": next(iter(environ.values()), "")}
    assert is_sound(outcome(b'{"providers": [{"preset": "minimax"}, {"preset": "zai"}]}', env, environ))
