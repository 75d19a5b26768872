"""The way to providers: the HTTP proxy of the configuration, else of the environment, and certificates of one's own."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import UNSET

from claude_proxy.config.address import InvalidAddress, parse_proxy_url
from claude_proxy.config.problem import Findings
from claude_proxy.config.settings import Settings
from claude_proxy.config.trust import read_ca_files
from claude_proxy.core.egress import Egress

_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
_NO_PROXY_VARIABLES = ("NO_PROXY", "no_proxy")


def read_egress(settings: Settings, environ: Mapping[str, str], findings: Findings) -> Egress:
    """Return how providers are reached. An empty `proxy_url` in the configuration means no proxy at all."""
    url: str | None = None
    source = "proxy_url"
    if settings.proxy_url is UNSET:
        source, url = _from_environment(environ, findings)
    elif settings.proxy_url:
        url = _from_settings(settings.proxy_url, findings)
    hosts = re.split(r"[,\s]+", _first(_NO_PROXY_VARIABLES, environ)[1])
    ca_files = read_ca_files(environ, findings)
    return Egress(url, tuple(host for host in hosts if host), source if url else "", ca_files)


def _from_settings(text: str, findings: Findings) -> str | None:
    url = parse_proxy_url(text)
    if isinstance(url, InvalidAddress):
        findings.problem("proxy_url", url.what, url.fix)
        return None
    return url


def _from_environment(environ: Mapping[str, str], findings: Findings) -> tuple[str, str | None]:
    """Return the variable that names a proxy, and the proxy's address."""
    variable, text = _first(_PROXY_VARIABLES, environ)
    if not text:
        return "", None
    # Other programs read a proxy without a scheme as an http one.
    url = parse_proxy_url(text if "://" in text else f"http://{text}")
    if isinstance(url, InvalidAddress):
        findings.warn(f'environment: {variable}: {url.what}, and is ignored. Set "proxy_url" in config.json.')
        return "", None
    return variable, url


def _first(names: tuple[str, ...], environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the first variable that is set and not empty, and its value."""
    for name in names:
        value = environ.get(name, "").strip()
        if value:
            return name, value
    return "", ""
