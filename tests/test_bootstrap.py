"""`proxy.py`: how it sets up `.venv`, when it does not, and what it says where it cannot."""

from __future__ import annotations

import ast
import base64
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "proxy.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


bootstrap = load()


class ScriptedInstaller:
    """Takes the place of the programs that `Checkout` runs, makes what they would make, and remembers them."""

    def __init__(self, root: Path) -> None:
        self.checkout = bootstrap.Checkout(root)
        self.ran: list[str] = []
        self.commands: list[tuple[str, ...]] = []
        self.fails_once: dict[str, str] = {}
        self.meanwhile: Callable[[], object] = lambda: None

    def run(self, *command: str) -> str:
        """Do as `Checkout._run`."""
        step = next(word for word in ("venv", "install", "import pip") if word in command)
        self.ran.append(step)
        self.commands.append(command)
        self.meanwhile()
        if step in self.fails_once:
            return self.fails_once.pop(step)
        if step == "venv":
            self.checkout.python.parent.mkdir(parents=True)
            self.checkout.python.touch()
            self.site_packages().mkdir(parents=True)
        return ""

    def site_packages(self) -> Path:
        library = "Lib" if os.name == "nt" else f"lib/python3.{sys.version_info[1]}"
        return Path(self.checkout.venv) / library / "site-packages"


@pytest.fixture
def installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScriptedInstaller:
    (tmp_path / "requirements").mkdir()
    for name in (*bootstrap.LOCKS, "fuzz"):
        (tmp_path / "requirements" / f"{name}.txt").write_text(f"# {name}\n", encoding="utf-8")
    installer = ScriptedInstaller(tmp_path)
    monkeypatch.setattr(installer.checkout, "_run", installer.run)
    monkeypatch.setattr(shutil, "which", lambda _program: None)
    return installer


def test_an_old_python_says_what_is_needed() -> None:
    pretend = "import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_path(sys.argv[1], run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", pretend, str(SOURCE)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("claude-proxy needs Python 3.11 or newer; this is Python 3.9")
    assert "Traceback" not in done.stderr


