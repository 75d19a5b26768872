from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.messages import MESSAGES_PATH
from claude_proxy.core.request import MalformedRequestError, MessagesRequest, splice
from core.builders import request

spaces = st.text(alphabet=" \t\r\n", max_size=3)
tricky = st.sampled_from(['"', '","model":"x"', "}", "{", ",", ":", '\\"model\\":', "\\", "é", "\U0001f600", "\n"])
texts = st.one_of(tricky, st.text(max_size=8))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("model") | texts, inner, max_size=3),
    max_leaves=6,
)


@dataclass(frozen=True)
class Member:
    """A field as it stands in the body, with the space around its parts."""

    name: str
    before: str
    key: str
    value: str
    after: str

    def text(self, value: str | None = None) -> str:
        return self.before + self.key + (self.value if value is None else value) + self.after


@st.composite
def members(draw: st.DrawFn, name: str, value: Any) -> Member:
    def written(part: Any) -> str:
        return json.dumps(part, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 0, 1])))

    key = written(name) + draw(spaces) + ":" + draw(spaces)
    return Member(name, draw(spaces), key, written(value), draw(spaces))


@st.composite
def bodies(draw: st.DrawFn) -> list[Member]:
    fields = draw(st.dictionaries(texts, values, max_size=5)) | {"model": draw(texts.filter(bool))}
    return [draw(members(name, fields[name])) for name in draw(st.permutations(sorted(fields)))]


def written(found: list[Member], new: Mapping[str, str] | None = None) -> bytes:
    return ("{" + ",".join(member.text((new or {}).get(member.name)) for member in found) + "}").encode()


@given(bodies(), st.data(), spaces)
def test_splices_fields_and_keeps_all_else_byte_for_byte(found: list[Member], data: st.DataObject, space: str) -> None:
    names = data.draw(st.sets(st.sampled_from([member.name for member in found])))
    new = {name: json.dumps(data.draw(values)) for name in names}
    body = space.encode() + written(found) + space.encode()
    result = splice(request(body), {name: value.encode() for name, value in new.items()})
    assert result == space.encode() + written(found, new) + space.encode()


@given(bodies(), st.data())
def test_rejects_a_field_that_is_there_twice(found: list[Member], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([member.name for member in found]))
    again = data.draw(members(name, data.draw(texts.filter(bool) if name == "model" else values)))
    found.insert(data.draw(st.integers(0, len(found))), again)
    with pytest.raises(MalformedRequestError, match="a field is twice in the request body"):
        request(written(found))


@pytest.mark.parametrize(
    ("stream", "streaming"),
    [
        ('"stream":true,', True),
        ('"stream" : true ,', True),
        ('"stream":false,', False),
        ('"stream":1,', False),
        ("", False),
    ],
)
def test_streams_only_if_the_request_says_so(stream: str, *, streaming: bool) -> None:
    assert request(b'{%b"model":"opus"}' % stream.encode()).streaming is streaming


def test_keeps_what_the_client_sent() -> None:
    headers, body = ((b"a", b"b"),), rb'{"mod\u0065l":"claude-\u006fpus"}'
    found = MessagesRequest.parse(MESSAGES_PATH, b"beta=true", headers, body)
    assert (found.path, found.query, found.headers, found.body) == (MESSAGES_PATH, b"beta=true", headers, body)
    assert found.model == "claude-opus"


def test_its_repr_shows_no_content() -> None:
    found = request(b'{"model":"opus","system":"secret"}', ((b"authorization", b"secret"),))
    assert repr(found) == "<MessagesRequest /v1/messages for opus, 34 bytes>"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the request body is not a JSON object"),
        (b'["model"]', "the request body is not a JSON object"),
        (b'{"model":"opus"', "the request body is not a JSON object"),
        (b'{"model":"opus"} {}', "the request body is not a JSON object"),
        (b'{"model":"\xed\xa0\x80","\xff":1}', "the request body is not a JSON object"),
        (b"{}", "model: field required"),
        (b'{"max_tokens":1}', "model: field required"),
        (b'{"model":null}', "model: must be a text"),
        (b'{"model":["opus"]}', "model: must be a text"),
        (b'{"model":"\xff"}', "model: must be a text"),
        (b'{"model":""}', "model: must not be empty"),
    ],
    ids=lambda value: value[:30] if isinstance(value, bytes) else "",
)
def test_rejects_a_body_that_the_api_would_reject_with_the_reason(body: bytes, message: str) -> None:
    with pytest.raises(MalformedRequestError) as caught:
        request(body)
    assert str(caught.value).startswith(message)
