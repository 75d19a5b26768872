"""What the tests in a browser share with those of commands."""

from __future__ import annotations

from fakes.command_fixtures import upstream

__all__ = ["upstream"]
