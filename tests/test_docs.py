"""The documents tell the truth: each setting, command, header and word stands there as the code has it."""

from __future__ import annotations

import ast
import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import click
import pytest

from claude_proxy import __version__
from claude_proxy.cli.main import COMMANDS, PROGRAM, claude_proxy
from claude_proxy.cli.output.exit_codes import Exit
from claude_proxy.cli.providers import SUBCOMMANDS
from claude_proxy.config.catalogue import catalogue
from claude_proxy.config.load import load
from claude_proxy.config.schema import schema_text
from claude_proxy.core.messages import COUNT_TOKENS_PATH, MESSAGES_PATH, STATUS_OF_ERROR
from claude_proxy.core.types import Account, Ending, Usage
from claude_proxy.net.admin_api import ProxyControl
from claude_proxy.net.services import services
from claude_proxy.proxy.gateway import Gateway
from claude_proxy.proxy.ports import Failure
from claude_proxy.store.home import Home
from claude_proxy.store.log import LogLedger
from test_architecture import LAYERS

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "claude_proxy"
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
PAGES = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md")] + DECISIONS
README = PAGES[0].read_text(encoding="utf-8")
ARCHITECTURE = PAGES[1].read_text(encoding="utf-8")
SCHEMA: dict[str, Any] = json.loads(schema_text())["$defs"]
HOME = Home(ROOT)
OF_THE_USER = {path.relative_to(ROOT).as_posix() for path in (HOME.config, HOME.env, HOME.log, HOME.token, HOME.memory)}
OF_THE_USER |= {"settings.json", ".venv/", "proxy.log.1"}
"""Files that are named and are not in the repository: the user's own, Claude Code's, and what is made here."""

INVOCATION = re.compile(rf"(python3 proxy\.py|py proxy\.py|{PROGRAM}) (?=\w)")
CODE_BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"\.?[\w-]+(/[\w.-]+)*(/|\.(py|json|md|svg|txt|toml|log|example))|\.ci/run|Makefile|\.env")


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


def section(heading: str) -> str:
    """Return what stands in the README under a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def code(text: str) -> list[str]:
    """Return what stands between backticks."""
    return re.findall(r"`([^`]+)`", CODE_BLOCK.sub("", text))


def blocks(page: str, language: str) -> Iterator[str]:
    return (body for named, body in CODE_BLOCK.findall(page) if named == language)


def modules() -> Iterator[ast.Module]:
    return (ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py")))


def strings(tree: ast.AST) -> Iterator[str]:
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return (value for value in constants if isinstance(value, str))


# Configuration


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("Settings", "Settings"),
        ("Keys of a provider", "ProviderSettings"),
        ("Keys of `timeouts`", "TimeoutSettings"),
        ("Keys of `models`", "ModelSettings"),
        ("Keys of `routes`", "RouteSettings"),
        ("Keys of `model_facts`", "FactSettings"),
        ("Keys of `price`", "PriceSettings"),
        ("Keys of `traits`", "TraitSettings"),
        ("Keys of `claude_code`", "ClaudeCodeSettings"),
    ],
)
def test_each_key_stands_in_its_table_with_unit_limits_and_default(heading: str, kind: str) -> None:
    rows = {code(key)[0]: (value, default, meaning) for key, value, default, meaning in table(section(heading), "Key")}
    keys = SCHEMA[kind]["properties"]
    assert list(rows) == list(keys)
    for key, (value, default, meaning) in rows.items():
        assert value.startswith(keys[key]["x-unit"]), key
        facts = {**keys[key].get("items", {}), **keys[key].get("anyOf", [{}])[0], **keys[key]}
        for limit in {"minimum", "exclusiveMinimum", "maximum"} & set(facts):
            assert re.search(rf"(?<!\w){facts[limit]}\b", value), key
        assert meaning
        if "default" in keys[key]:
            assert code(default) == [json.dumps(keys[key]["default"])], key
        else:
            assert not set(code(default)) - {"base_url"}, key
        for choice in facts.get("enum", ()):
            assert f"`{choice}`" in (value if key != "preset" else section("Presets")), key


def test_the_presets_are_those_of_the_catalogue() -> None:
    rows = [[(code(cell) or [cell])[0] for cell in row] for row in table(README, "Preset")]
    expected = []
    for entry in catalogue().providers:
        unmapped = "yours" if entry.needs_models else "unchanged"
        models = [(entry.tiers or {}).get(tier, unmapped) for tier in ("opus", "haiku")]
        expected.append([entry.id, entry.base_url, entry.api_key_env, *models, entry.confidence])
    assert rows == expected
    assert catalogue().as_of in section("Presets")
    assert f"of {len(rows)} providers" in section("Presets")


@pytest.mark.parametrize("example", [pytest.param(text, id=str(n)) for n, text in enumerate(blocks(README, "json"))])
def test_each_example_loads(example: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(example, encoding="utf-8")
    environ = {entry.api_key_env: "sk-some" for entry in catalogue().providers}
    config = load(tmp_path, environ)
    assert len(config.providers) == len(json.loads(example)["providers"])
    assert config.warnings == ()


def test_the_shipped_example_is_the_one_in_the_readme() -> None:
    shipped = json.loads((ROOT / "config.example.json").read_text(encoding="utf-8"))
    assert (ROOT / shipped.pop("$schema")).is_file()
    assert shipped == json.loads(next(blocks(README, "json")))


VARIABLE = re.compile(r"(CLAUDE|ANTHROPIC)_[A-Z_]+|[A-Z_]+_(HOME|PROXY|KEY)|(http|https|all|no)_proxy|PYTHONPATH")
NOT_READ = {"DEMO_API_KEY", "RELAY_API_KEY"}
"""The demo's, which stands for a key that is none, and one that a message gives as an example."""


