"""Claude Code's own settings files, custom headers and status line."""
