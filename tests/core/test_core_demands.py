from __future__ import annotations

from typing import Any

import pytest

from claude_proxy.core.demands import Demands, demands_of
from core.given import MODEL, compact, request

IMAGE: dict[str, Any] = {"type": "image", "source": {"type": "base64", "data": "iVBO"}}
DOCUMENT: dict[str, Any] = {"type": "document", "source": {"type": "url", "url": "u"}}
SEARCH: dict[str, Any] = {"type": "web_search_20250305", "name": "web_search"}
READ: dict[str, Any] = {"name": "Read", "input_schema": {}}
BASH: dict[str, Any] = {"type": "bash_20250124", "name": "bash"}


def demanded(**fields: Any) -> Demands:
    return demands_of(request(compact({"model": MODEL, **fields})))


def said(*content: Any) -> Demands:
    return demanded(messages=[{"role": "user", "content": "hi"}, {"role": "user", "content": [*content]}])


def result(content: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "t1", "content": content}


@pytest.mark.parametrize(
    ("block", "demands"),
    [
        (IMAGE, Demands(images=True)),
        (DOCUMENT, Demands(documents=True)),
        (result([{"type": "text", "text": "x"}, IMAGE]), Demands(images=True)),
        (result([DOCUMENT]), Demands(documents=True)),
        (result('"image" "document"'), Demands()),
        (result([{"type": "text", "text": '"image"'}]), Demands()),
        ({"type": "text", "text": '{"type":"image"}'}, Demands()),
        ({"type": "tool_use", "id": "t", "name": "x", "input": {"type": "image", "x": ["document"]}}, Demands()),
        ({"type": "web_search_tool_result", "content": {"type": "image"}}, Demands()),
    ],
)
def test_images_and_documents_are_found_where_they_stand_and_nowhere_else(block: Any, demands: Demands) -> None:
    assert said(block) == demands
    assert said(IMAGE, block).images


@pytest.mark.parametrize(
    ("tools", "demands"),
    [
        ([SEARCH, READ, BASH], Demands(server_tools=("web_search_20250305",))),
        ([SEARCH], Demands(server_tools=("web_search_20250305",), nothing_else=True)),
        ([READ, BASH], Demands()),
        ([], Demands()),
        ([{"type": None}, SEARCH], Demands(server_tools=("web_search_20250305",))),
        ("web_search_20250305", Demands()),
    ],
)
def test_server_tools_are_demanded_by_their_types(tools: Any, demands: Demands) -> None:
    assert demanded(tools=tools) == demands


@pytest.mark.parametrize(
    "messages", ["image", [], [{"content": ["image", IMAGE]}], [{"role": "image"}], [["image"]], {"image": 1}]
)
def test_what_is_no_conversation_demands_nothing(messages: Any) -> None:
    assert demanded(messages=messages) == Demands()
    assert demanded() == Demands()
