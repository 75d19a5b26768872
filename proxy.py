"""`python3 proxy.py …` does what the installed command `claude-proxy …` does, and needs only Python 3.11 and its venv.

The first start makes `.venv` beside this file and installs the pinned packages there; later starts compare the lock
with the copy from then, and go on at once. The file stands alone, uses the standard library only, and keeps
to the syntax of older Pythons, so that they reach the message below.
"""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "claude-proxy needs Python 3.11 or newer; this is Python {}.{} ({}).\n"
        "Start it with a newer one, for example: python3.14 proxy.py".format(*sys.version_info[:2], sys.executable)
    )

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import NoReturn

WINDOWS = os.name == "nt"
PYTHON_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH", "PYTHONNOUSERSITE", "__PYVENV_LAUNCHER__")
ABOUT_INDEX = (
    *("INDEX_URL", "PYPI_URL", "EXTRA_INDEX_URL", "NO_INDEX", "FIND_LINKS", "TRUSTED_HOST"),
    *("CERT", "CLIENT_CERT", "PROXY", "CONFIG_FILE", "KEYRING_PROVIDER", "TIMEOUT"),
    *("DEFAULT_TIMEOUT", "RETRIES", "CACHE_DIR", "NO_CACHE_DIR", "USE_FEATURE"),
)
"""The variables of pip, after PIP_, that say where packages come from. Others can send them to another folder."""
LOCKS = ("runtime", "test", "lint")
"""Files in `requirements/`; each holds all packages of those before it. Others hold those of `runtime`."""


class SetUpError(Exception):
    """`.venv` could not be made; the text says why and what to do about it."""


