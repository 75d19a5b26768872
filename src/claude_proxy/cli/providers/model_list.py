"""A provider's own list of models, asked for with its key."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

import msgspec

from claude_proxy.cli.probing.probe import HEADERS, Fetched, fetch
from claude_proxy.config.address import Address, parse_base_url
from claude_proxy.config.catalogue import Entry
from claude_proxy.core import headers
from claude_proxy.core.json_values import try_decode
from claude_proxy.core.judge_body import ClassifierConfig, judge_error
from claude_proxy.core.outcome import Rejected, unanswered
from claude_proxy.core.reasons import Reason
from claude_proxy.core.text import MAX_TEXT, redacted
from claude_proxy.core.types import Auth, Egress, Policy, Provider
from claude_proxy.net.upstream import HttpTransport
from claude_proxy.proxy.ports import UpstreamRequest

_USUAL = "/v1/models"
MAX_LIST_BYTES = 16 * 1024 * 1024
"""An aggregator lists hundreds of models, with a page about each."""
_PAGE = b"?limit=1000"
"""Anthropic hands its models out by twenty else."""


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Model]


_models = msgspec.json.Decoder(_Models)


def url_of(provider: Provider, entry: Entry | None) -> str:
    """Return where a provider lists its models: where the catalogue says, if that is the host that gets the key."""
    known = entry.endpoints.models_url if entry else None
    address = parse_base_url(known) if known else None
    if known and isinstance(address, Address) and address.origin == provider.origin:
        return known
    return provider.base_url + _USUAL


async def ask_for_models(provider: Provider, url: str, policy: Policy, egress: Egress) -> tuple[str, ...] | Rejected:
    """Return the names of a provider's models, as it lists them, or why there is no such list."""
    transport = HttpTransport(egress)
    try:
        found = await fetch(transport, provider, request_for(provider, url), limit=MAX_LIST_BYTES)
    finally:
        await transport.aclose()
    outcome = found if isinstance(found, Rejected) else _read(found, ClassifierConfig(policy, provider.traits))
    if isinstance(outcome, Rejected):
        return replace(outcome, text=redacted(outcome.text, provider.api_key, MAX_TEXT))
    return outcome


def _read(found: Fetched, terms: ClassifierConfig) -> tuple[str, ...] | Rejected:
    if found.reply.status != HTTPStatus.OK:
        return judge_error(found.reply, terms, found.at)
    models = try_decode(_models, found.reply.body)
    if models is None:
        return unanswered(Reason.NONSENSE, "what came is no list of models")
    return tuple(dict.fromkeys(model.id for model in models.data))


def request_for(provider: Provider, url: str) -> UpstreamRequest:
    """Return the request for a list of models."""
    # A list beside the Anthropic endpoint is in OpenAI's form, which knows no x-api-key.
    beside = url != provider.base_url + _USUAL
    asked = replace(provider, auth=Auth.BEARER) if beside and provider.auth is Auth.X_API_KEY else provider
    target = "/" + url.split("://", 1)[1].partition("/")[2]
    page = _PAGE if provider.traits.is_anthropic else b""
    head = b"GET %b%b HTTP/1.1\r\n" % (target.encode(), page) + headers.for_provider(HEADERS[1:], asked, 0)
    return UpstreamRequest(provider.origin, head, b"")