def test_each_variable_is_documented() -> None:
    found = {text for tree in modules() for text in strings(tree) if VARIABLE.fullmatch(text)} - NOT_READ
    assert {"CLAUDE_PROXY_HOME", "https_proxy", "ANTHROPIC_API_KEY"} <= found
    assert found <= set(code(section("Variables of the environment")))


# Commands


def of_command(name: str) -> click.Command:
    command = claude_proxy.get_command(click.Context(claude_proxy), name)
    assert command is not None
    return command


def of_subcommand(name: str) -> click.Command:
    group = of_command("providers")
    assert isinstance(group, click.Group)
    command = group.get_command(click.Context(group), name)
    assert command is not None
    return command


@pytest.mark.parametrize(
    ("head", "known", "command_of"), [("Command", COMMANDS, of_command), ("Subcommand", SUBCOMMANDS, of_subcommand)]
)
def test_each_command_and_option_is_documented(
    head: str, known: Mapping[str, str], command_of: Callable[[str], click.Command]
) -> None:
    rows = {code(name)[0].split()[0]: code(options) for name, options, _ in table(README, head)}
    assert list(rows) == list(known) if head == "Subcommand" else set(rows) == set(known)
    for name, documented in rows.items():
        options = (one for one in command_of(name).params if isinstance(one, click.Option))
        spellings = {spelling for option in options for spelling in option.opts}
        assert {option.split()[0] for option in documented} == spellings, name


@pytest.mark.parametrize("command", [*map(of_command, COMMANDS), *map(of_subcommand, SUBCOMMANDS)], ids=str)
def test_the_help_of_each_command_has_an_example_that_parses(command: click.Command) -> None:
    examples = [line.partition(" < ")[0] for line in (command.epilog or "").splitlines() if PROGRAM in line]
    assert examples
    for example in examples:
        parse(shlex.split(example)[1:])


def test_each_exit_code_is_documented() -> None:
    assert [int(code(row[0])[0]) for row in table(README, "Exit code")] == [int(one) for one in Exit]


def command_lines() -> set[str]:
    """Return every line of the pages by which a reader could run a command."""
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    shell = [line.strip() for text in texts for body in blocks(text, "sh") for line in re.split(r"\n|&&", body)]
    return {line for line in [*shell, *(piece for text in texts for piece in code(text))] if INVOCATION.match(line)}


@pytest.mark.parametrize("line", sorted(command_lines()))
def test_each_command_line_parses(line: str) -> None:
    parse(shlex.split(INVOCATION.sub("", line), comments=True))


