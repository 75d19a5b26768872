from __future__ import annotations

from typing import Any

import pytest

from claude_proxy.core.required_features import RequiredFeatures
from core.builders import MODEL, compact, request

IMAGE: dict[str, Any] = {"type": "image", "source": {"type": "base64", "data": "iVBO"}}
DOCUMENT: dict[str, Any] = {"type": "document", "source": {"type": "url", "url": "u"}}
SEARCH: dict[str, Any] = {"type": "web_search_20250305", "name": "web_search"}
READ: dict[str, Any] = {"name": "Read", "input_schema": {}}
BASH: dict[str, Any] = {"type": "bash_20250124", "name": "bash"}


def required(**fields: Any) -> RequiredFeatures:
    return request(compact({"model": MODEL, **fields})).required_features


def said(*content: Any) -> RequiredFeatures:
    return required(messages=[{"role": "user", "content": "hi"}, {"role": "user", "content": [*content]}])


def result(content: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "t1", "content": content}


@pytest.mark.parametrize(
    ("block", "files"),
    [
        (IMAGE, {"image"}),
        (DOCUMENT, {"document"}),
        (result([{"type": "text", "text": "x"}, IMAGE]), {"image"}),
        (result([DOCUMENT]), {"document"}),
        (result('"image" "document"'), set()),
        (result([{"type": "text", "text": '"image"'}]), set()),
        ({"type": "text", "text": '{"type":"image"}'}, set()),
        ({"type": "tool_use", "id": "t", "name": "x", "input": {"type": "image", "x": ["document"]}}, set()),
        ({"type": "web_search_tool_result", "content": {"type": "image"}}, set()),
    ],
)
def test_finds_images_and_documents_in_blocks_only(block: Any, files: set[str]) -> None:
    required_features = said(block)
    assert required_features.kinds & {"image", "document"} == files
    assert (required_features.images, required_features.documents) == ("image" in files, "document" in files)
    assert said(IMAGE, block).images


@pytest.mark.parametrize(
    ("tools", "server_tools", "only_server_tools"),
    [
        ([SEARCH, READ, BASH], ("web_search_20250305",), False),
        ([SEARCH], ("web_search_20250305",), True),
        ([READ, BASH], (), False),
        ([], (), False),
        ([{"type": None}, SEARCH], ("web_search_20250305",), False),
        ("web_search_20250305", (), False),
    ],
)
def test_finds_server_tools_by_their_types(
    tools: Any, server_tools: tuple[str, ...], *, only_server_tools: bool
) -> None:
    required_features = required(tools=tools)
    assert (required_features.server_tools, required_features.only_server_tools) == (server_tools, only_server_tools)
    assert required_features.server_tools == server_tools


@pytest.mark.parametrize(
    "messages", ["source", [], [{"content": ["source", IMAGE]}], [{"role": "source"}], [["source"]], {"source": 1}]
)
def test_requires_nothing_without_a_conversation(messages: Any) -> None:
    assert not required(messages=messages).images
    assert not required().kinds
    assert not required().server_tools


def test_finds_them_however_the_messages_are_written() -> None:
    spaced = b'{"model":"x","messages":[ {"content": [%b], "role":"user"} ]}' % compact(IMAGE)
    assert request(spaced).required_features.images


def test_an_odd_block_hides_no_image() -> None:
    odd = [{"type": ["image"]}, IMAGE]
    assert required(messages=[{"role": "user", "content": odd}, {"role": "user", "content": 7}]).images
    assert not required(messages=[{"role": "user", "content": [7, IMAGE]}]).images
