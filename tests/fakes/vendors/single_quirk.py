"""Providers with a single quirk each: MiMo, Fireworks, SGLang, OpenRouter."""

from __future__ import annotations

import json
from collections.abc import Sequence

from fakes.server_connection import Request
from fakes.steps import Script, Status
from fakes.vendors.base import Vendor, VendorError, anthropic_error, tokens
from fakes.vendors.replies import Block, ReportedUsage
from fakes.vendors.request_blocks import Body, as_blocks


class Mimo(Vendor):
    """Xiaomi MiMo: empty signatures, and it wants thinking back with every tool call."""

    name = "xiaomi"

    def unauthorized_error(self) -> VendorError:
        return VendorError(401, anthropic_error("authentication_error", "Invalid API Key"))

    def check(self, body: Body, request: Request) -> None:
        self.check_privacy(body)
        if not self.is_thinking(body):
            return
        for at, message in enumerate(body["messages"]):
            kinds = [block["type"] for block in as_blocks(message["content"])]
            if "tool_use" in kinds and "thinking" not in kinds:
                words = (
                    f"thinking is enabled but reasoning_content is missing in assistant tool call message at index {at}"
                )
                raise VendorError(400, anthropic_error("invalid_request_error", words))

    def signature(self, number: int) -> str:
        return ""


class Fireworks(Vendor):
    """Fireworks: empty signatures, and it accepts everything."""

    name = "fireworks"
    x_api_key = False
    counts_tokens = False

    def unauthorized_error(self) -> VendorError:
        return VendorError(401, {"error": {"message": "The API key you provided is invalid.", "type": "error"}})

    def check(self, body: Body, request: Request) -> None:
        self.check_privacy(body)

    def signature(self, number: int) -> str:
        return ""


class SgLang(Vendor):
    """A server on this machine: no key, and its first count is 0."""

    name = "sglang"
    thinks = False

    def authenticate(self, request: Request) -> None:
        for header in ("authorization", "x-api-key"):
            if request.header(header) is not None:
                self.violations.append(f"it was sent {header}")

    def unauthorized_error(self) -> VendorError:
        raise AssertionError("it accepts requests without a key")

    def check(self, body: Body, request: Request) -> None:
        self.check_privacy(body)

    def signature(self, number: int) -> str:
        return ""

    def usage(self, body: Body, blocks: Sequence[Block]) -> ReportedUsage:
        said = {"input_tokens": tokens(body["messages"]), "output_tokens": tokens(blocks)}
        return ReportedUsage({"input_tokens": 0, "output_tokens": 0}, said)


class OpenRouter(Vendor):
    """OpenRouter: names with a vendor in them, and errors in another form."""

    name = "openrouter"
    x_api_key = False
    counts_tokens = False

    def unauthorized_error(self) -> VendorError:
        return VendorError(401, openrouter_error(401, "No auth credentials found"))

    def check(self, body: Body, request: Request) -> None:
        self.check_privacy(body)
        if "/" not in body["model"]:
            raise VendorError(400, openrouter_error(400, f"{body['model']} is not a valid model ID"))

    def signature(self, number: int) -> str:
        return f"or-{number}"


def openrouter_error(code: int, message: str) -> dict[str, object]:
    return {"error": {"message": message, "code": code}, "user_id": "user_quirk"}


def out_of_credits() -> Script:
    words = "This request requires more credits, or fewer max_tokens."
    return [Status(402, json.dumps(openrouter_error(402, words)).encode())]
