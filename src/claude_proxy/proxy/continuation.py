"""Who is asked for the rest of an answer whose stream has died.

the connection broke       the same provider, whose cache is warm ─► the others, in order
it fell silent, or failed  the others, in order
pinned, or there is none   the same provider

One that was asked for the rest already and brought nothing new is not asked once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from claude_proxy.core.failover import Failover
from claude_proxy.core.routing import Candidate, Route
from claude_proxy.core.types import Ending
from claude_proxy.proxy.attempt import Accepted
from claude_proxy.proxy.gateway import Gateway

MAX_SECONDS: Final = 300.0
"""How long after the first death of its stream an answer may still be gone on with."""


def who_goes_on(
    gateway: Gateway, route: Route, died: Candidate, ending: Ending, *, is_stuck: bool
) -> Iterator[Failover[Accepted]]:
    """Yield ways through the candidates, to be tried one after the other."""
    at = next((at for at, candidate in enumerate(route.candidates) if candidate is died), 0)
    others = (*route.candidates[at + 1 :], *route.candidates[:at])
    if not is_stuck and (route.pinned or not others or ending is Ending.TRUNCATED):
        yield _way(gateway, (died,), pinned=True)
    if others and not route.pinned:
        yield _way(gateway, others, pinned=False)


def _way(gateway: Gateway, candidates: tuple[Candidate, ...], *, pinned: bool) -> Failover[Accepted]:
    healths = [(candidate, gateway.healths[candidate.provider.name]) for candidate in candidates]
    return Failover[Accepted](healths, pinned=pinned)
