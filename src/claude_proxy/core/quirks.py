"""What is changed in a request for a provider, in words: of what is known of it, and of what it has taught."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from claude_proxy.core.traits import ForcedTool, Kind, ModelFacts, Rule, Thinking, Traits

_KINDS = {
    Kind.FIELD: "{} left out",
    Kind.TOOL_FIELD: "{} left out of tools",
    Kind.BETA: "the beta {} left out",
    Kind.BLOCK: "content of the type {} replaced by a short text",
    Kind.ROLE: "a message with the role {} put into the user's message beside it",
    Kind.THINKING: "earlier thinking left out ({})",
}
_THINKING = {
    Thinking.ADAPTIVE: "thinking asked for as adaptive",
    Thinking.ADAPTIVE_ONLY: "thinking asked for as adaptive, and never turned off",
    Thinking.ENABLED: "thinking asked for as enabled, with a budget",
    Thinking.ENABLED_ONLY: "thinking asked for as enabled, and never turned off",
    Thinking.ALWAYS: "thinking never turned off",
}
_FORCED = {
    ForcedTool.NO: "no tool forced: the model chooses",
    ForcedTool.WITHOUT_THINKING: "a tool forced only where it does not think",
}


def changes_in_words(traits: Traits, facts: ModelFacts, learnt: Iterable[Rule] = ()) -> tuple[str, ...]:
    """Return what is changed for a model, where it stands in the request. Rules that were learnt are marked."""
    return (*_of_provider(traits, facts), *_of_model(facts), *_taught(traits.rejects, frozenset(learnt)))


def _of_provider(traits: Traits, facts: ModelFacts) -> Iterator[str]:
    if not traits.is_anthropic:
        yield "Claude Code's billing block left out"
    if facts.images is False:
        yield "images replaced by a short text"
    if traits.server_tools == ():
        yield "tools that a provider runs itself, such as web search, left out"
    elif traits.server_tools:
        yield f"of the tools that a provider runs itself, only {_listed(traits.server_tools)} kept"
    if traits.efforts:
        yield f"the effort one of {_listed(traits.efforts)}"


def _of_model(facts: ModelFacts) -> Iterator[str]:
    if facts.thinking:
        yield _THINKING[facts.thinking]
    if facts.forced_tool in _FORCED:
        yield _FORCED[facts.forced_tool]
    if facts.max_output is not None:
        yield f"max_tokens at most {facts.max_output}"


def _taught(known: frozenset[Rule], learnt: frozenset[Rule]) -> Iterator[str]:
    for rule in sorted(known | learnt, key=str):
        told = "every beta left out" if rule == Rule(Kind.BETA, "*") else _KINDS[rule.kind].format(rule.name)
        yield told if rule in known else f"{told} (learnt from its errors)"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
