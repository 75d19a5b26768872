"""What the guard says to clients that it refuses."""

from __future__ import annotations

import pytest

from claude_proxy.net.guard import Guard

PROGRAM = "/home/me/claude-proxy/.venv/bin/python proxy.py"


@pytest.mark.parametrize(
    ("host", "program"),
    [("127.0.0.1", PROGRAM), ("::1", PROGRAM), ("10.0.0.5", "claude-proxy"), ("::", "claude-proxy")],
)
def test_tells_no_path_to_other_machines(host: str, program: str) -> None:
    refused = Guard(host, "token", PROGRAM).check_token({})
    assert refused is not None
    assert f"`{program} run -- claude`" in refused.body.decode()
