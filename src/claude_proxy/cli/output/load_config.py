"""The configuration, as a command wants it: usable, or a `CommandError` with a line for each fault."""

from __future__ import annotations

import os

from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.cli.shell import activate
from claude_proxy.config.load import Config, ConfigError, load
from claude_proxy.store.home import Home


def load_config(home: Home) -> Config:
    """Return the home's configuration. Raises `CommandError` with everything that is wrong in it."""
    try:
        return load(home.root, activate.ordinary(os.environ))
    except ConfigError as error:
        raise CommandError(*map(str, error.problems), code=Exit.USAGE) from error
