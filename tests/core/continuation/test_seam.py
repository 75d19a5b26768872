from __future__ import annotations

import pytest

from claude_proxy.core.continuation.seam import STEP_CHARS, Joint, Seam, fragment_of, is_within_sentence

FIRST = "The proxy listens on a port of its own, and each request that comes in there is answered by the fir"
REST = "st provider that can. After that it closes the connection."
SECOND_LINE = "1. First point about the cache\n2. Second point about the pool of connec"


def joined(first: str, second: str, step: int = 3) -> Joint:
    """Feed the second half in small pieces."""
    seam = Seam(first, asked=is_within_sentence(first))
    for start in range(0, len(second), step):
        joint = seam.feed(second[start : start + step])
        if joint:
            return Joint(joint.text + second[start + step :], joint.same_block)
    return seam.finish()


@pytest.mark.parametrize("step", [1, 3, 50, 1000])
@pytest.mark.parametrize(
    ("first", "second", "new"),
    [
        (FIRST, fragment_of(FIRST) + REST, REST),
        (FIRST, "\n" + fragment_of(FIRST).replace(" ", "\n") + REST, REST),
        (FIRST, "…" + fragment_of(FIRST) + REST, REST),
        (FIRST, f"I'm sorry about that interruption! I'll carry on from there.\n\n{fragment_of(FIRST)}{REST}", REST),
        (FIRST, FIRST + REST, REST),
        (FIRST, f"Of course. Here is the whole reply again:\n\n{FIRST}{REST}", REST),
        (FIRST * 9, FIRST * 9 + REST, REST),
        ("He said \u201cit\u2019s done", 'He said "it\'s done" and left.', '" and left.'),
        ("He wrote 'abc' and then ", "He wrote 'abc' and then went on.", "went on."),
        ("He wrote 'abc' and then ", "He wrote 'abc' and then\nwent on.", "went on."),
        ("He wrote 'abc' and then", "He wrote 'abc' and then went on.", " went on."),
        ("これは長い文章の途中で", "これは長い文章の途中で終わりました。", "終わりました。"),
        ("Ok 👍🏽 so we", "Ok 👍🏽 so we go 👩‍👩‍👧 on.", " go 👩‍👩‍👧 on."),
        (SECOND_LINE, "2. Second point about the pool of connections\n3. Third", "tions\n3. Third"),
        (SECOND_LINE, "pool of connections\n3. Third", "tions\n3. Third"),
        ("Run:\n```python\nfor i in range(3):\n    pri", "    print(i)\n```\nDone.", "nt(i)\n```\nDone."),
        ("Run:\n```py\nfor a in b:\n", "Run:\n```py\nfor a in b:\n    c(a)\n```", "    c(a)\n```"),
        ("Run:\n```\nab", "\ncd\n```", "\ncd\n```"),
        ("I am in the middle of it and", " never stop.", " never stop."),
        ("I am in the middle of it and", "\n\nnever stop.", " never stop."),
        ("I am in the middle of it and ", " never stop.", "never stop."),
        ("長い文章の途中で", "終わりました。", "終わりました。"),
    ],
)
def test_what_a_client_has_is_cut_off_and_the_sentence_goes_on(first: str, second: str, new: str, step: int) -> None:
    assert joined(first, second, step) == Joint(new, same_block=True)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (FIRST, "Sorry, I lost my thread. The answer is something else."),
        (FIRST, "Something completely different, which says nothing of what stood there before. " * 5),
        (FIRST, FIRST[:60] + " another turn, and so it is no repeat but a second answer."),
        ("He goes to the mar", "ket today."),
        ("I am in the middle of it and", "never stop."),
        ("A sentence that is over.", " And one more."),
        ("A line that is over\n", "And one more"),
        ("", "Hello."),
        ("   ", "Hello."),
    ],
)
def test_what_can_not_be_joined_without_doubt_is_a_text_of_its_own(first: str, second: str) -> None:
    assert joined(first, second) == Joint(second, same_block=False)


def test_a_repeat_behind_a_whole_sentence_is_cut_off_and_the_rest_is_a_text_of_its_own() -> None:
    first = "I will write the file now."
    assert joined(first, first) == Joint("", same_block=False)
    assert joined(first, first + " Here it comes.") == Joint(" Here it comes.", same_block=False)


def test_a_model_that_begins_again_and_stops_sooner_brings_nothing_new() -> None:
    assert joined(FIRST, FIRST[:70]) == Joint("", same_block=True)


def test_a_line_that_stands_in_the_text_twice_is_not_taken_for_a_repeat_later_on() -> None:
    line = "| a value of the table | another value |\n"
    second = "| the third and last value | none |\n" + line
    assert joined("Here is the table:\n```\n" + line * 2, second).text == second


def test_a_text_of_a_megabyte_that_is_written_again_is_compared_in_linear_time() -> None:
    words = "".join(f"word{number} " for number in range(40_000))
    assert joined(words, words + "and the end", 4) == Joint("and the end", same_block=True)


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("short", "short"),
        ("  padded text  ", "padded text"),
        (FIRST, "request that comes in there is answered by the fir"[10:]),
        ("あ" * 60, "あ" * 40),
        ("one " + "x" * 39, "one " + "x" * 39),
        ("some words " + "x" * 45, "x" * 40),
    ],
)
def test_the_last_words_of_a_text(text: str, fragment: str) -> None:
    assert fragment_of(text).endswith(fragment[-16:])
    assert text.strip().endswith(fragment_of(text))


