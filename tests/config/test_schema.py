"""The shipped JSON Schema says what the types say, and says it of every key."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from claude_proxy.config import schema
from claude_proxy.config.catalogue import catalogue
from claude_proxy.core.routing import Routes
from claude_proxy.core.types import Policy, Timeouts
from config.settings_kinds import KINDS

SHIPPED = json.loads(schema.SCHEMA_FILE.read_text(encoding="utf-8"))


def keys() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for kind in KINDS:
        for name in kind.__struct_encode_fields__:
            yield kind.__name__, name, SHIPPED["$defs"][kind.__name__]["properties"][name]


def test_the_shipped_file_is_up_to_date() -> None:
    text = schema.SCHEMA_FILE.read_text(encoding="utf-8")
    assert text == schema.schema_text(), "write it anew with: python -m claude_proxy.config.schema"


@pytest.mark.filterwarnings("ignore:'claude_proxy.config.schema' found in sys.modules:RuntimeWarning")
def test_the_module_writes_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[Path, str]] = []

    def write_text(path: Path, text: str, **_: object) -> None:
        written.append((path, text))

    monkeypatch.setattr(Path, "write_text", write_text)
    runpy.run_module("claude_proxy.config.schema", run_name="__main__")
    assert written == [(schema.SCHEMA_FILE, schema.schema_text())]


@pytest.mark.parametrize(("kind", "name", "key"), list(keys()))
def test_every_key_has_a_description_a_unit_and_a_default(kind: str, name: str, key: dict[str, Any]) -> None:
    assert key["description"].endswith("."), (kind, name)
    assert key["x-unit"]
    said = "Default: " in key["description"] or "Required." in key["description"]
    assert said != ("default" in key)


def test_allows_no_unknown_keys() -> None:
    assert [SHIPPED["$defs"][kind.__name__]["additionalProperties"] for kind in KINDS] == [False] * len(KINDS)
    assert SHIPPED["$defs"]["Settings"]["required"] == ["providers"]


def test_the_defaults_are_those_of_the_core() -> None:
    general = SHIPPED["$defs"]["Settings"]["properties"]
    policy = Policy()
    assert general["cooldown_minutes"]["default"] * 60 == policy.cooldown
    assert general["max_body_mb"]["default"] * 1024 * 1024 == policy.max_body_bytes
    assert general["ping_after_seconds"]["default"] == policy.ping_after
    assert general["failback"]["default"] == policy.failback.value
    assert general["failover_on_auth"]["default"] is policy.failover_on_auth
    routes = SHIPPED["$defs"]["RouteSettings"]["properties"]
    assert routes["long_context_tokens"]["default"] == Routes().long_context_tokens
    assert "Default: 408, 425, 429, and 500 to 599 without 501." in general["retry_statuses"]["description"]
    assert policy.retry_statuses == {408, 425, 429, *range(500, 600)} - {501}
    timeouts = {name: key["default"] for name, key in SHIPPED["$defs"]["TimeoutSettings"]["properties"].items()}
    assert Timeouts(**timeouts) == Timeouts()


def test_offers_the_presets() -> None:
    assert SHIPPED["$defs"]["ProviderSettings"]["properties"]["preset"]["enum"] == list(catalogue().ids)


def test_allows_comments() -> None:
    assert SHIPPED["allowComments"] is True


def test_the_example_points_at_the_schema() -> None:
    example = Path(__file__).parents[2] / "config.example.json"
    pointer = json.loads(example.read_text(encoding="utf-8"))["$schema"]
    assert (example.parent / pointer).resolve() == schema.SCHEMA_FILE.resolve()
