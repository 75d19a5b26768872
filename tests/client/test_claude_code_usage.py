"""What the real Claude Code used, by prompt, by class and by agent, is what its provider counted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from client.claude_code import PATIENCE, ClaudeCode, claude_code
from client.test_claude_code_odd_usage import with_odd_usage
from fakes.command_line import CommandLine, command_line
from fakes.scripts import MESSAGE_STOP, block_delta, block_start, block_stop, message, message_delta, message_start
from fakes.server_connection import Request
from fakes.steps import Script, Status, Step, Stream
from fakes.threaded import serving
from store.usage_db.accounts import rows

FIRST, SECOND, COMPACT = "look at it with two agents", "only answer", "/compact"
AGENTS = {"general-purpose": "work of the general agent", "Explore": "work of the explorer"}
SUMMARY = "<analysis>\nIt was short.\n</analysis>\n<summary>\nTwo agents looked at it.\n</summary>"
PRICE: Final = {"input": 1, "output": 10, "cache_read": 0.5, "cache_write_5m": 2, "cache_write_1h": 4}
"""Dollars for a million tokens."""
COLUMNS: Final = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
)


@dataclass(frozen=True, slots=True)
class Purpose:
    """What the provider takes a request for, by what stands in its body."""

    prompt: str
    request_class: str
    agent: str = "main"


@dataclass(slots=True)
class CountingProvider:
    """Lets Claude Code start two agents and search the web, and counts what it told of each request."""

    told: dict[Purpose, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    asked: list[Request] = field(default_factory=list)
    prompt: str = ""
    """The one that Claude Code works on."""

    def __call__(self, request: Request) -> Script:
        self.asked.append(request)
        if request.method != "POST":
            return [Status(404)]
        body = request.json()
        purpose = self._purpose(body)
        number = len(self.asked)
        counts = dict(zip(COLUMNS, (100 + number, 10 + number, 1000 * number, 7 * number, 3 * number), strict=True))
        self.told[purpose].update({"requests": 1, **counts})
        return with_odd_usage(self._answer(purpose, body), as_told(counts))

    def _purpose(self, body: Mapping[str, Any]) -> Purpose:
        tools = [tool["name"] for tool in body.get("tools", [])]
        if tools == ["web_search"]:
            return Purpose("", "auxiliary")
        said = str(body["messages"])
        for agent, work in AGENTS.items():
            if work in said and FIRST not in said:
                return Purpose(FIRST, "subagent", agent)
        return Purpose("", "compaction") if self.prompt == COMPACT else Purpose(self.prompt, "main")

    def _answer(self, purpose: Purpose, body: Mapping[str, Any]) -> Script:
        begins = purpose == Purpose(FIRST, "main") and "tool_result" not in str(body["messages"][-1])
        return calls() if begins else message(SUMMARY if purpose.request_class == "compaction" else "done")

    def sums(self, name: str) -> dict[str, dict[str, int]]:
        """Return what was told, by a field of the requests' purpose."""
        found = defaultdict[str, Counter[str]](Counter)
        for purpose, counts in self.told.items():
            found[getattr(purpose, name)].update(counts)
        return {each: dict(counts) for each, counts in found.items()}


def as_told(counts: Mapping[str, int]) -> dict[str, Any]:
    five_minutes, hour = counts["cache_write_5m_tokens"], counts["cache_write_1h_tokens"]
    return {
        "input_tokens": counts["input_tokens"],
        "output_tokens": counts["output_tokens"],
        "cache_read_input_tokens": counts["cache_read_tokens"],
        "cache_creation_input_tokens": five_minutes + hour,
        "cache_creation": {"ephemeral_5m_input_tokens": five_minutes, "ephemeral_1h_input_tokens": hour},
    }


def calls() -> Script:
    """A stream that starts an agent of each type, and searches the web."""
    inputs: list[tuple[str, Mapping[str, object]]] = [("WebSearch", {"query": "pebbles"})]
    for agent, work in AGENTS.items():
        agent_input = {"description": "look", "prompt": work, "subagent_type": agent, "run_in_background": False}
        inputs.append(("Agent", agent_input))
    steps: list[Step] = [Stream(), message_start()]
    for index, (name, given) in enumerate(inputs):
        steps += [
            block_start({"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": {}}, index),
            block_delta("input_json_delta", "partial_json", json.dumps(given), index),
            block_stop(index),
        ]
    return [*steps, message_delta("tool_use"), MESSAGE_STOP]


def configure(cli: CommandLine, url: str) -> None:
    """Configure one provider, with a model that has a price."""
    cli.configure(url)
    document = json.loads(cli.home.config.read_text(encoding="utf-8"))
    document["providers"][0] |= {"models": {"default": "scripted"}, "model_facts": {"scripted": {"price": PRICE}}}
    cli.home.config.write_text(json.dumps(document), encoding="utf-8")


def run_prompts(cli: CommandLine, claude: ClaudeCode, provider: CountingProvider) -> None:
    """Ask two prompts in one session and compact it, as a user does: with `claude-proxy run -- claude`."""
    for prompt in (FIRST, SECOND, COMPACT):
        provider.prompt = prompt
        more = [] if prompt == FIRST else ["--continue"]
        command = ["run", "--", claude.program, "-p", *more, prompt, "--allowedTools", "WebSearch,Agent"]
        done = subprocess.run(
            [sys.executable, "-m", "claude_proxy", *command],
            cwd=claude.folder("work"),
            env=cli.environ(claude.environment()),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done


def price(counts: Mapping[str, int]) -> float:
    return sum(counts[column] * dollars for column, dollars in zip(COLUMNS, PRICE.values(), strict=True)) / 1_000_000


def shown(cli: CommandLine, by: str) -> dict[str, dict[str, int]]:
    """Return what `usage --by` shows of each group, once its cost is what its tokens cost."""
    found = {}
    for group in json.loads(cli("usage", "--by", by, "--json").out)["groups"]:
        counts = {name: group[name] for name in ("requests", *COLUMNS)}
        assert (group["cost"], group["cost_unknown"]) == (pytest.approx(price(counts)), 0)
        found[group["name"]] = counts
    return found


def recorded(kept: Iterable[Mapping[str, Any]], prompts: Mapping[str, str]) -> dict[Purpose, Counter[str]]:
    """Return what the database has for each purpose; `prompts` are the prompts by their ids."""
    found = defaultdict[Purpose, Counter[str]](Counter)
    for row in kept:
        assert row["cost"] == pytest.approx(price(row))
        purpose = Purpose(prompts[row["prompt"]], row["class"], row["agent_type"] or "main")
        found[purpose].update({"requests": 1, **{column: row[column] for column in COLUMNS}})
    return found


def test_each_prompt_class_and_agent_costs_what_its_provider_counted(tmp_path: Path) -> None:
    claude, provider = claude_code(tmp_path), CountingProvider()
    with command_line(tmp_path / "proxy") as cli, serving(provider) as url:
        configure(cli, url)
        run_prompts(cli, claude, provider)
        cli("stop")
        kept = rows(cli.home.usage)
        prompts = list(dict.fromkeys(row["prompt"] for row in kept if row["prompt"]))
        by_prompt, by_class, by_agent, by_session = (shown(cli, by) for by in ("prompt", "class", "agent", "session"))
    assert len(prompts) == 2
    names = dict(zip((*prompts, ""), (FIRST, SECOND, ""), strict=True))
    assert len(provider.told) == 6
    assert recorded(kept, names) == provider.told
    assert {names[prompt]: counts for prompt, counts in by_prompt.items()} == provider.sums("prompt")
    assert by_class == provider.sums("request_class")
    assert by_agent == provider.sums("agent")
    assert len(by_session) == 1
    assert not [name for request in provider.asked for name, _ in request.headers if b"claude-code" in name.lower()]
