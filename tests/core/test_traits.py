from __future__ import annotations

import pytest

from claude_proxy.core.traits import Kind, Rule, Thinking, Traits

ROLE = Rule(Kind.ROLE, "system")


def test_a_rule_reads_as_its_kind_and_name() -> None:
    assert str(ROLE) == "role:system"


def test_adds_learned_rules_to_what_is_known() -> None:
    known = Traits(rejects=frozenset({ROLE}), efforts=("low",))
    learned = known.having([Rule(Kind.BLOCK, "image")])
    assert [set(learned.names(kind)) for kind in (Kind.ROLE, Kind.BLOCK, Kind.BETA)] == [{"system"}, {"image"}, set()]
    assert learned.efforts == ("low",)
    assert known.having([]) is known


def test_adds_what_a_provider_requires() -> None:
    asked = Rule(Kind.REQUIRES, "thinking_on_tool_turns")
    assert Traits().having([asked]).thinking_on_tool_turns
    assert Traits(thinking_on_tool_turns=True).having([ROLE]).thinking_on_tool_turns
    assert not Traits().having([ROLE]).thinking_on_tool_turns
    assert Traits().having([Rule(Kind.REQUIRES, "plain_call_ids")]).plain_call_ids
    assert Traits(plain_call_ids=True).having([asked]).plain_call_ids
    assert not Traits().having([asked]).plain_call_ids


@pytest.mark.parametrize(
    ("known", "rejected", "taken"),
    [
        (None, "", None),
        (Thinking.ALWAYS, "", Thinking.ALWAYS),
        (None, "adaptive", Thinking.ENABLED),
        (None, "enabled", Thinking.ADAPTIVE),
        (None, "disabled", Thinking.ALWAYS),
        (None, "adaptive disabled", Thinking.ENABLED_ONLY),
        (None, "enabled disabled", Thinking.ADAPTIVE_ONLY),
        (Thinking.ADAPTIVE, "disabled", Thinking.ADAPTIVE_ONLY),
        (Thinking.ENABLED, "disabled", Thinking.ENABLED_ONLY),
        (Thinking.ENABLED, "adaptive", Thinking.ENABLED),
        (Thinking.ENABLED_ONLY, "enabled", Thinking.ADAPTIVE),  # the catalogue was wrong
        (Thinking.ALWAYS, "adaptive enabled", Thinking.ALWAYS),  # nothing sensible is left
    ],
)
def test_combines_known_and_rejected_thinking_modes(
    known: Thinking | None, rejected: str, taken: Thinking | None
) -> None:
    traits = Traits().having(Rule(Kind.THINKING_MODE, mode) for mode in rejected.split())
    assert traits.thinking(known) is taken
