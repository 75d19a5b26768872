"""Which providers tell what is left, and how they are asked: at their own origin, with their own key.

A provider is recognized by its host, or by the catalogue's entry that it uses. So an entry of any name works, and so
does a provider behind a relay, if the relay keeps the end of the path: the key goes where its requests go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias
from urllib.parse import urlsplit

import msgspec

from claude_proxy.core.auth import Auth
from claude_proxy.core.quota import deepseek, kimi_code, minimax, moonshot, novita, openrouter, zai
from claude_proxy.core.quota.reading import Reading
from claude_proxy.core.types import Provider

Reader: TypeAlias = Callable[[bytes, float], Reading]

IN_HEADERS: Final = "anthropic"
"""The `Provider.quota` of one whose answers carry their limits in their head. It is never asked."""
TURNED_OFF: Final = "off"
"""The `Provider.quota` of one that the user does not want to be asked."""
_ANTHROPIC_HOST: Final = "api.anthropic.com"


class QuotaSource(msgspec.Struct, frozen=True, gc=False):
    """How one kind of provider is asked.

    `presets` are its entries in the catalogue, `base_path` is the path of their base URLs. Each of `requests` is asked;
    its further paths are older ones, for hosts that do not know the first.
    """

    name: str
    presets: tuple[str, ...]
    hosts: tuple[str, ...]
    base_path: str
    requests: tuple[tuple[str, ...], ...]
    read: Reader
    unmetered: str = ""
    """How keys begin that belong to no plan."""

    def prefix(self, provider: Provider) -> str | None:
        """Return what stands before the paths at a provider's address; None if its address has another form."""
        if provider.origin.host in self.hosts:
            return ""
        path = urlsplit(provider.base_url).path
        return path.removesuffix(self.base_path) if path.endswith(self.base_path) else None


SOURCES: Final = (
    QuotaSource(
        "zai",
        ("zai", "zhipu"),
        ("api.z.ai", "open.bigmodel.cn", "bigmodel.cn"),
        "/api/anthropic",
        (("/api/monitor/usage/quota/limit",),),
        zai.read,
    ),
    QuotaSource(
        "minimax",
        ("minimax", "minimax-cn"),
        ("api.minimax.io", "api.minimaxi.com"),
        "/anthropic",
        (("/v1/token_plan/remains", "/v1/api/openplatform/coding_plan/remains"),),
        minimax.read,
        unmetered="sk-api-",
    ),
    QuotaSource(
        "kimi-code",
        ("kimi-code",),
        ("api.kimi.com", "api.kimi.ai"),
        "/coding",
        (("/coding/v1/usages",),),
        kimi_code.read,
    ),
    QuotaSource("deepseek", ("deepseek",), ("api.deepseek.com",), "/anthropic", (("/user/balance",),), deepseek.read),
    QuotaSource(
        "moonshot",
        ("moonshot",),
        ("api.moonshot.ai",),
        "/anthropic",
        (("/v1/users/me/balance",),),
        moonshot.read_dollars,
    ),
    QuotaSource(
        "moonshot-cn",
        ("moonshot-cn",),
        ("api.moonshot.cn",),
        "/anthropic",
        (("/v1/users/me/balance",),),
        moonshot.read_yuan,
    ),
    QuotaSource(
        "openrouter",
        ("openrouter",),
        ("openrouter.ai",),
        "/api",
        (("/api/v1/key",), ("/api/v1/credits",)),
        openrouter.read,
    ),
    QuotaSource(
        "novita",
        ("novita",),
        ("api.novita.ai",),
        "/anthropic",
        (("/openapi/v1/billing/balance/detail",),),
        novita.read,
    ),
)
_BY_NAME: Final = {source.name: source for source in SOURCES}


def source_name(host: str, preset: str) -> str:
    """Return what `Provider.quota` is for a host, or else for an entry of the catalogue; empty if it tells nothing."""
    if host == _ANTHROPIC_HOST:
        return IN_HEADERS
    at_host = next((source.name for source in SOURCES if host in source.hosts), "")
    if at_host or preset == IN_HEADERS:
        return at_host or IN_HEADERS
    return next((source.name for source in SOURCES if preset in source.presets), "")


def source_of(provider: Provider) -> QuotaSource | None:
    """Return how a provider is asked; None if it is not, such as with a login of the client's own."""
    if provider.auth not in {Auth.BEARER, Auth.X_API_KEY} or not provider.api_key:
        return None
    return _BY_NAME.get(provider.quota)
