"""`claude-proxy statusline`: for Claude Code, which shows the line below its prompt.

Claude Code starts it many times a minute, so `python -m claude_proxy statusline` goes past this file, straight to
`glance`: without click it takes half the time.
"""

from __future__ import annotations

import click

from claude_proxy.cli.claude_code import statusline_text


@click.command(epilog="\b\nExample:\n  claude-proxy statusline")
def statusline() -> int:
    """Print one short line: the mode of this terminal, who answered last in the session, and who rests.

    Claude Code gives the session on standard input, as JSON; without it the line leaves out who answered. The exit
    code is always 0. `claude-proxy init statusline` puts this into Claude Code's settings.
    """
    return statusline_text.main()
