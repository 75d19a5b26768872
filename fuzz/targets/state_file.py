"""state/memory.json: any file is read or put aside, and what was read is written and read again as the same."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from claude_proxy.proxy.gateway import Memory
from claude_proxy.store.state_file import encode_state, read_state

NOW = 1_800_000_000.0


def check(data: bytes) -> None:
    """Check one file."""
    with TemporaryDirectory(prefix="fuzz") as folder:
        path = Path(folder) / "memory.json"
        path.write_bytes(data)
        memory = Memory()
        wrong = read_state(path, memory, NOW)
        assert wrong.replace(str(path), "").isprintable()
        written = encode_state(memory, NOW)
        path.write_bytes(written)
        again = Memory()
        assert read_state(path, again, NOW) == ""
        assert encode_state(again, NOW) == written
