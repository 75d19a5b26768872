"""MiniMax: it rejects every bad request with its error 2013, and its limits have numbers too."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from fakes.scripts import stream_error
from fakes.server_connection import Request
from fakes.steps import Script, Status, Stream
from fakes.vendors.base import Vendor, VendorError, tokens
from fakes.vendors.replies import Block, ReportedUsage
from fakes.vendors.request_blocks import Body, located_blocks, orphaned_results, unanswered_calls

MODELS = {"MiniMax-M3", "MiniMax-M2.7", "MiniMax-M2.7-highspeed"}
IMAGE_MODELS = {"MiniMax-M3"}
MAX_OUTPUT = 524_288


class MiniMax(Vendor):
    name = "minimax"

    def unauthorized_error(self) -> VendorError:
        words = "login fail: Please carry the API secret key in the 'Authorization' field of the request header (1004)"
        return error(401, "authorized_error", words)

    def check(self, body: Body, request: Request) -> None:
        self.check_privacy(body)
        if body["model"] not in MODELS:
            raise invalid(f"unknown model '{body['model'].lower()}'")
        if body["max_tokens"] > MAX_OUTPUT:
            raise invalid("max_tokens exceeds the model's limit")
        if not 0 <= body.get("temperature", 1) <= 2:
            raise invalid("temperature should be in [0, 2]")
        check_roles_and_blocks(body)
        check_calls(body)

    def is_thinking(self, body: Body) -> bool:
        return "thinking" in body and super().is_thinking(body)

    def signature(self, number: int) -> str:
        return hashlib.sha256(b"minimax %d" % number).hexdigest()

    def call_id(self, name: str, number: int) -> str:
        return f"call_function_{len(self.accepted):012x}_{number + 1}"

    def usage(self, body: Body, blocks: Sequence[Block]) -> ReportedUsage:
        """The first count is the whole context, with the cached tokens in it; the last count is right."""
        context = tokens(body["messages"]) + tokens(body.get("system", "")) + tokens(body.get("tools", []))
        cached = context // 2
        end = {"input_tokens": context - cached, "cache_read_input_tokens": cached, "output_tokens": tokens(blocks)}
        return ReportedUsage({"input_tokens": context, "output_tokens": 0, "cache_read_input_tokens": cached}, end)


def check_roles_and_blocks(body: Body) -> None:
    for message in body["messages"]:
        if message["role"] not in ("user", "assistant"):
            raise invalid(f"chat content has invalid message role: {message['role']}")
    for located in located_blocks(body):
        if located.kind == "document" or (located.kind == "image" and body["model"] not in IMAGE_MODELS):
            raise invalid(f"chat content has unsupported type: {located.kind}")


def check_calls(body: Body) -> None:
    for tool in body.get("tools", []):
        if not (tool.get("name") and tool.get("input_schema")):
            raise invalid("function name or parameters is empty")
    for _, _, call in orphaned_results(body):
        raise invalid(f"tool result's tool id({call}) not found")
    for _, call in unanswered_calls(body):
        raise invalid(f"tool call result does not follow tool call, tool_call_id: {call}")


def error(status: int, kind: str, message: str) -> VendorError:
    details = {"type": kind, "message": message, "http_code": str(status)}
    return VendorError(status, {"type": "error", "error": details, "request_id": "0660b098aa1e9dd5a6773a48c479fc89"})


def invalid(message: str) -> VendorError:
    return error(400, "bad_request_error", f"invalid params, {message} (2013)")


def plan_used_up() -> Script:
    """Return a plan's limit: a 429 that does not say when it ends."""
    body = error(429, "rate_limit_error", "usage limit exceeded (2056)").body
    return [Status(429, json.dumps(body).encode())]


def no_balance() -> Script:
    """Return the error of an account without balance: behind a 200, in its own form."""
    return behind_200(1008, "insufficient balance")


def too_fast() -> Script:
    """Return a rate limit: also behind a 200."""
    return behind_200(1002, "rate limit exceeded(RPM)")


def behind_200(code: int, words: str) -> Script:
    return [Status(200, json.dumps({"base_resp": {"status_code": code, "status_msg": words}}).encode())]


def too_fast_in_stream() -> Script:
    """Return a rate limit as a stream's first event."""
    return [Stream(), stream_error("rate_limit_error", "rate limit exceeded(RPM) (1002)")]
