"""Z.ai: a validator's 422 for a malformed request, error numbers for everything else."""

from __future__ import annotations

import hashlib
import json

from fakes.scripts import stream_error
from fakes.server_connection import Request
from fakes.steps import Script, Status, Stream
from fakes.vendors.base import Vendor, VendorError
from fakes.vendors.request_blocks import Body, unanswered_calls

MODELS = {"glm-5.3", "glm-5.3-flash", "glm-5.2", "glm-5-turbo", "glm-4.7", "glm-4.5-air"}
ROLES = "'user' or 'assistant'"


class Zai(Vendor):
    name = "zai"

    def unauthorized_error(self) -> VendorError:
        return VendorError(401, numbered("1000", "Authentication Failed"))

    def check(self, body: Body, request: Request) -> None:
        self.check_privacy(body)
        for at, message in enumerate(body["messages"]):
            if message["role"] not in ("user", "assistant"):
                raise literal_error(at, message["role"])
        if body["model"] not in MODELS and not body["model"].startswith("claude-"):
            raise VendorError(400, numbered("1211", "Unknown Model, please check the model code."))
        for at, call in unanswered_calls(body):
            raise VendorError(400, numbered("1214", f"messages[{at}]: tool_call_id {call} has no result"))

    def signature(self, number: int) -> str:
        return hashlib.md5(b"zai %d" % number, usedforsecurity=False).hexdigest()

    def call_id(self, name: str, number: int) -> str:
        return f"call_{len(self.accepted):020x}{number:02}"


def numbered(code: str, message: str) -> dict[str, object]:
    """Return an error in its own form: a number in place of the type."""
    return {
        "type": "error",
        "error": {"type": code, "message": message},
        "request_id": "20260212064144579f5b8f457f4e06",
    }


def literal_error(at: int, role: str) -> VendorError:
    problem = {
        "type": "literal_error",
        "loc": ["body", "messages", at, "role"],
        "msg": f"Input should be {ROLES}",
        "input": role,
        "ctx": {"expected": ROLES},
    }
    return VendorError(422, {"detail": [problem]})


def plan_used_up(reset: str) -> Script:
    """Return a plan's limit as a stream's first event; `reset` is a time in Shanghai, YYYY-MM-DD HH:MM:SS."""
    words = f"Usage limit reached for 5 hour. Your limit will reset at {reset}"
    return [Stream(), stream_error("1308", words)]


def no_balance() -> Script:
    body = {"error": {"code": "1113", "message": "Insufficient balance or no resource package. Please recharge."}}
    return [Status(429, json.dumps(body).encode())]


def too_fast() -> Script:
    body = {"error": {"code": "1302", "message": "Rate limit reached for requests"}, "request_id": "2026021206"}
    return [Status(429, json.dumps(body).encode())]
