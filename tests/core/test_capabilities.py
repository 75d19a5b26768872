from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from claude_proxy.core.auth import Auth
from claude_proxy.core.capabilities import Capabilities, accepts_tool, capabilities_of
from claude_proxy.core.required_features import RequiredFeatures, is_server_tool
from claude_proxy.core.traits import Kind, ModelFacts, Rule, Traits
from core.builders import candidate, provider

MODEL = "claude-opus-5-5"
IMAGE, DOCUMENT = Rule(Kind.BLOCK, "image"), Rule(Kind.BLOCK, "document")
EVERYTHING = RequiredFeatures.of("image", "document", server_tools=("web_search_20250305", "code_execution_20250522"))


def known(
    learned: frozenset[Rule] = frozenset(), auth: Auth = Auth.BEARER, images: bool | None = None, **traits: Any
) -> Capabilities:
    facts = MappingProxyType({MODEL: ModelFacts(images=images)})
    return capabilities_of(candidate(provider(facts=facts, auth=auth, traits=Traits(**traits)), MODEL), learned)


def test_what_is_not_known_counts_as_a_capability() -> None:
    assert known() == Capabilities()
    assert known(images=True).missing(EVERYTHING) == ()


def test_lacks_what_is_known_or_learned() -> None:
    assert known(images=False).missing(EVERYTHING) == ("images",)
    assert known(rejects=frozenset({IMAGE})).missing(EVERYTHING) == ("images",)
    assert known(frozenset({DOCUMENT}), rejects=frozenset({IMAGE})).missing(EVERYTHING) == ("images", "documents")


@pytest.mark.parametrize(
    ("has", "lacking"),
    [
        (None, ()),
        ((), EVERYTHING.server_tools),
        (("web_search_",), ("code_execution_20250522",)),
        (("web_search_", "code_execution_"), ()),
    ],
)
def test_compares_server_tools_by_how_their_types_begin(has: tuple[str, ...] | None, lacking: tuple[str, ...]) -> None:
    assert known(server_tools=has).missing(EVERYTHING) == lacking


def test_misses_nothing_that_is_not_required() -> None:
    assert known(frozenset({DOCUMENT, IMAGE}), server_tools=()).missing(RequiredFeatures.of()) == ()


def test_every_provider_accepts_a_tool_that_the_client_runs() -> None:
    assert known(server_tools=()).missing(RequiredFeatures.of(server_tools=("bash_20250124",))) == ()


def test_the_clients_own_login_can_do_everything() -> None:
    rejecting = frozenset({IMAGE, DOCUMENT})
    assert known(rejecting, Auth.CLIENT, images=False, rejects=rejecting, server_tools=()) == Capabilities()


@pytest.mark.parametrize(
    ("kind", "server"),
    [
        ("web_search_20250305", True),
        ("web_fetch_20250910", True),
        ("code_execution_20250825", True),
        ("tool_search_tool_bm25_20251119", True),
        ("mcp_toolset", True),
        ("advisor_20260301", True),
        ("bash_20250124", False),
        ("text_editor_20250728", False),
        ("computer_20250124", False),
        ("memory_20250818", False),
        ("custom", False),
        ("", False),
    ],
)
def test_a_server_tool_is_known_by_its_type(kind: str, *, server: bool) -> None:
    assert is_server_tool(kind) is server
    assert accepts_tool((), kind) is not server
    assert accepts_tool(None, kind)
