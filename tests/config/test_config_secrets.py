"""No message about a faulty configuration repeats what could be a key, wherever it was written by mistake."""

from __future__ import annotations

import itertools
import json
import string
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.config.load import ConfigError, load
from config.folder import Folder

SECRETS = [
    "sk-ant-api03-Zk3vQ9",
    "sk-k1m1",
    "f3a9c1d87e6b4052f3a9c1d87e6b4052",
    "f3a9c1d87e6b4052f3a9c1d87e6b4052.Qm2xV7Lp0aZs81Tn",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "0b9a7e52-4c1d-4f0e-9a53-7f1de02c8b11",
    "https://user:hunter2@relay.example",
    "https://relay.example/?key=hunter2",
    "hunter2 hunter2 hunter2 hunter2 hunter2 hunter2 hunter2 hunter2",
]
VALUE_PATHS = [
    ("$schema",), ("proxy_port",), ("cooldown_minutes",), ("host",), ("retry_statuses",), ("retry_statuses", 0),
    ("max_body_mb",), ("timeouts",), ("timeouts", "stall"), ("ping_after_seconds",), ("proxy_url",), ("log_level",),
    ("usage_days",),
    ("allow_http_hosts",), ("allow_http_hosts", 0), ("providers",), ("providers", 0), ("providers", 0, "preset"),
    ("providers", 0, "name"), ("providers", 0, "base_url"), ("providers", 0, "api_key_env"), ("providers", 0, "auth"),
    ("providers", 0, "models"), ("providers", 0, "models", "opus"), ("providers", 0, "enabled"),
    ("providers", 0, "headers"), ("providers", 0, "headers", "X-Own"), ("providers", 0, "headers", "Authorization"),
    ("providers", 0, "timeouts"), ("providers", 0, "timeouts", "stall"), ("providers", 0, "api_key"),
    ("providers", 0, "unknown"), ("unknown",), ("timeouts", "unknown"),
]  # fmt: skip


def placed(path: tuple[str | int, ...], value: object) -> object:
    """Return a configuration that holds the value at a path."""
    for step in reversed(path):
        value = [value] if isinstance(step, int) else {step: value}
    return value


def words(secret: str) -> list[str]:
    """Return the parts of a text that a message must not hold."""
    return [word for word in ("hunter2", secret) if word in secret]


def told(folder: Path, environ: dict[str, str]) -> str:
    try:
        return "\n".join(load(folder, environ).warnings)
    except ConfigError as error:
        return f"{error}\n{error!r}"


@pytest.mark.parametrize("path", VALUE_PATHS, ids=str)
def test_shows_no_value_that_could_be_a_secret(home: Folder, path: tuple[str | int, ...]) -> None:
    for secret, tail in itertools.product(SECRETS, ["", "\n"]):
        home.write(placed(path, secret + tail))
        text = told(home.path, {})
        assert not [word for word in words(secret) if word in text], (secret + tail, text)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("path", [(), ("providers", 0), ("timeouts",), ("providers", 0, "headers")], ids=str)
def test_shows_no_name_that_could_be_a_secret(home: Folder, path: tuple[str | int, ...], secret: str) -> None:
    home.write(placed((*path, secret), 1))
    text = told(home.path, {})
    assert text.startswith("config.json: ")
    assert not [word for word in words(secret) if word in text]


@pytest.mark.parametrize("value", ["hunter2", 4711, ["hunter2"]])
@pytest.mark.parametrize("name", ["X-Own", "Host", "Authorization", "x y", "X-Own\n"])
def test_shows_no_value_of_a_header(home: Folder, name: str, value: object) -> None:
    home.write({"providers": [{"preset": "minimax", "headers": {name: value, "Cookie": "hunter2\n"}}]})
    text = told(home.path, {})
    assert text
    assert "hunter2" not in text
    assert "4711" not in text


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("line", ["{}", "{}=1", "A={}", "A='{}", "A={} b…", "A: {}", "'{}", "${{{}}}=", "A b={}"])
def test_shows_no_line_of_the_env_file(home: Folder, line: str, secret: str) -> None:
    config = {"providers": [{"preset": "minimax", "api_key_env": "A"}]}
    home.write(config, env=f"{line.format(secret)}\n")
    text = told(home.path, {"ALL_PROXY": f"socks5://{secret}@proxy", "MINIMAX_API_KEY": secret})
    assert not [word for word in words(secret) if word in text]


@given(
    st.text(string.ascii_letters + string.digits, min_size=24, max_size=64),
    st.sampled_from(VALUE_PATHS),
    st.sampled_from(["{}", "sk-{}", "https://{}@x", "https://x/{}?", "{}\n", "ftp://{}", "a b {}", "{}-{}", "[{}"]),
)
def test_shows_no_random_key(secret: str, path: tuple[str | int, ...], form: str) -> None:
    # Letters alone are words as far as anyone can tell.
    secret = f"{secret}7q"
    with tempfile.TemporaryDirectory() as folder:
        text = json.dumps(placed(path, form.format(secret, secret)))
        Path(folder, "config.json").write_text(text, encoding="utf-8")
        assert secret not in told(Path(folder), {})
