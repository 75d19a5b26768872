"""The way from this machine to the providers: an HTTP proxy, and whose certificates are trusted."""

from __future__ import annotations

from dataclasses import dataclass, field

DIRECTLY = "directly"
"""The way to the providers without an egress proxy, in words."""
EXTRA_CA_VARIABLE = "NODE_EXTRA_CA_CERTS"
"""Node's variable, which Claude Code reads too: users of a company's certificate have it set already."""
OPENSSL_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""OpenSSL reads these itself, in place of the system's certificates."""


@dataclass(frozen=True, slots=True)
class Egress:
    """The way out of this machine: an HTTP proxy for `https` providers, and the hosts that go past it."""

    proxy_url: str | None = field(default=None, repr=False)
    """`http://[user:password@]host:port`; None: straight out."""
    no_proxy: tuple[str, ...] = ()
    """As in NO_PROXY: a host, a domain with its subdomains (`corp.example`), an IP network, or `*`."""
    proxy_source: str = field(default="", compare=False)
    """Where the proxy is set: a variable, or `proxy_url`."""
    ca_files: tuple[tuple[str, str], ...] = ()
    """The variables that name certificates of the user's own, and their paths."""

    @property
    def extra_ca_file(self) -> str:
        """The certificates that are trusted beside the system's; OpenSSL itself reads the other variables."""
        return dict(self.ca_files).get(EXTRA_CA_VARIABLE, "")

    @property
    def in_words(self) -> str:
        """The way out, without a password: `directly`, `through the proxy http://host:port (HTTPS_PROXY)`."""
        words = DIRECTLY
        if self.proxy_url:
            scheme, _, rest = self.proxy_url.partition("://")
            words = f"through the proxy {scheme}://{rest.rpartition('@')[2]} ({self.proxy_source or 'proxy_url'})"
            words += f", but directly to {', '.join(self.no_proxy)}" if self.no_proxy else ""
        own = ", ".join(f"{path} ({variable})" for variable, path in self.ca_files)
        return f"{words}, with the certificates in {own}" if own else words
