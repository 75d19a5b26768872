"""What is changed in a request for a provider, in words: by what is known of it, and by what it has taught."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from claude_proxy.core.traits import ForcedTool, Kind, ModelFacts, Rule, Thinking, Traits

_OUT = "left out"
_TEXT = "replaced by a short text"
_ANEW = "written anew", "ids of tool calls that another provider gave"
OF_OTHERS = "no thinking that another provider is known to have made"
"""True of each: only who made it takes it back."""

_PLACEHOLDER = "a placeholder for thinking, where an earlier tool call came without"
_LEARNT = ", as its errors taught"

_RULES = {
    "beta:*": (_OUT, "every beta"),
    "block:image": (_TEXT, "images"),
    "block:document": (_TEXT, "documents"),
    "thinking:all": (_OUT, "earlier thinking"),
    "thinking:unknown": (_OUT, "thinking of which it is not known who made it"),
    "requires:plain_call_ids": _ANEW,
    "requires:thinking_on_tool_turns": ("put in", _PLACEHOLDER),
}
_KINDS = {
    Kind.FIELD: (_OUT, "{}"),
    Kind.TOOL_FIELD: (_OUT, "{} of tools"),
    Kind.BETA: (_OUT, "the beta {}"),
    Kind.BLOCK: (_TEXT, "{}"),
    Kind.ROLE: ("put into the user's message beside it", "a message with the role {}"),
    Kind.THINKING: (_OUT, "thinking ({})"),
    Kind.THINKING_MODE: ("not asked for", "thinking in the mode {}"),
    Kind.MARK: (_OUT, "{} of blocks and tools"),
    Kind.REQUIRES: ("seen to", "{}"),
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
    ForcedTool.WITHOUT_THINKING: "thinking turned off where a tool is forced",
}


def changes_in_words(traits: Traits, facts: ModelFacts, learned: Iterable[Rule] = ()) -> tuple[str, ...]:
    """Return what is changed for a model, where it stands in the request: `left out: the beta x, top_k`."""
    grouped = dict[str, dict[str, None]]()
    for how, what in (*_known(traits, facts), *_refused(traits.rejects, frozenset(learned))):
        grouped.setdefault(how, {})[what] = None  # each once, in this order
    return (*[f"{how}: {', '.join(things)}" for how, things in grouped.items()], *_reshaped(traits, facts))


def _known(traits: Traits, facts: ModelFacts) -> Iterator[tuple[str, str]]:
    """Yield what becomes of a thing, and the thing."""
    if not traits.is_anthropic:
        yield _OUT, "Claude Code's billing block"
    if traits.checks_signatures or traits.plain_call_ids:
        yield _ANEW
    if traits.server_tools == ():
        yield _OUT, "tools that a provider runs itself, such as web search"
    if facts.images is False:
        yield _TEXT, "images"
    if traits.thinking_on_tool_turns:
        yield _RULES["requires:thinking_on_tool_turns"]


def _refused(known: frozenset[Rule], learned: frozenset[Rule]) -> Iterator[tuple[str, str]]:
    for rule in sorted(known | learned, key=str):
        how, what = _of_rule(rule)
        yield how if rule in known else how + _LEARNT, what


def _of_rule(rule: Rule) -> tuple[str, str]:
    how, what = _RULES.get(str(rule)) or _KINDS[rule.kind]
    return how, what.format(rule.name)


def rule_in_words(rule: Rule) -> str:
    """Return what one rule changes: `the beta x left out`."""
    how, what = _of_rule(rule)
    return f"{what} {how}"


def _reshaped(traits: Traits, facts: ModelFacts) -> Iterator[str]:
    if traits.server_tools:
        yield f"of the tools that a provider runs itself, only {', '.join(traits.server_tools)} kept"
    if facts.thinking:
        yield _THINKING[facts.thinking]
    if traits.efforts:
        yield f"the effort one of {', '.join(traits.efforts)}"
    if not traits.effort_without_thinking:
        yield "no effort where thinking is off"
    if traits.session_header:
        yield f"the session's id sent along in {traits.session_header}"
    if facts.forced_tool in _FORCED:
        yield _FORCED[facts.forced_tool]
    if facts.max_output is not None:
        yield f"max_tokens at most {facts.max_output}"
    yield OF_OTHERS
