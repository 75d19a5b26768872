"""claude-proxy: Claude Code through alternative providers, with automatic failover.

Start reading at `proxy/exchange.py`: one request from its first byte to its last.

core/         values and decisions, without input or output
proxy/        the way of one request
store/        what is kept on disk
net/          the side towards clients, and the HTTP client towards providers
config/       settings, known providers and keys
app/          the composition root
cli/          the commands
__main__.py   `python -m claude_proxy`
"""

__version__ = "0.1.0"
