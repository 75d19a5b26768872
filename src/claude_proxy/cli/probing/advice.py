"""What the user can mend at a provider, as the proxy's status tells it."""

from __future__ import annotations

from collections.abc import Iterator

from claude_proxy.cli.probing import credentials
from claude_proxy.core.status_report import ProviderStatus
from claude_proxy.core.text import printable


def advice(provider: ProviderStatus) -> Iterator[str]:
    """Yield what is to be done, a few words each; nothing where all is well."""
    if provider.key_rejected:
        yield credentials.refused(provider.auth, provider.key)
    if provider.out_of_credit:
        yield f"out of credit: top up its account, then ask it once by claude-switch {provider.name}"
    if provider.unknown_model:
        yield f"it does not know the model {printable(provider.unknown_model, 100)}: mend models in config.json"
