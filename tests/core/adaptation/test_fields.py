from __future__ import annotations

from typing import Any

import pytest

from core.builders import adapted, read


@pytest.mark.parametrize(
    ("rejected", "sent", "kept"),
    [
        ("temperature", {"temperature": 1, "top_p": 1}, {"top_p": 1}),
        ("output_config.effort", {"output_config": {"effort": "high"}}, {}),
        ("output_config.effort", {"output_config": {"effort": "high", "format": 1}}, {"output_config": {"format": 1}}),
        ("a.b.c", {"a": {"b": {"c": 1}, "d": 2}}, {"a": {"d": 2}}),
        ("a.b.c", {"a": {"b": {"c": 1}}}, {}),
        ("a.b.c", {"a": {"b": {"c": 1, "d": 2}}}, {"a": {"b": {"d": 2}}}),
        ("thinking", {"thinking": {"type": "adaptive"}}, {}),
    ],
)
def test_drops_a_rejected_field(rejected: str, sent: dict[str, Any], kept: dict[str, Any]) -> None:
    result = adapted(sent, rejects=[f"field:{rejected}"])
    assert read(result) == kept
    assert result.changes == (f"field:{rejected}",)


@pytest.mark.parametrize(
    ("rejected", "sent"),
    [
        ("temperature", {"top_p": 1}),
        ("a.b", {"a": 1}),
        ("a.b", {"a": {"c": 1}}),
        ("a.b.c", {"a": {"b": 1}}),
        ("a.b.c", {"a": {"b": {"d": 1}}}),
        *((name, {"messages": [], "system": "x", "tools": [], "max_tokens": 1, "stream": True})
          for name in ("model", "messages", "system", "tools", "max_tokens", "stream", "system.x")),
    ],
)  # fmt: skip
def test_keeps_missing_and_protected_fields(rejected: str, sent: dict[str, Any]) -> None:
    result = adapted(sent, rejects=[f"field:{rejected}"])
    assert (read(result), result.changes) == (sent, ())


def test_keeps_all_other_bytes() -> None:
    body = b'{ "a" : 1 , "model":"claude-opus-5-5","b" : {"c": [1.10 ]} ,\n"d":2 }'
    result = adapted(body, rejects=["field:a", "field:d"])
    assert result.body == b'{ "model":"claude-opus-5-5","b" : {"c": [1.10 ]} }'
