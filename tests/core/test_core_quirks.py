from __future__ import annotations

import pytest

from claude_proxy.core.quirks import changes_in_words
from claude_proxy.core.traits import ForcedTool, Kind, ModelFacts, Rule, Thinking, Traits

ANTHROPIC = Traits(is_anthropic=True)
NOTHING = ModelFacts()


def test_anthropic_gets_everything_as_it_is_and_others_all_but_the_billing_block() -> None:
    assert changes_in_words(ANTHROPIC, NOTHING) == ()
    assert changes_in_words(Traits(), NOTHING) == ("left out: Claude Code's billing block",)


@pytest.mark.parametrize(
    ("traits", "words"),
    [
        (Traits(True, server_tools=()), "left out: tools that a provider runs itself, such as web search"),
        (
            Traits(True, server_tools=("web_search_", "code_")),
            "of the tools that a provider runs itself, only web_search_, code_ kept",
        ),
        (Traits(True, checks_signatures=True), "left out: thinking that another provider signed"),
        (Traits(True, efforts=("low", "high")), "the effort one of low, high"),
    ],
)
def test_what_a_provider_takes(traits: Traits, words: str) -> None:
    assert changes_in_words(traits, NOTHING) == (words,)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (ModelFacts(images=False), "replaced by a short text: images"),
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
        (Rule(Kind.FIELD, "context_management"), "left out: context_management"),
        (Rule(Kind.TOOL_FIELD, "defer_loading"), "left out: defer_loading of tools"),
        (Rule(Kind.BETA, "context-1m"), "left out: the beta context-1m"),
        (Rule(Kind.BETA, "*"), "left out: every beta"),
        (Rule(Kind.BLOCK, "image"), "replaced by a short text: images"),
        (Rule(Kind.BLOCK, "document"), "replaced by a short text: documents"),
        (Rule(Kind.BLOCK, "tool_reference"), "replaced by a short text: tool_reference"),
        (Rule(Kind.ROLE, "system"), "put into the user's message beside it: a message with the role system"),
        (Rule(Kind.THINKING, "all"), "left out: earlier thinking"),
        (Rule(Kind.THINKING_MODE, "adaptive"), "not asked for: thinking in the mode adaptive"),
        (Rule(Kind.MARK, "cache_control.scope"), "left out: cache_control.scope of blocks and tools"),
        (Rule(Kind.REQUIRES, "thinking_on_tool_turns"), "sent along: earlier thinking with each call of a tool"),
        (Rule(Kind.THINKING, "unknown"), "left out: thinking of which it is not known who made it"),
    ],
)
def test_what_is_refused(rule: Rule, words: str) -> None:
    rejecting = Traits(True, rejects=frozenset({rule}))
    assert changes_in_words(rejecting, NOTHING) == (words,)
    assert changes_in_words(ANTHROPIC, NOTHING, [rule]) == (words.replace(":", ", as its errors taught:", 1),)
    assert changes_in_words(rejecting, NOTHING, [rule]) == (words,)


def test_what_is_known_in_two_ways_is_told_once() -> None:
    blind = Traits(True, rejects=frozenset({Rule(Kind.BLOCK, "image")}))
    assert changes_in_words(blind, ModelFacts(images=False)) == ("replaced by a short text: images",)


def test_things_of_the_same_lot_are_told_together() -> None:
    rejecting = Traits(rejects=frozenset({Rule(Kind.FIELD, "top_k"), Rule(Kind.FIELD, "top_p")}))
    learnt = [Rule(Kind.FIELD, "container"), Rule(Kind.BETA, "x")]
    assert changes_in_words(rejecting, NOTHING, learnt) == (
        "left out: Claude Code's billing block, top_k, top_p",
        "left out, as its errors taught: the beta x, container",
    )


def test_every_kind_has_its_words() -> None:
    for kind in Kind:
        assert len(changes_in_words(ANTHROPIC, NOTHING, [Rule(kind, "x")])) == 1
