from __future__ import annotations

from collections.abc import Iterable

import pytest

from claude_proxy.core.adaptation.ordered_rules import RULES, describe_changes, describe_rule
from claude_proxy.core.adaptation.request_headers import SESSION_HEADER
from claude_proxy.core.adaptation.rule import MessageRule
from claude_proxy.core.adaptation.thinking_blocks import OF_OTHERS
from claude_proxy.core.traits import (
    PLAIN_CALL_IDS,
    THINKING_ON_TOOL_TURNS,
    ForcedTool,
    Kind,
    ModelFacts,
    Rule,
    Thinking,
    Traits,
)

ANTHROPIC = Traits(is_anthropic=True)
NOTHING = ModelFacts()


def changed(traits: Traits, facts: ModelFacts = NOTHING, learned: Iterable[Rule] = ()) -> tuple[str, ...]:
    """Return what is changed, without what is changed for every provider."""
    *words, last = describe_changes(traits, facts, learned)
    assert last == OF_OTHERS
    return tuple(words)


def test_anthropic_gets_everything_and_others_all_but_what_is_for_anthropic() -> None:
    assert changed(ANTHROPIC) == ()
    assert changed(Traits()) == ("left out: Claude Code's billing block, auto mode's safeguards",)


@pytest.mark.parametrize(
    ("traits", "words"),
    [
        (Traits(True, server_tools=()), "left out: tools that a provider runs itself, such as web search"),
        (
            Traits(True, server_tools=("web_search_", "code_")),
            "only these tools that a provider runs itself: web_search_, code_",
        ),
        (Traits(True, checks_signatures=True), "rewritten: ids of tool calls that another provider gave"),
        (Traits(True, plain_call_ids=True), "rewritten: ids of tool calls that another provider gave"),
        (
            Traits(True, thinking_on_tool_turns=True),
            "added: a placeholder for thinking, if an earlier tool call has none",
        ),
        (Traits(True, efforts=("low", "high")), "the effort limited to low, high"),
        (Traits(True, effort_without_thinking=False), "no effort while thinking is off"),
        (Traits(True, session_header="x-session"), "the session's id sent along in x-session"),
    ],
)
def test_describes_what_a_provider_accepts(traits: Traits, words: str) -> None:
    assert changed(traits) == (words,)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (ModelFacts(images=False), "replaced by a short text: images"),
        (ModelFacts(max_output=8192), "max_tokens at most 8192"),
        (ModelFacts(forced_tool=ForcedTool.NO), "no tool forced: the model chooses"),
        (ModelFacts(thinking=Thinking.ADAPTIVE), "thinking requested as adaptive"),
    ],
)
def test_describes_what_a_model_accepts(facts: ModelFacts, words: str) -> None:
    assert changed(ANTHROPIC, facts) == (words,)


@pytest.mark.parametrize("thinking", Thinking)
def test_describes_each_mode_of_thinking(thinking: Thinking) -> None:
    assert len(changed(ANTHROPIC, ModelFacts(thinking=thinking))) == 1


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
        (Rule(Kind.ROLE, "system"), "moved into the neighbouring user message: messages with the role system"),
        (
            Rule(Kind.REQUIRES, THINKING_ON_TOOL_TURNS),
            "added: a placeholder for thinking, if an earlier tool call has none",
        ),
        (Rule(Kind.THINKING, "all"), "left out: earlier thinking"),
        (Rule(Kind.THINKING_MODE, "adaptive"), "not requested: thinking in the mode adaptive"),
        (Rule(Kind.MARK, "cache_control.scope"), "left out: cache_control.scope of blocks and tools"),
        (Rule(Kind.THINKING, "unknown"), "left out: thinking of unknown origin"),
    ],
)
def test_describes_what_is_rejected_and_whether_it_was_learned(rule: Rule, words: str) -> None:
    rejecting = Traits(True, rejects=frozenset({rule}))
    assert changed(rejecting) == (words,)
    assert changed(ANTHROPIC, NOTHING, [rule]) == (words.replace(":", ", learned from its errors:", 1),)
    assert changed(rejecting, NOTHING, [rule]) == (words,)


def test_describes_once_what_is_known_in_two_ways() -> None:
    blind = Traits(True, rejects=frozenset({Rule(Kind.BLOCK, "image")}))
    assert changed(blind, ModelFacts(images=False)) == ("replaced by a short text: images",)


def test_groups_what_is_changed_in_the_same_way() -> None:
    rejecting = Traits(rejects=frozenset({Rule(Kind.FIELD, "top_k"), Rule(Kind.FIELD, "top_p")}))
    learned = [Rule(Kind.FIELD, "container"), Rule(Kind.BETA, "x")]
    assert changed(rejecting, NOTHING, learned) == (
        "left out: Claude Code's billing block, auto mode's safeguards, top_k, top_p",
        "left out, learned from its errors: the beta x, container",
    )


def test_describes_every_kind_of_rejection() -> None:
    for kind in Kind:
        assert len(changed(ANTHROPIC, NOTHING, [Rule(kind, "x")])) == 1


def test_describes_one_rule() -> None:
    assert describe_rule(Rule(Kind.BETA, "x")) == "the beta x left out"
    assert describe_rule(Rule(Kind.THINKING_MODE, "adaptive")) == "thinking in the mode adaptive not requested"


def test_each_rule_has_a_name_its_words_and_one_way_to_apply() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    for rule in RULES:
        assert rule.name == rule.name.lower().replace(" ", "-")
        assert rule.records or rule is SESSION_HEADER
        assert all(word and meaning.endswith(".") for word, meaning in rule.records.items())
        assert (rule.apply is None) != (rule.on_messages is None)


def test_each_rejection_is_handled_by_one_rule() -> None:
    handled = [rejected for rule in RULES for rejected in rule.rejections]
    assert len(set(handled)) == len(handled)
    assert set(Kind) - set(handled) == {Kind.REQUIRES, Kind.MAX_BYTES}  # of which the last is the selection's
    assert {Rule(Kind.REQUIRES, name) for name in (THINKING_ON_TOOL_TURNS, PLAIN_CALL_IDS)} <= set(handled)


def test_a_rule_without_conditions_concerns_no_message() -> None:
    assert not MessageRule().concerns(b"{}", "user")
