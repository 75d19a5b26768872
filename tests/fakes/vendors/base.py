"""What these fake providers share: authentication, the record of requests, and how an answer is made."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from fakes.provider import FakeProvider
from fakes.server_connection import Request
from fakes.steps import Script, Status
from fakes.vendors.replies import HELLO, Block, ModelReply, ReportedUsage, streamed, whole
from fakes.vendors.request_blocks import Body, LocatedBlock, has_billing_block, located_blocks


class VendorError(Exception):
    """The provider answers with this error."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


@dataclass(slots=True)
class SharedThinking:
    """The thinking of all providers of a test, so that each can tell real thinking from an invented one."""

    texts: set[str] = field(default_factory=set)


class Vendor(ABC):
    """A provider. `accepted` holds the bodies that it accepted and `errors` what it rejected, in their order.

    `violations` are what it accepts but must never be sent.
    """

    name: ClassVar[str]
    bearer: ClassVar[bool] = True
    x_api_key: ClassVar[bool] = True
    counts_tokens: ClassVar[bool] = True
    thinks: ClassVar[bool] = True

    def __init__(self, shared_thinking: SharedThinking | None = None, *, key: str = "") -> None:
        self.shared_thinking = shared_thinking or SharedThinking()
        self.key = key or f"key-of-{self.name}"
        self.accepted: list[Body] = []
        self.errors: list[VendorError] = []
        self.violations: list[str] = []
        self.accepted_requests: list[Request] = []
        self.outage: Script | None = None
        """The answer to each request while it is set."""
        self.reply: Callable[[Body], ModelReply] = lambda _: HELLO
        self.signed_thinking: dict[str, str] = {}
        """Its signatures, each with the thinking that it signs."""
        self.calls: dict[str, int] = {}
        """The ids of its tool calls, each with the number of the request that it answered."""
        self.fake = FakeProvider(self.respond)

    def respond(self, request: Request) -> Script:
        """Answer a request, or reject it."""
        path = request.target.partition("?")[0]
        if request.method == "HEAD":
            return [Status(200, b"")]
        if self.outage is not None:
            return self.outage
        try:
            return self._serve(path, request)
        except VendorError as error:
            self.errors.append(error)
            return [Status(error.status, json.dumps(error.body).encode())]

    def _serve(self, path: str, request: Request) -> Script:
        self.authenticate(request)
        if path.endswith("/v1/messages/count_tokens") and self.counts_tokens:
            return [Status(200, json.dumps({"input_tokens": len(request.body) // 4}).encode())]
        if not path.endswith("/v1/messages"):
            return [Status(404)]
        body = request.json()
        self.check(body, request)
        self.accepted.append(body)
        self.accepted_requests.append(request)
        blocks = self.reply_blocks(self.reply(body), body)
        script = streamed if body.get("stream") else whole
        return script(f"msg_{self.name}_{len(self.accepted)}", body["model"], blocks, self.usage(body, blocks))

    def authenticate(self, request: Request) -> None:
        """Check the key, in a header that the provider reads. Raises `VendorError`."""
        if self.bearer and request.header("authorization") == f"Bearer {self.key}":
            return
        if self.x_api_key and request.header("x-api-key") == self.key:
            return
        raise self.unauthorized_error()

    @abstractmethod
    def unauthorized_error(self) -> VendorError:
        """Return the error for a missing or wrong key."""

    @abstractmethod
    def check(self, body: Body, request: Request) -> None:
        """Raise `VendorError` for what the provider does not accept."""

    def check_privacy(self, body: Body) -> None:
        """Note a violation if the request holds what only Anthropic may see."""
        if has_billing_block(body):
            self.violations.append("it was sent the billing block")

    def reply_blocks(self, reply: ModelReply, body: Body) -> list[Block]:
        """Return a reply as the provider's content blocks."""
        blocks = [self.thinking_block(text, body) for text in reply.thinking] if self.is_thinking(body) else []
        if reply.text:
            blocks.append({"type": "text", "text": reply.text})
        for number, (name, given) in enumerate(reply.calls):
            call_id = self.call_id(name, number)
            self.calls[call_id] = len(self.accepted) - 1
            blocks.append({"type": "tool_use", "id": call_id, "name": name, "input": dict(given)})
        return blocks

    def is_thinking(self, body: Body) -> bool:
        """Whether the answer to a request begins with thinking."""
        return self.thinks and (body.get("thinking") or {}).get("type") != "disabled"

    def thinking_block(self, text: str, body: Body) -> Block:
        """Return a thinking block, signed in the provider's own way."""
        signature = self.signature(len(self.signed_thinking))
        self.signed_thinking[signature] = text
        self.shared_thinking.texts.add(text)
        return {"type": "thinking", "thinking": text, "signature": signature}

    @abstractmethod
    def signature(self, number: int) -> str:
        """Return a new signature."""

    def call_id(self, name: str, number: int) -> str:
        """Return a new id for a tool call, the answer's first (0), second (1) …."""
        return f"toolu_{self.name}_{len(self.accepted)}_{number}"

    def usage(self, body: Body, blocks: Sequence[Block]) -> ReportedUsage:
        """Return the usage, as the provider reports it."""
        counted = {"input_tokens": tokens(body["messages"]), "cache_read_input_tokens": 0}
        return ReportedUsage(counted, {"output_tokens": tokens(blocks)})

    @property
    def signatures_seen(self) -> list[str]:
        """The signatures in the last accepted request."""
        return [one.block.get("signature", "") for one in self.thinking_seen]

    @property
    def thinking_seen(self) -> list[LocatedBlock]:
        """The thinking blocks in the last accepted request."""
        return [one for one in located_blocks(self.accepted[-1]) if one.kind == "thinking"]


def tokens(value: Any) -> int:
    """Return about how many tokens something has."""
    return len(json.dumps(value)) // 4


def anthropic_error(kind: str, message: str, **more: object) -> Mapping[str, object]:
    """Return an error in Anthropic's form, with `more` beside its message."""
    return {"type": "error", "error": {"type": kind, "message": message, **more}, "request_id": "req_quirk"}
