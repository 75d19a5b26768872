"""What an adaptation rule is: when it applies, what it does to a request, and how that is described to the user."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

import msgspec

from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.message_blocks import Message
from claude_proxy.core.traits import Kind, ModelFacts, Rule, Traits

LEFT_OUT: Final = "left out"
REPLACED: Final = "replaced by a short text"
REWRITTEN: Final = "rewritten"
INSERTED: Final = "added"


class ChangeText(NamedTuple):
    """A change in words: what is done, and to what. With an empty `action`, `subject` says all of it."""

    action: str
    subject: str


Conversation: TypeAlias = list[Message | msgspec.Raw]
"""Messages in their order; one that no rule has to look at stays raw."""


class MessageRule:
    """What one rule does to the messages of one request. All such rules share one pass over the conversation.

    A message is first looked at as bytes, since most need no change, and read only if a rule says that it may need one.
    """

    __slots__ = ()

    user_messages: bool = False
    """Whether it may change the user's messages; they hold most of the bytes."""
    assistant_messages: bool = False
    """Whether it may change the assistant's messages."""
    sees_each: bool = False
    """Whether it has to be asked about each message of these roles, since it compares one with the next."""

    def concerns(self, raw: bytes, role: str) -> bool:
        """Tell, by its bytes, whether a message may need a change; `role` is empty if the bytes do not show it."""
        del self, raw, role
        return False

    def apply(self, message: Message) -> None:
        """Change one message."""

    def rearrange(self, conversation: Conversation) -> Conversation:
        """Return the conversation with messages joined or moved, after `apply` changed each of them."""
        del self
        return conversation

    def finish(self, conversation: Conversation) -> None:
        """Change fields of the request to match, after some message was changed."""


def _never(traits: Traits, facts: ModelFacts) -> Iterable[ChangeText]:
    del traits, facts
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptationRule:
    """One way in which a request is changed for providers or models that need it.

    It has either `apply`, which changes the draft, or `on_messages`, which returns its part of the pass over the
    messages (None if this request needs none). Both find what the provider takes in `draft.constraints`.
    """

    name: str
    records: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What it records in `x-claude-proxy-adapted`: an example of each word and its meaning, for docs/adaptation.md."""
    apply: Callable[[Draft], None] | None = None
    on_messages: Callable[[Draft], MessageRule | None] | None = None
    describe: Callable[[Traits, ModelFacts], Iterable[ChangeText]] = _never
    """What it changes for a provider with these traits and a model with these facts."""
    rejections: Mapping[Kind | Rule, ChangeText] = field(default_factory=lambda: MappingProxyType({}))
    """What it changes for a provider that rejects something; `{}` in the subject stands for the rejected name.

    A provider rejects what its traits or the rules learned from its errors say.
    """
