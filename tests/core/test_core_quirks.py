from __future__ import annotations

import pytest

from claude_proxy.core.quirks import changes_in_words
from claude_proxy.core.traits import ForcedTool, Kind, ModelFacts, Rule, Thinking, Traits

ANTHROPIC = Traits(is_anthropic=True)
NOTHING = ModelFacts()


def test_anthropic_gets_everything_as_it_is_and_others_all_but_the_billing_block() -> None:
    assert changes_in_words(ANTHROPIC, NOTHING) == ()
    assert changes_in_words(Traits(), NOTHING) == ("Claude Code's billing block left out",)


@pytest.mark.parametrize(
    ("traits", "words"),
    [
        (Traits(True, server_tools=()), "tools that a provider runs itself, such as web search, left out"),
        (
            Traits(True, server_tools=("web_search_", "code_")),
            "of the tools that a provider runs itself, only web_search_, code_ kept",
        ),
        (Traits(True, efforts=("low", "high")), "the effort one of low, high"),
    ],
)
def test_what_a_provider_takes(traits: Traits, words: str) -> None:
    assert changes_in_words(traits, NOTHING) == (words,)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (ModelFacts(images=False), "images replaced by a short text"),
        (ModelFacts(max_output=8192), "max_tokens at most 8192"),
        (ModelFacts(forced_tool=ForcedTool.NO), "no tool forced: the model chooses"),
        (ModelFacts(thinking=Thinking.ADAPTIVE), "thinking asked for as adaptive"),
    ],
)
def test_what_a_model_takes(facts: ModelFacts, words: str) -> None:
    assert changes_in_words(ANTHROPIC, facts) == (words,)


@pytest.mark.parametrize("thinking", Thinking)
def test_each_mode_of_thinking_has_its_words(thinking: Thinking) -> None:
    assert len(changes_in_words(ANTHROPIC, ModelFacts(thinking=thinking))) == 1


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule(Kind.FIELD, "context_management"), "context_management left out"),
        (Rule(Kind.TOOL_FIELD, "defer_loading"), "defer_loading left out of tools"),
        (Rule(Kind.BETA, "context-1m"), "the beta context-1m left out"),
        (Rule(Kind.BETA, "*"), "every beta left out"),
        (Rule(Kind.BLOCK, "document"), "content of the type document replaced by a short text"),
        (Rule(Kind.ROLE, "system"), "a message with the role system put into the user's message beside it"),
        (Rule(Kind.THINKING, "unknown"), "earlier thinking left out (unknown)"),
    ],
)
def test_what_is_refused(rule: Rule, words: str) -> None:
    rejecting = Traits(True, rejects=frozenset({rule}))
    assert changes_in_words(rejecting, NOTHING) == (words,)
    assert changes_in_words(ANTHROPIC, NOTHING, [rule]) == (f"{words} (learnt from its errors)",)
    assert changes_in_words(rejecting, NOTHING, [rule]) == (words,)


def test_every_kind_has_its_words() -> None:
    rules = frozenset(Rule(kind, "x") for kind in Kind)
    assert len(changes_in_words(Traits(True, rejects=rules), NOTHING)) == len(Kind)
