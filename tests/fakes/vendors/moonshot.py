"""Moonshot: it names the blocks that it takes, fixes the temperature, and wants no thoughts that nobody had."""

from __future__ import annotations

import hashlib
import json

from fakes.server_connection import Request
from fakes.steps import Script, Status
from fakes.vendors.base import House, Refused
from fakes.vendors.request_blocks import Body, Place, places, unanswered_calls

MODELS = {"kimi-k3", "kimi-k2.7-code", "kimi-k2.7-code-highspeed", "kimi-k2.6"}
THINKING_ENABLED_ONLY = {"kimi-k2.7-code", "kimi-k2.7-code-highspeed"}
TEMPERATURE = 1
BLOCKS = ("image", "server_tool_use", "text", "thinking", "tool_result", "tool_use", "web_search_tool_result")
BLOCKS_IN_RESULTS = ("image", "text")


class Kimi(House):
    name = "moonshot"
    x_api_key = False
    counts_tokens = False

    def unauthorized(self) -> Refused:
        return refused(401, "invalid_authentication_error", "Invalid Authentication")

    def check(self, body: Body, request: Request) -> None:
        self.check_privacy(body)
        if body["model"] not in MODELS:
            words = f"Not found the model {body['model']} or Permission denied"
            raise Refused(404, {"error": {"type": "resource_not_found_error", "message": words}})
        check_thinking(body)
        if body.get("temperature", TEMPERATURE) != TEMPERATURE:
            raise bad(f"invalid temperature: only {TEMPERATURE} is allowed for this model")
        for place in places(body):
            check_block(place)
            if place.kind == "thinking" and place.block["thinking"] not in self.world.thoughts - {""}:
                self.offences.append(f"{place.path} is a thought that nobody had")
        for _, call in unanswered_calls(body):
            raise bad(f"an assistant message with 'tool_calls' must be followed by tool messages, not found: {call}")

    def signature(self, number: int) -> str:
        return hashlib.sha1(b"moonshot %d" % number, usedforsecurity=False).hexdigest()

    def call_id(self, name: str, number: int) -> str:
        """Ids that Anthropic takes for no ids; it goes by their number, so they must come back as they are."""
        return f"functions.{name}:{2 * len(self.taken) + number}"


def refused(status: int, kind: str, message: str) -> Refused:
    return Refused(status, {"error": {"type": kind, "message": message}, "request_id": "07b127d8", "type": "error"})


def bad(message: str) -> Refused:
    return refused(400, "invalid_request_error", message)


def check_thinking(body: Body) -> None:
    kind = (body.get("thinking") or {}).get("type")
    if body["model"] in THINKING_ENABLED_ONLY and kind not in (None, "enabled"):
        raise bad("invalid thinking: only type=enabled is allowed for this model")
    if (body.get("tool_choice") or {}).get("type") in ("any", "tool") and kind not in (None, "disabled"):
        raise bad("tool_choice 'specified' is incompatible with thinking enabled")


def check_block(place: Place) -> None:
    expected = BLOCKS if place.within is None else BLOCKS_IN_RESULTS
    if place.kind not in expected:
        tags = ", ".join(f"'{tag}'" for tag in expected)
        raise bad(
            f"{place.path}: Input tag '{place.kind}' found using 'type' does not match any of the expected tags: {tags}"
        )


def no_balance() -> Script:
    words = "Your account is suspended due to insufficient balance, please recharge your account"
    return limited("exceeded_current_quota_error", words)


def too_fast() -> Script:
    return limited(
        "rate_limit_reached_error", "Your account reached max request per minute: 20, please try again later"
    )


def limited(kind: str, message: str) -> Script:
    """Return a limit: behind a 429, and without a top-level type."""
    return [Status(429, json.dumps({"error": {"type": kind, "message": message}}).encode())]
