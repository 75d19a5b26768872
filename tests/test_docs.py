"""The pages tell the truth about the program: its settings, commands, paths, headers and messages."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import click
import pytest
from docs.tables import PAGES as GENERATED_PAGES
from docs.tables import with_tables

from claude_proxy.cli.main import COMMANDS, claude_proxy
from claude_proxy.cli.output.exit_codes import Exit
from claude_proxy.cli.providers import SUBCOMMANDS
from claude_proxy.config.catalogue import catalogue
from claude_proxy.config.load import load
from claude_proxy.config.schema import schema_text
from claude_proxy.core.messages import COUNT_TOKENS_PATH, MESSAGES_PATH, STATUS_OF_ERROR
from claude_proxy.core.reasons import Reason
from claude_proxy.core.text import PROGRAM
from claude_proxy.core.types import Account, Ending, Usage
from claude_proxy.net.admin_api import ProxyControl
from claude_proxy.net.page.page import Page, Watched
from claude_proxy.net.services import services
from claude_proxy.proxy.gateway import Gateway
from claude_proxy.proxy.ports import Clock
from claude_proxy.store.log import LogLedger
from pages import PACKAGE, README, ROOT, TEXTS, USER_PAGES, blocks, code, section, table

CONFIGURATION, PROVIDERS, COMMAND_PAGE, API = (
    TEXTS[f"docs/{name}.md"] for name in ("configuration", "providers", "commands", "api")
)
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in (*sorted(PACKAGE.rglob("*.py")), ROOT / "proxy.py"))
SCHEMA: dict[str, Any] = json.loads(schema_text())["$defs"]

INVOCATION = re.compile(rf"(python3 proxy\.py|py proxy\.py|{PROGRAM}) (?=\w)")


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
        ("Keys of `budgets`", "BudgetSettings"),
        ("Keys of `routes`", "RouteSettings"),
        ("Keys of `model_facts`", "OwnFactSettings"),
        ("Keys of `price`", "PriceSettings"),
        ("Keys of `traits`", "TraitSettings"),
        ("Keys of `claude_code`", "ClaudeCodeSettings"),
    ],
)
def test_each_key_stands_in_its_table_with_unit_limits_and_default(heading: str, kind: str) -> None:
    rows = {
        code(key)[0]: (value, default, meaning)
        for key, value, default, meaning in table(section(CONFIGURATION, heading), "Key")
    }
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
            assert default
            assert not set(code(default)) - {"base_url", "HTTPS_PROXY", "ALL_PROXY"}, key
        for choice in facts.get("enum", ()):
            assert f"`{choice}`" in (value if key != "preset" else section(PROVIDERS, "Presets")), key


def test_the_presets_are_those_of_the_catalogue() -> None:
    rows = [[(code(cell) or [cell])[0] for cell in row] for row in table(PROVIDERS, "Preset")]
    expected = []
    for entry in catalogue().providers:
        unmapped = "yours" if entry.needs_models else "unchanged"
        models = [(entry.tiers or {}).get(tier, unmapped) for tier in ("opus", "haiku")]
        expected.append([entry.id, entry.base_url, entry.api_key_env, *models, entry.confidence])
    assert rows == expected
    assert catalogue().as_of in section(PROVIDERS, "Presets")
    assert f"of {len(rows)} providers" in section(PROVIDERS, "Presets")
    assert f"[{len(rows)} providers]" in README


@pytest.mark.parametrize("page", GENERATED_PAGES, ids=lambda page: page.name)
def test_the_generated_tables_are_up_to_date(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == with_tables(text), "write them anew with: make docs"


def test_every_generated_table_is_on_a_page() -> None:
    marked = [name for text in TEXTS.values() for name in re.findall(r"<!-- table: (\w+) -->", text)]
    assert sorted(marked) == sorted([*SCHEMA, "presets", "commands", "subcommands", "changes"])


def examples() -> Iterator[str]:
    return (example for page in USER_PAGES for example in blocks(page.read_text(encoding="utf-8"), "json"))


@pytest.mark.parametrize("example", [pytest.param(text, id=str(n)) for n, text in enumerate(examples())])
def test_each_example_loads(example: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(example, encoding="utf-8")
    given = json.loads(example)["providers"]
    variables = [
        *(entry.api_key_env for entry in catalogue().providers),
        *(one.get("api_key_env", "") for one in given),
    ]
    config = load(tmp_path, dict.fromkeys(filter(None, variables), "sk-some"))
    assert len(config.providers) == len(given)
    assert config.warnings == ()


def test_the_shipped_example_is_the_one_in_the_readme() -> None:
    shipped = json.loads((ROOT / "config.example.json").read_text(encoding="utf-8"))
    assert (ROOT / shipped.pop("$schema")).is_file()
    assert shipped == json.loads(next(blocks(README, "json")))


VARIABLE = re.compile(r"(CLAUDE|ANTHROPIC)_[A-Z_]+|[A-Z_]+_(HOME|PROXY|KEY)|(http|https|all|no)_proxy|PYTHONPATH")
NOT_READ = {"DEMO_API_KEY", "RELAY_API_KEY", "CLAUDE_PROXY_STARTED_AS"}
"""The demo's, in place of a key; one that a message gives as an example; one that is for the program's own use."""


def test_each_variable_is_documented() -> None:
    found = {text for text in strings(ast.parse(SOURCE)) if VARIABLE.fullmatch(text)} - NOT_READ
    assert {"CLAUDE_PROXY_HOME", "https_proxy", "ANTHROPIC_API_KEY"} <= found
    assert found <= set(code(section(CONFIGURATION, "Environment variables")))


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
    rows = {code(name)[0].split()[0]: options.split("<br>") for name, options, _ in table(COMMAND_PAGE, head)}
    assert list(rows) == list(known)
    for name, documented in rows.items():
        options = (one for one in command_of(name).params if isinstance(one, click.Option) and not one.hidden)
        spellings = {spelling for option in options for spelling in option.opts}
        spelt = [code(option.partition(": ")[0]) for option in documented]
        assert {option.split()[0] for options in spelt for option in options} == spellings, name


@pytest.mark.parametrize("command", [*map(of_command, COMMANDS), *map(of_subcommand, SUBCOMMANDS)], ids=str)
def test_the_help_of_each_command_has_an_example_that_parses(command: click.Command) -> None:
    examples = [line.partition(" < ")[0] for line in (command.epilog or "").splitlines() if PROGRAM in line]
    assert examples
    for example in examples:
        parse(shlex.split(example)[1:])


def test_each_exit_code_is_documented() -> None:
    assert [int(code(row[0])[0]) for row in table(COMMAND_PAGE, "Exit code")] == [int(one) for one in Exit]


def command_lines() -> set[str]:
    """Return every line of the pages by which a reader could run a command."""
    texts = TEXTS.values()
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
    headers = set(re.findall(r"x-claude-proxy-[a-z]+", SOURCE))
    assert {code(row[0])[0] for row in table(API, "Header")} == headers
    assert {name for page in TEXTS.values() for name in re.findall(r"x-claude-proxy-[a-z]+", page)} == headers


def outcomes() -> set[str]:
    """Return the words for an attempt's outcome, besides statuses and the API's own types of errors."""
    only_of_commands = {Reason.TIMEOUT.value}
    words = {reason.value for reason in Reason if reason is not Reason.STATUS}
    return words - set(STATUS_OF_ERROR) - only_of_commands


def test_each_outcome_is_explained() -> None:
    assert "first_event_timeout" in outcomes()
    assert {code(row[0])[0] for row in table(API, "Word")} == outcomes()


def test_each_value_and_ending_in_the_log_is_documented(tmp_path: Path) -> None:
    ledger = LogLedger(tmp_path / "proxy.log")
    names = {"session": "", "kind": "messages", "requested_model": "", "used_model": "", "provider": ""}
    numbers = {"started_at": 0.0, "status": 200, "first_byte_ms": None, "total_ms": 0.0}
    rest = {"streaming": True, "pinned": False, "attempts": (), "usage": Usage(), "ending": Ending.COMPLETE}
    ledger.record(Account(**cast("dict[str, Any]", {**names, **numbers, **rest})))
    ledger.close()
    values = set(re.findall(r"(\w+)=", (tmp_path / "proxy.log").read_text(encoding="utf-8")))
    assert "cache_read" in values
    assert values | {ending.value for ending in Ending} <= set(code(section(API, "Log")))


def test_each_path_that_is_answered_is_documented() -> None:
    nobody = cast("ProxyControl", None)
    page = Page(cast("Watched", None), cast("Clock", None), None)
    known: Mapping[str, Mapping[str, object]] = services(
        cast("Callable[[], Gateway]", None), nobody, lambda _: None, page
    )
    answered = {f"{method} {path}" for path, methods in known.items() for method in methods} - {"HEAD /health"}
    documented = [name for row in table(API, "Path") for name in code(row[0])]
    assert sorted(documented) == sorted(answered | {f"POST {MESSAGES_PATH}", f"POST {COUNT_TOKENS_PATH}"})


def quoted() -> Iterator[str]:
    """Yield the messages that the page of troubles quotes, without the values in them."""
    for symptom, _ in table(TEXTS["docs/troubleshooting.md"], "What you see"):
        for message in code(symptom):
            yield from (part.strip() for part in re.split(r"…|\d+|[A-Z]+_[A-Z_]+", message) if " " in part.strip())


def test_each_quoted_message_is_one_that_the_program_gives() -> None:
    given = "\n".join(strings(ast.parse(SOURCE)))
    messages = set(quoted())
    assert "no provider could answer" in messages
    assert {message for message in messages if message not in given} == set()


def test_the_example_of_the_status_line_is_the_one_in_the_code() -> None:
    assert next(blocks(TEXTS["docs/shells.md"], "text")).strip() in SOURCE
