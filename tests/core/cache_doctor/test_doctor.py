"""Conversations with a provider that caches, and the verdict on each request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_proxy.core.cache_doctor import doctor as limits
from claude_proxy.core.cache_doctor.doctor import CacheDoctor, RequestSeries
from claude_proxy.core.cache_doctor.finding import IDLE, PROVIDER_CHANGED, TOO_SHORT, UNEXPLAINED, CacheFinding
from claude_proxy.core.client_hints import ClientHints
from claude_proxy.core.types import Usage
from core.builders import NOW
from core.cache_doctor.prompts import HOUR, MARK, TOOLS, PromptCache, body, sent, text, turns

SERIES = RequestSeries(b"session", "m")
KIMI, ZAI = ("kimi", "k3"), ("zai", "glm")
LONG = turns(12)


class Session:
    """A conversation with providers that cache; each request is diagnosed."""

    def __init__(self, *, by_marks: bool = True) -> None:
        self.doctor = CacheDoctor()
        self.caches = {name: PromptCache(by_marks=by_marks) for name in (KIMI, ZAI)}
        self.now = NOW

    def ask(
        self, raw: bytes, to: tuple[str, str] = KIMI, series: RequestSeries = SERIES, usage: Usage | None = None
    ) -> CacheFinding | None:
        prompt = sent(raw)
        usage = usage or self.caches[to].ask(prompt)
        self.now += 20
        return self.doctor.diagnose(series, to, prompt, usage, self.now)

    def reason(self, raw: bytes, to: tuple[str, str] = KIMI) -> str:
        found = self.ask(raw, to)
        assert found
        assert bool(found.missed_tokens) == bool(found.reason)
        return found.reason


def begun(*, by_marks: bool = True) -> Session:
    """Return a session whose cache has told of itself."""
    session = Session(by_marks=by_marks)
    for count in (1, 3, 5):
        session.ask(body(LONG[:count]))
    return session


@pytest.mark.parametrize("by_marks", [True, False])
def test_a_conversation_that_goes_on_is_read_from_the_cache(by_marks: bool) -> None:
    session = begun(by_marks=by_marks)
    for count in (7, 9, 11):
        found = session.ask(body(LONG[:count]))
        assert found
        assert (found.missed_tokens, found.reason, found.cost) == (0, "", 0.0)
        assert found.expected_tokens > 2000


def test_nothing_is_expected_of_the_first_request() -> None:
    assert Session().ask(body(LONG[:1])) == CacheFinding(0)


def test_a_provider_that_takes_over_has_nothing_in_its_cache() -> None:
    session = begun()
    found = session.ask(body(LONG[:7]), ZAI)
    assert found
    assert found.reason == PROVIDER_CHANGED
    assert found.missed_tokens == found.expected_tokens > 2000
    assert session.reason(body(LONG[:9]), ZAI) == ""
    assert session.reason(body(LONG[:11]), KIMI) == PROVIDER_CHANGED
    assert session.reason(body(LONG[:11]), KIMI) == ""


def test_a_provider_that_takes_over_is_named_though_it_never_told_of_a_cache() -> None:
    session = begun()
    never = Usage(9000, 1)
    found = session.ask(body(LONG[:7]), ZAI, usage=never)
    assert found
    assert found.reason == PROVIDER_CHANGED
    assert session.ask(body(LONG[:9]), ZAI, usage=never) is None


@pytest.mark.parametrize("mark", [MARK, HOUR])
def test_a_pause_longer_than_the_caches_life_is_named(mark: dict[str, str]) -> None:
    session = Session()
    session.ask(body(LONG[:3], mark=mark))
    life = 3600 if mark is HOUR else 300
    session.now += life - 21
    assert session.reason(body(LONG[:5], mark=mark)) == ""
    session.now += life - 19
    session.caches[KIMI].forget()
    assert session.reason(body(LONG[:7], mark=mark)) == IDLE
    session.now += life - 21
    session.caches[KIMI].forget()
    assert session.reason(body(LONG[:9], mark=mark)) == UNEXPLAINED


def test_after_a_pause_that_the_cache_outlived_the_change_is_named() -> None:
    session = begun()
    session.now += 10_000
    changed = [*LONG[:3], {**LONG[3], "content": [text("another")]}, *LONG[4:7]]
    assert session.reason(body(changed)) == "message 4 changed"
    session.now += 10_000
    session.caches[KIMI].forget()
    assert session.reason(body(LONG[:7])) == IDLE


@pytest.mark.parametrize("by_marks", [True, False])
def test_what_is_too_short_is_not_in_the_cache(by_marks: bool) -> None:
    session = begun(by_marks=by_marks)
    session.caches[KIMI].least = 10_000
    series = RequestSeries(b"another", "m")
    short = body(turns(1, 100), tools=[])
    assert session.ask(short, series=series) == CacheFinding(0)
    for count in (3, 5):
        found = session.ask(body(turns(count, 100), tools=[]), series=series)
        assert found
        assert found.reason == TOO_SHORT


def test_nothing_is_expected_of_a_provider_that_needs_marks_and_got_none() -> None:
    session = begun()
    series, usage = RequestSeries(b"another", "m"), Usage(3000, 1)
    for count in (3, 5):
        unmarked = body(LONG[:count]).replace(b',"cache_control":{"type":"ephemeral"}', b"")
        assert session.ask(unmarked, series=series, usage=usage) == CacheFinding(0)


def test_without_any_known_reason_it_is_unexplained() -> None:
    session = begun()
    session.caches[KIMI].forget()
    assert session.reason(body(LONG[:7])) == UNEXPLAINED


def test_a_change_in_front_costs_what_stands_behind_it() -> None:
    session = begun()
    found = session.ask(body(LONG[:7], tools=[*TOOLS, {"name": "New"}]))
    assert found
    assert found.reason == "tools changed"
    assert found.missed_tokens == found.expected_tokens
    assert found.expected_tokens > 2000


def test_a_shortened_conversation_is_expected_to_read_what_is_left_of_it() -> None:
    session = begun()
    compacted = [{"role": "user", "content": "a summary"}]
    assert session.ask(body(compacted)) == CacheFinding(0)
    assert session.reason(body(LONG[:3])) == ""


def test_subagents_and_titles_are_conversations_of_their_own() -> None:
    session = Session()
    all_series = [
        RequestSeries.of((b"s", "m"), ClientHints(request_class=made_for, agent=agent))
        for made_for, agent in (("main", ""), ("subagent", "a1"), ("auxiliary", ""))
    ]
    assert len(set(all_series)) == 3
    assert RequestSeries.of((b"s", "m"), ClientHints(request_class="compaction")) == all_series[0]
    for count in (1, 3):
        for words, series in zip(("one", "two", "three"), all_series, strict=True):
            found = session.ask(body([{"role": "user", "content": words}, *LONG[1:count]]), series=series)
            assert found
            assert found.reason == ""


def test_two_conversations_of_one_session_do_not_disturb_each_other() -> None:
    session = begun()
    for count in (1, 3, 5):
        other = [{"role": "user", "content": "of a subagent " * 500}, *turns(7, 300)[1:count]]
        assert session.reason(body(other)) == ""
        assert session.reason(body(LONG[: count + 6])) == ""


def test_a_question_aside_does_not_disturb_the_conversation() -> None:
    session = begun()
    aside = [*LONG[:5], *turns(2)[1:], {"role": "user", "content": "What comes next?"}]
    assert session.reason(body(aside)) == ""
    assert session.reason(body(LONG[:7])) == ""
    assert session.reason(body(LONG[:9])) == ""


@pytest.mark.parametrize(
    "usage",
    [
        pytest.param(Usage(), id="nothing told"),
        pytest.param(Usage(output_tokens=5), id="no prompt told"),
    ],
)
def test_an_answer_that_tells_no_tokens_says_nothing_and_changes_nothing(usage: Usage) -> None:
    session = begun()
    assert session.ask(body(LONG[:7]), usage=usage) is None
    assert session.reason(body(LONG[:9])) == ""


def test_a_provider_that_never_tells_of_a_cache_is_not_judged_and_nothing_is_kept() -> None:
    session = Session()
    for count in (1, 3, 5):
        assert session.ask(body(LONG[:count]), usage=Usage(9000, 1)) is None
    assert repr(session.doctor) == "<CacheDoctor 0 sessions, 0 pieces>"


@pytest.mark.parametrize(
    "usage", [Usage(1, 1, 0, 10**12), Usage(10**12, 1, 10**12, 1), Usage(0, 0, 1), Usage(1, 1, 0, 1)]
)
def test_absurd_counts_break_nothing(usage: Usage) -> None:
    session = begun()
    found = session.ask(body(LONG[:7]), usage=usage)
    assert found
    assert 0 <= found.missed_tokens <= found.expected_tokens <= 10**13
    assert session.ask(body(LONG[:9]))


def test_a_prompt_that_cannot_be_read_says_nothing() -> None:
    session = begun()
    assert session.ask(json.dumps({"model": "m", "messages": 5}).encode(), usage=Usage(9, 1, 5)) is None


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    doctor, usage = CacheDoctor(sessions=4), Usage(9, 1, 5000)
    for number in range(40):
        doctor.diagnose(RequestSeries(b"%d" % number, "m"), KIMI, sent(body(turns(3))), usage, NOW)
        assert len(doctor) <= 4
    assert repr(doctor) == "<CacheDoctor 4 sessions, 24 pieces>"
    for number in range(40):
        other = [{"role": "user", "content": f"{number}"}]
        doctor.diagnose(SERIES, KIMI, sent(body(other)), usage, NOW)
    assert repr(doctor) == f"<CacheDoctor 4 sessions, {3 * 6 + 4 * limits.MAX_CONVERSATIONS} pieces>"
    monkeypatch.setattr(limits, "MAX_PIECES", 30)
    doctor.diagnose(SERIES, KIMI, sent(body(turns(5))), usage, NOW)
    assert repr(doctor) == "<CacheDoctor 1 sessions, 28 pieces>"


PLACES = ("tools", "system", "thinking", *range(11))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PLACES), st.booleans(), st.booleans(), st.integers(0, 4))
def test_names_the_first_piece_that_changed(place: str | int, by_marks: bool, same_size: bool, more: int) -> None:
    session = begun(by_marks=by_marks)
    session.ask(body(LONG[:11]))
    messages, fields = [*LONG[:11], *turns(11 + 2 * more)[11:]], dict[str, Any]()
    if isinstance(place, int):
        old = json.dumps(messages[place])
        messages[place] = json.loads(old.replace(f"{place} {place}", f"{place}_{place}" if same_size else "changed"))
        expected = f"message {place + 1} changed"
        if place < 5:
            messages[place + 5] = {**messages[place + 5], "content": "also changed"}
    else:
        fields[place] = {
            "tools": [{**TOOLS[0], "description": "hsab" * 300}, TOOLS[1]],
            "system": [text("You are Claude Bode. " * 99, MARK)],
            "thinking": {"type": "adaptive"},
        }[place]
        expected = f"{place} changed" if place != "thinking" else "thinking or tool_choice changed"
    nothing_behind = place == 10  # the last message of the request before
    assert session.reason(body(messages, **fields)) == ("" if nothing_behind else expected)


def test_the_verdict_survives_any_json() -> None:
    session = begun()
    odd: list[Any] = [5, None, {"role": 3}, {"role": "user", "content": {}}, "text", []]
    raw = json.dumps({"model": "m", "messages": odd, "system": 7, "tools": {}}).encode()
    for _ in range(2):
        assert session.ask(raw, usage=Usage(5, 1, 5000))
