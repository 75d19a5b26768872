from __future__ import annotations

from claude_proxy.core.adaptation.draft import MAX_WORD, MAX_WORDS, Changes


def test_change_words_are_safe_short_and_few() -> None:
    changes = Changes()
    changes.note("tool:\r\nx-evil: 1, é" + "x" * 100)
    changes.note("twice")
    changes.note("twice")
    first, second = changes.words()
    assert first == "tool:??x-evil:?1???" + "x" * (MAX_WORD - 19)
    assert second == "twice*2"
    for number in range(MAX_WORDS):
        changes.note(f"n{number}")
    assert changes.words()[-1] == "and-2-more"
    assert len(changes.words()) == MAX_WORDS + 1
