from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_proxy.store.home import Home
from fakes.command_line import CommandLine, answering, serving


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[CommandLine]:
    """The command, with an empty home of its own."""
    home = Home(tmp_path / "home")
    home.root.mkdir()
    command = CommandLine(home)
    yield command
    command.clean_up()


@pytest.fixture
def upstream() -> Iterator[str]:
    """The base URL of a provider that answers."""
    with serving(answering(200)) as url:
        yield url


@pytest.fixture
def started(cli: CommandLine, upstream: str) -> CommandLine:
    """The command, with its proxy running in front of two providers that answer."""
    cli.configure(upstream, upstream)
    done = cli("start")
    assert done.code == 0, done.err
    return cli
