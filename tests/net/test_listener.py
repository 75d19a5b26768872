"""The limit on open files is raised to what the user may have."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import resource
from claude_proxy.net import listener
def limits():
    return resource.getrlimit(resource.RLIMIT_NOFILE)
hard = limits()[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
listener.WANTED_DESCRIPTORS = 100
listener.raise_descriptor_limit()
assert limits() == (100, hard), limits()
listener.WANTED_DESCRIPTORS = 80
listener.raise_descriptor_limit()
assert limits() == (100, hard), limits()
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 90))
listener.WANTED_DESCRIPTORS = 100
listener.raise_descriptor_limit()
assert limits() == (90, 90), limits()
print("done")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_the_limit_on_open_files_is_raised_as_far_as_it_goes() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ended = subprocess.run([sys.executable, "-c", SCRIPT], check=False, capture_output=True, text=True, env=environment)
    assert (ended.stdout.strip(), ended.stderr) == ("done", "")
