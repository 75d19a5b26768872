"""The pages fit together and fit the repository: links, files, dependencies, figures."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from claude_proxy import __version__
from claude_proxy.store.home import Home
from pages import ARCHITECTURE, DECISIONS, PACKAGE, PAGES, README, ROOT, TEXTS, code, section, table
from test_architecture import LAYERS

MAX_README = 8 * 1024
"""Bytes: a page that is read to its end."""
HOME = Home(ROOT)
OF_THE_USER = {
    path.relative_to(ROOT).as_posix() for path in (HOME.config, HOME.env, HOME.log, HOME.token, HOME.memory, HOME.usage)
}
OF_THE_USER |= {"settings.json", ".venv/", "proxy.log.1"}
"""Files that are named and are not in the repository: the user's own, Claude Code's, and what is made here."""
FILE = re.compile(r"\.?[\w-]+(/[\w.-]+)*(/|\.(py|json|md|svg|txt|toml|log|example))|\.ci/run|Makefile|\.env")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for name in code(text):
        if name.startswith("make "):
            assert name.split()[1] in targets
        elif FILE.fullmatch(name) and name not in OF_THE_USER:
            assert (ROOT / name).exists() or (PACKAGE / name).exists(), name
    for target in re.findall(r"\]\(([^)]+)\)", text):
        file, _, anchor = target.partition("#")
        assert (page.parent / file).exists(), target
        assert not anchor or anchor in anchors(page.parent / file if file else page), target


def test_every_page_is_reachable_from_the_readme() -> None:
    reached, new = set[Path](), {ROOT / "README.md"}
    while new:
        reached |= new
        links = {(page.parent / link).resolve() for page in new for link in linked_pages(page)}
        new = links - reached
    assert set(PAGES) <= reached


def linked_pages(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)#]+\.md)[)#]", page.read_text(encoding="utf-8"))


def test_the_readme_is_one_page() -> None:
    assert len(README.encode()) <= MAX_README


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as a forge makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_import_table_is_the_one_that_is_held() -> None:
    assert tuple(tuple(code(row[0])) for row in table(section(ARCHITECTURE, "Packages"), "Package")) == LAYERS


def test_each_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rows = {code(package)[0]: reason for package, reason in table(section(ARCHITECTURE, "Dependencies"), "Package")}
    assert set(rows) == {re.split(r"[>=;]", asked)[0] for asked in project["project"]["dependencies"]}
    assert all(rows.values())
    groups = [one for group in project["dependency-groups"].values() for one in group if isinstance(one, str)]
    tools = [*groups, *project["build-system"]["requires"]]
    assert {re.split(r"[>=]", tool)[0] for tool in tools} <= set(code(ARCHITECTURE))


def test_the_package_carries_its_license() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, sdist = pyproject["project"], pyproject["tool"]["hatch"]["build"]["targets"]["sdist"]
    assert (project["license"], project["license-files"]) == ("MIT", ["LICENSE"])
    assert "LICENSE" in sdist["only-include"]
    assert (
        (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License\n\nCopyright (c) 2026 The claude-proxy")
    )


def test_each_decision_is_linked() -> None:
    for decision in DECISIONS:
        assert f"({decision.relative_to(ROOT).as_posix()})" in ARCHITECTURE


def test_the_changelog_holds_this_version() -> None:
    heading = rf"^## \[{re.escape(__version__)}\] - \d{{4}}-\d\d-\d\d$"
    assert re.search(heading, TEXTS["CHANGELOG.md"], re.MULTILINE)


def test_figures_come_from_the_benchmark() -> None:
    """Whatever the README says of speed and size, the measured table says too."""
    told = re.findall(r"\d[\d.,]* (?:ms|s|KB|MB|times)\b", section(README, "Comparison with other tools"))
    assert told
    results = (ROOT / "bench" / "RESULTS.md").read_text(encoding="utf-8")
    for figure in told:
        assert figure in results
