from __future__ import annotations

import json

from claude_proxy.core.learning.error_texts import MAX_CHARACTERS, MAX_TEXT_LENGTH, MAX_TEXTS, error_texts


def said(value: object) -> list[str]:
    return list(error_texts(json.dumps(value).encode()))


def test_returns_the_outermost_message_first_and_each_once() -> None:
    error = {"message": "a", "error": {"message": "b", "detail": "a"}, "unknown": "c"}
    assert said(error) == ["a", "b"]


def test_puts_the_path_in_front() -> None:
    assert said({"message": "no", "param": "top_k"}) == ["top_k: no", "no"]
    assert said({"message": "no", "param": ""}) == ["no"]
    assert said({"message": ["no"], "param": "top_k"}) == ["no"]
    assert said({"loc": ["body", "a", 0], "msg": "no", "input": "x"}) == ["a.0: no (input 'x')", "no"]
    assert said({"loc": ["body", "a"], "msg": "no", "input": "x" * 41}) == ["a: no", "no"]


def test_reads_no_more_than_the_limits_allow() -> None:
    assert len(said([{"message": f"{number}"} for number in range(MAX_TEXTS * 2)])) == MAX_TEXTS
    long = said([{"message": f"{number:06}" * MAX_TEXT_LENGTH} for number in range(MAX_TEXTS)])
    assert sum(map(len, long)) == MAX_CHARACTERS
    assert all(long)
    deep: object = "deep"
    for _ in range(8):
        deep = {"error": deep}
    assert said(deep) == ["deep"]
    assert said({"error": deep}) == []
    assert said([[[[[[[["deep"]]]]]]]]) == ["deep"]
    assert said([[[[[[[[["deep"]]]]]]]]]) == []
