"""Every fault with every kind of request through one gateway, judged at the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from bench.faults import wire_client
from bench.faults.faults import FAULTS, Fault, Kind, Stage
from bench.faults.results import Cases
from bench.faults.targets import Gateway
from bench.faults.upstreams import Upstreams
from bench.faults.verdicts import Judged, Verdict, judge

Choose: TypeAlias = Callable[[Fault], bool]


_WARM_UPS: Final = 4
"""How often a gateway may fail at first: its first answer can take long on a busy machine."""


class UnhealthyError(Exception):
    """A gateway does not answer even without a fault, so that no verdict would mean anything."""


async def measure(gateway: Gateway, upstreams: Upstreams, choose: Choose, say: Callable[[str], None] = print) -> Cases:
    """Return the verdict of each case that is chosen. Raises `UnhealthyError`."""
    await _check(gateway, upstreams)
    cases = dict[tuple[str, Kind], Judged]()
    for fault in filter(choose, FAULTS):
        for kind in fault.kinds:
            async with upstreams.case(fault, kind):
                received = await wire_client.ask(gateway.port, gateway.token, kind, gateway.prefix)
            cases[fault.name, kind] = judged = judge(fault, kind, received)
            say(f"{fault.name}, {kind.value}: {judged.verdict.value}, {judged.seconds:.1f} s {judged.why}")
    return cases


async def _check(gateway: Gateway, upstreams: Upstreams) -> None:
    for kind in Kind:
        for attempt in range(_WARM_UPS):
            healthy = _healthy(kind)
            async with upstreams.case(healthy, kind):
                received = await wire_client.ask(gateway.port, gateway.token, kind, gateway.prefix)
            judged = judge(healthy, kind, received)
            if judged.verdict is Verdict.WHOLE:
                break
            if attempt == _WARM_UPS - 1:
                told = f"{judged.verdict.value}, {judged.why}: {received.body[:300]!r}"
                raise UnhealthyError(f"{kind.value}: {told}")


def _healthy(kind: Kind) -> Fault:
    return Fault("none", Stage.HEAD, (kind,), lambda answer: answer.script(streamed=kind.streamed))
