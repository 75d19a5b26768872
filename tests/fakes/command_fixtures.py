"""The fixtures of tests that run commands. A folder's conftest.py takes those that its tests use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.command_line import CommandLine, command_line
from fakes.scripts import json_answer
from fakes.threaded import serving


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[CommandLine]:
    """The command, with an empty home of its own."""
    with command_line(tmp_path / "home") as command:
        yield command


@pytest.fixture(scope="session")
def upstream() -> Iterator[str]:
    """The base URL of a provider that answers."""
    with serving(json_answer(200)) as url:
        yield url
