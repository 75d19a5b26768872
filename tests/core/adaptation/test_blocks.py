from __future__ import annotations

from typing import Any

import pytest

from claude_proxy.core.adapt import Adapted
from claude_proxy.core.adaptation.blocks import MAX_TEXT
from claude_proxy.core.traits import ModelFacts
from core.builders import adapted, compact, read

MARK = {"type": "ephemeral"}
PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw0="}
IMAGE: dict[str, Any] = {"type": "image", "source": PNG}
PDF: dict[str, Any] = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVB"}}
TEXT: dict[str, Any] = {"type": "text", "text": "What is this?"}
NO_IMAGE = "[An image stood here. The model that answers now cannot read images.]"
NO_DOCUMENT = "[A document stood here. The model that answers now cannot read documents.]"


def text(of: str) -> dict[str, Any]:
    return {"type": "text", "text": of}


def sent(*blocks: Any, role: str = "user", **how: Any) -> Adapted:
    return adapted({"messages": [{"role": role, "content": [*blocks]}]}, **how)


def given(*blocks: Any, role: str = "user", **how: Any) -> Any:
    return read(sent(*blocks, role=role, **how))["messages"][0]["content"]


def result(*content: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "t1", "content": [*content], "is_error": False}


def test_replaces_an_image_by_a_text() -> None:
    assert given(IMAGE, TEXT, rejects=["block:image"]) == [text(NO_IMAGE), TEXT]
    assert given(TEXT, PDF, rejects=["block:document"]) == [TEXT, text(NO_DOCUMENT)]
    assert sent(IMAGE, PDF, IMAGE, rejects=["block:image", "block:document"]).changes == (
        "block:image*2",
        "block:document",
    )


def test_replaces_images_for_a_model_that_reads_none() -> None:
    assert given(IMAGE, facts=ModelFacts(images=False)) == [text(NO_IMAGE)]
    assert given(IMAGE, facts=ModelFacts(images=True)) == [IMAGE]
    assert given(IMAGE, facts=ModelFacts()) == [IMAGE]


def test_replaces_blocks_in_a_tool_result_too() -> None:
    assert given(result(TEXT, IMAGE), rejects=["block:image"]) == [result(TEXT, text(NO_IMAGE))]


def test_keeps_the_cache_mark() -> None:
    assert given({**IMAGE, "cache_control": MARK}, rejects=["block:image"]) == [
        {**text(NO_IMAGE), "cache_control": MARK}
    ]


@pytest.mark.parametrize(
    "block",
    [
        TEXT,
        text('a text about "image"'),
        result(text('"image"')),
        {"type": "tool_result", "tool_use_id": "t1", "content": 'a "image"'},
        {"type": "tool_result", "tool_use_id": "t1"},
        {"type": "tool_use", "id": "t1", "name": "x", "input": {"type": "image"}},
        {"type": "tool_result", "tool_use_id": "t1", "content": [7, IMAGE]},
    ],
)
def test_keeps_what_only_looks_like_such_a_block(block: Any) -> None:
    body = compact({"model": "claude-opus-5-5", "messages": [{"role": "user", "content": [block]}]})
    assert adapted(body, rejects=["block:image", "block:text", "block:tool_use", "block:tool_result"]).body is body


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"type": "document", "source": {"type": "text", "data": "All of it."}}, "All of it."),
        (
            {"type": "document", "title": "Notes", "source": {"type": "text", "data": "All of it."}},
            "[Document: Notes]\nAll of it.",
        ),
        ({"type": "document", "source": {"type": "content", "content": "All of it."}}, "All of it."),
        (
            {
                "type": "document",
                "title": "Notes",
                "source": {"type": "content", "content": [text("All"), IMAGE, 7, {"type": "text"}, text("of it.")]},
            },
            "[Document: Notes]\nAll\nof it.",
        ),
        ({"type": "document", "source": {"type": "content", "content": [IMAGE]}}, NO_DOCUMENT),
        ({"type": "document", "source": {"type": "text", "data": 7}}, NO_DOCUMENT),
        ({"type": "document", "source": 7}, NO_DOCUMENT),
        ({"type": "document", "title": "source"}, NO_DOCUMENT),
    ],
)
def test_keeps_the_whole_text_of_a_document(document: Any, said: str) -> None:
    assert given(document, rejects=["block:document"]) == [text(said)]


def test_names_the_tool_of_a_reference() -> None:
    reference = {"type": "tool_reference", "tool_name": "Later"}
    assert given(result(reference), rejects=["block:tool_reference"]) == [
        result(text("The tool Later is available now."))
    ]


CALL = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "weather", "x": 1}}
FOUND = {
    "type": "web_search_tool_result",
    "tool_use_id": "s1",
    "content": [
        {"type": "web_search_result", "title": "Sun", "url": "https://a.example", "encrypted_content": "E" * 999},
        {"type": "web_search_result", "title": "Rain", "url": "https://b.example", "page_age": None},
    ],
}
OTHER = {"type": "server_tool_use", "id": "s2", "name": "web_fetch", "input": {}}


@pytest.mark.parametrize(
    "refused", [["block:web_search_tool_result"], ["block:server_tool_use", "block:web_search_tool_result"]]
)
def test_replaces_a_search_and_its_result_together(refused: list[str]) -> None:
    call, found, *others = given(CALL, FOUND, TEXT, role="assistant", rejects=refused)
    assert call == text(
        "[A block of the type server_tool_use stood here, for the tool web_search. What can be read of it:]\nweather"
    )
    assert found == text(
        "[A block of the type web_search_tool_result stood here. What can be read of it:]\n"
        "Sun\nhttps://a.example\nRain\nhttps://b.example"
    )
    assert others == [TEXT]


def test_keeps_other_calls_if_one_kind_of_result_is_rejected() -> None:
    assert given(CALL, FOUND, OTHER, role="assistant", rejects=["block:web_search_tool_result"])[2] == OTHER
    assert given(CALL, FOUND, role="assistant", rejects=["block:mcp_tool_use"]) == [CALL, FOUND]


def test_keeps_only_what_can_be_read_of_a_rejected_block() -> None:
    odd: Any = [{"text": "x" * 9999}, {"text": 7}, [[[[[[{"text": "deep"}]]]]]], "bare"]
    fetched = {"type": "web_fetch_result", "title": "T", "content": odd}
    (block,) = given(fetched, rejects=["block:web_fetch_result"])
    told = "[A block of the type web_fetch_result stood here. What can be read of it:]\nT\nxxx"
    assert block["text"].startswith(told)
    assert len(block["text"]) < MAX_TEXT + 100
    (block,) = given({"type": "container_upload", "file_id": "f"}, rejects=["block:container_upload"])
    assert block["text"] == "[A block of the type container_upload stood here.]"


def test_keeps_a_search_result_of_the_users_whole() -> None:
    long = "x" * (MAX_TEXT + 1)
    handed = {"type": "search_result", "title": "T", "source": "u", "content": [text(long), text("end")]}
    (block,) = given(handed, rejects=["block:search_result"])
    assert block["text"].endswith(f"\nT\nu\n{long}\nend")


def test_drops_hidden_thinking_and_leaves_no_message_empty() -> None:
    hidden = {"type": "redacted_thinking", "data": "x"}
    assert given(hidden, TEXT, role="assistant", rejects=["block:redacted_thinking"]) == [TEXT]
    assert given(hidden, role="user", rejects=["block:redacted_thinking"]) == [text("[nothing that can be read]")]
