"""claude-proxy: Claude Code through alternative providers, with automatic failover.

Start reading at `proxy/exchange.py`: one request from its first byte to its last.
"""

__version__ = "0.1.0"
