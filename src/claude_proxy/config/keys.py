"""How a provider authenticates the user, and who pays: the header, the variable that holds the key, a plan or not."""

from __future__ import annotations

from dataclasses import dataclass, replace

from msgspec import UNSET

from claude_proxy.config.catalogue import Entry
from claude_proxy.config.problem import Findings
from claude_proxy.config.provider_settings import ProviderSettings
from claude_proxy.config.variables import Variables
from claude_proxy.core.auth import Auth
from claude_proxy.core.types import Provider


@dataclass(frozen=True, slots=True)
class Skipped:
    """A provider that is left out because the `variable` for its key is not set."""

    name: str
    variable: str


@dataclass(frozen=True, slots=True)
class Login:
    """The header for the key, and the variables that may hold it; messages name the first.

    Of the variables that are set, the first whose key begins with `prefix` counts, else the first. If none is set, the
    provider is skipped, unless the key is `optional`. Without variables, no key is sent at all.
    """

    auth: Auth
    variables: tuple[str, ...]
    prefix: str = ""
    optional: bool = False


def takes_key(given: ProviderSettings) -> bool:
    """Tell whether a provider gets, or may get, a key of its own."""
    return given.auth not in {Auth.CLIENT.value, Auth.NONE.value}


def is_paid_by_plan(given: ProviderSettings, entry: Entry | None, provider: Provider) -> bool:
    """Tell whether a plan with a flat fee pays for what a provider answers."""
    if given.plan is not UNSET:
        return given.plan
    if entry is None or provider.auth is Auth.CLIENT:
        return provider.auth is Auth.CLIENT
    prefix = entry.plan_key_prefix
    return entry.is_plan or (bool(prefix) and provider.api_key.startswith(prefix))


def login_of(given: ProviderSettings, entry: Entry | None, variable: str) -> Login:
    """Return how a provider is logged in to; the user or the catalogue names the `variable`."""
    usual = entry.preferred_auth if entry else Auth.BEARER
    auth = usual if given.auth is UNSET else Auth(given.auth)
    if not takes_key(given):
        return Login(auth, ())
    if entry is None or given.api_key_env is not UNSET:
        return Login(entry.keyed_auth if entry and auth is Auth.NONE else auth, (variable,))
    names = (variable, *entry.api_key_env_aliases)
    if auth is Auth.NONE:
        return Login(entry.keyed_auth, names, entry.api_key_prefix, optional=True)
    return Login(auth, names, entry.api_key_prefix)


def with_key(provider: Provider, login: Login, variables: Variables, findings: Findings) -> Provider | Skipped:
    """Return a provider with its key, or why it is left out. An invalid key is a problem in `findings`."""
    if not login.variables:
        return provider
    noted = Findings()
    keys = {name: key for name in login.variables if (key := variables.key(name, noted))}
    fitting = (name for name, key in keys.items() if key.startswith(login.prefix))
    found = next(fitting, None) or next(iter(keys), None)
    findings.include(noted, as_warnings=found is not None)  # another variable has the key
    if found:
        return replace(
            provider, auth=login.auth, api_key=keys[found], api_key_env=found, api_key_source=variables.source(found)
        )
    return replace(provider, auth=Auth.NONE) if login.optional else Skipped(provider.name, login.variables[0])
