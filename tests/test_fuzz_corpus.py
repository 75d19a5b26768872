"""The fuzzer's corpus through each of its targets, on every system; and a few bytes of chance more."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

FUZZ = Path(__file__).parents[1] / "fuzz"
TARGETS = sorted(path.stem for path in (FUZZ / "targets").glob("*.py"))
CORPUS = sorted((FUZZ / "corpus").glob("*/*"))


def target(name: str) -> Callable[[bytes], None]:
    return cast("Callable[[bytes], None]", importlib.import_module(f"fuzz.targets.{name}").check)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_each_file_of_its_corpus(name: str) -> None:
    check, files = target(name), [path for path in CORPUS if path.parent.name == name]
    assert files
    for path in files:
        try:
            check(path.read_bytes())
        except Exception as error:
            error.add_note(f"with {path.relative_to(FUZZ)}")
            raise


def test_each_file_of_the_corpus_has_a_target_and_is_small() -> None:
    assert {path.parent.name for path in CORPUS} == set(TARGETS)
    assert max(path.stat().st_size for path in CORPUS) <= 16 * 1024


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=30)
@given(data=st.data())
def test_a_target_holds_for_a_changed_file_of_its_corpus(name: str, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from([path for path in CORPUS if path.parent.name == name])).read_bytes()
    at = data.draw(st.integers(0, len(seed)))
    inserted = data.draw(st.binary(max_size=12))
    dropped = data.draw(st.integers(0, 12))
    target(name)(seed[:at] + inserted + seed[at + dropped :])
