"""Providers as the core knows them: the settings, completed from the catalogue, with their keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from msgspec import UNSET, UnsetType

from claude_proxy.config.address import Address, InvalidAddress, is_loopback, is_private, parse_base_url
from claude_proxy.config.catalogue import LOCAL_TIMEOUTS, Entry, catalogue
from claude_proxy.config.header_fields import wire_headers
from claude_proxy.config.keys import Login, Skipped, is_paid_by_plan, login_of, takes_key, with_key
from claude_proxy.config.overrides import set_fields
from claude_proxy.config.prices import NO_PRICES, prices_at, with_own
from claude_proxy.config.problem import Findings, nearest, quoted
from claude_proxy.config.provider_settings import ProviderSettings
from claude_proxy.config.settings import Settings
from claude_proxy.config.variables import Variables, is_variable
from claude_proxy.core.auth import Auth
from claude_proxy.core.model_names import TIERS, strip_context_suffix
from claude_proxy.core.quota.sources import IN_HEADERS, TURNED_OFF, source_name
from claude_proxy.core.traits import ModelFacts, Traits, known_of
from claude_proxy.core.types import ClaudeCode, Provider, Timeouts

_ADDED_PATHS = ("/v1/messages", "/v1")
"""What people copy from a provider's documentation although every client adds it."""

_OF_LOGINS = "anthropic"
"""The only entry whose provider accepts Claude Code's own login."""


@dataclass(frozen=True, slots=True)
class Configured:
    """A provider in config.json, whether it can be used or not; `missing` is the variable whose key is missing.

    `entry` is what the catalogue knows of it.
    """

    provider: Provider
    entry: Entry | None
    enabled: bool
    missing: str = ""

    @property
    def usable(self) -> bool:
        """Whether it is used at all."""
        return self.enabled and not self.missing


@dataclass(frozen=True, slots=True)
class Resolved:
    """The providers that can be used, in the order of failover, and those without a key.

    `configured` are all of them. Valid only if `resolve` found no problem.
    """

    usable: tuple[Provider, ...]
    skipped: tuple[Skipped, ...]
    configured: tuple[Configured, ...]


def resolve(settings: Settings, variables: Variables, findings: Findings) -> Resolved:
    """Complete every provider from the catalogue and give it its key; faults go into `findings`."""
    configured: list[Configured] = []
    names: dict[str, str] = {}
    for index, given in enumerate(settings.providers):
        path = f"providers[{index}]"
        completed = None if findings.about(path) else _Completion(given, path, settings, findings).completed()
        if completed is None:
            continue
        _claim_name(completed.provider.name, path, names, findings)
        # A fault in the key of a disabled provider does no harm.
        found = with_key(completed.provider, completed.login, variables, findings if given.enabled else Findings())
        provider, missing = (found, "") if isinstance(found, Provider) else (completed.provider, found.variable)
        provider = replace(provider, is_plan=is_paid_by_plan(given, completed.entry, provider))
        configured.append(Configured(provider, completed.entry, given.enabled, missing))
    configured = _with_relays_told_apart(configured)
    return Resolved(
        tuple(one.provider for one in configured if one.usable),
        tuple(Skipped(one.provider.name, one.missing) for one in configured if one.enabled and one.missing),
        tuple(configured),
    )


def _with_relays_told_apart(configured: list[Configured]) -> list[Configured]:
    """Make providers at one address an upstream each if their models differ, and leave them one upstream if not.

    Two keys for one company have the same models. Behind a relay, entries with other models can be other companies,
    which reject each other's thinking.
    """
    models: dict[str, list[Mapping[str, str]]] = {}
    for each in configured:
        models.setdefault(each.provider.base_url, []).append(each.provider.models)
    return [
        replace(each, provider=replace(each.provider, relay_branch=each.provider.name))
        if any(other != each.provider.models for other in models[each.provider.base_url])
        else each
        for each in configured
    ]


def _claim_name(name: str, path: str, names: dict[str, str], findings: Findings) -> None:
    # Upper and lower case count as the same: a name is part of a path and of commands.
    other = names.setdefault(name.lower(), path)
    if other != path:
        what = f"{quoted(name)} is also the name of {other}"
        findings.problem(f"{path}.name", what, 'Give each provider a "name" of its own.')


