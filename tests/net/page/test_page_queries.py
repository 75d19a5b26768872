"""Whatever stands in a query, the page finds something or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from claude_proxy.net.page.page import MAX_QUERY, fields_of
from claude_proxy.net.page.rendering import PERIODS, days_of, filter_of
from claude_proxy.store.usage_db.database import Database
from claude_proxy.store.usage_db.reading import reading
from claude_proxy.store.usage_db.requests import RequestFilter, last_requests
from store.usage_db.accounts import NOW, account

NAMES = ("days", "provider", "model", "session", "class", "outcome", "")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    path: Path = tmp_path_factory.mktemp("queries") / "usage.db"
    with closing(Database(path)) as written:
        written.add([account()])
    with reading(path) as read:
        yield read


@given(st.dictionaries(st.sampled_from(NAMES), st.binary(max_size=300)), st.binary(max_size=50))
@example({"session": b"\xed\xa0\x80"}, b"")
@example({"provider": b"\0"}, b"&;=%&%f")
def test_no_query_is_an_error(database: Connection, fields: dict[str, bytes], rest: bytes) -> None:
    query = "&".join(f"{name}={quote_from_bytes(value)}" for name, value in fields.items()).encode() + rest
    given_fields = dict(fields_of(query))
    wanted = filter_of(given_fields)
    assert days_of(given_fields) in PERIODS
    found = last_requests(database, 0.0, 2 * NOW, wanted)
    assert len(found) == 1 or wanted != RequestFilter()


def test_a_long_query_is_cut_and_one_of_many_fields_is_ignored() -> None:
    assert [len(value) for _, value in fields_of(b"a=" + b"x" * 9999)] == [MAX_QUERY - 2]
    assert fields_of(b"&".join([b"a=b"] * 21)) == []
    assert fields_of(b"a=b&a=c&d=") == [("a", "b"), ("a", "c")]
