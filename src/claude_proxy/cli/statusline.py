"""`claude-proxy statusline`: prints the line that Claude Code shows below its prompt.

Claude Code starts it many times a minute. So `python -m claude_proxy statusline` does not load this file, but
`claude_code/statusline_text.py` at once: without click it takes half the time.
"""

from __future__ import annotations

import click

from claude_proxy.cli.claude_code import statusline_text


@click.command(epilog="\b\nExample:\n  claude-proxy statusline")
def statusline() -> int:
    """Print one short line: this terminal's mode, which provider answered, what it cost, and cooldowns.

    Claude Code gives the session on standard input, as JSON; without it the line leaves out what is about the session.
    In a narrow terminal of Claude Code it takes up to three lines. It has colours unless NO_COLOR is set. The exit code
    is always 0. `claude-proxy init statusline` puts this into Claude Code's settings.
    """
    return statusline_text.main()
