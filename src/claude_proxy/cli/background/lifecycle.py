"""The one proxy of a home, seen from the commands: found, started in the background, waited for."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from claude_proxy.cli.background import admin_client, processes
from claude_proxy.cli.background.admin_client import AdminClient, UnknownError
from claude_proxy.cli.background.processes import until
from claude_proxy.cli.output.exit_codes import ERROR, CommandError, Exit, describe_os_error
from claude_proxy.cli.output.program import STARTED_AS, invocation, start_command, started_as
from claude_proxy.core.egress import EXTRA_CA_VARIABLE, OPENSSL_VARIABLES
from claude_proxy.core.text import neutral, printable
from claude_proxy.store.home import HOME_VARIABLE, Home
from claude_proxy.store.lock import LockError, exclusive, holder
from claude_proxy.store.own_files import open_own, read_own
from claude_proxy.store.running import Running, clear
from claude_proxy.store.token import installation_token

START_TIMEOUT = 10.0
"""Seconds for a new proxy to answer; it takes a fraction of one."""
RECORD_TIMEOUT = 1.0
"""Seconds for it to write where it runs. After that it may have been unable to."""
LOCK_TIMEOUT = 3 * START_TIMEOUT
"""Seconds to wait for another `start` of the same home."""
LOCK_CHECK_SECONDS = 0.5
"""Longer than `is_served` holds the lock that it checks."""
MAX_ERROR_LINES = 20
MAX_ERROR_BYTES = 65_536
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}
"""A disk that is full, or cannot be written."""
_ANOTHER_DISK = f"Set {HOME_VARIABLE} to a folder on a disk of this machine, and move config.json and .env there."


def find(home: Home) -> Running | None:
    """Return the home's proxy if it takes requests, else None: then a state file, if there is one, is stale.

    Raises `CommandError` if it runs and gives no answer, or if the home cannot be read.
    """
    return _find_recorded(home) or _find_unrecorded(home)


def require(home: Home) -> Running:
    """Return the home's proxy. Raises `CommandError` as `find` does, and if none runs."""
    if running := find(home):
        return running
    raise CommandError(
        f"claude-proxy is not running (home: {neutral(str(home.root))})",
        hint=f"Start it with: {start_command(os.environ)}",
    )


def _find_recorded(home: Home) -> Running | None:
    """Return the proxy that the home's state file names, if it answers."""
    running = Running.read(home.running)
    if running is None:
        _check_reachable(home)
        return None
    try:
        return running if AdminClient.of(running).health().instance == running.instance else None
    except admin_client.SilentError as error:
        if not is_served(home):
            return None
        raise CommandError(
            f"the proxy (pid {running.pid}) does not answer",
            hint=f"`{invocation('stop --force')}` ends its process.",
        ) from error
    except admin_client.ControlError:
        return None


def _find_unrecorded(home: Home) -> Running | None:
    """Return a proxy that serves this home though no state file names it."""
    if not is_served(home) or _recorded_alive(home):
        return None
    from claude_proxy.cli.background.unrecorded import find_at_configured_address  # noqa: PLC0415 - rare, and slow

    return find_at_configured_address(home)


def _check_reachable(home: Home) -> None:
    """Raise `CommandError` if the home cannot show whether a proxy runs: no folder, or one that we may not enter."""
    try:
        home.running.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unusable(home, error) from error


def _unusable(home: Home, error: OSError) -> CommandError:
    hint = f"Set {HOME_VARIABLE} to another folder."
    return CommandError(f"{home.root} cannot be used: {error.strerror}", code=Exit.USAGE, hint=hint)


def find_draining(home: Home) -> Running | None:
    """Return the home's proxy if it runs and takes no requests: it still finishes those that it has, for example.

    Without its state file, the lock names its process: then only the pid is known.
    """
    if not is_served(home):
        return None
    if running := _recorded_alive(home):
        return running
    pid = holder(_lock(home))
    return Running.unaddressed(pid) if pid and processes.alive(pid) else None


