"""The commands that the shells of these tests call."""

from __future__ import annotations

import pytest

from fakes import command_fixtures
from fakes.command_line import CommandLine

cli = command_fixtures.cli
upstream = command_fixtures.upstream


@pytest.fixture
def configured(cli: CommandLine, upstream: str) -> CommandLine:
    """The command, with a configuration of two providers; its proxy does not run."""
    cli.configure(upstream, upstream)
    return cli
