"""Which program listens on a port, as far as the system says; it never raises, and takes a few seconds at most."""

from __future__ import annotations

import contextlib
import csv
import errno
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from claude_proxy.cli.background import admin_client
from claude_proxy.cli.background.admin_client import AdminClient
from claude_proxy.cli.output.exit_codes import CommandError, Exit

TAKEN = {errno.EADDRINUSE, 10048}
"""The system's error numbers for a port in use; 10048 is Windows' own (WSAEADDRINUSE)."""
HEALTH_TIMEOUT = 1.0
"""Seconds for a claude-proxy to answer; another program may never do."""
TOOL_TIMEOUT = 3.0
"""Seconds for each of the system's own programs that we run."""
LISTEN = "0A"
"""The state's code in /proc/net/tcp (TCP_LISTEN of Linux's tcp_states.h)."""
SERVE = b"serve"
PROGRAMS = {b"claude_proxy", b"claude-proxy"}
SCRIPT = b"/claude-proxy"
"""How the command lines of proxies call the program: as a package, or as an installed script."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A program that listens on a port."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


def bind(host: str, port: int) -> None:
    """Take an address for a moment. Raises `OSError` if no proxy could listen there."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        if os.name == "posix":  # elsewhere it would take over another program's port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)


def cannot_listen(host: str, port: int, error: OSError) -> CommandError:
    """Return the error of a command if no proxy can listen at the configured address."""
    if error.errno in TAKEN:
        hint = 'Stop it, or choose another port: "proxy_port" in config.json.'
        return CommandError(f"port {port} is used by {describe_listener(host, port)}", code=Exit.PORT_TAKEN, hint=hint)
    hint = 'Correct "host" or "proxy_port" in config.json.'
    return CommandError(f"cannot listen on {host}, port {port}: {error.strerror}", hint=hint)


def describe_listener(host: str, port: int) -> str:
    """Return which program listens at the address that a proxy is configured for, in words."""
    owner = owner_of(port)
    try:
        service = AdminClient(admin_client.reachable(host), port, timeout=HEALTH_TIMEOUT).health().service
    except admin_client.ControlError:
        service = ""
    if service != admin_client.SERVICE:
        return str(owner or "another program (the system does not say which)")
    owner = owner or _find_hidden_proxy()
    return f"the claude-proxy of another home, {owner}" if owner else "the claude-proxy of another home"


def owner_of(port: int) -> Owner | None:
    """Return which program listens on TCP port `port` of this machine; None if that is not known.

    A process of another user is not seen without privileges.
    """
    with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
        if sys.platform == "linux":
            return _ask_proc(port)
        return _ask_netstat(port) if sys.platform == "win32" else _ask_lsof(port)
    return None


def _ask_proc(port: int, proc: Path = Path("/proc")) -> Owner | None:
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port, proc)}
    if not sockets:
        return None
    for folder in proc.glob("[0-9]*"):
        if not sockets.isdisjoint(_open_files(folder)):
            return _describe(folder)
    return None


def _find_hidden_proxy(proc: Path = Path("/proc")) -> Owner | None:
    """Return the one other process of ours that runs `claude-proxy serve`; None if there are more, or none.

    On Linux a proxy does not let other processes of its user see its memory, and with that not its sockets either.
    """
    if sys.platform != "linux":
        return None
    own = str(os.getpid())
    folders = [folder for folder in proc.glob("[0-9]*") if folder.name != own and _serves(folder)]
    return _describe(folders[0]) if len(folders) == 1 else None


def _serves(folder: Path) -> bool:
    with contextlib.suppress(OSError):  # gone meanwhile
        words = (folder / "cmdline").read_bytes().split(b"\0")
        ours = b"\nUid:\t%d\t" % os.getuid() in (folder / "status").read_bytes()
        return ours and SERVE in words and any(word in PROGRAMS or word.endswith(SCRIPT) for word in words)
    return False


def _describe(folder: Path) -> Owner | None:
    with contextlib.suppress(OSError):
        return Owner(int(folder.name), (folder / "comm").read_text(errors="replace").strip())
    return None


def _listening_inodes(port: int, proc: Path) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(FileNotFoundError):
            for row in (proc / "net" / table).read_text().splitlines()[1:]:
                fields = row.split()
                if fields[3] == LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def _open_files(folder: Path) -> Iterator[str]:
    with contextlib.suppress(OSError):  # another user's, or gone meanwhile
        for entry in (folder / "fd").iterdir():
            with contextlib.suppress(OSError):
                yield str(entry.readlink())


def _ask_lsof(port: int) -> Owner | None:
    """Read the field output of lsof: a line `p123` for the pid, then `cname` for the program."""
    output = _run("lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc")
    match = re.search(r"^p(\d+)\nc(.*)$", output, re.MULTILINE)
    return Owner(int(match[1]), match[2]) if match else None


def _ask_netstat(port: int) -> Owner | None:
    """Find the row of a listener by its remote port 0 (the word for its state is in the system's language)."""
    match = re.search(rf"^\s*TCP\s+\S+:{port}\s+\S+:0\s+\S+\s+(\d+)\s*$", _run("netstat", "-ano"), re.MULTILINE)
    if not match:
        return None
    tasks = list(csv.reader(_run("tasklist", "/FI", f"PID eq {match[1]}", "/FO", "CSV", "/NH").splitlines()))
    name = next((row[0] for row in tasks if len(row) > 1 and row[1] == match[1]), "a program")
    return Owner(int(match[1]), name)


def _run(*command: str) -> str:
    done = subprocess.run(  # noqa: S603 - programs of the system, numbers for arguments
        command, capture_output=True, timeout=TOOL_TIMEOUT, check=False, stdin=subprocess.DEVNULL
    )
    return done.stdout.decode(errors="replace")
