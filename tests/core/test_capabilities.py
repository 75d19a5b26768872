from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from claude_proxy.core.capabilities import Capabilities, capabilities_of
from claude_proxy.core.required_features import RequiredFeatures
from claude_proxy.core.traits import Kind, ModelFacts, Rule, Traits
from claude_proxy.core.types import Auth
from core.builders import candidate, provider

MODEL = "claude-opus-5-5"
IMAGE, DOCUMENT = Rule(Kind.BLOCK, "image"), Rule(Kind.BLOCK, "document")
EVERYTHING = RequiredFeatures(
    images=True, documents=True, server_tools=("web_search_20250305", "code_execution_20250522")
)


def known(
    learned: frozenset[Rule] = frozenset(), auth: Auth = Auth.BEARER, images: bool | None = None, **traits: Any
) -> Capabilities:
    facts = MappingProxyType({MODEL: ModelFacts(images=images)})
    return capabilities_of(candidate(provider(facts=facts, auth=auth, traits=Traits(**traits)), MODEL), learned)


def test_what_is_not_known_it_can() -> None:
    assert known() == Capabilities()
    assert known(images=True).lacking(EVERYTHING) == ()


def test_what_is_known_or_was_learned_it_lacks() -> None:
    assert known(images=False).lacking(EVERYTHING) == ("images",)
    assert known(rejects=frozenset({IMAGE})).lacking(EVERYTHING) == ("images",)
    assert known(frozenset({DOCUMENT}), rejects=frozenset({IMAGE})).lacking(EVERYTHING) == ("images", "documents")


@pytest.mark.parametrize(
    ("has", "lacking"),
    [
        (None, ()),
        ((), EVERYTHING.server_tools),
        (("web_search_",), ("code_execution_20250522",)),
        (("web_search_", "code_execution_"), ()),
    ],
)
def test_server_tools_are_told_by_their_beginnings(has: tuple[str, ...] | None, lacking: tuple[str, ...]) -> None:
    assert known(server_tools=has).lacking(EVERYTHING) == lacking


def test_what_is_not_demanded_is_not_lacking() -> None:
    assert known(frozenset({DOCUMENT, IMAGE}), server_tools=()).lacking(RequiredFeatures()) == ()


def test_a_tool_that_the_client_runs_is_had_by_all() -> None:
    assert known(server_tools=()).lacking(RequiredFeatures(server_tools=("bash_20250124",))) == ()


def test_the_clients_own_login_is_served_by_anthropic_itself() -> None:
    rejecting = frozenset({IMAGE, DOCUMENT})
    assert known(rejecting, Auth.CLIENT, images=False, rejects=rejecting, server_tools=()) == Capabilities()
