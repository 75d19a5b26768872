"""What is wrong with the files that the running proxy writes: it serves without them, and its status says so."""

from __future__ import annotations

from claude_proxy.store.home import Home
from claude_proxy.store.log import LogLedger
from claude_proxy.store.running import Running
from claude_proxy.store.token import exposure, secure_token
from claude_proxy.store.usage_db.writer import UsageLedger


class FileWarnings:
    """The warnings about one home's files. Made before the proxy starts, since it replaces a token that others know."""

    def __init__(self, home: Home, log: LogLedger, usage: UsageLedger) -> None:
        self._home = home
        self._log = log
        self._usage = usage
        self._secured = secure_token(home)
        self._exposed_at_start = exposure(home)
        self._unwritten = ""

    def try_to_write(self, running: Running) -> None:
        """Write where the proxy runs. Without that, commands look for it at the configured address."""
        self._unwritten = ""
        try:
            self._home.state.mkdir(mode=0o700, exist_ok=True)  # it may be removed while the proxy runs
            running.write(self._home.running)
        except OSError as error:
            self._unwritten = f"{self._home.running} cannot be written: {error.strerror or type(error).__name__}"

    def now(self) -> list[str]:
        """Return the warnings, in a sentence each."""
        exposed = exposure(self._home)
        is_new = exposed != self._exposed_at_start  # else it could not be replaced, which is said already
        renewal = f"{exposed}: a restart makes a new one" if exposed and is_new else ""
        texts = self._secured, renewal, self._unwritten, self._log.problem, self._usage.problem
        return [text for text in texts if text]
