"""The rule for ids of tool calls: some providers give ids such as `functions.Bash:0`, which providers of Claude reject.

Some begin anew in each turn, so that an id stands in a conversation twice, which is rejected as well. The provider that
gave an id gets it back unchanged, since it may depend on it. For the others it is replaced, by the id and by what comes
before it: so a call and its result stay a pair, and every turn sends the same.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from hashlib import blake2b
from types import MappingProxyType
from typing import Final

from claude_proxy.core.adaptation.conversation import messages_of
from claude_proxy.core.adaptation.draft import Changes, Draft
from claude_proxy.core.adaptation.rule import REWRITTEN, AdaptationRule, ChangeText, MessageRule
from claude_proxy.core.json_values import text_of
from claude_proxy.core.message_blocks import USER, Block, Message
from claude_proxy.core.traits import PLAIN_CALL_IDS, Kind, ModelFacts, Rule, Traits

MAX_KEPT: Final = 48
"""Characters of an odd id that stay legible."""

_ID_MEMBERS: Final = {"tool_use": "id", "tool_result": "tool_use_id"}
"""By the type of a block, the member that holds the id of the call."""

_CALL_NEEDLE: Final = b'"tool_use"'
_CALL: Final = re.compile(rb'"type":"tool_use","id":"([^"\\]+)"')
"""How clients write a call."""
_PLAIN: Final = re.compile(r"[a-zA-Z0-9_-]+")
_PLAIN_BYTES: Final = re.compile(rb"[a-zA-Z0-9_-]+")
_NOT_PLAIN: Final = re.compile(r"[^a-zA-Z0-9_-]")


def plain_id(call_id: str) -> str:
    """Return an id of letters, digits, `_` and `-`: the given one if it is plain, else one made from it."""
    if _PLAIN.fullmatch(call_id):
        return call_id
    digest = blake2b(call_id.encode(errors="surrogatepass"), digest_size=4).hexdigest()
    return f"{_NOT_PLAIN.sub('_', call_id[:MAX_KEPT])}_{digest}"


class CallIds(MessageRule):
    """Gives each tool call an id that is plain and that no call before it has, and its result the same one."""

    __slots__ = ("_calls", "_changes", "_made", "_turn_of_assistant", "_used")

    user_messages = True
    assistant_messages = True

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._used = set[str]()
        self._made = dict[str, int]()
        """By a plain id, how many ids were made from it."""
        self._calls = dict[str, deque[str]]()
        """By an id, the new ids of the calls of the newest turn that had it and have no result: there may be two."""
        self._turn_of_assistant = False

    def concerns(self, raw: bytes, role: str) -> bool:
        """Read each message: an id depends on all that come before it."""
        del self, raw, role
        return True

    def apply(self, message: Message) -> None:
        """Replace the ids."""
        by_assistant = message.role == "assistant"
        if by_assistant and not self._turn_of_assistant:
            self._calls.clear()
        self._turn_of_assistant = by_assistant
        blocks = [self._with_id(block) for block in message.blocks]
        changed = sum(new is not old for new, old in zip(blocks, message.blocks, strict=True))
        if changed:
            message.replace_blocks(blocks)
            self._changes.note("call-id", changed)

    def _with_id(self, block: Block) -> Block:
        member = _ID_MEMBERS.get(block.kind, "")
        given = text_of(block.members, member) if member else ""
        if not given:
            return block
        new = self._id_of_call(given) if block.kind == "tool_use" else self._id_of_result(given)
        return block if new == given else block.with_member(member, new)

    def _id_of_call(self, given: str) -> str:
        new = plain = plain_id(given)
        while new in self._used:
            self._made[plain] = number = self._made.get(plain, 1) + 1
            new = f"{plain}_{number}"
        self._used.add(new)
        self._calls.setdefault(given, deque()).append(new)
        return new

    def _id_of_result(self, given: str) -> str:
        calls = self._calls.get(given)
        if not calls:
            return plain_id(given)
        return calls.popleft() if len(calls) > 1 else calls[0]


def rewrite_call_ids(draft: Draft) -> CallIds | None:
    """Return the rule for providers that accept plain ids only, each once; None if that is what the ids are."""
    return CallIds(draft.changes) if draft.constraints.plain_call_ids and _has_odd_ids(draft) else None


def _has_odd_ids(draft: Draft) -> bool:
    """Tell, mostly by the bytes, whether an id is not plain or stands twice."""
    seen = set[bytes]()
    for message in map(bytes, messages_of(draft)):
        if message.startswith(USER) or _CALL_NEEDLE not in message:
            continue
        for call_id in _ids_in(message):
            if call_id in seen or not _PLAIN_BYTES.fullmatch(call_id):
                return True
            seen.add(call_id)
    return False


def _ids_in(message: bytes) -> list[bytes]:
    """Return the ids of the calls in a message."""
    found: list[bytes] = _CALL.findall(message)
    if len(found) == message.count(_CALL_NEEDLE):
        return found
    read = Message.read(message)  # it is written in another way
    calls = [block for block in read.blocks if block.kind == "tool_use"] if read else []
    return [call_id.encode() for block in calls if (call_id := text_of(block.members, "id"))]


_REWRITTEN_IDS: Final = ChangeText(REWRITTEN, "ids of tool calls that another provider gave")


def _describe(traits: Traits, facts: ModelFacts) -> Iterator[ChangeText]:
    del facts
    if traits.checks_signatures or traits.plain_call_ids:
        yield _REWRITTEN_IDS


CALL_IDS: Final = AdaptationRule(
    name="call-ids",
    records=MappingProxyType(
        {
            "call-id": (
                "Replaces the id of a tool call that Anthropic would reject: Moonshot's `functions.Bash:0`, or "
                "one that an earlier call has too. Moonshot gets its own id back."
            ),
        }
    ),
    on_messages=rewrite_call_ids,
    describe=_describe,
    rejections=MappingProxyType({Rule(Kind.REQUIRES, PLAIN_CALL_IDS): _REWRITTEN_IDS}),
)
