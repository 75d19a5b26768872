"""Ten turns with everything that a session holds: thinking, tools, images, a document, system messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fakes.vendors.conversation import Conversation, document, image, reference, text
from fakes.vendors.replies import ModelReply
from fakes.vendors.request_blocks import Block


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user sends, and what a model answers to it."""

    reply: ModelReply
    blocks: tuple[Block, ...] = ()
    results: tuple[object, ...] = ()
    note: str = ""

    def add_to(self, conversation: Conversation) -> None:
        """Add the user's side to a conversation."""
        conversation.add_user_turn(*self.blocks, results=self.results, note=self.note)


def _call(name: str, **given: str) -> tuple[str, Mapping[str, Any]]:
    return name, given


TURNS = (
    Turn(
        ModelReply(("a file has to be read",), calls=(_call("Read", file_path="/home/me/shot.png"),)),
        (text("<system-reminder>\nBe brief.\n</system-reminder>"), text("what is wrong here?")),
        note="# Environment\n - Platform: linux",
    ),
    Turn(
        ModelReply(("two at once",), "I look closer.", (_call("Bash", command="ls"), _call("Bash", command="id"))),
        results=([image()],),
    ),
    Turn(ModelReply(("this is enough to tell",), "It is upside down."), results=("shot.png", [text("uid=0"), image()])),
    Turn(
        ModelReply(("a tool is missing",), calls=(_call("ToolSearch", query="web"),)), (image(), text("and this one?"))
    ),
    Turn(
        ModelReply(("it can be fetched now",), calls=(_call("WebFetch", url="https://example.org", prompt="all"),)),
        (text("Tool loaded."),),
        results=([reference("WebFetch")],),
        note="The tool WebFetch can be called now.",
    ),
    Turn(ModelReply(text="That failed, I go on without."), results=(None,)),
    Turn(
        ModelReply(("a document",), calls=(_call("Bash", command="true"),), redacted=True),
        (document(), text("it says so here")),
    ),
    Turn(ModelReply(("nothing came", "so it went well"), "Done."), results=("(no output)",)),
    Turn(
        ModelReply(("one thing is left",), "One more:", (_call("Write", file_path="/home/me/a", content="b"),)),
        (text("go on"),),
        note="The user's time is short.",
    ),
    Turn(ModelReply(("all is well",), "All is done."), results=("written",)),
)
