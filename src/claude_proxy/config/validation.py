"""Raw JSON becomes settings. Every fault that the types can find is reported, not only the first."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import FieldInfo

from claude_proxy.config.document import join
from claude_proxy.config.problem import Findings, nearest, shown
from claude_proxy.config.provider_settings import ProviderSettings
from claude_proxy.config.settings import Settings

S = TypeVar("S", bound=Struct)

_KEY_NAMES = frozenset({"key", "apikey", "token", "authtoken", "apitoken", "authorization", "password", "secret"})
"""Names under which people write the key itself, without hyphens and underscores."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
"""Lone surrogates, which JSON can write, are among them: nothing can send or print them."""


def check(document: Mapping[str, object], findings: Findings) -> Settings:
    """Return the settings of a configuration. A faulty value is a problem in `findings`, and its default is used."""
    if document.get("providers", []) == []:
        findings.problem(
            "providers", "there are none", 'Add at least one, such as "providers": [{"preset": "minimax"}].'
        )
    return _struct(Settings, {**document, "providers": document.get("providers", [])}, "", findings)


def _struct(kind: type[S], raw: Mapping[str, object], key: str, findings: Findings) -> S:
    known = _fields(kind)
    values: dict[str, Any] = {}
    for name, item in raw.items():
        if name not in known:
            _unknown(kind, name, key, findings)
            continue
        value = _value(known[name].type, item, join(key, name), findings)
        if value is not UNSET:
            values[known[name].name] = value
    return kind(**values)


@cache
def _fields(kind: type[Struct]) -> dict[str, FieldInfo]:
    return {info.encode_name: info for info in msgspec.structs.fields(kind)}


def _value(hint: object, raw: object, key: str, findings: Findings) -> object:
    """Return the value; if it does not fit its type, note a problem and return UNSET, or an empty list or object."""
    bare, metas = _bare(hint)
    form = _container(bare, raw)
    if form is None:
        return _leaf(hint, raw, key, findings)
    if not isinstance(raw, form):
        _wrong(bare, metas, raw, key, findings)
        raw = form()
    if isinstance(raw, list):
        return _items(bare, raw, key, findings)
    struct = _struct_in(bare)
    return _struct(struct, raw, key, findings) if struct else _texts(bare, raw, key, findings)


def _container(bare: object, raw: object) -> type[list[object] | dict[str, object]] | None:
    """Return the JSON form of a type, if that is a list or an object."""
    if get_origin(bare) in {list, tuple}:
        return list
    if get_origin(bare) is dict or _struct_in(bare) is bare:
        return dict
    return dict if _struct_in(bare) and isinstance(raw, dict) else None


def _items(bare: object, raw: list[object], key: str, findings: Findings) -> object:
    hint = get_args(bare)[0]
    values = [_value(hint, item, f"{key}[{index}]", findings) for index, item in enumerate(raw)]
    kept = [value for value in values if value is not UNSET]
    return tuple(kept) if get_origin(bare) is tuple else kept


def _texts(bare: object, raw: dict[str, object], key: str, findings: Findings) -> dict[str, object]:
    of_name, hint = get_args(bare)
    values: dict[str, object] = {}
    for name, item in raw.items():
        place = join(key, name)
        named = of_name is str or _leaf(of_name, name, place, findings) is not UNSET
        value = _value(hint, item, place, findings)
        if named and value is not UNSET:
            values[name] = value
    return values


def _leaf(hint: object, raw: object, key: str, findings: Findings) -> object:
    if isinstance(raw, str) and _CONTROL.search(raw):
        findings.problem(key, "has a line break or another control character", "Remove it.")
        return UNSET
    try:
        return msgspec.convert(raw, hint)
    except msgspec.ValidationError:
        _wrong(*_bare(hint), raw, key, findings)
        return UNSET


def _wrong(bare: object, metas: tuple[Meta, ...], raw: object, key: str, findings: Findings) -> None:
    said = next(meta.extra for meta in metas if meta.extra)
    fix: str = said["fix"]
    if get_origin(bare) is Literal and isinstance(raw, str):
        near = nearest(raw, get_args(bare))
        fix = f'Did you mean "{near}"?' if near else fix
    elif isinstance(raw, str) and _fits_unquoted(raw, bare, metas):
        fix = "Write it without the quotes."
    findings.problem(key, f"{'this' if said['private'] else shown(raw)} is not {said['expected']}", fix)


def _fits_unquoted(text: str, bare: object, metas: tuple[Meta, ...]) -> bool:
    try:
        msgspec.convert(json.loads(text), Annotated[(bare, *metas)])
    except (msgspec.ValidationError, ValueError, RecursionError):
        return False
    return True


def _bare(hint: object) -> tuple[Any, tuple[Meta, ...]]:
    """Return a type without its annotations and without UNSET, and the annotations."""
    metas: tuple[Meta, ...] = ()
    while True:
        if get_origin(hint) is Annotated:
            hint, *found = get_args(hint)
            metas += tuple(found)
        elif get_origin(hint) in {Union, UnionType} and UnsetType in get_args(hint):
            rest = [kind for kind in get_args(hint) if kind is not UnsetType]
            hint = rest[0] if len(rest) == 1 else Union[tuple(rest)]  # noqa: UP007 - built at run time
        else:
            return hint, metas


def _struct_in(bare: object) -> type[Struct] | None:
    for kind in (bare, *(get_args(bare) if get_origin(bare) in {Union, UnionType} else ())):
        if isinstance(kind, type) and issubclass(kind, Struct):
            return kind
    return None


def _unknown(kind: type[Struct], name: str, key: str, findings: Findings) -> None:
    known = tuple(_fields(kind))
    place = join(key, name)
    if kind is ProviderSettings and name.lower().replace("_", "").replace("-", "") in _KEY_NAMES:
        fix = 'Put the key into .env, as in MINIMAX_API_KEY=<key>, and name that variable in "api_key_env".'
        findings.problem(place, "keys do not belong in this file", fix)
        return
    near = nearest(name, known)
    fix = f'Did you mean "{near}"?' if near else f"Remove it; the keys known here are {', '.join(known)}."
    findings.problem(place, "is an unknown key", fix)
