"""A name on the command line, and the provider of that name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.cli.output.program import invocation
from claude_proxy.cli.user_config.config_files import ConfigFiles
from claude_proxy.cli.user_config.credentials import NO_KEY_TO_TEST
from claude_proxy.config.catalogue import Entry, catalogue
from claude_proxy.config.load import Configured, Survey
from claude_proxy.config.problem import nearest
from claude_proxy.core.auth import Auth
from claude_proxy.core.text import printable


def index_of(name: str, providers: Sequence[Configured]) -> int:
    """Return the index of a configured provider. Raises `CommandError`."""
    names = [configured.provider.name for configured in providers]
    folded = [known.lower() for known in names]  # no two differ in that alone
    if name.lower() in folded:
        return folded.index(name.lower())
    raise unknown_name(name, names, "is not configured", f"The configured providers are {', '.join(names)}.")


def testable_provider(files: ConfigFiles, survey: Survey, name: str) -> Configured:
    """Return a configured provider that a command can send requests to. Raises `CommandError`."""
    configured = survey.providers[index_of(name, survey.providers)]
    if configured.missing:
        hint = f"Write {configured.missing}=<key> into {files.env.path}."
        raise CommandError(f"{name} has no key: {configured.missing} is not set", code=Exit.USAGE, hint=hint)
    if configured.provider.auth is Auth.CLIENT:
        raise CommandError(f"{name} can't be tested here: {NO_KEY_TO_TEST}", code=Exit.USAGE)
    return configured


def preset_named(name: str) -> tuple[Entry, tuple[Entry, ...]]:
    """Return the entry of the catalogue that a name means, and the others that it may mean. Raises `CommandError`."""
    if found := find_presets(name):
        return found[0], found[1:]
    near = nearest(name, catalogue().ids, at_least=0.75)
    names, own = invocation("providers --all"), invocation("providers add URL")
    hint = (
        f'Did you mean "{near}"?'
        if near
        else f"`{names}` lists the names. If it has an Anthropic Messages endpoint, add its address: `{own}`. "
        f"If it has none, a provider of many companies' models may have its models: {', '.join(_aggregators())}."
    )
    raise CommandError(f'"{printable(name, 64)}" is not in the catalogue', code=Exit.USAGE, hint=hint)


def find_presets(name: str) -> tuple[Entry, ...]:
    """Return the entries of the catalogue that a name may mean, the likeliest first.

    A name is an id in any spelling (`Z.AI`, `LM-Studio`), or words of a provider's name or address (`glm`,
    `alibaba china`), or how its models' names begin (`qwen`, `kimi-k3`).
    """
    entries = catalogue().providers
    exact = tuple(entry for entry in entries if _folded(entry.id) == _folded(name))
    if exact or not (words := set(_words(name)) - _COMMON_WORDS):
        return exact
    everything = set(_words(name))
    named = [entry for entry in entries if words <= _words_of(entry)]
    if not named:
        named = [entry for entry in entries if any(_begins(model, name) for model in entry.models)]
    return tuple(sorted(named, key=lambda entry: _distance(entry, everything)))


_COMMON_WORDS = frozenset(
    {
        "ai",
        "api",
        "cloud",
        "local",
        "plan",
        "code",
        "coding",
        "gateway",
        "server",
        "proxy",
        "china",
        "cn",
        "international",
    }
    | {
        "intl",
        "model",
        "models",
        "studio",
        "endpoint",
        "messages",
        "subscription",
        "token",
        "inference",
        "the",
        "com",
        "localhost",
    },
)
"""Words that do not tell providers apart by themselves."""
_FAMILY = re.compile(r"[a-z]{3,}")
"""How a model's name begins: `kimi`, `qwen`."""
_KINDS = ("native", "api", "local", "plan", "gateway", "aggregator", "cloud")
"""From the likeliest meaning of a company's name to the least likely."""


def _distance(entry: Entry, words: set[str]) -> tuple[int, bool, int]:
    """Return how far an entry is from the words that the user wrote: less is nearer."""
    own = _words_of(entry)
    return -len(words & own), entry.region == "cn", _KINDS.index(entry.kind)


def _words_of(entry: Entry) -> set[str]:
    families = {family[0] for model in entry.models if (family := _FAMILY.match(model.lower()))}
    return {*_words(entry.name), *_words(entry.id), *_words(urlsplit(entry.base_url).hostname or ""), *families}


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def _folded(text: str) -> str:
    return "".join(_words(text))


def _begins(model: str, name: str) -> bool:
    """Tell whether a model's name begins with a word: `kimi-k3` with `kimi`, `qwen3.8-max` with `qwen`."""
    model, name = model.lower(), name.strip().lower()
    return model.startswith(name) and (len(model) == len(name) or not model[len(name)].isalpha())


def _aggregators() -> list[str]:
    return [entry.id for entry in catalogue().providers if entry.kind == "aggregator" and entry.region is None][:3]


def unknown_name(name: str, known: Sequence[str], what: str, otherwise: str = "") -> CommandError:
    """Return the error for a name that is not known, with the known name that is most like it."""
    near = nearest(name, tuple(known))
    names = f"`{invocation('providers --all')}` lists the names in the catalogue."
    hint = f'Did you mean "{near}"?' if near else otherwise or names
    return CommandError(f'"{printable(name, 64)}" {what}', code=Exit.USAGE, hint=hint)