@pytest.mark.parametrize(
    ("text", "within"),
    [
        ("A sentence", True),
        ("A sentence.", False),
        ('He said "so."', False),
        ('He said "so', True),
        ("- a list item\n", False),
        ("文章。", False),
        ("文章", True),
        ("```\ncode;\n", True),
        ("```\ncode\n```\n", False),
        ("", False),
    ],
)
def test_whether_a_text_breaks_off_within_a_sentence(text: str, within: bool) -> None:
    assert is_within_sentence(text) is within


@pytest.mark.parametrize("first", [FIRST, "Well, it is ok", "Well"])
def test_of_a_long_event_little_is_looked_at(first: str) -> None:
    """The words that are looked for stand in it a hundred thousand times."""
    seam, second = Seam(first, asked=True), "x" * 9 + first[:14] * 100_000
    joint = seam.feed(second)
    assert joint is not None
    assert len(seam._seen.chars) <= 2 * STEP_CHARS
    assert len(joint.text) >= len(second) - 2 * STEP_CHARS


def test_white_space_is_not_held_for_ever() -> None:
    seam = Seam(FIRST, asked=True)
    assert any(seam.feed(" " * 100) for _ in range(1000))
    again = Seam(FIRST, asked=True)
    assert again.feed(FIRST[:50]) is None
    assert any(again.feed("\n" * 100) for _ in range(1000))
    behind = Seam(FIRST + " ", asked=True)
    assert behind.feed(FIRST) is None
    assert any(behind.feed("\n" * 100) for _ in range(1000))


def test_a_first_half_that_is_repeated_in_one_long_event_is_cut_off() -> None:
    first = "".join(f"Line {number} of it, and " for number in range(2000))
    assert joined(first, first + "the end.", step=1_000_000) == Joint("the end.", same_block=True)


SAME = "All is well here. "


def test_a_text_that_repeats_itself_loses_nothing() -> None:
    assert joined(SAME * 3, SAME * 2).text == SAME * 2
    assert joined(SAME * 3 + "All is", " well here. " + SAME).text == " well here. " + SAME
    half = SAME * 3 + "All is we"
    assert joined(half, fragment_of(half) + "ll here. " + SAME) == Joint("ll here. " + SAME, same_block=True)


ITEM = '{{"name": "n{0}", "type": "string", "required": true}}'
REPETITIVE: dict[str, tuple[str, str]] = {
    "the second item of a list": (f"```json\n[{ITEM.format(0)}", f",\n  {ITEM.format(1)},\n  {ITEM.format(2)}]\n```"),
    "the second rule": (
        "```css\n.c0 {\n  margin: 0;\n  padding: 0;\n  display: block;",
        "\n}\n.c1 {\n  margin: 0;\n  padding: 0;\n  display: block;\n}\n```",
    ),
    "a row of a table": (
        "| a | b | c |\n| item number | active and running fine ",
        "| 5 |\n| item number | active and running fine | 6 |\n",
    ),
    "a sentence that comes again": (
        "- Check that the server alpha responds to the request.\n- Check that the server beta resp",
        "onds to the request.\n"
        + "- Check that the server alpha responds to the request.\n- Check that the server beta " * 2,
    ),
    "what it began with": (
        "assert foo(0) == 0\n    assert foo(1) == 1\n    ass",
        "ert foo(2) == 2\n    assert foo(0) == 0\n    assert foo(1) == 1\n    assert foo(2) == 2\n",
    ),
    "few characters before it": (
        "say 1 and the words that come again are here, say ",
        "2 and the words that come again are here",
    ),
}


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize(("first", "second"), REPETITIVE.values(), ids=REPETITIVE)
def test_what_is_like_the_first_half_and_follows_it_is_new(first: str, second: str, step: int) -> None:
    assert joined(first, second, step).text.split() == second.split()


@pytest.mark.parametrize("words", ["Sorry about that!\n\n", "抱歉。", "**Going on:**\n", "Sure (it goes on).\n"])
def test_an_apology_before_the_repeat_is_cut_off(words: str) -> None:
    assert joined(FIRST, words + fragment_of(FIRST) + REST).text == REST
    assert joined(FIRST, words + FIRST + REST).text == REST


@pytest.mark.parametrize("words", ["Sorry about that!\n\n", "Here it goes on:\n```python\n"])
def test_an_apology_before_repeated_code_is_cut_off(words: str) -> None:
    first = "```python\ndef read(path):\n    with open(path) as file:\n        return file.re"
    assert joined(first, words + fragment_of(first) + "ad()\n```") == Joint("ad()\n```", same_block=True)
    assert joined(first, "Sorry; " + fragment_of(first) + "ad()\n```").text.endswith("ad()\n```")


def test_a_rest_without_a_word_brings_nothing_to_a_text_that_repeats_itself() -> None:
    assert Seam(SAME * 3, asked=False).finish().text == ""


def test_a_rest_that_only_repeats_the_last_words_brings_nothing_new() -> None:
    first = "He wrote 'abc' to them and then "
    assert joined(first, "He wrote 'abc' to them and then ") == Joint("", same_block=True)
