from __future__ import annotations

from claude_proxy.core.types import Upstream
from claude_proxy.core.upstream_names import UpstreamNames
from core.builders import provider

MINIMAX, ZAI = provider("minimax"), provider("zai")
SECOND_KEY = provider("minimax-2", base_url=MINIMAX.base_url)
NAMES = UpstreamNames.of(SECOND_KEY, ZAI, MINIMAX)


def test_finds_the_upstream_of_a_provider_by_its_name() -> None:
    assert NAMES.upstream("minimax") == NAMES.upstream("minimax-2") == MINIMAX.upstream
    assert NAMES.upstream("zai") == ZAI.upstream


def test_takes_any_other_word_as_an_upstream() -> None:
    assert [NAMES.upstream(word) for word in (MINIMAX.base_url, "removed")] == [MINIMAX.upstream, "removed"]


def test_names_the_providers_of_an_upstream_in_their_order() -> None:
    assert NAMES.names(MINIMAX.upstream) == ("minimax-2", "minimax")
    assert NAMES.names(ZAI.upstream) == ("zai",)


def test_an_upstream_without_a_provider_is_named_by_its_address() -> None:
    assert NAMES.names(Upstream("https://gone.example")) == ("https://gone.example",)
    assert UpstreamNames().names(ZAI.upstream) == (ZAI.base_url,)
