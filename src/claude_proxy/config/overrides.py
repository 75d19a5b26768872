"""Settings that replace fields of one of the core's values, under the same names: `timeouts` over `Timeouts`.

The settings' type adds what only a user needs (descriptions, limits, units); the core's type has the defaults. A test
holds that both have the same fields.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, ClassVar, Generic, Protocol, TypeVar, get_type_hints

import msgspec
from msgspec import UNSET, Struct

from claude_proxy.core.traits import Rule


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


T = TypeVar("T", bound=_Dataclass)


class Overrides(Struct, Generic[T], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings that replace fields of a `T`. A field that is left out is UNSET."""

    def over(self, base: T) -> T:
        """Return a value with the given fields in place of its own."""
        types = _types(type(base))
        given = {name: value for name, value in set_fields(self).items() if name in types}
        return replace(base, **{name: _value(given[name], getattr(base, name), types[name]) for name in given})


def set_fields(settings: Struct) -> dict[str, Any]:
    """Return the fields that were given."""
    return {name: value for name, value in msgspec.structs.asdict(settings).items() if value is not UNSET}


@cache
def _types(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _value(given: Any, old: Any, kind: Any) -> Any:
    """Return a given value as the core's type has it: enums by their values, rules as they are written."""
    if isinstance(given, Overrides):
        return given.over(old)
    return frozenset(map(Rule.parse, given)) if kind == frozenset[Rule] else msgspec.convert(given, kind)