def _recorded_alive(home: Home) -> Running | None:
    """Return the proxy that the state file names, if its process runs."""
    running = Running.read(home.running)
    return running if running and processes.alive(running.pid) else None


@contextlib.contextmanager
def claim(home: Home) -> Iterator[None]:
    """Be the home's one proxy while the block runs. Raises `CommandError` if another process is.

    The lock shows even a proxy that no longer listens, and unlike a file with a pid it never outlives its process.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(exclusive(_lock(home), LOCK_CHECK_SECONDS, name_holder=True))
        except TimeoutError:
            raise _already_served(home) from None
        except OSError as error:
            raise cannot_lock(_lock(home), error) from error
        with contextlib.suppress(OSError):  # a disk that cannot be written
            clear(home.running)  # stale: its process is gone
        yield


def is_served(home: Home) -> bool:
    """Whether a process is this home's proxy now."""
    if not _lock(home).exists():  # no proxy was ever started; looking makes no file
        return False
    try:
        with exclusive(_lock(home), 0):
            return False
    except TimeoutError:
        return True
    except OSError:  # there is no such folder
        return False


def cannot_lock(path: Path, error: OSError) -> CommandError:
    """Return what to raise if one of the home's files cannot be locked."""
    hint = f"Its disk has no file locks. {_ANOTHER_DISK}" if isinstance(error, LockError) else ""
    return CommandError(f"{path} cannot be locked: {error.strerror}", hint=hint)


def _lock(home: Home) -> Path:
    return home.state / "serve.lock"


def _already_served(home: Home) -> CommandError:
    if running := find(home):
        return CommandError(f"the proxy already runs, at {AdminClient.of(running).url} (pid {running.pid})")
    pid = holder(_lock(home))
    process = f" (pid {pid})" if pid else ""
    return CommandError(
        f"the proxy of this home{process} is just starting, or still finishes the requests that it has",
        hint=f"`{invocation('stop')}` waits for its end, `{invocation('stop --force')}` cuts its requests.",
    )


def ensure(home: Home) -> tuple[Running, bool]:
    """Return the home's proxy, started now if necessary, and whether it was.

    Commands that ask at the same time start one proxy. Raises `CommandError`.
    """
    prepare(home)
    try:
        with exclusive(home.state / "start.lock", LOCK_TIMEOUT):
            if (running := find(home)) is None:
                return _launch(home)
            _check_access(home, running)
            return running, False
    except TimeoutError:
        raise CommandError("another command is still starting the proxy; try again") from None
    except LockError as error:
        raise cannot_lock(home.state / "start.lock", error) from error
    except OSError as error:
        raise CommandError(f"the proxy cannot be started: {describe_os_error(error)}") from error


def prepare(home: Home) -> None:
    """Make the home's folders. Raises `CommandError`."""
    try:
        home.prepare()
    except OSError as error:
        raise _unusable(home, error) from error


def token_of(home: Home) -> str:
    """Return the home's token, made now if there is none. Raises `CommandError`."""
    try:
        return installation_token(home)
    except LockError as error:
        raise cannot_lock(Path(error.filename), error) from error
    except OSError as error:
        raise CommandError(f"the token of this home cannot be read or made: {describe_os_error(error)}") from error


def _check_access(home: Home, running: Running) -> None:
    """Raise `CommandError` if the proxy does not accept this home's token: it was removed or replaced since."""
    proxy = AdminClient.of(running, token_of(home))
    try:
        proxy.status()
    except admin_client.ControlError as error:
        raise status_error(proxy, error) from error


def status_error(proxy: AdminClient, error: Exception) -> CommandError:
    """Return the error of a command if a running proxy does not give its status."""
    if isinstance(error, UnknownError):
        return CommandError(
            f"the proxy at {proxy.url} can't answer: {error}", hint=f"`{invocation('restart')}` fixes that."
        )
    return CommandError(
        f"the proxy at {proxy.url} does not give its status: {error}",
        hint=f"`{invocation('restart --force')}` fixes that.",
    )


