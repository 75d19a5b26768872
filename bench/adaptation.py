"""The cost of adapting a long conversation: if nothing has to change, and if every rule changes something."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from hashlib import sha512
from types import MappingProxyType
from typing import Any, Final

from bench import traffic

from claude_proxy.core.adapt import adapt
from claude_proxy.core.adaptation.draft import OwnerOf
from claude_proxy.core.auth import Auth
from claude_proxy.core.provenance import SignatureOwners, digest_of
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.routing import Candidate
from claude_proxy.core.traits import ForcedTool, Kind, ModelFacts, Rule, Thinking, Traits
from claude_proxy.core.types import Origin, Provider, Upstream

SIZE: Final = 1_000_000
ROUNDS: Final = 60
NOTHING: Final = "nothing to do"
EVERYTHING: Final = "every rule has work"
_OWN: Final = Upstream("https://provider.example")
TURNS: Final = 240
SPIKES: Final = 8
"""One turn in so many holds something else that the provider rejects; each turn has another provider's thinking."""

_DISTANT_RULES: Final = Traits(
    rejects=frozenset(
        {
            Rule(Kind.ROLE, "system"),
            Rule(Kind.FIELD, "top_k"),
            Rule(Kind.BETA, "unheard-of"),
            Rule(Kind.TOOL_FIELD, "defer_loading"),
        }
    ),
    server_tools=(),
    efforts=("high", "max"),
)
"""A provider that rejects what is not in the conversation."""

_MATCHING_RULES: Final = Traits(
    rejects=_DISTANT_RULES.rejects
    | {Rule(Kind.FIELD, "context_management"), Rule(Kind.BLOCK, "document"), Rule(Kind.BLOCK, "tool_reference")},
    server_tools=(),
    efforts=("low", "medium"),
)
_FACTS: Final = ModelFacts(max_output=32_000, images=False, thinking=Thinking.ENABLED, forced_tool=ForcedTool.NO)


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU time in seconds: of the fastest round, and the median."""

    best: float
    median: float


def measure() -> dict[str, Cost]:
    """Return the cost for each kind of conversation."""
    signature_owners = SignatureOwners()
    plain, spiked = (
        conversation(signature_owners, _OWN, spiked=False),
        conversation(signature_owners, Upstream("https://another.example"), spiked=True),
    )

    def owner_of(signature: str) -> Upstream | None:
        return signature_owners.owner(signature, 0.0)

    distant, matching = _candidate(_DISTANT_RULES, ModelFacts()), _candidate(_MATCHING_RULES, _FACTS)
    no_images = _candidate(_DISTANT_RULES, ModelFacts(images=False))
    rows: dict[str, tuple[bytes, Candidate, OwnerOf | None]] = {
        NOTHING: (plain, distant, None),
        f"{NOTHING}, for a model that reads no images": (plain, no_images, None),
        f"{NOTHING}, {TURNS} signatures looked up": (plain, distant, owner_of),
        EVERYTHING: (spiked, matching, owner_of),
    }
    return {title: _cost(*row) for title, row in rows.items()}


def _cost(body: bytes, candidate: Candidate, owner_of: OwnerOf | None) -> Cost:
    times = sorted(
        _time(MessagesRequest.parse("/v1/messages", b"", (), body), candidate, owner_of) for _ in range(ROUNDS)
    )
    return Cost(times[0], times[len(times) // 2])


def _time(request: MessagesRequest, candidate: Candidate, owner_of: OwnerOf | None) -> float:
    started = time.process_time()
    adapt(request, candidate, (), owner_of)
    return time.process_time() - started


def _candidate(traits: Traits, facts: ModelFacts) -> Candidate:
    known = MappingProxyType({traffic.MODEL: facts})
    origin = Origin("https", "provider.example", 443)
    provider = Provider("provider", _OWN, origin, Auth.BEARER, "key", "KEY", facts=known, traits=traits)
    return Candidate(provider, traffic.MODEL)


def conversation(signature_owners: SignatureOwners, owner: Upstream, *, spiked: bool) -> bytes:
    """Return a conversation of about `SIZE` bytes. Each turn is thinking, a tool call, and its result.

    Spiked: some turns also hold what a provider may reject.
    """
    fields = json.loads(traffic.body(75_000))
    missing = SIZE - len(traffic.compact(fields))
    messages: list[dict[str, Any]] = []
    for number in range(TURNS):
        signature = _signature(f"{owner} {number}")
        signature_owners.note(digest_of(signature), owner, 0.0)
        messages += _turn(number, signature, missing // TURNS - 1150, spiked=spiked and number % SPIKES == 0)
    fields["messages"] = messages
    if spiked:
        fields |= {"max_tokens": 64_000, "tool_choice": {"type": "any"}, "top_k": 4}
        fields["tools"] += [{"type": "web_search_20250305", "name": "web_search"}]
        fields["tools"][0]["defer_loading"] = True
        fields["system"].insert(0, {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.330;"})
    return traffic.compact(fields)


def _signature(seed: str) -> str:
    return base64.b64encode(sha512(seed.encode()).digest() * 6).decode()


def _turn(number: int, signature: str, length: int, *, spiked: bool) -> list[dict[str, Any]]:
    thought = {"type": "thinking", "thinking": traffic.prose(300), "signature": signature}
    call = {"type": "tool_use", "id": f"toolu_{number}", "name": "Tool1", "input": {"field_0": "src/main.py"}}
    content: Any = traffic.prose(length)
    if spiked:
        picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": signature}}
        content = [{"type": "text", "text": content}, picture, {"type": "tool_reference", "tool_name": "Tool2"}]
    result = {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": content}
    reminder = [{"role": "system", "content": "Keep it short."}] if spiked else []
    return [{"role": "assistant", "content": [thought, call]}, {"role": "user", "content": [result]}, *reminder]
