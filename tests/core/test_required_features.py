from __future__ import annotations

from typing import Any

import pytest

from claude_proxy.core.required_features import RequestedFeatures
from core.builders import MODEL, compact, request

IMAGE: dict[str, Any] = {"type": "image", "source": {"type": "base64", "data": "iVBO"}}
DOCUMENT: dict[str, Any] = {"type": "document", "source": {"type": "url", "url": "u"}}
SEARCH: dict[str, Any] = {"type": "web_search_20250305", "name": "web_search"}
READ: dict[str, Any] = {"name": "Read", "input_schema": {}}
BASH: dict[str, Any] = {"type": "bash_20250124", "name": "bash"}


def demanded(**fields: Any) -> RequestedFeatures:
    return request(compact({"model": MODEL, **fields})).required_features


def said(*content: Any) -> RequestedFeatures:
    return demanded(messages=[{"role": "user", "content": "hi"}, {"role": "user", "content": [*content]}])


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
def test_images_and_documents_are_found_where_they_stand_and_nowhere_else(block: Any, files: set[str]) -> None:
    required_features = said(block)
    assert required_features.kinds & {"image", "document"} == files
    assert (required_features.images, required_features.documents) == ("image" in files, "document" in files)
    assert said(IMAGE, block).images


@pytest.mark.parametrize(
    ("tools", "server_tools", "nothing_else"),
    [
        ([SEARCH, READ, BASH], ("web_search_20250305",), False),
        ([SEARCH], ("web_search_20250305",), True),
        ([READ, BASH], (), False),
        ([], (), False),
        ([{"type": None}, SEARCH], ("web_search_20250305",), False),
        ("web_search_20250305", (), False),
    ],
)
def test_server_tools_are_demanded_by_their_types(
    tools: Any, server_tools: tuple[str, ...], *, nothing_else: bool
) -> None:
    required_features = demanded(tools=tools)
    assert (required_features.server_tools, required_features.nothing_else) == (server_tools, nothing_else)
    assert required_features.server_tools == server_tools


@pytest.mark.parametrize(
    "messages", ["source", [], [{"content": ["source", IMAGE]}], [{"role": "source"}], [["source"]], {"source": 1}]
)
def test_what_is_no_conversation_demands_nothing(messages: Any) -> None:
    assert not demanded(messages=messages).images
    assert not demanded().kinds
    assert not demanded().server_tools


def test_they_are_found_however_the_messages_are_written() -> None:
    spaced = b'{"model":"x","messages":[ {"content": [%b], "role":"user"} ]}' % compact(IMAGE)
    assert request(spaced).required_features.images


def test_an_odd_block_hides_no_image() -> None:
    odd = [{"type": ["image"]}, IMAGE]
    assert demanded(messages=[{"role": "user", "content": odd}, {"role": "user", "content": 7}]).images
    assert not demanded(messages=[{"role": "user", "content": [7, IMAGE]}]).images
