"""What providers need of Claude Code, as far as the catalogue and the configuration tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from claude_proxy.config.address import Address, parse_base_url
from claude_proxy.config.catalogue import Entry, catalogue
from claude_proxy.core.routing import strip_context_suffix
from claude_proxy.core.traits import ModelFacts, known_of
from claude_proxy.core.types import TIERS, ClaudeCode

MIN_WINDOW, MAX_WINDOW = 100_000, 1_000_000
"""What Claude Code takes for CLAUDE_CODE_AUTO_COMPACT_WINDOW, in tokens."""
OF_CLAUDE_CODE = ("claude", *TIERS, "default")
"""What stands in the names that every provider is given a model of its own for, and in the aliases for them."""


@dataclass(frozen=True, slots=True)
class TargetProvider:
    """A provider that may be asked: its address, the models that Claude's are mapped to, and all it is known to have.

    The models are empty where only the running proxy was asked, which does not tell them, and then the rest is as the
    catalogue has it. `own_login`: it takes the login of Claude Code itself.
    """

    base_url: str
    models: tuple[str, ...] = ()
    own_models: tuple[str, ...] = ()
    own_login: bool = False
    claude_code: ClaudeCode | None = None
    facts: Mapping[str, ModelFacts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClientRequirements:
    """What suits all candidates: the longest timeout in milliseconds, the smallest context window in tokens.

    None where nobody asks for one. `models` are the names that each of them has. `own_login`: Claude Code's own login
    must come through, since one of them takes it.
    """

    timeout_ms: int | None = None
    window: int | None = None
    tool_search: bool = True
    models: frozenset[str] = frozenset()
    own_login: bool = False

    def has_model(self, name: str) -> bool:
        """Tell whether every candidate can make something of a model's name."""
        model = strip_context_suffix(name)
        return model in self.models or any(part in model.lower() for part in OF_CLAUDE_CODE)


def requirements_of(candidates: Sequence[TargetProvider]) -> ClientRequirements:
    """Return what suits all of these providers. One that nothing is known of asks for nothing."""
    entries = [_entry(one) for one in candidates]
    asked = [
        one.claude_code or (entry.claude_code if entry else ClaudeCode())
        for one, entry in zip(candidates, entries, strict=True)
    ]
    windows = [window for one, entry in zip(candidates, entries, strict=True) if (window := _window(one, entry))]
    had = [
        frozenset(one.own_models) | frozenset(entry.models if entry else ())
        for one, entry in zip(candidates, entries, strict=True)
    ]
    return ClientRequirements(
        timeout_ms=max((one.timeout_ms for one in asked if one.timeout_ms), default=None),
        window=min(max(min(windows), MIN_WINDOW), MAX_WINDOW) if windows else None,
        tool_search=all(one.tool_search for one in asked),
        models=frozenset.intersection(*had) if had else frozenset(),
        own_login=any(one.own_login for one in candidates),
    )


def _entry(candidate: TargetProvider) -> Entry | None:
    """Return the catalogue's entry: by the address, else (behind a relay) by the models."""
    address = parse_base_url(candidate.base_url)
    found = catalogue().by_address(address) if isinstance(address, Address) else None
    if found or not candidate.own_models:
        return found
    own = set(candidate.own_models)
    return next((entry for entry in catalogue().providers if entry.models and own.issuperset(entry.models)), None)


def _window(candidate: TargetProvider, entry: Entry | None) -> int | None:
    """Return the smallest window of the models that stand in for Claude's; None where they are Claude's own."""
    models = candidate.models or tuple((entry.tiers or {}).values() if entry else ())
    return min((size for model in models for size in _contexts(model, candidate, entry)), default=None)


def _contexts(model: str, candidate: TargetProvider, entry: Entry | None) -> Iterable[int]:
    """Yield the sizes by which a model is known: at its own provider, else wherever the catalogue has it."""
    if own := known_of(candidate.facts, model):
        return (own.context,) if own.context else ()
    entries = [entry] if entry and model in entry.models else catalogue().providers
    return (facts.context for one in entries if (facts := one.models.get(model)) and facts.context)