def test_an_old_python_can_read_the_file() -> None:
    ast.parse(SOURCE.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_the_first_start_sets_up_and_the_second_does_nothing(installer: ScriptedInstaller) -> None:
    python = installer.checkout.prepare("runtime")
    assert python == installer.checkout.python
    assert installer.ran == ["venv", "install"]
    installer.checkout.prepare("runtime")
    assert installer.ran == ["venv", "install"]


def test_the_sources_are_found_from_the_venv_even_when_the_folder_moves(installer: ScriptedInstaller) -> None:
    installer.checkout.prepare("runtime")
    line = (installer.site_packages() / "claude-proxy.pth").read_text(encoding="utf-8").strip()
    assert not Path(line).is_absolute()
    assert (installer.site_packages() / line).resolve() == installer.checkout.root / "src"


def test_a_changed_lock_is_installed_into_the_same_venv(installer: ScriptedInstaller) -> None:
    installer.checkout.prepare("runtime")
    (installer.checkout.root / "requirements" / "runtime.txt").write_text("# newer\n", encoding="utf-8")
    installer.checkout.prepare("runtime")
    assert installer.ran == ["venv", "install", "import pip", "install"]
    assert installer.checkout.is_ready("runtime")


def test_the_lock_of_the_tests_holds_that_of_the_proxy(installer: ScriptedInstaller) -> None:
    installer.checkout.prepare("test")
    assert installer.checkout.is_ready("runtime")
    assert not installer.checkout.is_ready("lint")


def test_the_fuzzer_has_a_venv_of_its_own(installer: ScriptedInstaller, monkeypatch: pytest.MonkeyPatch) -> None:
    installer.checkout.prepare("lint")
    tests, installer.checkout = installer.checkout, bootstrap.Checkout(installer.checkout.root, ".cache/fuzz-venv")
    monkeypatch.setattr(installer.checkout, "_run", installer.run)
    python = installer.checkout.prepare("fuzz")
    assert installer.ran == ["venv", "install"] * 2
    assert python.is_relative_to(tests.root / ".cache" / "fuzz-venv")
    assert installer.checkout.is_ready("fuzz")
    assert not installer.checkout.is_ready("lint")
    assert tests.is_ready("lint")


@pytest.mark.parametrize("damage", ["python is gone", "interrupted", "made by another Python", "record is damaged"])
def test_replaces_a_broken_venv(installer: ScriptedInstaller, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = installer.checkout
    checkout.prepare("runtime")
    left_over = installer.site_packages() / "half_a_package"
    left_over.touch()
    match damage:
        case "python is gone":
            checkout.python.unlink()
        case "interrupted":
            shutil.rmtree(checkout.venv / "locks")
        case "record is damaged":
            (checkout.venv / "locks" / "runtime").write_bytes(b"\xff\xfe")
        case _:
            monkeypatch.setattr(bootstrap, "this_python", lambda: "cpython-399 linux\n")
    checkout.prepare("runtime")
    assert installer.ran[2:] == ["venv", "install"]
    assert not left_over.exists()
    assert checkout.is_ready("runtime")


def test_an_interrupted_setup_is_not_complete(installer: ScriptedInstaller) -> None:
    checkout = installer.checkout
    checkout.prepare("runtime")
    (checkout.root / "requirements" / "runtime.txt").write_text("# newer\n", encoding="utf-8")

    def interrupt() -> None:
        raise KeyboardInterrupt

    installer.meanwhile = interrupt
    with pytest.raises(KeyboardInterrupt):
        checkout.prepare("runtime")
    (checkout.root / "requirements" / "runtime.txt").write_text("# runtime\n", encoding="utf-8")
    assert not checkout.is_ready("runtime")


def test_of_two_starts_at_once_one_sets_up_and_the_other_waits(
    installer: ScriptedInstaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work, waiting = threading.Event(), threading.Event()
    monkeypatch.setattr(bootstrap, "report", lambda text: waiting.set() if "another process" in text else None)

    def hold_up() -> None:
        at_work.set()
        assert waiting.wait(30)

    installer.meanwhile = hold_up
    first = threading.Thread(target=installer.checkout.prepare, args=["runtime"])
    first.start()
    assert at_work.wait(30)
    installer.checkout.prepare("runtime")
    first.join()
    assert installer.ran == ["venv", "install"]


def test_uses_uv_if_it_is_installed(installer: ScriptedInstaller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", {"uv": "/somewhere/uv"}.get)
    monkeypatch.setattr(installer.checkout, "_install_with_pip", lambda *_a, **_k: pytest.fail("pip was used"))
    installer.checkout.prepare("runtime")
    assert installer.ran == ["venv", "install"]


def test_pip_takes_over_if_uv_fails(installer: ScriptedInstaller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", {"uv": "/somewhere/uv"}.get)
    installer.fails_once["install"] = "error: no such index"
    installer.checkout.prepare("runtime")
    assert installer.ran == ["venv", "install", "venv", "install"]


@pytest.mark.parametrize("installed", [{}, {"uv": "/somewhere/uv"}], ids=["pip", "uv"])
def test_installs_no_package_without_its_hash(
    installer: ScriptedInstaller, installed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", installed.get)
    installer.checkout.prepare("runtime")
    assert "--require-hashes" in installer.commands[-1]


def test_a_failed_install_shows_the_end_of_pips_output(installer: ScriptedInstaller) -> None:
    installer.fails_once["install"] = "\n".join(["noise"] * 50 + ["ERROR: No matching distribution found for click"])
    with pytest.raises(bootstrap.SetUpError) as failure:
        installer.checkout.prepare("runtime")
    text = str(failure.value)
    assert "ERROR: No matching distribution found for click" in text
    assert "HTTPS_PROXY" in text
    assert len(text.splitlines()) < 15
    installer.checkout.prepare("runtime")
    assert installer.checkout.is_ready("runtime")


def test_a_python_without_venv_names_the_package_to_install(
    installer: ScriptedInstaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(bootstrap.SetUpError, match="apt install python3-venv"):
        installer.checkout.prepare("runtime")


def test_a_folder_that_cannot_be_written_is_named(installer: ScriptedInstaller) -> None:
    (installer.checkout.root / ".venv.lock").mkdir()
    with pytest.raises(bootstrap.SetUpError, match="could not be set up"):
        installer.checkout.prepare("runtime")


def test_passes_the_exit_code_on_if_processes_cannot_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "WINDOWS", True)
    with pytest.raises(SystemExit) as end:
        bootstrap.become([sys.executable, "-c", "raise SystemExit(7)"])
    assert end.value.code == 7


def test_ctrl_c_leaves_the_end_to_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    class Child:
        waits = 0

        def wait(self) -> int:
            self.waits += 1
            if self.waits == 1:
                raise KeyboardInterrupt
            return 3

    monkeypatch.setattr(bootstrap, "WINDOWS", True)
    monkeypatch.setattr(subprocess, "Popen", lambda _command: Child())
    with pytest.raises(SystemExit) as end:
        bootstrap.become(["child"])
    assert end.value.code == 3


def test_a_real_start_installs_a_locked_wheel_and_passes_everything_on(tmp_path: Path) -> None:
    """Nothing is scripted here: Python's own venv and pip, without a network, in a folder with a space in its name."""
    root, environment = make_clone(tmp_path)
    first, second = start(root, environment), start(root, environment)
    assert first.stderr == "claude-proxy: setting up .venv (once, about 10 s) …\n"
    assert second.stderr == ""
    assert first.stdout == second.stdout == "from the wheel ['say', 'two words']\n"
    assert first.returncode == second.returncode == 7


@pytest.mark.skipif(os.name == "nt", reason="the settings here are those of POSIX systems")
@pytest.mark.parametrize("through", ["variables", "a file of pip's"])
def test_settings_of_pip_and_python_for_other_folders_do_no_harm(tmp_path: Path, through: str) -> None:
    root, environment = make_clone(tmp_path)
    other = tmp_path / "other"
    if through == "variables":
        names = ["PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONUSERBASE"]
        environment |= {name: str(other) for name in names}
        environment |= {"PIP_USER": "1", "PIP_REQUIRE_VIRTUALENV": "1", "PIP_DRY_RUN": "1", "PIP_PYTHON": "/no/python"}
        environment |= {"PYTHONHOME": sys.base_prefix, "PYTHONPATH": str(tmp_path / "broken")}
        (tmp_path / "broken").mkdir()
        (tmp_path / "broken" / "locked_wheel.py").write_text("raise ImportError\n", encoding="utf-8")
    else:
        (tmp_path / "pip.conf").write_text(f"[install]\ntarget = {other}\n", encoding="utf-8")
        environment["PIP_CONFIG_FILE"] = str(tmp_path / "pip.conf")
    done = start(root, environment)
    assert (done.returncode, done.stdout) == (7, "from the wheel ['say', 'two words']\n"), done.stderr
    assert "Traceback" not in done.stderr
    assert start(root, environment).stderr == ""


def test_packages_that_land_elsewhere_are_no_success(
    installer: ScriptedInstaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    (installer.checkout.root / "requirements" / "runtime.txt").write_text(
        "click==8.5.1 \\\n    --hash=sha256:0\ncolorama==1 ; sys_platform == 'win32' \\\n    --hash=sha256:1\n",
        encoding="utf-8",
    )
    with pytest.raises(bootstrap.SetUpError, match="put no packages into"):
        installer.checkout.prepare("runtime")
    assert not installer.checkout.is_ready("runtime")
    installed = installer.site_packages() / "click-8.5.1.dist-info"

    def install() -> None:
        if installer.checkout.python.exists():
            installed.mkdir()

    installer.meanwhile = install
    installer.checkout.prepare("runtime")
    assert installer.checkout.is_ready("runtime")


def test_a_python_without_the_packages_says_so_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise ModuleNotFoundError(name='click')\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT / "src")])}
    command = [sys.executable, "-m", "claude_proxy", "version"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "lacks the package click, which claude-proxy needs." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has locks on every disk")
def test_a_disk_without_locks_is_no_hindrance(installer: ScriptedInstaller, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl  # noqa: PLC0415 - there is none on Windows

    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    told: list[str] = []
    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(bootstrap, "report", told.append)
    installer.checkout.prepare("runtime")
    assert installer.checkout.is_ready("runtime")
    assert any("this disk has no file locks" in text for text in told)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such owners")
def test_a_clone_that_another_user_owns_is_named(installer: ScriptedInstaller, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    owner = os.geteuid()
    monkeypatch.setattr(bootstrap, "held", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(bootstrap.SetUpError, match="sudo chown -R"):
        installer.checkout.prepare("runtime")


def make_clone(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """Make a clone whose program prints a word of a locked wheel; return it with an environment that has that wheel."""
    root = tmp_path / "a clone"
    package = root / "src" / "claude_proxy"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "import sys, locked_wheel\nprint(locked_wheel.WORD, sys.argv[1:])\nsys.exit(7)\n", encoding="utf-8"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "locked_wheel.py").write_text("WORD = 'taken from the working folder'\n", encoding="utf-8")
    wheel = make_wheel(tmp_path / "wheels")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (root / "requirements").mkdir()
    (root / "requirements" / "runtime.txt").write_text(f"locked-wheel==1.0 --hash=sha256:{digest}\n", encoding="utf-8")
    shutil.copy(SOURCE, root)
    environment = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP", "TMPDIR") if name in os.environ}
    environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheel.parent.as_uri(), "PATH": ""}
    return root, environment


def start(root: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "proxy.py"), "say", "two words"]
    folder = root.parent / "elsewhere"
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def make_wheel(folder: Path) -> Path:
    """Make a wheel of one module in the folder, as small as pip takes it."""
    folder.mkdir()
    path = folder / "locked_wheel-1.0-py3-none-any.whl"
    about = "locked_wheel-1.0.dist-info"
    files = {
        "locked_wheel.py": "WORD = 'from the wheel'\n",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: locked-wheel\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},sha256={record_hash(text)},{len(text)}\n" for name, text in files.items())
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{about}/RECORD", record + f"{about}/RECORD,,\n")
    return path


def record_hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