def parse(arguments: list[str]) -> None:
    """Read a command line as click does, and run nothing."""
    parse_as(claude_proxy, PROGRAM, arguments, None)


def parse_as(command: click.Command, name: str | None, arguments: list[str], parent: click.Context | None) -> None:
    with command.make_context(name, list(arguments), parent=parent) as context:
        rest = [*context._protected_args, *context.args]
        if isinstance(command, click.Group) and rest:
            name, inner, rest = command.resolve_command(context, rest)
            assert inner is not None
            parse_as(inner, name, rest, context)


# What an answer and the log say


def test_each_header_of_ours_is_documented() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    headers = set(re.findall(r"x-claude-proxy-[a-z]+", sources))
    assert {code(row[0])[0] for row in table(README, "Header")} == headers
    assert set(re.findall(r"x-claude-proxy-[a-z]+", README)) == headers


def outcomes() -> set[str]:
    """Return the words for an attempt's outcome: what names a fault where it is found, besides statuses."""
    words = {failure.value for failure in Failure} | {"error"}
    position = {"unanswered": 0, "Rejected": 1, "Limit": 1}
    for path in ("proxy/attempt.py", "core/judge.py", "core/limits.py"):
        for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in position:
                words |= set(strings(node.args[position[node.func.id]]))
    return words - set(STATUS_OF_ERROR)


def test_each_outcome_is_explained() -> None:
    assert "first_event_timeout" in outcomes()
    assert {code(row[0])[0] for row in table(README, "Word")} == outcomes()


def test_each_value_and_ending_in_the_log_is_documented(tmp_path: Path) -> None:
    ledger = LogLedger(tmp_path / "proxy.log")
    names = {"session": "", "kind": "messages", "requested_model": "", "used_model": "", "provider": ""}
    numbers = {"started_at": 0.0, "status": 200, "first_byte_ms": None, "total_ms": 0.0}
    rest = {"streaming": True, "pinned": False, "attempts": (), "usage": Usage(), "ending": Ending.COMPLETE}
    ledger.record(Account(**cast("dict[str, Any]", {**names, **numbers, **rest})))
    ledger.close()
    values = set(re.findall(r"(\w+)=", (tmp_path / "proxy.log").read_text(encoding="utf-8")))
    assert "cache_read" in values
    assert values | {ending.value for ending in Ending} <= set(code(section("What an answer says of its way")))


def test_each_path_that_is_answered_is_documented() -> None:
    nobody = cast("ProxyControl", None)
    known: Mapping[str, Mapping[str, object]] = services(cast("Callable[[], Gateway]", None), nobody, None)
    answered = {f"{method} {path}" for path, methods in known.items() for method in methods} - {"HEAD /health"}
    documented = [name for row in table(README, "Path") for name in code(row[0])]
    assert sorted(documented) == sorted(answered | {f"POST {MESSAGES_PATH}", f"POST {COUNT_TOKENS_PATH}"})


# What the pages say of the repository


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for name in code(text):
        if name.startswith("make "):
            assert name.split()[1] in targets
        elif FILE.fullmatch(name) and name not in OF_THE_USER:
            assert (ROOT / name).exists() or (PACKAGE / name).exists(), name
    for target in re.findall(r"\]\(([^)]+)\)", text):
        file, _, anchor = target.partition("#")
        assert (page.parent / file).exists(), target
        assert not anchor or anchor in anchors(page.parent / file if file else page), target


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as a forge makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_import_table_is_the_one_that_is_held() -> None:
    assert tuple(tuple(code(row[0])) for row in table(ARCHITECTURE, "Parts")) == LAYERS


def test_each_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rows = {code(package)[0]: reason for package, reason in table(ARCHITECTURE, "Package")}
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
    assert re.search(heading, PAGES[2].read_text(encoding="utf-8"), re.MULTILINE)


def test_figures_come_from_the_benchmark() -> None:
    """Whatever the README says of speed and size, the measured table says too."""
    told = re.findall(r"\d[\d.,]* (?:ms|s|KB|MB|times)\b", section("Speed and size"))
    results = (ROOT / "bench" / "RESULTS.md").read_text(encoding="utf-8")
    for figure in told:
        assert figure in results