class Checkout:
    """A folder with the sources and the locks, and the `.venv` that is made in it, unless another one is named.

    `.venv/locks/` is its record: a copy of each lock that is installed, under a line that names the Python. The record
    is removed before anything changes and written last, so an interrupted setup never looks complete.
    """

    def __init__(self, root: Path, venv: str = ".venv") -> None:
        self.root = root
        self.venv = root / venv
        self.python = self.venv / ("Scripts/python.exe" if WINDOWS else "bin/python")
        self._config = ""

    def is_ready(self, name: str) -> bool:
        """Return whether `.venv` was made by this Python and has what the lock `name` asks for."""
        return self.python.exists() and self._recorded(name) == this_python() + self._lock(name)

    def prepare(self, name: str) -> Path:
        """Return the Python of a `.venv` that has what the lock `name` asks for; raises `SetUpError`.

        Two processes that start at once take turns, and the second one has nothing left to do.
        """
        try:
            if not self.is_ready(name):
                with held(self.root / ".venv.lock"):
                    if not self.is_ready(name):
                        self._set_up(name)
        except OSError as error:
            raise SetUpError(f"{self.venv} could not be set up: {error}{owner_hint(self.venv, self.root)}") from None
        return self.python

    def _set_up(self, name: str) -> None:
        import shutil

        whole = self.python.exists() and any(self._recorded(lock).startswith(this_python()) for lock in (*LOCKS, name))
        report("updating .venv …" if whole else "setting up .venv (once, about 10 s) …")
        shutil.rmtree(self.venv / "locks", ignore_errors=True)
        uv = shutil.which("uv")
        if not (uv and self._install_with_uv(uv, name, whole=whole) and self._has_packages(name)):
            self._install_with_pip(name, whole=whole)
        if not self._has_packages(name):
            self._config = os.devnull  # a file of pip's configuration may name another folder
            self._install_with_pip(name, whole=True)
        if not self._has_packages(name):
            raise SetUpError(
                f"pip reported success, but put no packages into {self.venv}.\n"
                "`python3 -m pip config list` shows what sends them elsewhere, such as target or prefix."
            )
        self._link_sources()
        self._record(name)

    def _install_with_uv(self, uv: str, name: str, *, whole: bool) -> bool:
        """Return whether it worked: pip may be configured with an index, a proxy or a certificate, and uv not."""
        if not whole:
            self._clear()
            if self._run(uv, "venv", "--quiet", "--no-project", "--python", sys.executable, str(self.venv)):
                return False
        install = (uv, "pip", "install", "--quiet", "--python", str(self.python))
        return not self._run(*install, "--require-hashes", "-r", str(self._lock_path(name)))

    def _install_with_pip(self, name: str, *, whole: bool) -> None:
        if not (whole and self._has_pip()):
            self._clear()
            check_venv_module()
            output = self._run(sys.executable, "-I", "-m", "venv", str(self.venv))
            if output:
                raise SetUpError(f"Python's venv module could not make {self.venv}:\n{last_lines(output)}")
        install = (str(self.python), "-I", "-m", "pip", "install", "--quiet", "--no-input", "--no-user", "--no-deps")
        output = self._run(*install, "--require-hashes", "-r", str(self._lock_path(name)))
        if output:
            raise SetUpError(
                f"the packages could not be installed. The end of pip's output:\n{last_lines(output)}\n"
                "Installing needs the package index once. Behind a proxy, set HTTPS_PROXY; with a company's own index\n"
                "or certificate, set PIP_INDEX_URL or PIP_CERT. Then start again."
            )

    def _has_pip(self) -> bool:
        """Return whether the venv has pip: one that uv made has none."""
        return not self._run(str(self.python), "-I", "-c", "import pip")

    def _has_packages(self, name: str) -> bool:
        """Return whether `.venv` itself has the packages of a lock, those for some systems alone left out."""
        import re

        wanted = re.findall(r"^([A-Za-z0-9._-]+)==[^;\\\n]*(?:\\|$)", self._lock(name), re.MULTILINE)
        there = {folder.name.split("-")[0] for folder in self._packages().glob("*.dist-info")}
        return {plain_name(each) for each in wanted} <= {plain_name(each) for each in there}

    def _packages(self) -> Path:
        import sysconfig

        base = str(self.venv)
        return Path(sysconfig.get_path("purelib", "venv", {"base": base, "platbase": base}))

    def _clear(self) -> None:
        import shutil

        if self.venv.is_symlink():
            self.venv.unlink()
        elif self.venv.exists():
            shutil.rmtree(self.venv)

    def _link_sources(self) -> None:
        """Let the venv's Python find the package, by a path file: PYTHONPATH would reach every program started."""
        packages = self._packages()
        relative = os.path.relpath(self.root / "src", packages)  # so that the folder can be moved
        (packages / "claude-proxy.pth").write_text(relative + "\n", encoding="utf-8")

    def _record(self, name: str) -> None:
        (self.venv / "locks").mkdir()
        for included in LOCKS[: LOCKS.index(name) + 1] if name in LOCKS else (LOCKS[0], name):
            text = this_python() + self._lock(included)
            (self.venv / "locks" / included).write_text(text, encoding="utf-8")

    def _recorded(self, name: str) -> str:
        try:
            return (self.venv / "locks" / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""

    def _lock(self, name: str) -> str:
        return self._lock_path(name).read_text(encoding="utf-8")

    def _lock_path(self, name: str) -> Path:
        return self.root / "requirements" / f"{name}.txt"

    def _run(self, *command: str) -> str:
        """Run a program to its end; return an empty text if it succeeded, else its output."""
        from subprocess import DEVNULL, PIPE, STDOUT, run

        environment = install_environment(os.environ, self._config)
        done = run(command, cwd=self.root, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, check=False)
        if done.returncode == 0:
            return ""
        return done.stdout.decode("utf-8", "replace").strip() or f"{command[0]} ended with {done.returncode}"


def install_environment(environ: "Mapping[str, str]", config: str) -> "dict[str, str]":
    """Return an environment in which pip and uv put packages into the `.venv` that they are told.

    Their own variables may name another folder (PIP_TARGET, PIP_USER): only those about the way to the index stay, and
    PIP_CONFIG_FILE is `config` unless that is empty. PYTHONHOME would make a Python look for its library elsewhere.
    """
    kept = {
        name: value
        for name, value in environ.items()
        if name.upper() not in PYTHON_VARIABLES
        and (not name.upper().startswith("PIP_") or name.upper()[4:] in ABOUT_INDEX)
    }
    return {**kept, "PIP_CONFIG_FILE": config} if config else kept


def owner_hint(*paths: Path) -> str:
    """Return how to get back what another user owns, as after a start with sudo; empty if that is not the cause."""
    for path in paths:
        if not WINDOWS and path.exists() and path.stat().st_uid != os.geteuid() and not os.access(str(path), os.W_OK):
            return f"\n{path} belongs to another user, as after a start with sudo. Run: sudo chown -R $USER '{path}'"
    return ""


def plain_name(package: str) -> str:
    """Return the name of a package in one spelling: `typing_extensions` is `typing-extensions`."""
    return package.lower().replace("_", "-").replace(".", "-")


def this_python() -> str:
    """Return the line that names this Python; a venv made by another one is replaced.

    On Windows with its folder: the `python.exe` in a venv is a launcher, there even when the Python behind it is gone.
    """
    where = sys.base_prefix if WINDOWS else ""
    return f"{sys.implementation.cache_tag}{getattr(sys, 'abiflags', '')} {sys.platform} {where}\n"


def check_venv_module() -> None:
    """Raise `SetUpError` if this Python came without the modules that make a venv, as Debian's does."""
    from importlib.util import find_spec

    if find_spec("venv") is None or find_spec("ensurepip") is None:
        raise SetUpError(
            "this Python came without its venv module.\n"
            f"On Debian and Ubuntu: apt install python3-venv (or python3.{sys.version_info[1]}-venv). Or install uv."
        )


@contextmanager
def held(path: Path) -> "Iterator[None]":
    """Hold the file's lock, once it is free; the system releases it when a process ends, however it ends."""
    with path.open("a", encoding="utf-8") as file:
        if not try_lock(file.fileno(), wait=False):
            report("another process is setting up .venv; waiting for it …")
            while not try_lock(file.fileno(), wait=True):
                pass
        yield


def try_lock(descriptor: int, *, wait: bool) -> bool:
    """Lock an open file for this process, and return whether it is locked; with `wait`, False only after a while."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError:  # LK_LOCK gives up after ten seconds
            return False
    else:
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        except OSError:  # a disk without locks, as some network drives: nothing to wait for
            report("this disk has no file locks: start only one claude-proxy while .venv is set up.")
    return True


def become(command: "list[str]") -> "NoReturn":
    """Go on as another program, and end with its exit code."""
    if not WINDOWS:
        os.execv(command[0], command)
    import subprocess

    child = subprocess.Popen(command)
    while True:
        try:
            sys.exit(child.wait())
        except KeyboardInterrupt:
            continue  # the child gets the Ctrl-C too, and decides


def last_lines(text: str, count: int = 8) -> str:
    """Return the end of a program's output, indented."""
    return "\n".join(f"  {line}" for line in text.splitlines()[-count:])


def report(text: str) -> None:
    """Print a message on standard error, so that standard output holds only what the command prints."""
    print(f"claude-proxy: {text}", file=sys.stderr, flush=True)


def prepare(name: str, venv: str = ".venv") -> Path:
    """Do as `Checkout.prepare` for this file's folder, and end with a message if it fails.

    The Makefile calls this for the packages of the tests, `make fuzz` for a venv of its own.
    """
    try:
        return Checkout(Path(__file__).resolve().parent, venv).prepare(name)
    except SetUpError as error:
        report(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        report("interrupted; the next start begins again.")
        sys.exit(130)


if __name__ == "__main__":
    # the words that this program was started with, for hints such as `python3 proxy.py stop`
    os.environ["CLAUDE_PROXY_STARTED_AS"] = "\n".join([sys.orig_argv[0] or sys.executable, sys.argv[0]])
    # -E: neither PYTHONHOME nor PYTHONPATH, which are for other Pythons, takes the place of the venv's packages
    options = ["-E"] if os.environ.get("PYTHONHOME") or os.environ.get("PYTHONPATH") else []
    # -P: no module is taken from the folder that the user happens to be in
    become([str(prepare("runtime")), *options, "-P", "-m", "claude_proxy", *sys.argv[1:]])
