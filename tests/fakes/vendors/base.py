"""What fake providers with ways of their own share: who may ask, what was asked, and how the answer is made."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from fakes.provider import FakeProvider
from fakes.server_connection import Request
from fakes.steps import Script, Status
from fakes.vendors.replies import HELLO, Block, Counted, Said, streamed, whole
from fakes.vendors.request_blocks import Body, Place, has_billing, places


class Refused(Exception):  # noqa: N818 - an answer like any other, not a fault
    """The provider's answer is this error."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


@dataclass(slots=True)
class World:
    """What all providers of a test have said: whether a thought is a real one can only be told from all of them."""

    thoughts: set[str] = field(default_factory=set)


class House(ABC):
    """A provider; `taken` and `refused` hold each request (and the error) in their order, `offences` what no error
    tells: something that it takes though it was asked never to be sent it."""

    name: ClassVar[str]
    bearer: ClassVar[bool] = True
    x_api_key: ClassVar[bool] = True
    counts_tokens: ClassVar[bool] = True
    thinks: ClassVar[bool] = True

    def __init__(self, world: World | None = None, *, key: str = "") -> None:
        self.world = world or World()
        self.key = key or f"key-of-{self.name}"
        self.taken: list[Body] = []
        self.refused: list[Refused] = []
        self.offences: list[str] = []
        self.heads: list[Request] = []
        self.outage: Script | None = None
        """What each request gets while it is set."""
        self.says: Callable[[Body], Said] = lambda _: HELLO
        self.minted: dict[str, str] = {}
        """Signatures of its own, each with the thought that it signs."""
        self.calls: dict[str, int] = {}
        """The ids that it gave, each with the number of the request that it answered."""
        self.fake = FakeProvider(self.respond)

    def respond(self, request: Request) -> Script:
        """Answer a request, or refuse it."""
        path = request.target.partition("?")[0]
        if request.method == "HEAD":
            return [Status(200, b"")]
        if self.outage is not None:
            return self.outage
        try:
            return self._serve(path, request)
        except Refused as refused:
            self.refused.append(refused)
            return [Status(refused.status, json.dumps(refused.body).encode())]

    def _serve(self, path: str, request: Request) -> Script:
        self.admit(request)
        if path.endswith("/v1/messages/count_tokens") and self.counts_tokens:
            return [Status(200, json.dumps({"input_tokens": len(request.body) // 4}).encode())]
        if not path.endswith("/v1/messages"):
            return [Status(404)]
        body = request.json()
        self.check(body, request)
        self.taken.append(body)
        self.heads.append(request)
        blocks = self.utter(self.says(body), body)
        script = streamed if body.get("stream") else whole
        return script(f"msg_{self.name}_{len(self.taken)}", body["model"], blocks, self.usage(body, blocks))

    def admit(self, request: Request) -> None:
        """Let in who has the key, in a header that is taken. Raises `Refused`."""
        if self.bearer and request.header("authorization") == f"Bearer {self.key}":
            return
        if self.x_api_key and request.header("x-api-key") == self.key:
            return
        raise self.unauthorized()

    @abstractmethod
    def unauthorized(self) -> Refused:
        """Return the error for who has no key."""

    @abstractmethod
    def check(self, body: Body, request: Request) -> None:
        """Raise `Refused` for what the provider does not take."""

    def check_privacy(self, body: Body) -> None:
        """Note what is Anthropic's alone."""
        if has_billing(body):
            self.offences.append("it was sent the billing block")

    def utter(self, said: Said, body: Body) -> list[Block]:
        """Return what is said as blocks, in the provider's own manner."""
        blocks = [self.thought(text, body) for text in said.thoughts] if self.is_thinking(body) else []
        if said.text:
            blocks.append({"type": "text", "text": said.text})
        for number, (name, given) in enumerate(said.calls):
            one = self.call_id(name, number)
            self.calls[one] = len(self.taken) - 1
            blocks.append({"type": "tool_use", "id": one, "name": name, "input": dict(given)})
        return blocks

    def is_thinking(self, body: Body) -> bool:
        """Whether the answer to a request begins with thoughts."""
        return self.thinks and (body.get("thinking") or {}).get("type") != "disabled"

    def thought(self, text: str, body: Body) -> Block:
        """Return a thinking block, signed in the provider's own way."""
        signature = self.signature(len(self.minted))
        self.minted[signature] = text
        self.world.thoughts.add(text)
        return {"type": "thinking", "thinking": text, "signature": signature}

    @abstractmethod
    def signature(self, number: int) -> str:
        """Return a new signature."""

    def call_id(self, name: str, number: int) -> str:
        """Return a new id for a tool call, the answer's first (0), second (1) …."""
        return f"toolu_{self.name}_{len(self.taken)}_{number}"

    def usage(self, body: Body, blocks: Sequence[Block]) -> Counted:
        """Return the usage, as the provider reports it."""
        counted = {"input_tokens": tokens(body["messages"]), "cache_read_input_tokens": 0}
        return Counted(counted, {"output_tokens": tokens(blocks)})

    @property
    def signatures_seen(self) -> list[str]:
        """The signatures in the last request that was taken."""
        return [one.block.get("signature", "") for one in self.thoughts_seen]

    @property
    def thoughts_seen(self) -> list[Place]:
        """The thinking blocks in the last request that was taken."""
        return [one for one in places(self.taken[-1]) if one.kind == "thinking"]


def tokens(value: Any) -> int:
    """Return about how many tokens something has."""
    return len(json.dumps(value)) // 4


def anthropic_error(kind: str, message: str, **more: object) -> Mapping[str, object]:
    """Return an error in Anthropic's form, with `more` beside its message."""
    return {"type": "error", "error": {"type": kind, "message": message, **more}, "request_id": "req_quirk"}
