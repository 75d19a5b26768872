"""DeepSeek: a strict reader of the few things that it knows, which wants its thinking back wherever a tool was used."""

from __future__ import annotations

import uuid

from fakes.server_connection import Request
from fakes.vendors.base import House, Refused
from fakes.vendors.request_blocks import Body, Place, as_blocks, places, unanswered_calls

MODELS = {"deepseek-v4-pro", "deepseek-flash", "deepseek-v4-flash"}
SEEING = {"deepseek-flash", "deepseek-v4-flash"}
BLOCKS = ("text", "image", "thinking", "tool_use", "tool_result", "server_tool_use", "web_search_tool_result")
BLOCKS_IN_RESULTS = ("text", "image")
SERVER_TOOLS = ("web_search_", "web_fetch_")


class DeepSeek(House):
    name = "deepseek"

    def unauthorized(self) -> Refused:
        return refused(401, "Authentication Fails (no such user)", "authentication_error")

    def check(self, body: Body, request: Request) -> None:
        self.check_privacy(body)
        model = served(body["model"])
        check_roles(body)
        check_thinking(body)
        for number, tool in enumerate(body.get("tools", [])):
            if not tool.get("input_schema") and not tool.get("type", "").startswith(SERVER_TOOLS):
                raise unreadable(f"tools[{number}]: missing field `input_schema`")
        for place in places(body):
            check_block(place, sees=model in SEEING)
        if self.is_thinking(body):
            check_thoughts(body)
        for at, call in unanswered_calls(body):
            raise refused(400, f"messages[{at}]: tool_use `{call}` must be followed by its tool_result")

    def signature(self, number: int) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"deepseek {number}"))

    def call_id(self, name: str, number: int) -> str:
        return f"call_{number:02}_{uuid.uuid5(uuid.NAMESPACE_URL, f'{len(self.taken)} {number}').hex[:20]}"


def refused(status: int, message: str, kind: str = "invalid_request_error") -> Refused:
    return Refused(status, {"error": {"message": message, "type": kind, "param": None, "code": kind}})


def unreadable(message: str) -> Refused:
    """Return the error for what its reader of JSON can't make anything of."""
    return refused(400, f"Failed to deserialize the JSON body into the target type: {message} at line 1 column 1932")


def variant(path: str, found: str, expected: tuple[str, ...]) -> Refused:
    names = [f"`{one}`" for one in expected]
    told = f"one of {', '.join(names)}" if len(names) > 2 else " or ".join(names)
    return unreadable(f"{path}: unknown variant `{found}`, expected {told}")


def served(model: str) -> str:
    """Return the model that serves a request for one of this name. Raises `Refused`."""
    if model.startswith("claude-"):
        return "deepseek-v4-pro" if "opus" in model else "deepseek-flash"
    if model not in MODELS:
        words = f"The supported API model names are deepseek-v4-pro or deepseek-flash, but you passed {model}."
        raise refused(400, words)
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
        raise refused(400, "`output_config.effort` can not be used when `thinking` is disabled.")


def check_block(place: Place, *, sees: bool) -> None:
    every = BLOCKS if place.within is None else BLOCKS_IN_RESULTS
    known = tuple(kind for kind in every if sees or kind != "image")
    if place.kind not in known:
        path = f"messages[{place.message}].content"
        raise variant(path if place.within is None else f"{path}[{place.number}].content", place.kind, known)


def check_thoughts(body: Body) -> None:
    """While it thinks, what it (or another) thought before it used a tool must be in the request."""
    for message in body["messages"]:
        blocks = as_blocks(message["content"])
        thought = any(block["type"] == "thinking" and block["thinking"].strip() for block in blocks)
        if any(block["type"] == "tool_use" for block in blocks) and not thought:
            raise refused(400, "The `content[].thinking` in the thinking mode must be passed back to the API.")
