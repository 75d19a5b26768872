"""Addresses: base URLs of providers, hosts to listen on, and the HTTP proxy on the way out."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from claude_proxy.config.problem import quoted
from claude_proxy.core.types import Origin

_DEFAULT_PORTS = {"http": 80, "https": 443}

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#\\]*)(?P<path>[^?#]*)(?P<rest>.*)")
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::(?P<port>[0-9]*))?")
_NAME = re.compile(
    r"(?!.{254})[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*"
)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PATH = re.compile(r"(?:/[!-~]*)?")

_AS_URL = 'Write it as "https://host/path".'


@dataclass(frozen=True, slots=True)
class InvalidAddress:
    """Why an address cannot be used, and how to fix it, in the words of a `Problem`."""

    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class Address:
    """A base URL in its normal form: scheme and host in lower case, no default port, no slash at the end."""

    origin: Origin
    path: str

    def __str__(self) -> str:
        scheme, host, port = self.origin.scheme, self.origin.host, self.origin.port
        host = f"[{host}]" if ":" in host else host
        return f"{scheme}://{host}{'' if port == _DEFAULT_PORTS[scheme] else f':{port}'}{self.path}"


def parse_base_url(text: str) -> Address | InvalidAddress:
    """Return the address of a provider, or why it is not valid."""
    match = _URL.fullmatch(text)
    if match is None or match["scheme"].lower() not in _DEFAULT_PORTS:
        return InvalidAddress(f"{quoted(text)} is not an http or https address", _AS_URL)
    if "@" in match["authority"]:
        return InvalidAddress("has a user name or a password in it", "Remove it: a key belongs into .env.")
    if match["rest"]:
        return InvalidAddress("has a query or a fragment", 'Remove what begins at the "?" or "#".')
    if _PATH.fullmatch(match["path"]) is None:
        return InvalidAddress("has a path with characters that no address may have", _AS_URL)
    origin = _origin(match["scheme"].lower(), match["authority"])
    return origin if isinstance(origin, InvalidAddress) else Address(origin, match["path"].rstrip("/"))


def parse_proxy_url(text: str) -> str | InvalidAddress:
    """Return an HTTP proxy as `http://[user:password@]host:port`, or why it is invalid; no message shows any of it."""
    match = _URL.fullmatch(text)
    userinfo, at, authority = match["authority"].rpartition("@") if match else ("", "", "")
    plain = match is not None and match["path"] in {"", "/"} and not match["rest"]
    origin = _origin(match["scheme"].lower(), authority) if match and plain else None
    if not isinstance(origin, Origin) or origin.scheme != "http" or re.fullmatch(r"[!-~]*", userinfo) is None:
        return InvalidAddress("is not the address of an HTTP proxy", 'Write it as "http://host:port".')
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return f"http://{userinfo}{at}{host}:{origin.port}"


def is_host(text: str) -> bool:
    """Tell whether a text is an IP address or a host name."""
    if _ip(text) is not None:
        return True
    # Resolvers read a name that ends in a number as an IPv4 address, in surprising ways.
    return _NAME.fullmatch(text) is not None and _NUMBER.fullmatch(text.rpartition(".")[2].lower()) is None


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, by its name alone: nothing is looked up."""
    ip = _ip(host)
    return ip.is_loopback if ip else host.lower() == "localhost" or host.lower().endswith(".localhost")


def is_private(host: str) -> bool:
    """Tell whether what is sent to a host stays off the public internet, by its name alone."""
    ip = _ip(host)
    return is_loopback(host) or (ip is not None and not ip.is_global)


def _origin(scheme: str, authority: str) -> Origin | InvalidAddress:
    match = _AUTHORITY.fullmatch(authority)
    host = match["host"].strip("[]").lower() if match else ""
    if match is None or not is_host(host) or (":" in host) != match["host"].startswith("["):
        return InvalidAddress("has no valid host name", 'Write it as "https://host/path", an IPv6 address in brackets.')
    port = int(match["port"][:6]) if match["port"] else _DEFAULT_PORTS.get(scheme, 0)
    if not 1 <= port <= 65535:
        return InvalidAddress("has a port out of range", "Write a port from 1 to 65535, or none.")
    return Origin(scheme, host, port)


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip
