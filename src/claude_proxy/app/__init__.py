"""The composition root: the one place that knows all parts and puts them together.

process.py        the process of `claude-proxy serve`: event loop, signals, the file that says where it runs
process_privacy.py no core dump holds what is in its memory
running_file.py   keeps the file that says where it runs
file_warnings.py  what is wrong with the files that it writes
proxy.py          one running proxy: starts, stops, reloads a changed configuration, reports its status
gateways.py       a configuration → the `Gateway` that requests are served with
events/           the user's command and desktop are told of events
config_watch.py   notices when config.json or .env has changed
"""

from claude_proxy.app.process import ListenError, serve
from claude_proxy.app.proxy import Proxy

__all__ = ["ListenError", "Proxy", "serve"]
