"""A process's CPU time and memory (from Linux' /proc), and a description of the machine."""

from __future__ import annotations

import os
import platform
import re
import resource
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process's threads have used, user and system; exact to nanoseconds, unlike `stat`."""
    tasks = (_PROC / str(pid) / "task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def resident_bytes(pid: int) -> int:
    """Return how much memory a process holds (RSS)."""
    return int(_field(_PROC / str(pid) / "status", "VmRSS").split()[0]) * 1024


def allow_many_files() -> None:
    """Raise the limit of open files, for the programs that are started as well."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def description() -> str:
    """Describe the machine, without a host name or a path."""
    model = _field(_PROC / "cpuinfo", "model name")
    memory = int(_field(_PROC / "meminfo", "MemTotal").split()[0]) / 1024**2
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GB of memory, {system}, Python {platform.python_version()}"


def _field(path: Path, name: str) -> str:
    match = re.search(rf"^{name}\s*: *(.*)$", path.read_text(), re.MULTILINE)
    return match[1] if match else "0 (unknown)"
