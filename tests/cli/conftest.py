from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from claude_proxy.store.home import Home
from fakes.command_line import CommandLine, answering, serving
from fakes.config_files import CONFIG, ENV


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[CommandLine]:
    """The command, with an empty home of its own."""
    with _command_line(tmp_path / "home") as command:
        yield command


@contextmanager
def _command_line(root: Path) -> Iterator[CommandLine]:
    root.mkdir()
    command = CommandLine(Home(root))
    yield command
    command.clean_up()


@pytest.fixture(scope="session")
def upstream() -> Iterator[str]:
    """The base URL of a provider that answers."""
    with serving(answering(200)) as url:
        yield url


@pytest.fixture
def started(cli: CommandLine, upstream: str) -> CommandLine:
    """The command, with its proxy running in front of two providers that answer."""
    return _start(cli, upstream)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, upstream: str) -> Iterator[CommandLine]:
    """The same as `started`, for tests that leave the proxy as it is."""
    with _command_line(tmp_path_factory.mktemp("shared") / "home") as command:
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
