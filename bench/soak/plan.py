"""What each request is and what each provider does with it: drawn from its number, so all processes know it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from random import Random
from typing import Final, Literal, TypeAlias

from bench.soak import faults

PROVIDERS: Final = ("first", "second", "third")

Kind: TypeAlias = Literal["stream", "whole", "count", "large", "endless"]
"""`large` is a long stream, `endless` one without an end; both come from providers without faults."""

Leave: TypeAlias = Literal["within the request", "before the answer", "within the answer"]

_MARK: Final = re.compile(rb"soak-(\d+)-(\w+)-end")
_SIZES: Final = {2_000: 90, 100_000: 7, 1_400_000: 2, 2_600_000: 1}
"""Sizes of a request's body in bytes, with their shares of 100: the last two are above the proxy's read-ahead."""

_LEAVES: Final[dict[Leave | None, int]] = {
    None: 84,
    "within the request": 3,
    "before the answer": 4,
    "within the answer": 9,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """One request of the mixed load. `leaves` says when the client hangs up, after `events` if within the answer."""

    number: int
    kind: Kind
    size: int
    leaves: Leave | None
    new_connection: bool
    events: int

    @property
    def body(self) -> bytes:
        """The request's body."""
        return body(self.number, self.kind, self.size)


def body(number: int, kind: Kind, size: int = 0) -> bytes:
    """Return the body of a request that carries its number and kind."""
    content = f"soak-{number}-{kind}-end " + "lorem ipsum " * (size // 12)
    fields: dict[str, object] = {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": content}]}
    if kind != "count":
        fields |= {"max_tokens": 100, "stream": kind != "whole"}
    return json.dumps(fields).encode()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as a provider sees it: `text` is what to answer, `again` if that is the rest of an answer."""

    number: int
    kind: str
    text: str
    again: bool = False


def read(content: bytes) -> Asked:
    """Read a request's body. Raises `ValueError`."""
    number, kind = parse(content)
    text = text_of(number, kind)
    messages = json.loads(content)["messages"]
    if len(messages) == 1:
        return Asked(number, kind, text)
    delivered = "".join(block.get("text", "") for block in messages[-2]["content"])
    _, asked_to_repeat, words = messages[-1]["content"][0]["text"].partition("The last words that reached me are:\n\n")
    if not asked_to_repeat:
        return Asked(number, kind, text[len(delivered) :] or " ", again=True)
    return Asked(number, kind, words.partition("\n\n")[0] + text[len(delivered.rstrip()) :], again=True)


def parse(content: bytes) -> tuple[int, str]:
    """Return number and kind of a request's body. Raises `ValueError`."""
    mark = _MARK.search(content)
    if mark is None:
        raise ValueError(f"a request without its mark: {content[:200]!r}")
    return int(mark[1]), mark[2].decode()


def text_of(number: int, kind: str = "stream") -> str:
    """Return the text that answers a request; no two are alike."""
    if kind == "large":
        return "".join(f"<{number}:{line} {'x' * 1000}>" for line in range(400))
    return f"answer {number}: " + "".join(f"part {part} of the answer to {number}, " for part in range(number % 20))


def plan(seed: int, number: int) -> Plan:
    """Return the plan of a request."""
    dice = _dice(seed, number)
    kinds: tuple[Kind, ...] = ("stream", "whole", "count")
    kind = dice.choices(kinds, (88, 8, 4))[0]
    (size,) = dice.choices(tuple(_SIZES), tuple(_SIZES.values()))
    (leaves,) = dice.choices(tuple(_LEAVES), tuple(_LEAVES.values()))
    if leaves == "within the answer" and kind != "stream":
        leaves = "before the answer"
    return Plan(number, kind, size, leaves, dice.random() < 0.4, dice.randrange(1, 8))


def fault_of(seed: int, number: int, kind: str, provider: str) -> str:
    """Return the name of what a provider does with a request."""
    if kind in ("large", "endless"):
        return kind
    return _dice(seed, number, provider).choices(faults.names_for(kind), faults.weights_for(kind))[0]


def fault_of_rest(seed: int, number: int, kind: str, provider: str) -> str:
    """Return the name of what a provider does if it is asked for the rest of an answer; tools were not begun there."""
    if kind in ("large", "endless"):
        return kind
    name = _dice(seed, number, provider, "rest").choices(faults.names_for("stream"), faults.weights_for("stream"))[0]
    return "text" if name == "tool" else name


def faults_of(seed: int, number: int, kind: str) -> tuple[str, ...]:
    """Return what the providers do with a request, in their order."""
    return tuple(fault_of(seed, number, kind, provider) for provider in PROVIDERS)


def must_succeed(seed: int, number: int, kind: str) -> bool:
    """Tell whether a request must be answered in full: some provider can, and none spoils it after the commit."""
    kinds = [faults.ANSWERS[kind][name].kind for name in faults_of(seed, number, kind)]
    return "healthy" in kinds and set(kinds) <= {"healthy", "free"}


def may_be_continued(seed: int, number: int) -> bool:
    """Tell whether a stream may break off after its commit, so that the rest of it is another provider's."""
    return any(faults.ANSWERS["stream"][name].kind == "late" for name in faults_of(seed, number, "stream"))


def _dice(*seed: object) -> Random:
    """Return dice that fall in the same way in each process."""
    return Random("/".join(map(str, seed)))  # noqa: S311 - repeatable, not secret
