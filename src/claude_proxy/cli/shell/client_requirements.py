"""What providers need of Claude Code, as far as the catalogue and the configuration say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from claude_proxy.config.address import Address, parse_base_url
from claude_proxy.config.catalogue import Entry, catalogue
from claude_proxy.core.routing import strip_context_suffix
from claude_proxy.core.traits import ModelFacts, known_of
from claude_proxy.core.types import TIERS, ClaudeCode

MIN_WINDOW, MAX_WINDOW = 100_000, 1_000_000
"""The range that Claude Code accepts for CLAUDE_CODE_AUTO_COMPACT_WINDOW, in tokens."""
CLAUDE_NAME_PARTS = ("claude", *TIERS, "default")
"""Parts of the model names, and of their aliases, that are mapped to a model of each provider."""


@dataclass(frozen=True, slots=True)
class TargetProvider:
    """A provider that requests may go to: its address, the models that Claude's are mapped to, and all its models.

    Without a usable configuration the models are empty, since the running proxy does not list them, and the catalogue
    says the rest. `own_login`: the provider uses the login of Claude Code itself.
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

    None if no provider needs one. `models` are the names that each of them has. `own_login`: Claude Code's own login
    must reach the proxy, since one of them uses it.
    """

    timeout_ms: int | None = None
    window: int | None = None
    tool_search: bool = True
    models: frozenset[str] = frozenset()
    own_login: bool = False

    def has_model(self, name: str) -> bool:
        """Return whether every candidate can use this name of a model."""
        model = strip_context_suffix(name)
        return model in self.models or any(part in model.lower() for part in CLAUDE_NAME_PARTS)


def requirements_of(candidates: Sequence[TargetProvider]) -> ClientRequirements:
    """Return what suits all of these providers. A provider that is not known needs nothing."""
    entries = [_entry(candidate) for candidate in candidates]
    pairs = list(zip(candidates, entries, strict=True))
    wanted = [candidate.claude_code or (entry.claude_code if entry else ClaudeCode()) for candidate, entry in pairs]
    windows = [window for candidate, entry in pairs if (window := _window(candidate, entry))]
    models = [frozenset(candidate.own_models) | frozenset(entry.models if entry else ()) for candidate, entry in pairs]
    return ClientRequirements(
        timeout_ms=max((settings.timeout_ms for settings in wanted if settings.timeout_ms), default=None),
        window=min(max(min(windows), MIN_WINDOW), MAX_WINDOW) if windows else None,
        tool_search=all(settings.tool_search for settings in wanted),
        models=frozenset.intersection(*models) if models else frozenset(),
        own_login=any(candidate.own_login for candidate in candidates),
    )


def _entry(candidate: TargetProvider) -> Entry | None:
    """Return the catalogue's entry, by the address, or by the models if the address is that of a relay."""
    address = parse_base_url(candidate.base_url)
    by_address = catalogue().by_address(address) if isinstance(address, Address) else None
    if by_address or not candidate.own_models:
        return by_address
    own = set(candidate.own_models)
    return next((entry for entry in catalogue().providers if entry.models and own.issuperset(entry.models)), None)


def _window(candidate: TargetProvider, entry: Entry | None) -> int | None:
    """Return the smallest window of the models that replace Claude's; None if they are Claude's own."""
    models = candidate.models or tuple((entry.tiers or {}).values() if entry else ())
    return min((size for model in models for size in _contexts(model, candidate, entry)), default=None)


def _contexts(model: str, candidate: TargetProvider, entry: Entry | None) -> Iterable[int]:
    """Yield the known sizes of a model: of its own provider, else of every provider in the catalogue that has it."""
    if own := known_of(candidate.facts, model):
        return (own.context,) if own.context else ()
    entries = [entry] if entry and model in entry.models else catalogue().providers
    return (facts.context for known in entries if (facts := known.models.get(model)) and facts.context)
