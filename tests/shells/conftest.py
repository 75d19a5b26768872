from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_proxy.store.home import Home
from fakes.command_line import CommandLine, answering, serving


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[CommandLine]:
    """The command, with an empty home of its own."""
    (tmp_path / "home").mkdir()
    command = CommandLine(Home(tmp_path / "home"))
    yield command
    command.clean_up()


@pytest.fixture(scope="session")
def upstream() -> Iterator[str]:
    """The base URL of a provider that answers."""
    with serving(answering(200)) as url:
        yield url


@pytest.fixture
def configured(cli: CommandLine, upstream: str) -> CommandLine:
    """The command, with a configuration of two providers; its proxy does not run."""
    cli.configure(upstream, upstream)
    return cli
