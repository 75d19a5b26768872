"""Types of options whose errors are in plain words; click calls these "a valid integer range"."""

from __future__ import annotations

import click


class WholeNumber(click.IntRange):
    """A whole number, between limits if they are given."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number, or fail with a message to the user."""
        try:
            number = int(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a whole number.", param, ctx)
        return int(super().convert(number, param, ctx))
