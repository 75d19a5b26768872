"""`make fuzz`: run the targets under atheris, one after the other, and keep what they find in `.cache/fuzz/`.

Needs Linux on x86_64 with CPython and glibc: that is what atheris has packages for.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Final

import proxy

ROOT: Final = Path(__file__).resolve().parents[1]
CORPUS: Final = ROOT / "fuzz" / "corpus"
FOUND: Final = ROOT / ".cache" / "fuzz"
TARGETS: Final = tuple(sorted(path.stem for path in (ROOT / "fuzz" / "targets").glob("*.py")))
VENV: Final = ".cache/fuzz-venv"
"""Not the tests' own: its packages must not change under them."""

MAX_INPUT_BYTES: Final = 4096
MAX_INPUT_SECONDS: Final = 10
"""What takes an input longer is a finding."""


def why_not() -> str:
    """Return why this machine can't run atheris; an empty text if it can."""
    system = (sys.platform, platform.machine(), platform.python_implementation(), platform.libc_ver()[0])
    if system == ("linux", "x86_64", "CPython", "glibc") and sys.version_info < (3, 15):
        return ""
    return (
        f"atheris, the fuzzer, has no package for {' '.join(filter(None, system))}, "
        f"Python {platform.python_version()}. It needs Linux on x86_64 with glibc and CPython 3.11 to 3.14. "
        "Everywhere else, `make test` checks the targets with their corpus."
    )


def run(python: Path, target: str, seconds: int) -> bool:
    """Run one target; return whether nothing was found."""
    found, crashes = FOUND / "corpus" / target, FOUND / "crashes" / target
    found.mkdir(parents=True, exist_ok=True)
    crashes.mkdir(parents=True, exist_ok=True)
    print(f"\n=== {target}, {seconds} s", flush=True)
    options = {
        "max_total_time": seconds,
        "max_len": MAX_INPUT_BYTES,
        "timeout": MAX_INPUT_SECONDS,
        "artifact_prefix": f"{crashes}{os.sep}",
        "verbosity": 0,
    }
    command = [str(python), "-P", "-m", "fuzz.engine", target, str(found), str(CORPUS / target)]
    command += [f"-{name}={value}" for name, value in options.items()]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode == 0


def main() -> int:
    """Run the targets that are named, or all. Returns 1 if one of them found something, 3 if none can run here."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"one of {', '.join(TARGETS)}; default: all")
    parser.add_argument("--time", type=int, default=300, help="seconds for all targets together")
    options = parser.parse_args()
    targets = options.targets or TARGETS
    if unknown := set(targets) - set(TARGETS):
        parser.error(f"no target is named {', '.join(sorted(unknown))}; choose from {', '.join(TARGETS)}")
    if reason := why_not():
        print(f"make fuzz: {reason}")
        return 3
    python = proxy.prepare("fuzz", VENV)
    failed = [target for target in targets if not run(python, target, max(1, options.time // len(targets)))]
    for target in failed:
        print(
            f"\n{target}: found something. Copy its file from {FOUND / 'crashes' / target} to fuzz/corpus/{target}/, "
            "under a name that says what it is: `make test ARGS=tests/test_fuzz_corpus.py` replays it."
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
