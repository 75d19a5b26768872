"""`make prices`: take prices from the package genai-prices, and write `src/claude_proxy/config/prices.json`.

`prices/sources.json` says which list of the package is for which provider of the catalogue, and holds what the package
does not know, each with where it comes from. The package is needed here alone, in a virtual environment of its own.
"""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

from prices.convert import Rate, names_of, rates_of

ROOT: Final = Path(__file__).resolve().parents[1]
SOURCES: Final = ROOT / "prices" / "sources.json"
CATALOGUE: Final = ROOT / "src" / "claude_proxy" / "config" / "catalogue.json"
RESULT: Final = CATALOGUE.with_name("prices.json")
PACKAGE: Final = "genai-prices"

_DATED: Final = re.compile(r"-\d{8}$")
"""What is known of a model holds for its dated names too (`known_of` in `core/traits.py`)."""

Models: TypeAlias = dict[str, list[Rate]]
Packaged: TypeAlias = dict[str, Any]
"""The package's providers by their ids."""


def main() -> None:
    """Write the file anew. Its date stays if nothing but that would change."""
    from genai_prices.data import providers  # type: ignore[import-not-found]  # noqa: PLC0415 - only in its own venv

    sources, catalogue = _read(SOURCES), _read(CATALOGUE)
    packaged: Packaged = {provider.id: provider for provider in providers}
    made = {
        "schema": "claude-proxy-prices/1",
        "as_of": dt.datetime.now(dt.UTC).date().isoformat(),
        "package": PACKAGE,
        "version": importlib.metadata.version(PACKAGE),
        **assemble(sources, catalogue, packaged),
    }
    before = _read(RESULT) if RESULT.exists() else {}
    if {**made, "as_of": ""} == {**before, "as_of": ""}:
        made["as_of"] = before["as_of"]
    RESULT.write_text(written(made), encoding="utf-8")
    models = sum(map(len, made["lists"].values()))
    sys.stdout.write(f"{RESULT.name}: {models} models, {RESULT.stat().st_size // 1000} KB, as of {made['as_of']}\n")
    for line in differences(sources, catalogue, packaged):
        sys.stdout.write(f"- {line}\n")


def assemble(sources: dict[str, Any], catalogue: dict[str, Any], packaged: Packaged) -> dict[str, Any]:
    """Return the lists of prices, which provider has which of them, and why a model of the catalogue is in none."""
    own_models: dict[str, set[str]] = {}
    for entry in catalogue["providers"]:
        own_models[entry["id"]] = set(entry.get("models", ()))
    lists: dict[str, Models] = {}
    list_of: dict[str, str] = {}
    unpriced: dict[str, dict[str, str]] = {}
    for name, source in sources["lists"].items():
        wanted = set[str]().union(*(own_models[provider] for provider in source["providers"]))
        lists[name] = _list(source, wanted, packaged)
        list_of |= dict.fromkeys(source["providers"], name)
        unpriced[name] = source.get("unpriced", {})
    return {"list_of": list_of, "unpriced": {name: why for name, why in unpriced.items() if why}, "lists": lists}


def _list(source: dict[str, Any], wanted: set[str], packaged: Packaged) -> Models:
    models: Models = {}
    if "package" in source:
        models |= _from_package(packaged[source["package"]], wanted, source)
    for name in source.get("unpriced", ()):
        models.pop(name.lower(), None)
    for name, own in source.get("own", {}).items():
        models[name.lower()] = own["rates"] if "rates" in own else _one(packaged[own["package"]], own["model"], source)
    for name, conditions in source.get("only_when", {}).items():
        models[name] = [rate | conditions if "hours" in rate else rate for rate in models[name]]
    return dict(sorted(models.items()))


def differences(sources: dict[str, Any], catalogue: dict[str, Any], packaged: Packaged) -> Iterator[str]:
    """Yield where the catalogue and the package say different things of a model, for whoever keeps the catalogue."""
    entries = {entry["id"]: entry.get("models", {}) for entry in catalogue["providers"]}
    for name, source in sources["lists"].items():
        own = entries[source["providers"][0]]
        if "package" not in source or not own:
            continue
        provider = packaged[source["package"]]
        found = {model: provider.find_model(model) for model in own}
        for model, facts in own.items():
            window = getattr(found[model], "context_window", None)
            if window and facts.get("context") not in {None, window}:
                yield f"{name}: {model} has a window of {facts['context']} in the catalogue, {window} in the package"
        others = sorted(model.id for model in provider.models if model not in found.values())
        if others and "begins" not in source:
            yield f"{name}: the catalogue lacks {', '.join(others)}"


def _from_package(provider: Any, wanted: set[str], source: dict[str, Any]) -> Models:
    """Return what a provider of the package charges for the catalogue's models, and for others that it names."""
    begins, without = tuple(source.get("begins", [""])), source.get("without", [])
    names = {name.lower(): provider.find_model(name) for name in wanted}
    for model in provider.models:
        chosen = [name for name in names_of(model) if name.startswith(begins)]
        names |= {name: model for name in chosen if not any(part in name for part in without)}
    known = {name: model for name, model in names.items() if model and model is provider.find_model(name)}
    found = {name: rates_of(model.prices, _as_of(source)) for name, model in known.items()}
    return {name: rates for name, rates in found.items() if rates and found.get(_undated(name)) != rates}


def _undated(name: str) -> str:
    return _DATED.sub("", name) if _DATED.search(name) else ""


def _one(provider: Any, name: str, source: dict[str, Any]) -> list[Rate]:
    model = provider.find_model(name)
    if model is None:
        raise KeyError(f"{PACKAGE} has no {name} at {provider.id}")
    return rates_of(model.prices, _as_of(source))


def _as_of(source: dict[str, Any]) -> dt.date:
    """Return the day from which rates count. Resellers change theirs every week, so their history is left out."""
    return dt.date.min if source.get("history", True) else dt.datetime.now(dt.UTC).date()


def written(made: dict[str, Any]) -> str:
    """Return the file's text, a model a line."""
    lists = []
    for name, models in made["lists"].items():
        rows = ",\n".join(f"    {json.dumps(model)}: {_compact(rates)}" for model, rates in models.items())
        lists.append(f"  {json.dumps(name)}: {{\n{rows}\n  }}")
    head = json.dumps({**made, "lists": {}}, indent=1, ensure_ascii=False).removesuffix('"lists": {}\n}')
    body = ",\n".join(lists)
    return f'{head}"lists": {{\n{body}\n }}\n}}\n'


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


if __name__ == "__main__":
    main()
