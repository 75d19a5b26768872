"""The real Claude Code: the faults behind the first content through a gateway, and all endings without one."""

from __future__ import annotations

from bench.faults import endings as ending_faults
from bench.faults.faults import FAULTS
from bench.faults.results import Endings, Turns
from bench.faults.targets import Gateway
from bench.faults.turns import Seen, Turn, take
from bench.faults.upstreams import Upstreams
from bench.faults.wire import Choose

SUBSET = (
    "error event first",
    "in thinking: connection reset",
    "in text: connection reset",
    "in text: overloaded_error",
    "behind text: connection reset",
    "in the tool call: connection reset",
    "in the tool call: overloaded_error",
    "in the tool call: silence",
    "the call's input is not JSON",
    "behind the tool call: connection reset",
)
"""The faults that a turn is taken with: one or two of each place."""


async def turns(program: str, gateway: Gateway, upstreams: Upstreams, choose: Choose, name: str) -> Turns:
    """Return what the user sees of each fault, printed and in a terminal."""
    seen = dict[tuple[str, bool], Turn]()
    for fault in FAULTS:
        if fault.name not in SUBSET or not choose(fault):
            continue
        for in_terminal in (False, True):
            turn = await take(program, gateway, upstreams, fault, in_terminal=in_terminal)
            seen[fault.name, in_terminal] = turn
            print(f"{name}: {fault.name}, {mode(in_terminal=in_terminal)}: {line(turn)}", flush=True)
    return seen


async def endings(
    program: str, gateway: Gateway, upstreams: Upstreams, choose: Choose, *, in_terminal: bool
) -> Endings:
    """Return what Claude Code does at each ending in each state."""
    seen = dict[tuple[str, str, bool], Turn]()
    for state, ending, fault in ending_faults.faults():
        if choose(fault):
            turn = await take(program, gateway, upstreams, fault, in_terminal=in_terminal)
            seen[state, ending, in_terminal] = turn
            print(f"{fault.name}, {mode(in_terminal=in_terminal)}: {line(turn)}", flush=True)
    return seen


def mode(*, in_terminal: bool) -> str:
    """Name the way in which Claude Code ran."""
    return "interactive" if in_terminal else "`-p`"


def line(turn: Turn) -> str:
    """Say what came of a turn."""
    if turn.seen is Seen.UNKNOWN:
        return str(turn.seen.value)
    times = f", {turn.requests} requests" if turn.requests != 1 else ""
    again = f", {turn.again}" if turn.again else ""
    return f"{turn.seen.value}{times}{again}, {turn.seconds:.0f} s"
