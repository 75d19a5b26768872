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

_NEXT_KEY: Final = re.compile(rb'[\s{,]*"(?:[^"\\]|\\.)*"\s*:\s*')
_END: Final = re.compile(rb"\s*\}\s*")


class MalformedRequestError(Exception):
    """The body is not what the Messages API takes; the text says what is wrong and is fit for the client."""


@dataclass(frozen=True, slots=True)
class MessagesRequest:
    """A request to `/v1/messages` or `/v1/messages/count_tokens` as the client sent it."""

    path: str
    query: bytes
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)
    fields: Mapping[str, msgspec.Raw] = field(repr=False)
    model: str
    streaming: bool

    @classmethod
    def parse(cls, path: str, query: bytes, headers: Headers, body: bytes) -> MessagesRequest:
        """Read a body. Raises `MalformedRequestError`."""
        try:
            fields = _fields.decode(body)
        except (ValueError, RecursionError) as error:  # not JSON, not an object, not UTF-8, nested too deep
            raise MalformedRequestError(f"the request body is not a JSON object: {error}") from None
        return cls(path, query, headers, body, fields, _model(fields), fields.get("stream") == msgspec.Raw(b"true"))


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
    """Return the body with the values of some top-level fields replaced (JSON), all else byte for byte as it came.

    Raises `MalformedRequestError` where a field stands twice: which of the two counts, two readers may see differently.
    """
    pieces, kept, position = list[bytes](), 0, 0
    for name, value in request.fields.items():
        key = _NEXT_KEY.match(request.body, position)
        if key is None:
            break
        position = key.end() + memoryview(value).nbytes
        if name in replacements:
            pieces += (request.body[kept : key.end()], replacements[name])
            kept = position
    if not _END.fullmatch(request.body, position):
        raise MalformedRequestError("a field stands twice in the request body")
    return b"".join((*pieces, request.body[kept:]))
