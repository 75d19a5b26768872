"""The guard in front of everything else: which requests are let in. It looks at their header fields.

A web page in the user's browser can send requests to loopback: `Host`, `Origin` and `Sec-Fetch-Site` show that. Another
program or user on the machine can too, but does not know the installation's token.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from claude_proxy.core.client_login import strip_credentials
from claude_proxy.core.reply import NO_RETRY, refusal
from claude_proxy.core.text import PROGRAM
from claude_proxy.core.types import Headers, Reply
from claude_proxy.net.request_head import host_name

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_SAME_SITE: Final = frozenset({b"same-origin", b"none"})
_FRAMES: Final = frozenset({b"iframe", b"frame", b"fencedframe", b"embed", b"object"})
"""What a page within another one is asked for as."""

_PRIVATE_DOMAIN: Final = "internal"
"""ICANN reserved it for private use in July 2024: no public DNS server answers for a name in it."""
_THIS_MACHINE: Final = frozenset({"host", "gateway"})
"""How containers and virtual machines call the machine that they run on, within that domain: `host.docker.internal`,
`gateway.docker.internal`, `host.containers.internal` (Podman), `host.lima.internal`, `host.minikube.internal` …"""
TokenSources: TypeAlias = Callable[[Iterable[str]], Sequence[str]]
MAX_SHOWN: Final = 253
"""Characters of a host's name that are repeated: no valid one is longer (RFC 1035)."""


class Guard:
    """Refuses requests that do not come from a client of this installation. The proxy listens on `host`.

    `allowed_hosts` are the user's own names for this machine. `token_sources` returns which settings of Claude Code's
    hold one of the tokens that a refused client sent. `program` is how the user calls the program that starts
    clients; it may hold a path, which other machines are not told. `is_page_cookie` says whether a `Cookie` header is
    that of a browser which may look at the page.
    """

    def __init__(
        self,
        host: str,
        token: str,
        program: str,
        allowed_hosts: Iterable[str] = (),
        token_sources: TokenSources = lambda _: (),
        is_page_cookie: Callable[[bytes], bool] = lambda _: False,
    ) -> None:
        self._own = LOOPBACK | {host.lower()}
        self._hosts = self._own
        self.allow(allowed_hosts)
        self._token = token.encode()
        self._metrics_token = b""
        is_local = host.lower() in LOOPBACK
        self._program = program if is_local else PROGRAM
        self._token_sources: TokenSources = token_sources if is_local else lambda _: ()
        self._is_page_cookie = is_page_cookie

    def allow(self, hosts: Iterable[str]) -> None:
        """Accept these names in `Host` from now on, besides those that always are."""
        self._hosts = self._own | {_normal(host) for host in hosts}

    def open_metrics_with(self, token: str) -> None:
        """Let this token open `/metrics` from now on, and no other but the installation's; empty: only that one."""
        self._metrics_token = token.encode()

    def may_read_metrics(self, fields: Mapping[bytes, bytes]) -> bool:
        """Whether a request has the token that opens `/metrics` only."""
        expected = self._metrics_token
        return bool(expected) and sum(hmac.compare_digest(token, expected) for token in _tokens(fields)) > 0

    def check_origin(self, fields: Mapping[bytes, bytes]) -> Reply | None:
        """Refuse a request that a web page may have made: a foreign host (DNS rebinding), or one from another site."""
        host = fields.get(b"host")  # only HTTP/1.0 goes without, which no browser speaks
        if host is not None and not self._is_ours(host):
            return refusal("permission_error", _foreign_host(host), NO_RETRY)
        if b"origin" in fields:
            return refusal("permission_error", "requests from web pages are refused", NO_RETRY)
        site = fields.get(b"sec-fetch-site")
        if site is not None and site.lower() not in _SAME_SITE:
            return refusal("permission_error", "requests from other sites are refused", NO_RETRY)
        return None

    def check_token(self, fields: Mapping[bytes, bytes]) -> Reply | None:
        """Refuse a request without the installation's token."""
        # all of them are compared, so that the time does not reveal which one it was
        if sum(hmac.compare_digest(token, self._token) for token in _tokens(fields)):
            return None
        return refusal("authentication_error", self._wrong_token(list(_tokens(fields))), NO_RETRY)

    def has_page_cookie(self, fields: Mapping[bytes, bytes]) -> bool:
        """Whether a browser that may look at the page asks for a part of it, to show it by itself and in no frame.

        For requests that `check_origin` lets pass: no other site made them, and they are for one of our names.
        """
        if fields.get(b"sec-fetch-dest", b"").lower() in _FRAMES:
            return False
        return self._is_page_cookie(fields.get(b"cookie", b""))

    def strip_credentials(self, headers: Headers) -> Headers:
        """Return the headers of a request that was let in. The only credential that stays is the client's own login."""
        return strip_credentials(headers, self._token)

    def _wrong_token(self, sent: list[bytes]) -> str:
        start = f"start Claude Code with `{self._program} run -- claude`"
        if not any(sent):
            return f"this needs the proxy's own token: {start}"
        if places := self._token_sources([token.decode("latin-1") for token in sent]):
            return (
                f"this needs the proxy's own token, and {' and '.join(places)} is another one. Remove it there and "
                f"{start}, or replace it by the content of state/token"
            )
        return (
            f"this needs the proxy's own token, and another one was sent: {start}. If its settings set "
            f"ANTHROPIC_AUTH_TOKEN, remove it there; `{self._program} doctor` names the file"
        )

    def _is_ours(self, host: bytes) -> bool:
        name = host_name(host)
        if name is None:
            return False
        name = _normal(name)
        return name in self._hosts or _is_address(name) or _is_this_machine(name)


def _normal(name: str) -> str:
    """Return a host's name in lower case and without the dot that ends a complete one."""
    return name.lower().removesuffix(".")


def _is_address(name: str) -> bool:
    """Whether a host is an IP address, such as that of a container's gateway: DNS rebinding needs a name."""
    return ":" in name or name.replace(".", "").isdigit()


def _is_this_machine(name: str) -> bool:
    """Whether it is a name that a container or a virtual machine has for this machine."""
    *labels, domain = name.split(".")
    return domain == _PRIVATE_DOMAIN and not _THIS_MACHINE.isdisjoint(labels)


def _foreign_host(host: bytes) -> str:
    name = host_name(host)
    if name is None:
        return "the Host header is malformed"
    name = name[:MAX_SHOWN]
    return (
        f"the Host header names {name}, which is not a name of this proxy's machine. "
        f'If it is one, add it to config.json: "allowed_hosts": ["{name}"]'
    )


def _tokens(fields: Mapping[bytes, bytes]) -> Iterator[bytes]:
    for name in (b"x-claude-proxy-token", b"x-api-key"):
        if name in fields:
            yield fields[name]
    authorization = fields.get(b"authorization", b"")
    if authorization[:7].lower() == b"bearer ":
        yield authorization[7:].strip()


def check_content_type(fields: Mapping[bytes, bytes]) -> Reply | None:
    """Refuse a body that is not labelled as JSON: a form on a web page can send one without the user's doing."""
    value = fields.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if value == b"application/json":
        return None
    return refusal("invalid_request_error", "content-type must be application/json")
