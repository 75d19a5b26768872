"""Models with a provider in their name, `claude-proxy/NAME/MODEL`, that Claude Code's settings keep for every session.

A pick in `/model` is written to the settings (observed with 2.1.332): each later session then uses that provider alone,
and without the proxy none gets an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from claude_proxy.cli.claude_code.settings_files import SettingsError, SettingsFile, parse, read_text
from claude_proxy.cli.claude_code.statusline_text import MODEL_PREFIX
from claude_proxy.core.text import printable

FIX = "Pick another model with /model in Claude Code, or remove it there."


@dataclass(frozen=True, slots=True)
class SavedModel:
    """A model that a settings file sets; `key` is `model`, or `env.NAME`."""

    file: SettingsFile
    key: str
    model: str

    def __str__(self) -> str:
        return (
            f"{self.key} in {self.file} is {printable(self.model, 100)}: every session asks that provider alone, and "
            "gets no answer without the proxy"
        )


def saved_models(files: Iterable[SettingsFile]) -> Iterator[SavedModel]:
    """Yield the models of ours in these files. A file that cannot be used is left out."""
    for file in files:
        try:
            document = parse(read_text(file.path), file.path)
        except SettingsError:
            continue
        env = document.get("env")
        variables = {f"env.{name}": value for name, value in env.items()} if isinstance(env, dict) else {}
        for key, value in {"model": document.get("model"), **variables}.items():
            if isinstance(value, str) and value.startswith(MODEL_PREFIX):
                yield SavedModel(file, key, value)
