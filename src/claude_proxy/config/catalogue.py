"""The catalogue: dated facts about known providers, which stand in for what the user leaves out."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import msgspec
from msgspec import Struct

from claude_proxy.config.address import Address, parse_base_url
from claude_proxy.core.model import Auth

_HEADERS = MappingProxyType({"authorization-bearer": Auth.BEARER, "x-api-key": Auth.X_API_KEY})

AuthName = Literal["authorization-bearer", "x-api-key"]


class AcceptedAuth(Struct, frozen=True):
    """The headers in which a provider takes its key, and the one that its documentation shows."""

    accepted: tuple[AuthName, ...]
    preferred: AuthName


class Endpoints(Struct, frozen=True):
    """What it offers besides messages; `models_url` lists its models."""

    count_tokens: Literal["yes", "no", "unknown"]
    models_url: str | None


class ModelFacts(Struct, frozen=True):
    """Sizes of a model, in tokens; None where they are not documented."""

    context: int | None
    max_output: int | None


class Entry(Struct, frozen=True):
    """A known provider.

    `tiers` names its models for Claude's, None where names go through unchanged. `claude_code_env` holds the variables
    that its documentation wants set for Claude Code.
    """

    id: str
    name: str
    base_url: str
    api_key_env: str
    auth: AcceptedAuth
    endpoints: Endpoints
    tiers: dict[str, str] | None
    models: dict[str, ModelFacts]
    claude_code_env: dict[str, str]

    @property
    def preferred_auth(self) -> Auth:
        """The header that it is sent its key in."""
        return _HEADERS[self.auth.preferred]


class Catalogue(Struct, frozen=True):
    """All known providers, as of the day `as_of` (YYYY-MM-DD)."""

    as_of: str
    providers: tuple[Entry, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """What `preset` may name."""
        return tuple(entry.id for entry in self.providers)

    def by_id(self, preset: str) -> Entry | None:
        """Return the provider that a preset names."""
        return next((entry for entry in self.providers if entry.id == preset), None)

    def by_address(self, address: Address) -> Entry | None:
        """Return the provider that answers at an address."""
        return next((entry for entry in self.providers if parse_base_url(entry.base_url) == address), None)


@cache
def catalogue() -> Catalogue:
    """Return the catalogue that is shipped with this version; it is read once."""
    data = Path(__file__).with_name("catalogue.json").read_bytes()
    return msgspec.json.decode(data, type=Catalogue)
