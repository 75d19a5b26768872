"""Ten turns that hold what a session holds: thoughts, tools, pictures, a document, notes of the system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fakes.vendors.conversation import Conversation, document, image, reference, text
from fakes.vendors.replies import Said
from fakes.vendors.request_blocks import Block


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user sends, and what a model answers to it."""

    said: Said
    blocks: tuple[Block, ...] = ()
    results: tuple[object, ...] = ()
    note: str = ""

    def add_to(self, conversation: Conversation) -> None:
        """Say what the user says."""
        conversation.say(*self.blocks, results=self.results, note=self.note)


def _call(name: str, **given: str) -> tuple[str, Mapping[str, Any]]:
    return name, given


TURNS = (
    Turn(
        Said(("a file has to be read",), calls=(_call("Read", file_path="/home/me/shot.png"),)),
        (text("<system-reminder>\nBe brief.\n</system-reminder>"), text("what is wrong here?")),
        note="# Environment\n - Platform: linux",
    ),
    Turn(
        Said(("two at once",), "I look closer.", (_call("Bash", command="ls"), _call("Bash", command="id"))),
        results=([image()],),
    ),
    Turn(Said(("this is enough to tell",), "It is upside down."), results=("shot.png", [text("uid=0"), image()])),
    Turn(Said(("a tool is missing",), calls=(_call("ToolSearch", query="web"),)), (image(), text("and this one?"))),
    Turn(
        Said(("it can be fetched now",), calls=(_call("WebFetch", url="https://example.org", prompt="all"),)),
        (text("Tool loaded."),),
        results=([reference("WebFetch")],),
        note="The tool WebFetch can be called now.",
    ),
    Turn(Said(text="That failed, I go on without."), results=(None,)),
    Turn(
        Said(("a document",), calls=(_call("Bash", command="true"),), secret=True),
        (document(), text("it says so here")),
    ),
    Turn(Said(("nothing came", "so it went well"), "Done."), results=("(no output)",)),
    Turn(
        Said(("one thing is left",), "One more:", (_call("Write", file_path="/home/me/a", content="b"),)),
        (text("go on"),),
        note="The user's time is short.",
    ),
    Turn(Said(("all is well",), "All is done."), results=("written",)),
)
