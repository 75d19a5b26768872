"""The shape of the code: who may import whom, what the core knows of the world, and how long a file may be."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "claude_proxy"
LAYERS = (
    ("core",),
    ("proxy",),
    ("store",),
    ("net", "config"),
    ("app",),
    ("cli",),
    ("__main__",),
)
"""From the inside out. A part imports from the layers before its own, and from itself."""

WORLD = {"asyncio", "socket", "ssl", "select", "selectors", "os", "io", "pathlib", "shutil", "tempfile", "sqlite3"}
WORLD |= {"time", "random", "secrets", "uuid", "logging", "subprocess", "threading", "signal", "platform", "http"}
"""What the core must not know: the network, files, the clock, chance, logs, other processes."""

CLOCK = {"now", "today", "utcnow"}
LIBRARIES_OF_THE_CORE = {"msgspec"}
MAX_LINES = 400
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}

MODULES = sorted(PACKAGE.rglob("*.py"))
SOURCES = sorted(
    path for folder in ("src", "tests", "bench", "docs", "fuzz", "prices") for path in (ROOT / folder).rglob("*.py")
)
PACKAGES = sorted(path.parent for path in PACKAGE.rglob("__init__.py"))
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def layer_of(part: str) -> int:
    """Return the number of the layer that a part of the package is in; fails the test where it has none yet."""
    for number, parts in enumerate(LAYERS):
        if part in parts:
            return number
    pytest.fail(f"claude_proxy.{part} is in no layer: give it its place in LAYERS")


def part_of(module: Path) -> str:
    """Return the part of the package that a file belongs to: `core` for `core/sse.py`, `ports` for `proxy/ports.py`."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(module: Path) -> Iterator[str]:
    """Yield the dotted name of everything that a file imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_imports_go_inwards() -> None:
    modules = [module for module in MODULES if part_of(module) != "__init__"]
    assert modules
    assert not [f"{name_of(module)} imports {name}" for module in modules for name in imports_outwards(module)]


def imports_outwards(module: Path) -> Iterator[str]:
    """Yield what a file imports of a part that is not in a layer before its own."""
    own = part_of(module)
    layer = layer_of(own)
    for name in imports(module):
        package, _, rest = name.partition(".")
        part = rest.partition(".")[0]
        if package == "claude_proxy" and part not in {own, "__version__"} and layer_of(part) >= layer:
            yield name


def modules_imported(module: Path) -> Iterator[Path]:
    """Yield the files of this package that a file imports from; a package counts as its `__init__`."""
    for name in set(imports(module)):
        package, *parts = name.split(".")
        if package == "claude_proxy":
            path = PACKAGE.joinpath(*parts)
            places = path.with_suffix(".py"), path / "__init__.py", path.parent.with_suffix(".py")
            yield from [place for place in (*places, path.parent / "__init__.py") if place.is_file()][:1]


CORE = [module for module in MODULES if part_of(module) == "core"]


def test_no_modules_of_the_core_import_each_other_in_a_circle() -> None:
    waiting = {module: set(modules_imported(module)) & set(CORE) for module in CORE}
    assert sum(map(len, waiting.values())) > len(CORE)
    while free := [module for module, needed in waiting.items() if not needed]:
        for module in free:
            del waiting[module]
        for needed in waiting.values():
            needed.difference_update(free)
    assert not {name_of(module): sorted(map(name_of, needed)) for module, needed in waiting.items()}


ABOVE_RULES = {"adapt", "explanation", "selection"}
"""Modules directly in the core that may import from `adaptation/` or `learning/`: they apply or describe rules."""


@pytest.mark.parametrize("package", ["adaptation", "learning"])
def test_only_these_modules_of_the_core_import_the_rules(package: str) -> None:
    plain = [module for module in CORE if module.parent == PACKAGE / "core" and module.stem not in ABOVE_RULES]
    assert not {module.stem for module in plain for name in imports(module) if f".core.{package}" in name}


@pytest.mark.parametrize("module", CORE, ids=name_of)
def test_the_core_knows_nothing_of_the_world(module: Path) -> None:
    tops = {name.partition(".")[0] for name in imports(module)} - {"claude_proxy"}
    assert not tops & WORLD
    assert tops - set(sys.stdlib_module_names) <= LIBRARIES_OF_THE_CORE
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            assert node.attr not in CLOCK, f"line {node.lineno} reads the clock: time is handed in"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"open", "print", "input"}, f"line {node.lineno}"


def test_a_file_has_one_subject() -> None:
    files = [*SOURCES, ROOT / "proxy.py"]
    lines = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert not {name: count for name, count in lines.items() if count > MAX_LINES}
    assert not [name_of(path) for path in files if path.stem in EMPTY_NAMES]


@pytest.mark.parametrize("package", PACKAGES, ids=name_of)
def test_a_packages_map_names_all_its_files(package: Path) -> None:
    """The map is the docstring of `__init__.py`: `name.py` anywhere in it, or names in the first column of a line."""
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) or ""
    files = {path.removesuffix(".py") for path in re.findall(r"[\w/]+\.py\b", text)}
    assert not [name for name in files if not any(package.rglob(f"{name}.py"))]
    columns = [re.split(r" {2,}| → ", line.strip())[0] for line in text.splitlines()]
    named = files | {name.strip("/ ") for column in columns for name in column.split(",")}
    inside = {path.stem for path in package.glob("*.py")} | {path.parent.name for path in package.glob("*/__init__.py")}
    assert not inside - named - {"__init__"}


def test_the_names_of_test_files_are_unique() -> None:
    """They are imported by their names alone."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("lock", LOCKS, ids=name_of)