@dataclass(frozen=True, slots=True)
class _Completed:
    """A provider without its key, how it gets it, and its entry in the catalogue."""

    provider: Provider
    login: Login
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class _Completion:
    """Makes one provider from what the user gave, which is at `path`, and the catalogue."""

    given: ProviderSettings
    path: str
    common: Settings
    findings: Findings

    def completed(self) -> _Completed | None:
        """Return the provider, still without its key; None if there is a fault."""
        entry = self._preset()
        address = self._address(entry)
        if entry is None and address is not None:
            entry = catalogue().by_address(address)
        name = self._name(entry)
        variable = self._variable(entry)
        self._check_login(entry)
        headers = wire_headers(self.given.headers, f"{self.path}.headers", self.findings)
        if address is None or name is None or variable is None:
            return None
        models, facts = self._models(entry), self._facts(entry)
        self._warn_of_names(entry, name, models)
        login = login_of(self.given, entry, variable)
        provider = Provider(
            name=name,
            base_url=str(address),
            origin=address.origin,
            auth=login.auth,
            api_key="",
            api_key_env=variable,
            models=MappingProxyType(models),
            own_models=tuple(dict.fromkeys([*(entry.models if entry else ()), *models.values(), *facts])),
            facts=MappingProxyType(facts),
            prices=with_own(prices_at(entry.id) if entry else NO_PRICES, self.given.model_facts),
            smallest_window=_smallest_window(models, facts),
            traits=self.given.traits.over(entry.traits if entry else Traits()),
            claude_code=self.given.claude_code.over(entry.claude_code if entry else ClaudeCode()),
            counts_tokens=self._counts_tokens(entry),
            quota=self._quota(entry, address, login.auth),
            headers=headers,
            timeouts=self.given.timeouts.over(self.common.timeouts.over(_timeouts(entry, address))),
        )
        return _Completed(provider, login, entry)

    def _warn_of_names(self, entry: Entry | None, name: str, models: dict[str, str]) -> None:
        if models or not self.given.enabled:
            return
        if entry is None and self.given.models is UNSET:
            self.findings.warn(
                f"config.json: provider {name} gets Claude's own model names, since it has no models. "
                f'If it knows others, name them at {self.path}, such as "models": "<name>"; else write "models": {{}}.'
            )
        elif entry and entry.needs_models:
            self.findings.warn(
                f"config.json: provider {name} knows none of Claude's model names. "
                f'Name its own at {self.path}, such as "models": "<name>".'
            )

    def _problem(self, key: str, what: str, fix: str) -> None:
        # A second problem about the same key would only follow from the first.
        if not self.findings.about(f"{self.path}.{key}"):
            self.findings.problem(f"{self.path}.{key}", what, fix)

    def _preset(self) -> Entry | None:
        preset = self.given.preset
        if preset is UNSET:
            return None
        entry = catalogue().by_id(preset)
        if entry is None:
            near = nearest(preset, catalogue().ids)
            fix = f'Did you mean "{near}"? ' if near else ""
            fix += "The command `claude-proxy providers --all` lists them."
            self._problem("preset", f"{quoted(preset)} is not a known preset", fix)
        return entry

    def _address(self, entry: Entry | None) -> Address | None:
        text = self.given.base_url
        if text is UNSET and entry is not None:
            if entry.placeholders:
                self._problem("base_url", *_unfilled(entry))
                return None
            text = entry.base_url
        if text is UNSET:
            if self.given.preset is UNSET:
                self._problem("base_url", "is missing", self._how_to_give_an_address())
            return None
        address = parse_base_url(text)
        if isinstance(address, InvalidAddress):
            self._problem("base_url", address.what, address.fix)
            return None
        return self._safe(self._shortened(address))

    def _how_to_give_an_address(self) -> str:
        name = self.given.name
        preset = nearest(name, catalogue().ids) if name is not UNSET else None
        return f'Write it as "https://host/path", or name a preset, such as "preset": "{preset or "minimax"}".'

    def _shortened(self, address: Address) -> Address:
        for added in _ADDED_PATHS:
            if address.path.endswith(added):
                self.findings.warn(
                    f'config.json: {self.path}.base_url: the "{added}" at its end is left out, '
                    "since every request adds it. Remove it."
                )
                return replace(address, path=address.path.removesuffix(added).rstrip("/"))
        return address

    def _safe(self, address: Address) -> Address | None:
        host = address.origin.host
        allowed = {name.lower() for name in self.common.allow_http_hosts}
        if address.origin.scheme == "https" or is_private(host) or host in allowed:
            return address
        what = "is http:// to a public host, which would send the key and the prompts unencrypted"
        self._problem("base_url", what, 'Write https://, or add the host to "allow_http_hosts".')
        return None

    def _name(self, entry: Entry | None) -> str | None:
        if self.given.name is not UNSET:
            return self.given.name
        if entry is None:
            self._missing("name", 'Give it a name, such as "name": "relay".')
            return None
        return entry.id

    def _check_login(self, entry: Entry | None) -> None:
        at_fault = any(self.findings.about(f"{self.path}.{source}") for source in ("preset", "base_url"))
        if self.given.auth == Auth.CLIENT.value and (entry is None or entry.id != _OF_LOGINS) and not at_fault:
            what = "Claude Code's own login is for Anthropic, and this is another provider"
            fix = 'Leave "auth" out and give this provider a key, or write "preset": "anthropic".'
            self._problem("auth", f'is "client", but {what}', fix)

    def _variable(self, entry: Entry | None) -> str | None:
        """Return the variable that is named; an empty text if no key is sent."""
        name = self.given.api_key_env
        if not takes_key(self.given):
            if name is not UNSET:
                what = f'is set together with "auth": "{self.given.auth}", which sends no key'
                self._problem("api_key_env", what, "Remove one of the two.")
            return ""
        if name is not UNSET:
            if is_variable(name):
                return name
            what = "is not the name of a variable (it is not shown, since it may be a key)"
            self._problem(
                "api_key_env", what, f"Put the key into .env, as in {_example(entry)}=<key>, and write that name here."
            )
            return None
        if entry is None:
            fix = f'Name the variable that holds the key, such as "api_key_env": "{_example(None)}".'
            self._missing("api_key_env", fix)
            return None
        return entry.api_key_env

    def _missing(self, key: str, fix: str) -> None:
        # If the preset or the address is wrong, the catalogue may have what seems to be missing.
        at_fault = any(self.findings.about(f"{self.path}.{source}") for source in ("preset", "base_url"))
        if not at_fault:
            self._problem(key, "is missing, and the catalogue does not know this address", fix)

    def _models(self, entry: Entry | None) -> dict[str, str]:
        tiers = dict(entry.tiers or {}) if entry else {}
        match self.given.models:
            case UnsetType():
                return tiers
            case str() as model:
                return dict.fromkeys((*TIERS, "default"), strip_context_suffix(model))
            case by_tier:
                return {**tiers, **{tier: strip_context_suffix(model) for tier, model in set_fields(by_tier).items()}}

    def _facts(self, entry: Entry | None) -> dict[str, ModelFacts]:
        facts = dict(entry.facts) if entry else {}
        for model, given in self.given.model_facts.items():
            name = strip_context_suffix(model)
            facts[name] = given.over(known_of(facts, name) or ModelFacts())
        return facts

    def _counts_tokens(self, entry: Entry | None) -> bool:
        if self.given.count_tokens is not UNSET:
            return self.given.count_tokens
        return entry is None or entry.endpoints.count_tokens != "no"

    def _quota(self, entry: Entry | None, address: Address, auth: Auth) -> str:
        source = _quota_source(entry, address, auth)
        is_on = self.common.quota if self.given.quota is UNSET else self.given.quota
        return source if is_on or not source else TURNED_OFF


