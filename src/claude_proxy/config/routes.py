"""The user's own orders of providers, as the core knows them."""

from __future__ import annotations

from types import MappingProxyType

from claude_proxy.config.overrides import set_fields
from claude_proxy.config.problem import Findings, nearest, quoted
from claude_proxy.config.providers import Resolved
from claude_proxy.config.settings import RouteSettings
from claude_proxy.core.routing import LONG_CONTEXT, RouteEntry, Routes, strip_context_suffix


def routes_of(settings: RouteSettings, resolved: Resolved, findings: Findings) -> Routes:
    """Return the orders without those providers that can't be used; one that nobody is left in is none at all.

    A name that no provider has is a problem in `findings`, unless a fault of the providers themselves may be why.
    """
    if any(problem.key.startswith("providers") for problem in findings.problems):
        return Routes()
    given = set_fields(settings)
    long = given.pop("long_context_tokens", Routes().long_context_tokens)
    orders = {name: _stops(places, name, resolved, findings) for name, places in given.items()}
    long_context = orders.pop(LONG_CONTEXT, ())
    return Routes(MappingProxyType({name: stops for name, stops in orders.items() if stops}), long_context, long)


def _stops(places: tuple[str, ...], order: str, resolved: Resolved, findings: Findings) -> tuple[RouteEntry, ...]:
    known = {one.provider.name: one for one in resolved.configured}
    stops: list[RouteEntry] = []
    for index, place in enumerate(places):
        provider, _, model = place.partition("/")
        found = known.get(provider)
        if found is None:
            _report(provider, f"routes.{order}[{index}]", tuple(known), findings)
        elif found.usable:
            stops.append(RouteEntry(provider, strip_context_suffix(model) or None))
        else:
            why = "its key is missing" if found.enabled else "it is disabled"
            findings.warn(f"config.json: routes.{order}: {provider} is left out, since {why}.")
    return tuple(stops)


def _report(provider: str, key: str, names: tuple[str, ...], findings: Findings) -> None:
    near = nearest(provider, names)
    mend = f'Did you mean "{near}"?' if near else f"There are {', '.join(sorted(names))}."
    findings.problem(key, f"{quoted(provider)} is not the name of a provider", mend)
