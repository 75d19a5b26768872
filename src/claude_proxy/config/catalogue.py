"""The catalogue: dated facts about known providers, used for what the user leaves out.

Nothing in it is sent anywhere by itself: an entry counts once the user names it, or its address, in config.json.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import msgspec
from msgspec import Struct

from claude_proxy.config.address import Address
from claude_proxy.config.fact_settings import FactSettings, TraitSettings
from claude_proxy.core.auth import Auth
from claude_proxy.core.traits import ModelFacts, Traits
from claude_proxy.core.types import ClaudeCode, Timeouts

AuthName = Literal["authorization-bearer", "x-api-key", "api-key", "sigv4", "none"]
Kind = Literal["native", "api", "plan", "aggregator", "local", "gateway", "cloud"]
Mark = Literal["A", "B", "C"]
"""How well a fact is confirmed; `confidence_key` says what each letter means."""

_HEADERS = MappingProxyType(
    {"authorization-bearer": Auth.BEARER, "x-api-key": Auth.X_API_KEY, "none": Auth.NONE},
)
_ON_THIS_MACHINE = frozenset({"local", "gateway"})
LOCAL_TIMEOUTS = Timeouts(first_event=600.0, stall=600.0)
"""For servers on this machine: a model that runs here reads a long prompt for minutes, and says nothing meanwhile."""
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class AcceptedAuth(Struct, frozen=True, forbid_unknown_fields=True):
    """The headers in which a provider accepts its key, and the one that its documentation shows."""

    accepted: tuple[AuthName, ...]
    preferred: Literal["authorization-bearer", "x-api-key", "none"]
    confidence: Mark


class Endpoints(Struct, frozen=True, forbid_unknown_fields=True):
    """What it offers besides messages; `models_url` lists its models."""

    count_tokens: Literal["yes", "no", "unknown"]
    models_url: str | None = None


class ModelEntry(FactSettings, frozen=True, kw_only=True):
    """A model of a provider; `note` says in words what else is known, or disputed."""

    confidence: Mark
    note: str = ""


class Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A known provider.

    `tiers` names its models for Claude's; None: names are passed on unchanged. With `needs_models` it does not know
    those, so the user has to name its models. `claude_code_env` holds the variables that its documentation sets for
    Claude Code, `quirks` what differs from Anthropic, a sentence each. A base URL may hold a `{placeholder}`. A plan's
    key begins with `plan_key_prefix`. What its models cost is in `prices.py`.
    """

    id: str
    name: str
    kind: Kind
    region: Literal["intl", "cn", "sgp", "ams"] | None = None
    confidence: Mark
    base_url: str
    alt_base_urls: dict[str, str] = {}
    api_key_env: str
    api_key_env_aliases: tuple[str, ...] = ()
    api_key_prefix: str = ""
    plan_key_prefix: str = ""
    auth: AcceptedAuth
    endpoints: Endpoints
    tiers: dict[str, str] | None = None
    needs_models: bool = False
    models: dict[str, ModelEntry] = {}
    known_traits: TraitSettings = msgspec.field(name="traits", default=TraitSettings())
    claude_code_env: dict[str, str] = {}
    quirks: tuple[str, ...] = ()

    @property
    def preferred_auth(self) -> Auth:
        """The header for its key, or none."""
        return _HEADERS[self.auth.preferred]

    @property
    def keyed_auth(self) -> Auth:
        """The header for a key, if there is one, although the provider does not require it."""
        keyed = (name for name in (self.auth.preferred, *self.auth.accepted) if name in _HEADERS and name != "none")
        return _HEADERS[next(keyed)]

    @property
    def claude_code(self) -> ClaudeCode:
        """How Claude Code has to be set up for it."""
        timeout = self.claude_code_env.get("API_TIMEOUT_MS")
        return ClaudeCode(int(timeout) if timeout else None, self.claude_code_env.get("ENABLE_TOOL_SEARCH") != "false")

    @property
    def traits(self) -> Traits:
        """What it accepts, for all of its models."""
        return self.known_traits.over(Traits())

    @property
    def is_plan(self) -> bool:
        """Whether it is a plan with a flat fee, whatever the key."""
        return self.kind == "plan"

    @property
    def facts(self) -> Mapping[str, ModelFacts]:
        """What is known of its models."""
        return {name: model.over(ModelFacts()) for name, model in self.models.items()}

    @property
    def timeouts(self) -> Timeouts:
        """How long it may take, unless the user says otherwise."""
        return LOCAL_TIMEOUTS if self.kind in _ON_THIS_MACHINE else Timeouts()

    @property
    def placeholders(self) -> tuple[str, ...]:
        """What the user has to fill into its address: `region`."""
        return tuple(_PLACEHOLDER.findall(self.base_url))

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address by which it is recognized; none on this machine, where any program can have that address."""
        return () if self.kind in _ON_THIS_MACHINE else (self.base_url, *self.alt_base_urls.values())


class Catalogue(Struct, frozen=True, forbid_unknown_fields=True):
    """All known providers, as of the day `as_of` (YYYY-MM-DD)."""

    schema: Literal["claude-proxy-catalogue/1"]
    as_of: str
    confidence_key: dict[Mark, str]
    providers: tuple[Entry, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """What `preset` may name."""
        return tuple(entry.id for entry in self.providers)

    def by_id(self, preset: str) -> Entry | None:
        """Return the provider that a preset names."""
        return next((entry for entry in self.providers if entry.id == preset), None)

    def by_address(self, address: Address) -> Entry | None:
        """Return the provider at an address. An address without a placeholder beats one with a placeholder."""
        text = str(address)
        known = [(base, entry) for entry in self.providers for base in entry.addresses]
        exact = (entry for base, entry in known if base == text)
        return next(exact, None) or next((entry for base, entry in known if _fills(text, base)), None)


def _fills(text: str, base: str) -> bool:
    """Tell whether an address is a base URL with its placeholders filled in."""
    form = "[^./]+".join(map(re.escape, _PLACEHOLDER.split(base)[::2]))
    return "{" in base and re.fullmatch(form, text) is not None


@cache
def catalogue() -> Catalogue:
    """Return the catalogue that is shipped with this version; it is read once."""
    data = Path(__file__).with_name("catalogue.json").read_bytes()
    return msgspec.json.decode(data, type=Catalogue)
