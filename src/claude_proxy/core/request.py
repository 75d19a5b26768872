"""A client's request: its body read as far as the proxy needs it, and mended without touching the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from claude_proxy.core.model import Headers

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text = msgspec.json.Decoder(str)

_NEXT_KEY: Final = re.compile(rb'[\s{,]*"[^"\\]*(?:\\.[^"\\]*)*"\s*:\s*')
_END: Final = re.compile(rb"[\s{]*\}\s*")


class MalformedRequestError(Exception):
    """The body is not what the Messages API takes; the text says what is wrong and is fit for the client."""


@dataclass(frozen=True, slots=True)
class MessagesRequest:
    """A request to `/v1/messages` or `/v1/messages/count_tokens` as the client sent it."""

    path: str
    query: bytes
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)
    spans: Mapping[str, slice] = field(repr=False)
    """Where in the body the value of each top-level field stands, in their order."""
    model: str
    streaming: bool

    @classmethod
    def parse(cls, path: str, query: bytes, headers: Headers, body: bytes) -> MessagesRequest:
        """Read a body. Raises `MalformedRequestError`."""
        try:
            fields = _fields.decode(body)
        except (ValueError, RecursionError) as error:  # not JSON, not an object, not UTF-8, nested too deep
            raise MalformedRequestError(f"the request body is not a JSON object: {error}") from None
        spans = _spans(body, fields)
        streaming = "stream" in spans and body[spans["stream"]] == b"true"
        return cls(path, query, headers, body, spans, _model(fields), streaming)


def _spans(body: bytes, fields: Mapping[str, msgspec.Raw]) -> dict[str, slice]:
    spans, position = dict[str, slice](), 0
    for name, value in fields.items():
        key, text = _NEXT_KEY.match(body, position), bytes(value)
        if key is None or not body.startswith(text, key.end()):
            break
        position = key.end() + len(text)
        spans[name] = slice(key.end(), position)
    if not _END.fullmatch(body, position):
        # which of the two counts, two readers may see differently
        raise MalformedRequestError("a field stands twice in the request body")
    return spans


def _model(fields: Mapping[str, msgspec.Raw]) -> str:
    try:
        model = _text.decode(fields["model"])
    except KeyError:
        raise MalformedRequestError("model: field required") from None
    except ValueError:
        raise MalformedRequestError("model: must be a text") from None
    if not model:
        raise MalformedRequestError("model: must not be empty")
    return model


def spliced(request: MessagesRequest, replacements: Mapping[str, bytes]) -> bytes:
    """Return the body with the values (JSON) of some top-level fields replaced, all else byte for byte as it came."""
    pieces, kept = list[bytes](), 0
    for name, span in request.spans.items():
        if name in replacements:
            pieces += (request.body[kept : span.start], replacements[name])
            kept = span.stop
    return b"".join((*pieces, request.body[kept:]))
