"""The pages of the repository, and how their tests read them: tables, sections, code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "claude_proxy"
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
USER_PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [*USER_PAGES, *sorted(set(ROOT.glob("*.md")) - {ROOT / "README.md"}), *DECISIONS]
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}
README, ARCHITECTURE = TEXTS["README.md"], TEXTS["ARCHITECTURE.md"]
CODE_BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def table(page: str, head: str) -> list[list[str]]:
    """Return the rows of the tables whose head row begins with a cell."""
    rows, inside = list[list[str]](), False
    for line in page.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells:
            inside = False
        elif inside:
            rows.append(cells)
        elif cells[0] == head:
            inside = True
    rows = [row for row in rows if set(row[0]) != {"-"}]
    assert rows, f"no table begins with {head!r}"
    return rows


def section(page: str, heading: str) -> str:
    """Return what stands under a heading of a page, up to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def code(text: str) -> list[str]:
    """Return what stands between backticks."""
    return re.findall(r"`([^`]+)`", CODE_BLOCK.sub("", text))


def blocks(page: str, language: str) -> Iterator[str]:
    return (body for named, body in CODE_BLOCK.findall(page) if named == language)
