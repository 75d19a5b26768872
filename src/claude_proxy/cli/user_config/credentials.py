"""Messages about a provider's key, or about what takes its place: Claude Code's own login, or nothing.

`auth` is the value of an `Auth`, as the running proxy gives it too; `variable` is the variable that holds the key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from claude_proxy.core.auth import Auth, KeySource
from claude_proxy.core.status_report import ProviderStatus
from claude_proxy.core.text import printable

if TYPE_CHECKING:  # `status` shows what the proxy reports, and loads faster without the configuration's types
    from claude_proxy.core.types import Provider

OWN_LOGIN = "Claude Code's own login"
_PLACES = {KeySource.FILE.value: " (from .env)", KeySource.ENVIRONMENT.value: " (from the environment)"}
NO_KEY_TO_TEST = f"it uses {OWN_LOGIN}, which only Claude Code's requests carry, so there is no key to test"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A provider rejected what it was sent as a key: `what` has no full stop, `fix` is a sentence."""

    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.what}. {self.fix}"


def key_location(auth: str, variable: str) -> str:
    """Return where the key is: `in MINIMAX_API_KEY`."""
    return {Auth.CLIENT.value: OWN_LOGIN, Auth.NONE.value: "none needed"}.get(auth, f"in {variable}")


def rejection(provider: Provider) -> Rejection:
    """Return the message about a provider that answered 401 or 403."""
    source = provider.api_key_source.value if provider.api_key_source else ""
    return _rejection(provider.name, provider.auth.value, provider.api_key_env, source)


def reported_rejection(provider: ProviderStatus) -> Rejection:
    """Return the message about a provider that rejected its key, according to the proxy's status."""
    return _rejection(provider.name, provider.auth, provider.key, provider.key_source)


def key_place(provider: ProviderStatus) -> str:
    """Return where a provider's key is set: `MINIMAX_API_KEY (from .env)`."""
    return provider.key + _PLACES.get(provider.key_source, "")


def _rejection(name: str, auth: str, variable: str, source: str) -> Rejection:
    match auth:
        case Auth.CLIENT.value:
            return Rejection(f"{name} refused {OWN_LOGIN}", "Log in again in Claude Code, with /login.")
        case Auth.NONE.value:
            fix = 'Name the variable that holds its key in "api_key_env", and remove its "auth".'
            return Rejection(f'{name} asks for a key, but its "auth" is "none"', fix)
        case _:
            fix = "Replace it there." if source else "Replace it in .env or in the environment."
            return Rejection(f"{name} refused the key in {variable}{_PLACES.get(source, '')}", fix)


def advice(provider: ProviderStatus) -> Iterator[str]:
    """Yield what the user can fix at a provider, as the proxy's status has it: a sentence or two each."""
    if provider.key_rejected:
        yield str(reported_rejection(provider))
    if provider.out_of_credit:
        yield f"{provider.name} has no credit left. Top up its account, then ask it once: claude-switch {provider.name}"
    if provider.unknown_model:
        model = printable(provider.unknown_model, 100)
        yield f"{provider.name} does not know the model {model}. Correct its models in config.json."