def _quota_source(entry: Entry | None, address: Address, auth: Auth) -> str:
    """Return how it is known what is left of its plan. Claude Code's own login is used for no question."""
    source = source_name(address.origin.host, entry.id if entry else "")
    return "" if auth is Auth.NONE or (auth is Auth.CLIENT and source != IN_HEADERS) else source


def _timeouts(entry: Entry | None, address: Address) -> Timeouts:
    if entry is not None:
        return entry.timeouts
    return LOCAL_TIMEOUTS if is_loopback(address.origin.host) else Timeouts()


def _example(entry: Entry | None) -> str:
    return entry.api_key_env if entry else "RELAY_API_KEY"


def _unfilled(entry: Entry) -> tuple[str, str]:
    places = " and ".join(f"{{{place}}}" for place in entry.placeholders)
    what = f"is missing, and the address of {entry.id} holds your own {places}"
    return what, f'Write "base_url": "{entry.base_url}" with it filled in.'


def _smallest_window(models: Mapping[str, str], facts: Mapping[str, ModelFacts]) -> int | None:
    """Return the smallest context window of the models that replace Claude's; None if none is known."""
    return min((window for model in models.values() for window in _windows(model, facts)), default=None)


def _windows(model: str, facts: Mapping[str, ModelFacts]) -> Iterable[int]:
    """Yield the known windows of a model: of its own provider, else of every provider in the catalogue that has it."""
    if own := known_of(facts, model):
        return (own.context,) if own.context else ()
    known = (entry.models.get(model) for entry in catalogue().providers)
    return (of_others.context for of_others in known if of_others and of_others.context)
