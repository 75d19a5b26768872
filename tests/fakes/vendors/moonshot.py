"""Moonshot: it lists the blocks that it accepts, fixes the temperature, and must not be sent invented thinking."""

from __future__ import annotations

import hashlib
import json

from fakes.server_connection import Request
from fakes.steps import Script, Status
from fakes.vendors.base import Vendor, VendorError
from fakes.vendors.request_blocks import Body, LocatedBlock, located_blocks, unanswered_calls

MODELS = {"kimi-k3", "kimi-k2.7-code", "kimi-k2.7-code-highspeed", "kimi-k2.6"}
THINKING_ENABLED_ONLY = {"kimi-k2.7-code", "kimi-k2.7-code-highspeed"}
TEMPERATURE = 1
BLOCKS = ("image", "server_tool_use", "text", "thinking", "tool_result", "tool_use", "web_search_tool_result")
BLOCKS_IN_RESULTS = ("image", "text")


class Moonshot(Vendor):
    name = "moonshot"
    x_api_key = False
    counts_tokens = False

    def unauthorized_error(self) -> VendorError:
        return error(401, "invalid_authentication_error", "Invalid Authentication")

    def check(self, body: Body, request: Request) -> None:
        self.check_privacy(body)
        if body["model"] not in MODELS:
            words = f"Not found the model {body['model']} or Permission denied"
            raise VendorError(404, {"error": {"type": "resource_not_found_error", "message": words}})
        check_thinking(body)
        if body.get("temperature", TEMPERATURE) != TEMPERATURE:
            raise invalid_request(f"invalid temperature: only {TEMPERATURE} is allowed for this model")
        for located in located_blocks(body):
            check_block(located)
            if located.kind == "thinking" and located.block["thinking"] not in self.shared_thinking.texts - {""}:
                self.violations.append(f"{located.path} is thinking of no provider")
        for _, call in unanswered_calls(body):
            raise invalid_request(
                f"an assistant message with 'tool_calls' must be followed by tool messages, not found: {call}"
            )

    def signature(self, number: int) -> str:
        return hashlib.sha1(b"moonshot %d" % number, usedforsecurity=False).hexdigest()

    def call_id(self, name: str, number: int) -> str:
        """Return an id that Anthropic rejects, and that begins anew in each turn.

        Moonshot reads the number in it, so the id must come back unchanged.
        """
        return f"functions.{name}:{number}"


def error(status: int, kind: str, message: str) -> VendorError:
    return VendorError(status, {"error": {"type": kind, "message": message}, "request_id": "07b127d8", "type": "error"})


def invalid_request(message: str) -> VendorError:
    return error(400, "invalid_request_error", message)


def check_thinking(body: Body) -> None:
    kind = (body.get("thinking") or {}).get("type")
    if body["model"] in THINKING_ENABLED_ONLY and kind not in (None, "enabled"):
        raise invalid_request("invalid thinking: only type=enabled is allowed for this model")
    if (body.get("tool_choice") or {}).get("type") in ("any", "tool") and kind not in (None, "disabled"):
        raise invalid_request("tool_choice 'specified' is incompatible with thinking enabled")


def check_block(located: LocatedBlock) -> None:
    expected = BLOCKS if located.within is None else BLOCKS_IN_RESULTS
    if located.kind not in expected:
        tags = ", ".join(f"'{tag}'" for tag in expected)
        problem = f"Input tag '{located.kind}' found using 'type' does not match any of the expected tags: {tags}"
        raise invalid_request(f"{located.path}: {problem}")


def no_balance() -> Script:
    words = "Your account is suspended due to insufficient balance, please recharge your account"
    return limited("exceeded_current_quota_error", words)


def too_fast() -> Script:
    return limited(
        "rate_limit_reached_error", "Your account reached max request per minute: 20, please try again later"
    )


def limited(kind: str, message: str) -> Script:
    """Return a limit: a 429, without a top-level type."""
    return [Status(429, json.dumps({"error": {"type": kind, "message": message}}).encode())]
