"""The checker gives what msgspec itself would, wherever msgspec finds no fault."""

from __future__ import annotations

import msgspec
import pytest

from claude_proxy.config.problem import Findings
from claude_proxy.config.settings import Settings
from claude_proxy.config.validation import check


@pytest.mark.parametrize(
    "document",
    [
        {"providers": [{}]},
        {"providers": [{"preset": "minimax"}], "retry_statuses": [], "allow_http_hosts": ["a", "b"]},
        {"providers": [{"name": "a"}, {"name": "b"}], "retry_statuses": [429], "cooldown_minutes": 1},
        {"providers": [{"models": "a"}], "timeouts": {"stall": 1, "connect": 2.5}, "$schema": "x", "proxy_url": ""},
        {"providers": [{"models": {"opus": "a"}, "timeouts": {}, "headers": {"a": "b"}, "enabled": False}]},
    ],
)
def test_reads_a_valid_document_as_msgspec_does(document: dict[str, object]) -> None:
    findings = Findings()
    settings = check(document, findings)
    assert findings.problems == []
    assert settings == msgspec.convert(document, Settings)


def test_keeps_the_valid_part_of_a_faulty_document() -> None:
    findings = Findings()
    document = {
        "providers": [{"name": "a", "auth": "x"}, 3, {"name": "c", "timeouts": {"stall": 0, "connect": 1}}],
        "retry_statuses": [429, "x", 500],
        "proxy_port": 0,
    }
    sound = {
        "providers": [{"name": "a"}, {}, {"name": "c", "timeouts": {"connect": 1}}],
        "retry_statuses": [429, 500],
    }
    assert check(document, findings) == msgspec.convert(sound, Settings)
    assert [problem.key for problem in findings.problems] == [
        "providers[0].auth",
        "providers[1]",
        "providers[2].timeouts.stall",
        "retry_statuses[1]",
        "proxy_port",
    ]
