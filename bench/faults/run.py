"""Run the fault laboratory, and write FAULTS.md: `make faults`.

Takes about twenty minutes with all parts. `--only PART --target NAME` choose; then it prints, and writes no page.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from bench.faults import client_part, report, targets, wire
from bench.faults.endings import ENDINGS
from bench.faults.faults import Fault
from bench.faults.results import Cases, Endings, Results, Turns
from bench.faults.targets import Target
from bench.faults.upstreams import running
from bench.targets import StartError

from client.claude_code import find_program

PAGE: Final = Path(__file__).resolve().parents[1] / "FAULTS.md"
PARTS: Final = ("wire", "turns", "endings")


async def _measure(chosen: Sequence[Target], parts: Sequence[str], words: str, ports: Sequence[int]) -> Results:
    results = Results([target for target in chosen if not target.missing])

    def choose(fault: Fault) -> bool:
        return words in fault.name

    if "wire" in parts:
        async with asyncio.TaskGroup() as group:  # each gateway has providers of its own
            tasks = {target.name: group.create_task(_wire(target, choose, ports)) for target in results.targets}
        results.wire.update({name: cases for name, task in tasks.items() if (cases := task.result())})
    program = find_program()
    if program is None:
        print("Claude Code is not installed: name it in CLAUDE_PROXY_CLAUDE. Its parts are left out.")
        return results
    if "turns" in parts:
        async with asyncio.TaskGroup() as group:
            turns = {
                target.name: group.create_task(_turns(target, program, choose, ports)) for target in results.targets
            }
        results.turns.update({name: seen for name, task in turns.items() if (seen := task.result())})
    if "endings" in parts:
        async with asyncio.TaskGroup() as group:
            endings = [
                group.create_task(_endings(program, choose, ending, in_terminal=in_terminal))
                for in_terminal in (True, False)
                for ending in (ENDINGS[::2], ENDINGS[1::2])
            ]
        for task in endings:
            results.endings.update(task.result())
    return results


async def _endings(program: str, choose: wire.Choose, endings: Sequence[str], *, in_terminal: bool) -> Endings:
    def choose_too(fault: Fault) -> bool:
        return choose(fault) and fault.name.endswith(tuple(endings))

    async with running() as upstreams, targets.direct(upstreams) as gateway:
        return await client_part.endings(program, gateway, upstreams, choose_too, in_terminal=in_terminal)


async def _wire(target: Target, choose: wire.Choose, ports: Sequence[int]) -> Cases:
    try:
        async with AsyncExitStack() as stack:
            upstreams = await stack.enter_async_context(running(ports))
            gateway = await stack.enter_async_context(target.start(upstreams))
            return await wire.measure(
                gateway, upstreams, choose, lambda text: print(f"{target.name}: {text}", flush=True)
            )
    except (StartError, wire.UnhealthyError) as error:
        print(f"{target.name} is left out: {error}", file=sys.stderr)
        return {}


async def _turns(target: Target, program: str, choose: wire.Choose, ports: Sequence[int]) -> Turns:
    try:
        async with running(ports) as upstreams, target.start(upstreams) as gateway:
            return await client_part.turns(program, gateway, upstreams, choose, target.name)
    except StartError as error:
        print(f"{target.name} is left out: {error}", file=sys.stderr)
        return {}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--install", action="store_true", help="install the peers, and end")
    parser.add_argument("--only", choices=PARTS, action="append", help="run this part")
    parser.add_argument("--target", action="append", help="run it for this gateway, by its name")
    parser.add_argument("--fault", default="", help="run the faults whose name holds this text")
    parser.add_argument("--url", help="a gateway that runs already, in front of two providers at --ports")
    parser.add_argument("--token", default="none", help="its token")
    parser.add_argument("--ports", type=int, nargs=2, default=(0, 0), help="where providers A and B listen")
    return parser.parse_args()


def main() -> int:
    """Run what the arguments name. Returns the exit code."""
    arguments = _arguments()
    if arguments.install:
        targets.install()
        return 0
    known = [targets.external(arguments.url, arguments.token)] if arguments.url else targets.built_in()
    chosen = [target for target in known if not arguments.target or target.name in arguments.target]
    for target in chosen:
        if target.missing:
            print(f"{target.name} is left out: {target.missing}")
    results = asyncio.run(_measure(chosen, arguments.only or PARTS, arguments.fault, arguments.ports))
    if arguments.only or arguments.target or arguments.fault or arguments.url:
        print("\n".join(report.tables(results)))
        return 0
    PAGE.write_text(report.page(results), encoding="utf-8")
    print(f"all verdicts: {PAGE.relative_to(PAGE.parents[1])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
