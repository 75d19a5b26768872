"""Write the generated tables of the pages in docs/ anew: settings, presets, commands, adaptation.

A page says where: between `<!-- table: NAME -->` and `<!-- end of table -->`. `make docs` runs this.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from claude_proxy.cli.main import COMMANDS, claude_proxy
from claude_proxy.cli.providers import SUBCOMMANDS, providers
from claude_proxy.config.catalogue import catalogue
from claude_proxy.config.schema import schema_text
from claude_proxy.core.adaptation.ordered_rules import RULES

PAGES = tuple(sorted(Path(__file__).parent.glob("*.md")))

_MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end of table -->)", re.DOTALL)
_DEFAULT = re.compile(r"^(?:(.*) )?Default: (.*)\.$")
_CODE = re.compile(
    r"\.env|proxy\.log|x-api-key|/v1/messages|https?://[a-z:]*|[A-Z]*_[A-Z_]+|[a-z]+_[a-z_.]*[a-z_]|x-(?= )|\[\]"
)
"""What is set as code where a description names it: keys, variables, files, addresses."""


def main() -> None:
    """Write each page anew whose tables have changed."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if (new := with_tables(text)) != text:
            page.write_text(new, encoding="utf-8", newline="\n")


def with_tables(text: str) -> str:
    """Return a page with its tables made anew. Raises `KeyError` for a table that does not exist."""
    return _MARKED.sub(lambda found: f"{found[1]}\n{_lines(_table(found[2]))}\n\n{found[3]}", text)


def _table(name: str) -> Iterator[list[str]]:
    """Yield the rows of a table, its head first."""
    if name == "presets":
        return _presets()
    if name == "commands":
        return _commands("Command", COMMANDS, claude_proxy)
    if name == "subcommands":
        return _commands("Subcommand", SUBCOMMANDS, providers)
    if name == "changes":
        return _changes()
    return _settings(name)


def _lines(rows: Iterable[list[str]]) -> str:
    head, *body = rows
    lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in (head, *body)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


# Settings


def _settings(kind: str) -> Iterator[list[str]]:
    yield ["Key", "Value", "Default", "Meaning"]
    for key, facts in _kinds()[kind]["properties"].items():
        meaning, default = _meaning(facts)
        yield [_code(key), _value(facts), default, meaning + _link(key, facts)]


def _kinds() -> Mapping[str, Any]:
    kinds: Mapping[str, Any] = json.loads(schema_text())["$defs"]
    return kinds


def _value(facts: Mapping[str, Any]) -> str:
    """Return the unit with the choices and limits: `seconds, above 0, up to 86400`."""
    unit: str = facts["x-unit"]
    kinds = facts.get("anyOf", [{}])
    limits = {**facts.get("items", {}), **kinds[0], **facts}
    if unit == "choice":
        unit += " of " + ", ".join(f"`{choice}`" for choice in limits["enum"])
    if "minimum" in limits:
        unit += f", {limits['minimum']} to {limits['maximum']}"
    elif "exclusiveMinimum" in limits:
        unit += f", above {limits['exclusiveMinimum']}, up to {limits['maximum']}"
    return f"{unit}, or null" if {"type": "null"} in kinds and "null" not in unit else unit


def _meaning(facts: Mapping[str, Any]) -> tuple[str, str]:
    """Return what a key means and what stands in for it if it is left out."""
    text: str = facts["description"]
    default = f"`{json.dumps(facts['default'])}`" if "default" in facts else "required"
    if told := _DEFAULT.match(text):
        text, default = told[1], _as_code(told[2], {"x-unit": ""})
    return _as_code(text.removesuffix(" Required."), facts), default


def _link(key: str, facts: Mapping[str, Any]) -> str:
    """Return where the table of a key's own keys is, for a key that has such."""
    if "$ref" in facts.get("items", {}):
        return f" [Keys](#keys-of-{'a-provider' if key == 'providers' else key})"
    kinds = [facts, facts.get("additionalProperties"), *facts.get("anyOf", ())]
    return f" [Keys](#keys-of-{key})" if any(kind and "$ref" in kind for kind in kinds) else ""


def _as_code(text: str, facts: Mapping[str, Any]) -> str:
    choices = facts.get("anyOf", [facts])[0].get("enum", ()) if facts["x-unit"] == "choice" else ()
    pattern = "|".join([_CODE.pattern, *(rf"(?<![\w-]){choice}(?=[ ,:])" for choice in choices)])
    return re.sub(pattern, lambda found: f"`{found[0]}`", text)


# Presets


def _presets() -> Iterator[list[str]]:
    yield ["Preset", "Address", "Variable", "Model", "For Haiku", "Mark"]
    for entry in catalogue().providers:
        tiers = entry.tiers or {}
        models = [f"`{tiers[tier]}`" if tier in tiers else _unmapped(needed=entry.needs_models) for tier in _TIERS]
        yield [f"`{entry.id}`", f"`{entry.base_url}`", f"`{entry.api_key_env}`", *models, entry.confidence]


_TIERS = ("opus", "haiku")


def _unmapped(*, needed: bool) -> str:
    return "yours" if needed else "unchanged"


# Commands


def _commands(head: str, known: Iterable[str], group: click.Group) -> Iterator[list[str]]:
    yield [head, "Options", "What it does"]
    context = click.Context(group)
    for name in known:
        command = group.get_command(context, name)
        if command is not None:
            arguments = [one.make_metavar(context) for one in command.params if isinstance(one, click.Argument)]
            options = [_option(one) for one in command.params if isinstance(one, click.Option) and not one.hidden]
            yield [_code(" ".join([name, *arguments])), "<br>".join(options), _summary(command)]


def _option(option: click.Option) -> str:
    *short, last = option.opts
    value = "" if option.is_flag else f" {_metavar(option)}"
    default = f" Default: {option.default}." if option.show_default is True else ""
    return ", ".join([*map(_code, short), _code(last + value)]) + f": {option.help}{default}"


def _metavar(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return "|".join(map(str, option.type.choices))
    return option.metavar or ("N" if isinstance(option.type, click.IntRange) else "NAME")


def _summary(command: click.Command) -> str:
    first, *_ = (command.help or "").split("\n\n")
    return " ".join(first.split())


def _code(text: str) -> str:
    return f"`{text}`"


# Adaptation


def _changes() -> Iterator[list[str]]:
    yield ["Change", "What it does"]
    yield from [[_code(word), meaning] for rule in RULES for word, meaning in rule.records.items()]


if __name__ == "__main__":
    main()
