"""A console of Rich that shows no control character of the texts it is given; its own for colours stay."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from claude_proxy.core.text import neutral


class SafeConsole(Console):
    """Shows texts from anywhere: a provider's, a file's, another program's."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render as Rich does, with `?` for each character that a terminal would act on."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(neutral(segment.text), segment.style)