def test_a_lock_holds_hashes_and_no_addresses(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    for requirement in text.replace("\\\n", " ").splitlines():
        assert "==" in requirement
        assert "--hash=sha256:" in requirement


def test_each_lock_holds_those_before_it() -> None:
    """One lock is all that is installed for the tests, or for lint, with the versions that the proxy runs on."""
    names = ("runtime", "otel", "test", "lint")
    runtime, otel, test, lint = (set(pins(ROOT / "requirements" / f"{name}.txt")) for name in names)
    assert runtime < otel < test < lint
    assert runtime < set(pins(ROOT / "requirements" / "fuzz.txt"))
    assert runtime < set(pins(ROOT / "requirements" / "prices.txt"))


def test_the_package_of_the_prices_is_only_in_its_own_lock() -> None:
    holding = [lock.stem for lock in LOCKS if any(pin.startswith("genai-prices==") for pin in pins(lock))]
    assert holding == ["prices"]


def test_the_lock_holds_what_the_package_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for lock, requirements in {"runtime": project["dependencies"], **project["optional-dependencies"]}.items():
        asked = {requirement.partition(">=")[0] for requirement in requirements}
        assert asked <= {pin.partition("==")[0] for pin in pins(ROOT / "requirements" / f"{lock}.txt")}


def test_the_lowest_lock_holds_the_lower_bounds_of_the_package() -> None:
    """`make test-lowest` runs on them; a bound that changes needs `make lock`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["otel"]]
    bounds = dict(requirement.partition(";")[0].split(">=") for requirement in asked)
    lowest = dict(pin.partition(" ")[0].split("==") for pin in pins(ROOT / "requirements" / "lowest.txt"))
    different = {name: lowest[name] for name, bound in bounds.items() if release(lowest[name]) != release(bound)}
    assert not different, "run: make lock"


def release(version: str) -> list[str]:
    """Return a version without the zeros at its end: 0.21 is 0.21.0."""
    return re.sub(r"(\.0)+$", "", version).split(".")


def pins(lock: Path) -> Iterator[str]:
    """Yield the lines of a lock that name a package and its version."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    return (line.rstrip(" \\") for line in lines if not line.startswith(" "))
