"""What is wrong with the configuration and how to fix it, in messages that show no secret."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from claude_proxy.core.text import encodable

SHOWN_CHARACTERS = 60
"""The longest text of the user that a message repeats, so that a line stays readable."""

_RUN = re.compile(r"[\w-]{16,}", re.ASCII)
"""Hexadecimal, UUIDs and base64 are such runs, with digits among letters; words are not."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of the configuration: in which file, at which key, what is wrong and how to fix it.

    `key` is a path such as `providers[1].base_url`, or empty for the file as a whole. `what` has no full stop at its
    end, `fix` is a whole sentence.
    """

    file: str
    key: str
    what: str
    fix: str

    def __str__(self) -> str:
        place = f"{self.file}: {self.key}" if self.key else self.file
        return f"{place}: {self.what}. {self.fix}"


class ConfigError(Exception):
    """The configuration cannot be used; `problems` holds every fault that was found."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(slots=True)
class Findings:
    """What is found while the configuration is read: problems, which make it unusable, and warnings, which do not."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def problem(self, key: str, what: str, fix: str, *, file: str = "config.json") -> None:
        """Note a fault. The same fault twice (two providers with one bad variable) counts once."""
        problem = Problem(file, key, encodable(what), encodable(fix))
        if problem not in self.problems:
            self.problems.append(problem)

    def warn(self, text: str) -> None:
        """Note something that the user should know, as a whole sentence; twice the same counts once."""
        if (warning := encodable(text)) not in self.warnings:
            self.warnings.append(warning)

    def include(self, others: Findings, *, as_warnings: bool) -> None:
        """Take in what was found elsewhere; `as_warnings`: its problems make nothing unusable."""
        for problem in others.problems:
            if as_warnings:
                self.warn(str(problem))
            elif problem not in self.problems:
                self.problems.append(problem)
        for warning in others.warnings:
            self.warn(warning)

    def about(self, key: str) -> bool:
        """Tell whether there is a problem with exactly this key of config.json."""
        return any(problem.key == key and problem.file == "config.json" for problem in self.problems)


def shown(value: object) -> str:
    """Return a JSON value as a message may show it: on one line, short, and hidden if it could be a secret."""
    match value:
        case str():
            return quoted(value)
        case list():
            return "a list"
        case dict():
            return "an object"
        case bool() | None:
            return json.dumps(value)
        case _:
            text = str(value)
            return text if len(text) <= SHOWN_CHARACTERS else "this number"


def quoted(text: str) -> str:
    """Return a text in quotes, or `this text` if it is long, not plain, or could be a secret."""
    plain = text.isascii() and text.isprintable() and len(text) <= SHOWN_CHARACTERS
    return f'"{text}"' if plain and not looks_secret(text) else "this text"


def looks_secret(text: str) -> bool:
    """Tell whether a text could be, or contain, a key or a password. In doubt, the answer is yes."""
    # sk- begins most providers' keys, eyJ a JSON Web Token; the marks belong to addresses with a password or a query.
    marked = "sk-" in text.lower() or any(mark in text for mark in ("eyJ", "@", "?", "#"))
    return marked or any(_is_mixed(run) for run in _RUN.findall(text))


def _is_mixed(run: str) -> bool:
    return any(map(str.isdigit, run)) and any(map(str.isalpha, run))


def nearest(word: str, known: tuple[str, ...], *, at_least: float = 0.6) -> str | None:
    """Return the known word that was most likely meant; None if none is similar: 1 is the same word, 0 another."""
    import difflib  # noqa: PLC0415 - takes as long to load as all the rest here, and only a mistake needs it

    folded = {name.lower(): name for name in known}
    matches = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=at_least)
    return folded[matches[0]] if matches else None
