"""The user's budgets, as the core knows them."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET, UnsetType

from claude_proxy.config.problem import Findings
from claude_proxy.config.providers import Resolved
from claude_proxy.config.routes import report_unknown
from claude_proxy.config.settings import Settings
from claude_proxy.core.budgets import Budget, Period

_LONGEST_MONTH: Final = 31
"""Days."""


def budgets_of(settings: Settings, resolved: Resolved, findings: Findings) -> tuple[Budget, ...]:
    """Return the budgets. A name that no provider has is a problem, unless it may follow from one with the providers.

    A budget of a provider that a plan pays for never fills, which is a warning.
    """
    known = {configured.provider.name: configured for configured in resolved.configured}
    providers_are_wrong = any(problem.key.startswith("providers") for problem in findings.problems)
    budgets = list[Budget]()
    for index, each in enumerate(settings.budgets):
        key, name = f"budgets[{index}]", "" if each.provider is UNSET else str(each.provider)
        sums = ((Period.DAY, each.day), (Period.MONTH, each.month))
        found = [Budget(dollars, period, name) for period, dollars in sums if not isinstance(dollars, UnsetType)]
        if not found and not any(problem.key.startswith(key) for problem in findings.problems):
            findings.problem(key, "it says neither day nor month", 'Write one, such as {"day": 20}.')
        if name and name not in known and not providers_are_wrong:
            report_unknown(name, f"{key}.provider", tuple(known), findings)
        elif name in known and known[name].provider.is_plan:
            findings.warn(f"config.json: {key}: a plan pays for {name}, so nothing is ever spent of this budget.")
        budgets += found
    if any(budget.period is Period.MONTH for budget in budgets) and 0 < settings.usage_days < _LONGEST_MONTH:
        findings.warn(
            f"config.json: usage_days: a month's budget forgets at a restart what is older than {settings.usage_days} "
            f"days. Write {_LONGEST_MONTH} or more."
        )
    return tuple(budgets)
