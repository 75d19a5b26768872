from __future__ import annotations

from claude_proxy.core.learning.learned_rules import (
    LIFETIME,
    MAX_MODELS,
    MAX_PAIRS,
    MAX_RULES,
    LearnedRule,
    LearnedRules,
    RuleReport,
)
from claude_proxy.core.traits import Kind, Rule
from claude_proxy.core.types import Upstream
from claude_proxy.core.upstream_names import UpstreamNames
from core.builders import NOW

ROLE = Rule(Kind.ROLE, "system")
FIELD = Rule(Kind.FIELD, "context_management")
ZAI, MINIMAX = Upstream("https://api.zai.example"), Upstream("https://api.minimax.example")
GLM = (ZAI, "glm")


def learned(rule: Rule = ROLE, upstream: Upstream = ZAI, model: str = "glm", at: float = NOW) -> LearnedRule:
    return LearnedRule(upstream, model, rule, at, at + LIFETIME, "no such role")


def test_rules_hold_for_their_upstream_and_model_until_they_expire() -> None:
    learned_rules = LearnedRules()
    learned_rules.keep(learned(ROLE))
    learned_rules.keep(learned(FIELD, at=NOW + 10))
    assert learned_rules.rules(GLM, NOW + 20) == {ROLE, FIELD}
    assert learned_rules.rules(GLM, NOW + LIFETIME) == {FIELD}
    assert learned_rules.rules((ZAI, "other"), NOW) == learned_rules.rules((MINIMAX, "glm"), NOW) == frozenset()
    assert list(learned_rules.kept(NOW + LIFETIME)) == [learned(FIELD, at=NOW + 10)]
    assert learned_rules.changes == 2


def test_keeps_a_rule_that_is_learned_again_once_with_its_new_time() -> None:
    learned_rules = LearnedRules()
    learned_rules.keep(learned(at=NOW))
    learned_rules.keep(learned(at=NOW + 5))
    assert [one.at for one in learned_rules.kept(NOW)] == [NOW + 5]


def test_drops_the_oldest_of_too_many() -> None:
    learned_rules = LearnedRules()
    for number in range(MAX_RULES + 2):
        learned_rules.keep(learned(Rule(Kind.BETA, f"b{number}")))
    assert len(learned_rules.rules(GLM, NOW)) == MAX_RULES
    assert Rule(Kind.BETA, "b1") not in learned_rules.rules(GLM, NOW)
    for number in range(MAX_MODELS):
        learned_rules.keep(learned(model=f"m{number}"))
    assert learned_rules.rules(GLM, NOW) == frozenset()
    assert len(list(learned_rules.kept(NOW))) == MAX_MODELS


def test_no_upstream_pushes_out_the_rules_of_another() -> None:
    learned_rules = LearnedRules()
    learned_rules.keep(learned(upstream=MINIMAX))
    for number in range(2 * MAX_PAIRS):
        learned_rules.keep(learned(model=f"m{number}"))
    assert learned_rules.rules((MINIMAX, "glm"), NOW) == {ROLE}


def test_keeps_nothing_for_a_model_with_too_long_a_name() -> None:
    learned_rules = LearnedRules()
    learned_rules.keep(learned(model="m" * 201))
    assert (list(learned_rules.kept(NOW)), learned_rules.changes) == ([], 0)
    learned_rules.keep(learned(model="m" * 200))
    assert len(list(learned_rules.kept(NOW))) == 1


def test_forgets_the_rules_of_one_upstream_or_all() -> None:
    learned_rules = LearnedRules()
    for one in (learned(), learned(FIELD), learned(model="other"), learned(upstream=MINIMAX)):
        learned_rules.keep(one)
    before = learned_rules.changes
    assert (learned_rules.forget(Upstream("zai")), learned_rules.changes) == (0, before)
    assert (learned_rules.forget(ZAI), learned_rules.changes) == (3, before + 1)
    assert (learned_rules.forget(), list(learned_rules.kept(NOW))) == (1, [])
    assert learned_rules.forget() == 0


def test_reports_the_rules_with_the_names_of_their_upstream_the_newest_last() -> None:
    learned_rules = LearnedRules()
    for rule in (learned(at=NOW + 5), learned(upstream=MINIMAX, at=NOW), learned(FIELD, at=NOW - LIFETIME)):
        learned_rules.keep(rule)
    assert learned_rules.report(UpstreamNames({"zai": ZAI, "zai-2": ZAI}), NOW) == [
        RuleReport((MINIMAX,), learned(upstream=MINIMAX, at=NOW)),
        RuleReport(("zai", "zai-2"), learned(at=NOW + 5)),
    ]


def test_its_repr_does_not_show_the_message() -> None:
    assert "no such role" not in repr(learned())
