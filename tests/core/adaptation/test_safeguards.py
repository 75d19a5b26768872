from __future__ import annotations

import json

import pytest

from claude_proxy.core.adapt import Adapted, adapt
from claude_proxy.core.traits import Traits
from core.builders import candidate, compact, provider, request

SAFEGUARDS = [{"type": "dangerous_tool_use", "classifier_context": {"v": 1, "home_dir": "/home/me"}}]
BODY = {"model": "claude-opus-5-5", "safeguards": SAFEGUARDS, "max_tokens": 7}
AUTO = b"dangerous-tool-use-2026-09-03,afk-mode-2026-01-31"


def sent(body: dict[str, object], betas: bytes, *, anthropic: bool = False) -> Adapted:
    headers = ((b"anthropic-beta", betas), (b"x-app", b"cli"))
    to = candidate(provider(traits=Traits(is_anthropic=anthropic)))
    return adapt(request(compact(body), headers), to)


def test_no_other_provider_learns_what_auto_mode_tells() -> None:
    adapted = sent(BODY, b"claude-code-20250219, " + AUTO)
    assert "safeguards" not in json.loads(adapted.body)
    assert b"anthropic-beta: claude-code-20250219\r\n" in adapted.head
    assert adapted.changes == ("safeguards",)


def test_anthropic_gets_all_of_it() -> None:
    adapted = sent(BODY, AUTO, anthropic=True)
    assert json.loads(adapted.body)["safeguards"] == SAFEGUARDS
    assert AUTO in adapted.head
    assert adapted.changes == ()


@pytest.mark.parametrize("betas", [AUTO, b"afk-mode-2031-02-03"])
def test_betas_of_auto_mode_go_without_the_field_and_in_later_versions_too(betas: bytes) -> None:
    adapted = sent({"model": "claude-opus-5-5"}, betas)
    assert b"anthropic-beta" not in adapted.head
    assert adapted.changes == ("safeguards",)


def test_a_request_without_auto_mode_is_not_changed() -> None:
    adapted = sent({"model": "claude-opus-5-5"}, b"claude-code-20250219")
    assert b"anthropic-beta: claude-code-20250219" in adapted.head
    assert adapted.changes == ()
