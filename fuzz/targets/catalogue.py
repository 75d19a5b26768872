"""A catalogue: every file that reads as one can be used."""

from __future__ import annotations

import msgspec

from claude_proxy.config.catalogue import Catalogue

_decoder = msgspec.json.Decoder(Catalogue)


def check(data: bytes) -> None:
    """Check one file."""
    try:
        catalogue = _decoder.decode(data)
    except (ValueError, RecursionError):
        return
    for entry in catalogue.providers:
        assert catalogue.by_id(entry.id) is not None
        assert entry.traits == entry.traits
        assert set(entry.facts) == set(entry.models)
        assert all(f"{{{name}" in entry.base_url for name in entry.placeholders)
        assert set(entry.addresses) <= {entry.base_url, *entry.alt_base_urls.values()}
