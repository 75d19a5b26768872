"""The commands of the tests here, with homes and proxies of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import command_fixtures
from fakes.command_line import CommandLine, command_line
from fakes.config_files import CONFIG, ENV

upstream = command_fixtures.upstream


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[CommandLine]:
    """The command, with an empty home of its own; in this process, unless the command starts another program."""
    with command_line(tmp_path / "home", in_process=True) as command:
        yield command


@pytest.fixture
def started(cli: CommandLine, upstream: str) -> CommandLine:
    """The command, with its proxy running in front of two providers that answer."""
    return _start(cli, upstream)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, upstream: str) -> Iterator[CommandLine]:
    """The same as `started`, for tests that leave the proxy as it is."""
    with command_line(tmp_path_factory.mktemp("shared") / "home", in_process=True) as command:
        yield _start(command, upstream)


def _start(command: CommandLine, upstream: str) -> CommandLine:
    command.configure(upstream, upstream)
    done = command("start")
    assert done.code == 0, done.err
    return command


@pytest.fixture
def own(cli: CommandLine) -> CommandLine:
    """The command, with files of the user's own."""
    cli.home.config.write_text(CONFIG, encoding="utf-8")
    cli.home.env.write_text(ENV, encoding="utf-8")
    cli.home.env.chmod(0o600)
    return cli
