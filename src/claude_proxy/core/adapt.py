"""A client's request made into the one that a provider gets: its address, its key, its model, what it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from claude_proxy.core import headers
from claude_proxy.core.adaptation.cache_control import without_refused_marks
from claude_proxy.core.adaptation.constraints import constraints_of
from claude_proxy.core.adaptation.conversation import with_messages_that_fit
from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.fields import without_refused_fields
from claude_proxy.core.adaptation.max_tokens import within_max_output
from claude_proxy.core.adaptation.system_prompt import without_billing_block
from claude_proxy.core.adaptation.thinking_blocks import OwnerOf
from claude_proxy.core.adaptation.thinking_mode import in_the_models_mode, with_an_effort_that_is_known
from claude_proxy.core.adaptation.tool_choice import without_force
from claude_proxy.core.adaptation.tools import without_refused_tool_fields, without_refused_tools
from claude_proxy.core.betas import without_betas
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.routing import Candidate
from claude_proxy.core.traits import Rule
from claude_proxy.core.types import Provider

_RuleOfRewriting: TypeAlias = Callable[[Draft], None]

_RULES: Final[tuple[_RuleOfRewriting, ...]] = (
    without_refused_fields,
    without_billing_block,
    without_refused_tool_fields,
    without_refused_tools,
    within_max_output,
    without_force,
    in_the_models_mode,
    with_an_effort_that_is_known,
)
"""In this order: each works with what those before it have left."""


@dataclass(frozen=True, slots=True)
class Adapted:
    """A request ready for the wire: `head` is the request line with all headers, the blank line included."""

    head: bytes = field(repr=False)
    body: bytes = field(repr=False)
    model: str
    changes: tuple[str, ...] = ()
    """What was changed besides the model, in words that are safe in a header and in a log."""


def adapt(
    request: MessagesRequest, candidate: Candidate, rules: Iterable[Rule] = (), owner_of: OwnerOf | None = None
) -> Adapted:
    """Return what a candidate gets. What it takes as it is, stays byte for byte as it came.

    Without `owner_of`, no thinking of another provider can be in it.
    """
    provider, model = candidate.provider, candidate.model
    draft = Draft(request, constraints_of(candidate, frozenset(rules)))
    if model != request.model:
        draft.write("model", model)
    fields, gone = without_betas(request.headers, draft.terms.betas)
    for beta in gone:
        draft.changes.note(f"beta:{beta}")
    for rule in _RULES:
        rule(draft)
    with_messages_that_fit(draft, owner_of)
    without_refused_marks(draft)
    body = draft.body()
    head = _request_line(request, provider) + headers.for_provider(fields, provider, len(body))
    return Adapted(head, body, model, draft.changes.words())


def _request_line(request: MessagesRequest, provider: Provider) -> bytes:
    base_path = provider.base_url.split("://", 1)[1].partition("/")[2]
    target = (f"/{base_path}" if base_path else "") + request.path
    query = b"?" + request.query if request.query else b""
    return b"POST %b%b HTTP/1.1\r\n" % (target.encode(), query)
