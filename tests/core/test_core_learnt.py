from __future__ import annotations

from claude_proxy.core.learning.learnt import LIFETIME, MAX_PAIRS, MAX_RULES, Learnt, Lessons
from claude_proxy.core.traits import Kind, Rule
from core.given import NOW

ROLE = Rule(Kind.ROLE, "system")
FIELD = Rule(Kind.FIELD, "context_management")


def learnt(rule: Rule = ROLE, provider: str = "zai", model: str = "glm", at: float = NOW) -> Learnt:
    return Learnt(provider, model, rule, at, at + LIFETIME, "no such role")


def test_rules_hold_for_their_provider_and_model_until_they_expire() -> None:
    lessons = Lessons()
    lessons.keep(learnt(ROLE))
    lessons.keep(learnt(FIELD, at=NOW + 10))
    assert lessons.rules("zai", "glm", NOW + 20) == {ROLE, FIELD}
    assert lessons.rules("zai", "glm", NOW + LIFETIME) == {FIELD}
    assert lessons.rules("zai", "other", NOW) == lessons.rules("minimax", "glm", NOW) == frozenset()
    assert list(lessons.kept(NOW + LIFETIME)) == [learnt(FIELD, at=NOW + 10)]
    assert lessons.changes == 2


def test_a_rule_that_is_learnt_again_is_kept_once_and_anew() -> None:
    lessons = Lessons()
    lessons.keep(learnt(at=NOW))
    lessons.keep(learnt(at=NOW + 5))
    assert [one.at for one in lessons.kept(NOW)] == [NOW + 5]


def test_of_too_many_the_oldest_go() -> None:
    lessons = Lessons()
    for number in range(MAX_RULES + 2):
        lessons.keep(learnt(Rule(Kind.BETA, f"b{number}")))
    assert len(lessons.rules("zai", "glm", NOW)) == MAX_RULES
    assert Rule(Kind.BETA, "b1") not in lessons.rules("zai", "glm", NOW)
    for number in range(MAX_PAIRS):
        lessons.keep(learnt(model=f"m{number}"))
    assert lessons.rules("zai", "glm", NOW) == frozenset()
    assert len(list(lessons.kept(NOW))) == MAX_PAIRS


def test_for_a_model_whose_name_is_no_name_nothing_is_kept() -> None:
    lessons = Lessons()
    lessons.keep(learnt(model="m" * 201))
    assert (list(lessons.kept(NOW)), lessons.changes) == ([], 0)
    lessons.keep(learnt(model="m" * 200))
    assert len(list(lessons.kept(NOW))) == 1


def test_forgetting_one_provider_or_all() -> None:
    lessons = Lessons()
    for one in (learnt(), learnt(FIELD), learnt(model="other"), learnt(provider="minimax")):
        lessons.keep(one)
    before = lessons.changes
    assert (lessons.forget("nobody"), lessons.changes) == (0, before)
    assert (lessons.forget("zai"), lessons.changes) == (3, before + 1)
    assert (lessons.forget(), list(lessons.kept(NOW))) == (1, [])
    assert lessons.forget() == 0


def test_the_message_is_not_shown_by_accident() -> None:
    assert "no such role" not in repr(learnt())
