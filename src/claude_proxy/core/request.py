"""A client's request: its body read as far as the proxy needs it, and changed without touching the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from claude_proxy.core.json_values import replace_surrogates
from claude_proxy.core.required_features import RequiredFeatures
from claude_proxy.core.types import Headers

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text = msgspec.json.Decoder(str)

_NEXT_COMMA: Final = re.compile(rb"\s*,")
_NEXT_KEY: Final = re.compile(rb'[\s{,]*"([^"\\]*(?:\\.[^"\\]*)*)"\s*:\s*')
_END: Final = re.compile(rb"[\s{]*\}\s*")


_ABSENT: Final = msgspec.Raw(b"")


class _Known(msgspec.Struct, gc=False):
    """The fields that clients send. One pass finds them and each of the messages, which are most of a body."""

    messages: list[msgspec.Raw] = []
    model: msgspec.Raw = _ABSENT
    system: msgspec.Raw = _ABSENT
    tools: msgspec.Raw = _ABSENT
    tool_choice: msgspec.Raw = _ABSENT
    metadata: msgspec.Raw = _ABSENT
    max_tokens: msgspec.Raw = _ABSENT
    thinking: msgspec.Raw = _ABSENT
    context_management: msgspec.Raw = _ABSENT
    output_config: msgspec.Raw = _ABSENT
    stream: msgspec.Raw = _ABSENT
    temperature: msgspec.Raw = _ABSENT
    top_p: msgspec.Raw = _ABSENT
    top_k: msgspec.Raw = _ABSENT
    stop_sequences: msgspec.Raw = _ABSENT
    service_tier: msgspec.Raw = _ABSENT
    mcp_servers: msgspec.Raw = _ABSENT
    container: msgspec.Raw = _ABSENT
    speed: msgspec.Raw = _ABSENT


_known = msgspec.json.Decoder(_Known)
_KNOWN: Final = {name.encode(): name for name in _Known.__struct_fields__}


class MalformedRequestError(Exception):
    """The body is not what the Messages API takes; the text says what is wrong and may be sent to the client."""


class MessagesRequest(msgspec.Struct, frozen=True, gc=False):
    """A request to `/v1/messages` or `/v1/messages/count_tokens` as the client sent it."""

    path: str
    query: bytes
    headers: Headers
    body: bytes
    spans: Mapping[str, slice]
    """Where the value of each top-level field is in the body, in their order."""
    model: str
    streaming: bool
    messages: Sequence[msgspec.Raw] | None
    """Each of its messages as it is in the body; None if there is space between them."""
    required_features: RequiredFeatures

    def __repr__(self) -> str:
        return f"<MessagesRequest {self.path} for {self.model}, {len(self.body)} bytes>"

    @classmethod
    def parse(cls, path: str, query: bytes, headers: Headers, body: bytes) -> MessagesRequest:
        """Read a body, with U+FFFD for each half of a surrogate pair in it. Raises `MalformedRequestError`."""
        try:
            known = _known.decode(body)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            body, known = replace_surrogates(body) or body, None
        spans, messages = (_spans_of_known(body, known), known.messages) if known else (None, None)
        if spans is None:  # it holds unknown fields, has space in it, or is wrong: then the error comes from here
            spans, messages = _spans_of_any(body), None
        model = _model(body, spans)
        streaming = "stream" in spans and body[spans["stream"]] == b"true"
        required_features = RequiredFeatures(body, spans)
        return cls(path, query, headers, body, spans, model, streaming, messages, required_features)


def _spans_of_known(body: bytes, known: _Known) -> dict[str, slice] | None:
    """Return where the values are; None if it is not certain that each was found, and found once."""
    spans: dict[str, slice] = {}
    position = 0
    while key := _NEXT_KEY.match(body, position):
        name, start = _KNOWN.get(key[1]), key.end()
        if name is None or name in spans:
            return None
        value = getattr(known, name)
        position = _end_of_list(body, start, value) if isinstance(value, list) else _end_of(body, start, value)
        if position < 0:
            return None
        spans[name] = slice(start, position)
    return spans if _END.fullmatch(body, position) else None


def _end_of(body: bytes, start: int, value: msgspec.Raw) -> int:
    """Return where a value ends that begins at `start`; -1 if another value is there."""
    end = start + len(value)
    return end if msgspec.Raw(memoryview(body)[start:end]) == value else -1


def _end_of_list(body: bytes, start: int, values: list[msgspec.Raw]) -> int:
    """Return where a list of these values ends, without space between them; -1 if something else is there."""
    position, before = start, b"["
    for value in values:
        if body[position : position + 1] != before:
            return -1
        position, before = _end_of(body, position + 1, value), b","
    return position + 1 if body[position : position + 1] == b"]" else -1


def _spans_of_any(body: bytes) -> dict[str, slice]:
    try:
        fields = _fields.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:  # no JSON object, not UTF-8, too deep
        raise MalformedRequestError(f"the request body is not a JSON object: {error}") from None
    spans: dict[str, slice] = {}
    position = 0
    for name, value in fields.items():
        key, text = _NEXT_KEY.match(body, position), bytes(value)
        if key is None or not body.startswith(text, key.end()):
            break
        position = key.end() + len(text)
        spans[name] = slice(key.end(), position)
    if not _END.fullmatch(body, position):
        # readers of JSON differ in which of the two counts
        raise MalformedRequestError("a field is twice in the request body")
    return spans


def _model(body: bytes, spans: Mapping[str, slice]) -> str:
    try:
        model = _text.decode(body[spans["model"]])
    except KeyError:
        raise MalformedRequestError("model: field required") from None
    except (msgspec.MsgspecError, ValueError):
        raise MalformedRequestError("model: must be a text") from None
    if not model:
        raise MalformedRequestError("model: must not be empty")
    return model


def splice(request: MessagesRequest, changes: Mapping[str, bytes | None]) -> bytes:
    """Return the body with the values (JSON) of some top-level fields replaced, all else byte for byte as it came.

    A field whose value is None is removed with its key and comma; one that was missing is added at the end.
    """
    body = memoryview(request.body)
    pieces: list[bytes | memoryview] = []
    kept, end, alone = 0, request.body.index(b"{") + 1, True
    for name, span in request.spans.items():
        if name not in changes:
            alone = False
        elif (value := changes[name]) is not None:
            pieces += (body[kept : span.start], value)
            kept, alone = span.stop, False
        else:
            pieces.append(body[kept:end])
            comma = _NEXT_COMMA.match(request.body, span.stop) if alone else None
            kept = comma.end() if comma else span.stop
        end = span.stop
    for name, value in changes.items():
        if value is not None and name not in request.spans:
            pieces += (body[kept:end], b"," * (not alone), msgspec.json.encode(name), b":", value)
            kept, alone = end, False
    return b"".join((*pieces, body[kept:]))
