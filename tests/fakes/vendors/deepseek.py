"""DeepSeek: a strict parser of the few things that it knows. It wants thinking back with every tool call."""

from __future__ import annotations

import uuid

from fakes.server_connection import Request
from fakes.vendors.base import Vendor, VendorError
from fakes.vendors.request_blocks import Body, LocatedBlock, as_blocks, located_blocks, unanswered_calls

MODELS = {"deepseek-v4-pro", "deepseek-flash", "deepseek-v4-flash"}
IMAGE_MODELS = {"deepseek-flash", "deepseek-v4-flash"}
BLOCKS = ("text", "image", "thinking", "tool_use", "tool_result", "server_tool_use", "web_search_tool_result")
BLOCKS_IN_RESULTS = ("text", "image")
SERVER_TOOLS = ("web_search_", "web_fetch_")


class DeepSeek(Vendor):
    name = "deepseek"

    def unauthorized_error(self) -> VendorError:
        return error(401, "Authentication Fails (no such user)", "authentication_error")

    def check(self, body: Body, request: Request) -> None:
        self.check_privacy(body)
        model = served(body["model"])
        check_roles(body)
        check_thinking(body)
        for number, tool in enumerate(body.get("tools", [])):
            if not tool.get("input_schema") and not tool.get("type", "").startswith(SERVER_TOOLS):
                raise deserialization_error(f"tools[{number}]: missing field `input_schema`")
        for located in located_blocks(body):
            check_block(located, sees=model in IMAGE_MODELS)
        if self.is_thinking(body):
            check_thinking_kept(body)
        for at, call in unanswered_calls(body):
            raise error(400, f"messages[{at}]: tool_use `{call}` must be followed by its tool_result")

    def signature(self, number: int) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"deepseek {number}"))

    def call_id(self, name: str, number: int) -> str:
        return f"call_{number:02}_{uuid.uuid5(uuid.NAMESPACE_URL, f'{len(self.accepted)} {number}').hex[:20]}"


def error(status: int, message: str, kind: str = "invalid_request_error") -> VendorError:
    return VendorError(status, {"error": {"message": message, "type": kind, "param": None, "code": kind}})


def deserialization_error(message: str) -> VendorError:
    """Return the error for what its parser does not know."""
    return error(400, f"Failed to deserialize the JSON body into the target type: {message} at line 1 column 1932")


def variant(path: str, got: str, expected: tuple[str, ...]) -> VendorError:
    names = [f"`{one}`" for one in expected]
    choices = f"one of {', '.join(names)}" if len(names) > 2 else " or ".join(names)
    return deserialization_error(f"{path}: unknown variant `{got}`, expected {choices}")


def served(model: str) -> str:
    """Return the model that serves a request for this name. Raises `VendorError`."""
    if model.startswith("claude-"):
        return "deepseek-v4-pro" if "opus" in model else "deepseek-flash"
    if model not in MODELS:
        words = f"The supported API model names are deepseek-v4-pro or deepseek-flash, but you passed {model}."
        raise error(400, words)
    return model


def check_roles(body: Body) -> None:
    for at, message in enumerate(body["messages"]):
        if message["role"] not in ("user", "assistant"):
            raise variant(f"messages[{at}].role", message["role"], ("user", "assistant"))


def check_thinking(body: Body) -> None:
    kind = (body.get("thinking") or {}).get("type", "enabled")
    if kind not in ("enabled", "disabled"):
        raise variant("thinking.type", kind, ("enabled", "disabled"))
    effort = (body.get("output_config") or {}).get("effort")
    if effort is not None and effort not in ("high", "max"):
        raise variant("output_config.effort", effort, ("high", "max"))
    if effort is not None and kind == "disabled":
        raise error(400, "`output_config.effort` can not be used when `thinking` is disabled.")


def check_block(located: LocatedBlock, *, sees: bool) -> None:
    every = BLOCKS if located.within is None else BLOCKS_IN_RESULTS
    known = tuple(kind for kind in every if sees or kind != "image")
    if located.kind not in known:
        path = f"messages[{located.message}].content"
        raise variant(path if located.within is None else f"{path}[{located.number}].content", located.kind, known)


def check_thinking_kept(body: Body) -> None:
    """Raise `VendorError` for a tool call without the thinking before it, its own or another provider's."""
    for message in body["messages"]:
        blocks = as_blocks(message["content"])
        thought = any(block["type"] == "thinking" and block["thinking"].strip() for block in blocks)
        if any(block["type"] == "tool_use" for block in blocks) and not thought:
            raise error(400, "The `content[].thinking` in the thinking mode must be passed back to the API.")
