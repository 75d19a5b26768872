"""The names by which a user knows the upstreams: those of the providers in the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from claude_proxy.core.types import Provider, Upstream


@dataclass(frozen=True, slots=True)
class UpstreamNames:
    """Each provider's upstream by the provider's name, in the order of the configuration.

    An upstream has several names if providers share it, and none if its provider was removed.
    """

    upstreams: Mapping[str, Upstream] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, *providers: Provider) -> UpstreamNames:
        return cls(MappingProxyType({provider.name: provider.upstream for provider in providers}))

    def upstream(self, word: str) -> Upstream:
        """Return the upstream of a provider. Any other word is taken as an upstream itself."""
        return self.upstreams.get(word, Upstream(word))

    def names(self, upstream: Upstream) -> tuple[str, ...]:
        """Return the names of the providers that share an upstream; the upstream itself if there is none."""
        names = tuple(name for name, known in self.upstreams.items() if known == upstream)
        return names or (upstream,)
