"""The providers of the soak test, in a process of their own: what each does is drawn from the request's number.

Started with the seed. Prints its ports as JSON once it listens; when its standard input ends, it prints what it did:
how often each answer was begun, and what came that was no proper request.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack

import uvloop
from bench import machine
from bench.soak import faults, plan

from fakes.provider import FakeProvider
from fakes.server_connection import CutShortError, Request
from fakes.steps import Script, Status


class SoakProvider(FakeProvider):
    """A provider with a name, whose faults are drawn."""

    def __init__(self, seed: int, name: str, begun: Counter[str]) -> None:
        super().__init__(self._script)
        self._seed = seed
        self._name = name
        self._begun = begun
        self.problems: list[str] = []

    def _script(self, request: Request) -> Script:
        self.requests.clear()  # the bodies of ten thousand requests would fill the memory
        try:
            asked = plan.read(request.body)
        except ValueError as error:
            self.problems.append(str(error))
            return [Status(400)]
        if asked.again:
            fault = plan.fault_of_rest(self._seed, asked.number, asked.kind, self._name)
        else:
            fault = plan.fault_of(self._seed, asked.number, asked.kind, self._name)
        self._begun[f"{fault}, as the rest of an answer" if asked.again else fault] += 1
        return faults.ANSWERS[asked.kind][fault].script(asked.text)

    def take_errors(self) -> None:
        """Make problems of the errors; that a client leaves within its request is none."""
        self.problems += [repr(error) for error in self._errors if not isinstance(error, CutShortError)]
        self._errors.clear()


async def _serve(seed: int) -> None:
    begun = Counter[str]()
    providers = [SoakProvider(seed, name, begun) for name in plan.PROVIDERS]
    async with AsyncExitStack() as stack:
        for provider in providers:
            await stack.enter_async_context(provider)
        _print([provider.port for provider in providers])
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        for provider in providers:
            provider.take_errors()
        _print({"begun": begun, "problems": _first(providers)})


def _first(providers: Sequence[SoakProvider]) -> Sequence[str]:
    return [problem for provider in providers for problem in provider.problems][:20]


def _print(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    machine.allow_many_files()
    uvloop.run(_serve(int(sys.argv[1])))