def _launch(home: Home) -> tuple[Running, bool]:
    errors = home.state / "serve.err"
    process = _spawn(home, errors)

    unrecorded_from = time.monotonic() + RECORD_TIMEOUT

    def outcome() -> Running | int | None:
        look = _find_recorded if time.monotonic() < unrecorded_from else find
        return look(home) or process.poll()

    match until(outcome, START_TIMEOUT):
        case Running() as running:
            process.returncode = 0  # as if it had ended: it goes on alone on purpose, and Python would warn of that
            return running, True
        case int(code):
            if other := find(home):  # a `serve` in another terminal
                return other, False
            raise _failed(home, code, errors)
        case _:
            process.kill()
            raise CommandError(
                f"the proxy did not answer within {START_TIMEOUT:.0f} s", hint=f"{home.log} may say why."
            )


def _spawn(home: Home, errors: Path) -> subprocess.Popen[bytes]:
    """Start `serve` so that it outlives this command and its terminal; its output goes to a private file."""
    options = ["-E"] if sys.flags.ignore_environment else []  # as this process was started
    command = [sys.executable, *options, "-P", "-m", "claude_proxy", "serve"]
    with os.fdopen(_open_output(errors), "wb") as file:
        return subprocess.Popen(  # noqa: S603 - this same program
            command,
            cwd=home.root,
            env=_environment(home),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            **_detached(),
        )


def _open_output(path: Path) -> int:
    """Make the file for what `serve` prints; where the disk cannot be written, the null device takes its place."""
    try:
        path.unlink(missing_ok=True)
        return open_own(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND)
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        return os.open(os.devnull, os.O_WRONLY)


def _detached() -> dict[str, Any]:
    """Return what keeps the new process from ending with our terminal, or with a Ctrl-C in it.

    On Windows a hidden console of its own and not DETACHED_PROCESS: without any console, the Python that a venv's
    launcher starts would open a window.
    """
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _environment(home: Home) -> dict[str, str]:
    """Return our environment with its relative paths made absolute: the new process runs in another folder."""
    environment = dict(os.environ)
    environment[HOME_VARIABLE] = str(home.root)
    environment[STARTED_AS] = started_as()
    for name in ("PYTHONPATH", EXTRA_CA_VARIABLE, *OPENSSL_VARIABLES):
        if paths := environment.get(name):
            parts = [str(Path(part).absolute()) for part in paths.split(os.pathsep) if part]
            environment[name] = os.pathsep.join(parts)
    return environment


def _failed(home: Home, code: int, errors: Path) -> CommandError:
    """Return what the new proxy printed as our own error; if that is nothing, whether the token is the reason."""
    printed = _read_output(errors).decode(errors="replace").splitlines()
    lines = [printable(line) for line in printed if line.strip()][-MAX_ERROR_LINES:]
    if not lines:
        token_of(home)  # on a full disk there is none yet, and this says so
    messages = [line.removeprefix(ERROR) for line in lines if line.startswith(ERROR)]
    nothing = f"It could not say why, as on a full disk. `{invocation('serve')}` shows it in this terminal."
    return CommandError(
        *(messages or [f"the proxy ended at once, with exit code {code}"]),
        code=code if code > 0 else Exit.FAILED,
        hint="\n".join(line for line in lines if not line.startswith(ERROR)) if lines else nothing,
    )


def _read_output(path: Path) -> bytes:
    try:
        return read_own(path, MAX_ERROR_BYTES) or b""
    except OSError:  # there was no place for it
        return b""


def has_ended(home: Home, running: Running) -> bool:
    """Whether this proxy has ended: it removed its state file or was killed, and released the home's lock."""
    ended = Running.read(home.running) != running or not processes.alive(running.pid)
    return ended and not is_served(home)
