"""A provider that the catalogue does not have: what its address says about it, and what to call it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass

from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.config.address import Address, InvalidAddress, is_loopback, is_private, parse_base_url
from claude_proxy.config.catalogue import Entry, catalogue

_LIKE_ADDRESS = re.compile(
    r"https?:.*|[^\s/]+(?::\d+(?:/.*)?|/.*)|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|localhost|\[.*", re.IGNORECASE
)
_ENDPOINT = re.compile(r"(?:/v1)?(?:/messages(?:/count_tokens)?)?/*(?:[?#].*)?$")
"""What pasted addresses have at their end, and the proxy adds itself."""
_NOT_A_NAME = re.compile(r"[^a-z0-9]+")
_GENERAL_LABELS = frozenset({"api", "www", "gateway", "llm", "ai", "app", "anthropic", "open", "platform", "cloud"})


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """A provider's address as the configuration takes it; `entry` is the provider of the catalogue that has it."""

    address: Address
    entry: Entry | None

    @property
    def on_this_machine(self) -> bool:
        """Whether it is a server of this machine, which asks for no key as a rule."""
        return is_loopback(self.address.origin.host)

    @property
    def name(self) -> str:
        """What to call it: `example` for https://api.example.com/anthropic, `local-8080` for a port of this machine."""
        host, port = self.address.origin.host, self.address.origin.port
        if self.on_this_machine:
            return f"local-{port}"
        if _is_ip(host):
            return "server-" + _NOT_A_NAME.sub("-", host).strip("-")[:40]
        labels = host.split(".")
        telling = [label for label in labels[:-1] if label not in _GENERAL_LABELS] or labels[:1]
        return _NOT_A_NAME.sub("-", telling[-1]).strip("-") or "relay"


def looks_like_address(text: str) -> bool:
    """Tell whether a word of the command line is an address rather than a name."""
    return _LIKE_ADDRESS.fullmatch(text.strip()) is not None


def read_address(text: str) -> OwnAddress:
    """Return the address that a user wrote, with or without a scheme and an endpoint. Raises `CommandError`."""
    text = text.strip()
    if "://" not in text:
        host = text.partition("/")[0].rpartition(":")[0] or text.partition("/")[0]
        text = f"{'http' if is_private(host.strip('[]')) else 'https'}://{text}"
    address = parse_base_url(_ENDPOINT.sub("", text))
    if isinstance(address, InvalidAddress):
        raise CommandError(f"the address {address.what}; nothing was changed", code=Exit.USAGE, hint=address.fix)
    return OwnAddress(address, catalogue().by_address(address))


def unused_name(name: str, taken: Collection[str]) -> str:
    """Return a name, with a number if it is taken (in lower case)."""
    number = 1
    candidate = name
    while candidate.lower() in taken:
        number += 1
        candidate = f"{name}-{number}"
    return candidate


def key_variable(name: str) -> str:
    """Return the variable for a provider's key: `EXAMPLE_API_KEY`."""
    text = _NOT_A_NAME.sub("_", name.lower()).strip("_")
    return f"{'_' if text[:1].isdigit() else ''}{text}_api_key".upper()


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
