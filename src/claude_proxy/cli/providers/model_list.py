"""A provider's own list of models, requested with its key."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

import msgspec

from claude_proxy.cli.probing.probe import HEADERS, Fetched, fetch
from claude_proxy.config.address import Address, parse_base_url
from claude_proxy.config.catalogue import Entry
from claude_proxy.core import headers
from claude_proxy.core.auth import Auth
from claude_proxy.core.egress import Egress
from claude_proxy.core.json_values import try_decode
from claude_proxy.core.judge_body import ClassifierConfig, judge_error
from claude_proxy.core.outcome import Rejected, unanswered
from claude_proxy.core.reasons import Reason
from claude_proxy.core.text import MAX_TEXT, redacted
from claude_proxy.core.types import Policy, Provider
from claude_proxy.net.upstream import HttpTransport
from claude_proxy.proxy.ports import UpstreamRequest

_DEFAULT_PATH = "/v1/models"
MAX_LIST_BYTES = 16 * 1024 * 1024
"""Bytes: an aggregator lists hundreds of models, with a long text about each."""
_PAGE = b"?limit=1000"
"""Without it, Anthropic lists twenty models at a time."""


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Model]


_models = msgspec.json.Decoder(_Models)


def url_of(provider: Provider, entry: Entry | None) -> str:
    """Return the address of a provider's list of models: the catalogue's, if its host is the one that gets the key."""
    known = entry.endpoints.models_url if entry else None
    address = parse_base_url(known) if known else None
    if known and isinstance(address, Address) and address.origin == provider.origin:
        return known
    return provider.base_url + _DEFAULT_PATH


async def ask_for_models(provider: Provider, url: str, policy: Policy, egress: Egress) -> tuple[str, ...] | Rejected:
    """Return the names of a provider's models, as it lists them, or why there is no such list."""
    transport = HttpTransport(egress)
    try:
        fetched = await fetch(transport, provider, request_for(provider, url), limit=MAX_LIST_BYTES)
    finally:
        await transport.aclose()
    outcome = fetched if isinstance(fetched, Rejected) else _read(fetched, ClassifierConfig(policy, provider.traits))
    if isinstance(outcome, Rejected):
        return replace(outcome, text=redacted(outcome.text, provider.api_key, MAX_TEXT))
    return outcome


def _read(fetched: Fetched, classifier: ClassifierConfig) -> tuple[str, ...] | Rejected:
    if fetched.reply.status != HTTPStatus.OK:
        return judge_error(fetched.reply, classifier, fetched.at)
    models = try_decode(_models, fetched.reply.body)
    if models is None:
        return unanswered(Reason.NONSENSE, "the answer is no list of models")
    return tuple(dict.fromkeys(model.id for model in models.data))


def request_for(provider: Provider, url: str) -> UpstreamRequest:
    """Return the request for a list of models."""
    # A list outside the Anthropic endpoint has OpenAI's format, which has no x-api-key.
    outside = url != provider.base_url + _DEFAULT_PATH
    recipient = replace(provider, auth=Auth.BEARER) if outside and provider.auth is Auth.X_API_KEY else provider
    target = "/" + url.split("://", 1)[1].partition("/")[2]
    page = _PAGE if provider.traits.is_anthropic else b""
    head = b"GET %b%b HTTP/1.1\r\n" % (target.encode(), page) + headers.for_provider(HEADERS[1:], recipient, 0)
    return UpstreamRequest(provider.origin, head, b"")
