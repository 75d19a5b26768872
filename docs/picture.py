"""Make docs/demo.svg anew, the README's picture: the demo's real output, as the demo gives it now."""

from __future__ import annotations

import asyncio
import io
import re
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from claude_proxy.cli.demo import PORT, play

PICTURE = Path(__file__).with_name("demo.svg")
WIDTH = 92
FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""Without the fonts that rich would have the reader's browser fetch from elsewhere."""


def main() -> int:
    """Play the demo, and save what it shows. Returns the exit code."""
    out = Console(
        record=True, file=io.StringIO(), width=WIDTH, force_terminal=True, color_system="truecolor", highlight=False
    )
    code = asyncio.run(play(out, once=True))
    picture = out.export_svg(title="claude-proxy demo", code_format=FORMAT, unique_id="demo")
    if f"127.0.0.1:{PORT}" not in picture:
        sys.exit(f"Port {PORT} is taken; free it, so that the picture shows the usual one.")
    PICTURE.write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n", encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
