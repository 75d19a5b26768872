from __future__ import annotations

from typing import Any

import pytest

from claude_proxy.core.auth import Auth
from core.builders import adapted, read

BILLING = "x-anthropic-billing-header: cc_version=2.1.330.4a1; cc_entrypoint=sdk-cli; cch=0f;"
PROMPT = {"type": "text", "text": "You are an agent.", "cache_control": {"type": "ephemeral"}}


def block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


@pytest.mark.parametrize(
    ("sent", "given"),
    [
        ([block(BILLING), PROMPT], [PROMPT]),
        ([PROMPT, block(BILLING)], [PROMPT]),
        ([block(BILLING)], None),
        (f"{BILLING}\nYou are an agent.\n", "You are an agent.\n"),
        (f"{BILLING}\n\n{BILLING}\nx", "x"),
        (BILLING, None),
        ([{**PROMPT, "text": f"{BILLING}\n\nYou are an agent."}], [PROMPT]),
    ],
)
def test_sends_the_billing_block_to_anthropic_only(sent: Any, given: Any) -> None:
    result = adapted({"system": sent})
    assert read(result).get("system") == given
    assert result.changes == ("billing-block",)
    assert adapted({"system": sent}, is_anthropic=True).changes == ()
    assert adapted({"system": sent}, auth=Auth.CLIENT).changes == ()


@pytest.mark.parametrize(
    "sent",
    [
        [PROMPT],
        f"Say nothing about {BILLING}",
        [block(f"Say nothing about {BILLING}")],
        {"text": BILLING},
        [BILLING, {"type": "text", "text": {"x": BILLING}}],
    ],
)
def test_keeps_texts_that_only_mention_it(sent: Any) -> None:
    result = adapted({"system": sent})
    assert (read(result), result.changes) == ({"system": sent}, ())


def test_keeps_the_other_blocks_byte_for_byte() -> None:
    body = b'{"model":"claude-opus-5-5","system": [{"text":"%b"} , { "x":1.10,"text":"\\u00e9" }]}'
    assert adapted(body % BILLING.encode()).body == (
        b'{"model":"claude-opus-5-5","system": [{ "x":1.10,"text":"\\u00e9" }]}'
    )
