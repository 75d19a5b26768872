"""Which header fields go on to the other side, and which end here."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from claude_proxy.core.auth import Auth
from claude_proxy.core.client_hints import PREFIX
from claude_proxy.core.types import Headers, Origin, Provider

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
OURS: Final = b"x-claude-proxy-"
SESSION: Final = b"x-claude-code-session-id"
BETA: Final = b"anthropic-beta"

_FOR_GATEWAYS: Final = (OURS, PREFIX)
"""How fields begin that are for a gateway only; the provider that takes the client's own login gets Claude Code's."""
_NEVER_SENT: Final = HOP_BY_HOP | {
    b"accept-encoding",
    b"content-length",
    b"cookie",
    b"expect",
    b"forwarded",
    b"host",
    b"x-api-key",
}
"""Not even for the provider that takes the client's own login, which gets all other fields as without a proxy."""
TRACE_PARENT: Final = b"traceparent"
_TRACING: Final = frozenset({TRACE_PARENT, b"tracestate", b"baggage"})
"""Where a request belongs in the user's own traces, and what the user's programs pass along them."""

_NOT_FOR_PROVIDERS: Final = _NEVER_SENT | _TRACING | {b"authorization"}
_NOT_FOR_CLIENTS: Final = HOP_BY_HOP | {
    # true of the provider's own address, and misleading about the proxy's
    b"alt-svc",
    b"content-encoding",
    b"content-length",
    b"set-cookie",
    b"strict-transport-security",
}


def find(headers: Headers, name: bytes) -> bytes | None:
    """Return the first value of a field; `name` in lower case."""
    for key, value in headers:
        if key == name:
            return value
    return None


def for_provider(headers: Headers, provider: Provider, body_length: int, added: Headers = ()) -> bytes:
    """Return the header block that a provider gets, up to and including the blank line.

    Fields that the client's `Connection` names end here as well. The user's own fields for this provider replace those
    of the client, and those `added` by the proxy. Of the client's credentials only a login of its own may be left in
    `headers`; it goes on only to the provider that takes it.
    """
    with_login = provider.auth is Auth.CLIENT
    dropped = _NEVER_SENT if with_login else _NOT_FOR_PROVIDERS
    kept_back = OURS if with_login else _FOR_GATEWAYS
    own = {name for name, _ in provider.headers}
    connection = b",".join([value for name, value in headers if name == b"connection"])
    if own or connection not in (b"", b"keep-alive", b"close"):
        dropped |= own | {name.strip().lower() for name in connection.split(b",")}
    lines = [b"%b: %b\r\n" % pair for pair in headers if pair[0] not in dropped and not pair[0].startswith(kept_back)]
    lines += [b"%b: %b\r\n" % pair for pair in added if pair[0] not in own]
    fixed = _fixed(provider.origin, provider.auth, provider.api_key, provider.headers)
    return b"%bcontent-length: %d\r\n%b\r\n" % (fixed, body_length, b"".join(lines))


@lru_cache(maxsize=64)  # the same for each request to a provider
def _fixed(origin: Origin, auth: Auth, api_key: str, own: Headers) -> bytes:
    # identity: the proxy has to read every event, and compressing them would save a provider little
    pairs = [(b"host", _host(origin)), *_key(auth, api_key.encode()), (b"accept-encoding", b"identity"), *own]
    return b"".join(b"%b: %b\r\n" % pair for pair in pairs)


def _key(auth: Auth, key: bytes) -> Headers:
    if auth is Auth.BEARER:
        return ((b"authorization", b"Bearer " + key),)
    return ((b"x-api-key", key),) if auth is Auth.X_API_KEY else ()


def _host(origin: Origin) -> bytes:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    default = 443 if origin.scheme == "https" else 80
    return (host if origin.port == default else f"{host}:{origin.port}").encode()


def for_client(headers: Headers) -> Headers:
    """Return the fields of an answer that the client gets; none of them can imitate one of the proxy's own."""
    return tuple(pair for pair in headers if pair[0] not in _NOT_FOR_CLIENTS and not pair[0].startswith(OURS))
