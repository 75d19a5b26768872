"""Whatever an answer holds: no reader raises, and each share that is read is one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.quota.answer_headers import read_headers
from claude_proxy.core.quota.reading import NoQuota, Quota, Reading
from claude_proxy.core.quota.sources import SOURCES
from core.builders import NOW
from fakes import quota_answers

ANSWERS: dict[str, list[Any]] = {
    "zai": [quota_answers.zai(NOW)],
    "minimax": [quota_answers.minimax(NOW)],
    "kimi-code": [{**quota_answers.kimi(NOW), **quota_answers.kimi_ratios(NOW)}],
    "deepseek": [quota_answers.deepseek()],
    "moonshot": [quota_answers.moonshot()],
    "moonshot-cn": [quota_answers.moonshot()],
    "openrouter": [quota_answers.openrouter_key(), quota_answers.openrouter_credits()],
    "novita": [quota_answers.novita()],
}
ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.sampled_from([0, 1, -1, 99.6, 100, 101, "0", "NaN", "Infinity", "1e400", "", NOW, 1000 * NOW, 10**30, {}, []]),
    st.text(max_size=20),
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return each place in a document at which something stands: its container, and the key or index."""
    found: list[tuple[Any, Any]] = []
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        found += [(value, key), *places(value[key])]
    return found


@given(st.data())
def test_no_reader_raises_and_no_share_is_outside_of_0_to_1(data: st.DataObject) -> None:
    source = data.draw(st.sampled_from(SOURCES))
    answer = json.loads(json.dumps(data.draw(st.sampled_from(ANSWERS[source.name]))))
    for _ in range(data.draw(st.integers(0, 4))):
        container, key = data.draw(st.sampled_from(places(answer)))
        container[key] = data.draw(ODD)
        if not places(answer):
            break
    check(source.read, json.dumps(answer).encode())


@given(st.sampled_from(SOURCES), st.binary(max_size=200))
def test_no_reader_raises_on_other_bytes(source: Any, body: bytes) -> None:
    check(source.read, body)


def check(read: Callable[[bytes, float], Reading], body: bytes) -> None:
    match read(body, NOW):
        case NoQuota(reason):
            assert 0 < len(reason) <= 60
            assert reason.isascii()
            assert reason.isprintable()
        case Quota(windows):
            assert all(0.0 <= window.used <= 1.0 for window in windows)
            assert all(window.name for window in windows)


@given(st.dictionaries(st.sampled_from(sorted(quota_answers.unified(NOW, opus="0"))), st.text(max_size=30)))
def test_heads_are_read_without_raising(fields: dict[str, str]) -> None:
    wire = tuple((name.encode(), value.encode()) for name, value in fields.items())
    quota = read_headers(wire, NOW)
    assert all(0.0 <= window.used <= 1.0 for window in (quota.windows if quota else ()))
