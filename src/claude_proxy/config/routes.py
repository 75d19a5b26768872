"""The user's own routes, as the core knows them."""

from __future__ import annotations

from types import MappingProxyType

from msgspec import UNSET, UnsetType

from claude_proxy.config.overrides import set_fields
from claude_proxy.config.problem import Findings, nearest, quoted
from claude_proxy.config.providers import Resolved
from claude_proxy.config.settings import RouteSettings
from claude_proxy.core.model_names import strip_context_suffix
from claude_proxy.core.routing import LONG_CONTEXT, ROUTED_CLASSES, Candidate, RouteEntry, Routes


def routes_of(settings: RouteSettings, resolved: Resolved, findings: Findings) -> Routes:
    """Return the routes without the providers that can't be used, and without routes that have no other ones.

    A name that no provider has is a problem in `findings`, unless it may follow from a problem with the providers.
    """
    if any(problem.key.startswith("providers") for problem in findings.problems):
        return Routes()
    given = set_fields(settings)
    tokens = given.pop("long_context_tokens", Routes().long_context_tokens)
    routes = {name: _entries(texts, name, resolved, findings) for name, texts in given.items()}
    long_context = routes.pop(LONG_CONTEXT, ())
    by_class = {name: route for name in ROUTED_CLASSES if (route := routes.pop(name, ()))}
    by_tier = {name: route for name, route in routes.items() if route}
    return Routes(MappingProxyType(by_tier), long_context, tokens, MappingProxyType(by_class))


def auto_mode_of(place: str | UnsetType, resolved: Resolved, findings: Findings) -> Candidate | None:
    """Return the model that checks tool calls; None if there is none, or its provider can't be used."""
    if place is UNSET or any(problem.key.startswith("providers") for problem in findings.problems):
        return None
    if "/" not in str(place):
        fix = 'Write it as "provider/model", with the name that the provider has for it.'
        findings.problem("auto_mode", f"{quoted(str(place))} names no model", fix)
        return None
    entries = _entries((str(place),), "auto_mode", resolved, findings)
    provider = next((usable for usable in resolved.usable if entries and usable.name == entries[0].provider), None)
    return Candidate(provider, entries[0].model or "") if provider else None


def _entries(texts: tuple[str, ...], route: str, resolved: Resolved, findings: Findings) -> tuple[RouteEntry, ...]:
    known = {configured.provider.name: configured for configured in resolved.configured}
    entries = list[RouteEntry]()
    for index, text in enumerate(texts):
        name, _, model = text.partition("/")
        configured = known.get(name)
        if configured is None:
            report_unknown(name, route if route == "auto_mode" else f"routes.{route}[{index}]", tuple(known), findings)
        elif configured.usable:
            entries.append(RouteEntry(name, strip_context_suffix(model) or None))
        else:
            why = "its key is missing" if configured.enabled else "it is disabled"
            key = route if route == "auto_mode" else f"routes.{route}"
            findings.warn(f"config.json: {key}: {name} is left out, since {why}.")
    return tuple(entries)


def report_unknown(name: str, key: str, known: tuple[str, ...], findings: Findings) -> None:
    """Add the problem that no provider has a name."""
    near = nearest(name, known)
    fix = f'Did you mean "{near}"?' if near else f"There are {', '.join(sorted(known))}."
    findings.problem(key, f"{quoted(name)} is not the name of a provider", fix)
