"""Runs one target under atheris: `python -m fuzz.engine TARGET` and libFuzzer's arguments. `fuzz/run.py` starts it."""

from __future__ import annotations

import importlib
import sys

import atheris  # type: ignore[import-untyped]


def main() -> None:
    """Run the target that the first argument names."""
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["claude_proxy"]):
        target = importlib.import_module(f"fuzz.targets.{name}")
    atheris.Setup(sys.argv, target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
