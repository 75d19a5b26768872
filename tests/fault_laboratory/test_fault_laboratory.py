"""The fault laboratory itself: cases without a gateway, judged as they must be."""

from __future__ import annotations

import contextlib

import pytest
from bench.faults import targets, wire_client
from bench.faults.faults import FAULTS, Fault, Kind
from bench.faults.upstreams import Upstreams, running
from bench.faults.verdicts import Verdict, judge

from fakes.async_test import async_test

WITHOUT_A_GATEWAY = {
    "connection refused": Verdict.ERROR,
    "529": Verdict.ERROR,
    "200 with HTML": Verdict.CORRUPT,
    "message_start, then reset": Verdict.ERROR,
    "in text: body ends": Verdict.CORRUPT,
    "in the tool call: overloaded_error": Verdict.ERROR,
    "no message_stop": Verdict.WHOLE,
    "byte by byte": Verdict.WHOLE,
    "message_start twice": Verdict.CORRUPT,
    "400": Verdict.ERROR,
}


def test_each_fault_has_a_name_of_its_own() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("name", "verdict"), WITHOUT_A_GATEWAY.items(), ids=WITHOUT_A_GATEWAY)
@async_test
async def test_a_fault_reaches_a_client_that_asks_the_provider_itself(name: str, verdict: Verdict) -> None:
    [fault] = [fault for fault in FAULTS if fault.name == name]
    async with running() as upstreams, targets.direct(upstreams) as gateway:
        verdicts = [await verdict_at(gateway.port, fault, upstreams), await verdict_at(gateway.port, None, upstreams)]
    assert verdicts == [verdict, Verdict.WHOLE]


async def verdict_at(port: int, fault: Fault | None, upstreams: Upstreams) -> Verdict:
    async with upstreams.case(fault, Kind.TOOLS) if fault else contextlib.nullcontext():
        received = await wire_client.ask(port, "", Kind.TOOLS)
    return judge(fault or FAULTS[0], Kind.TOOLS, received).verdict
