"""What is wrong with a provider, as its answers show: its last error, and what only the user can fix."""

from __future__ import annotations

from dataclasses import dataclass, replace

from claude_proxy.core import reasons
from claude_proxy.core.auth import Auth
from claude_proxy.core.client_requirements import ClientRequirements
from claude_proxy.core.health import Health, State
from claude_proxy.core.quota.quota_report import QuotaReport
from claude_proxy.core.status_report import LastError, ProviderStatus
from claude_proxy.core.text import printable
from claude_proxy.core.types import MAX_MODEL_LENGTH, Attempt, Provider


@dataclass(frozen=True, slots=True)
class Issues:
    """What is known to be wrong with one provider. An attempt that succeeds removes what it disproves."""

    last_error: LastError | None = None
    key_rejected: bool = False
    out_of_credit: bool = False
    unknown_model: str | None = None

    def after(self, attempt: Attempt, now: float) -> Issues:
        """Return what is known after an attempt; the same object if nothing has changed."""
        last_error = self.last_error
        if attempt.reason is reasons.Reason.ABANDONED:
            return self
        if attempt.accepted and (last_error is None or last_error.answered) and not self._to_fix:
            return self
        model = printable(attempt.model, MAX_MODEL_LENGTH)
        if attempt.accepted:
            unknown = None if self.unknown_model == model else self.unknown_model
            answered = last_error and LastError(last_error.at, last_error.text, answered=True)
            return Issues(answered, unknown_model=unknown)
        return replace(
            self,
            last_error=LastError(now, attempt.text or attempt.outcome),
            key_rejected=self.key_rejected or reasons.rejects_key(attempt.reason, attempt.status),
            out_of_credit=self.out_of_credit or reasons.is_out_of_credit(attempt.reason, attempt.status),
            unknown_model=model if attempt.reason is reasons.Reason.UNKNOWN_MODEL else self.unknown_model,
        )

    @property
    def _to_fix(self) -> bool:
        return self.key_rejected or self.out_of_credit or self.unknown_model is not None

    def after_error(self, text: str, now: float) -> Issues:
        """Return what is known after an error that came later than the answer's beginning."""
        return replace(self, last_error=LastError(now, text))


def provider_status(
    provider: Provider,
    health: Health,
    issues: Issues,
    now: float,
    *,
    quota: QuotaReport | None = None,
    over_budget: bool = False,
) -> ProviderStatus:
    """Return the state of one provider."""
    state = State.READY if health.admits(now) else health.state(now)  # a cooldown that is over does not run any more
    reason = None if state is State.READY else health.label
    return ProviderStatus(
        name=provider.name,
        base_url=provider.base_url,
        key=provider.api_key_env,
        key_source=provider.api_key_source.value if provider.api_key_source else "",
        auth=provider.auth.value,
        state=state.value,
        cooldown_until=None if state is State.READY else health.cooldown_until,
        reason=reason,
        why=reason and reasons.in_words(health.reason, health.status, provider.api_key_env),
        strikes=health.strikes,
        last_error=issues.last_error,
        key_rejected=issues.key_rejected,
        out_of_credit=issues.out_of_credit,
        over_budget=over_budget,
        unknown_model=_configured(issues.unknown_model, provider),
        client=ClientRequirements(
            timeout_ms=provider.claude_code.timeout_ms,
            window=provider.smallest_window,
            tool_search=provider.claude_code.tool_search,
            models=provider.own_models,
            own_login=provider.auth is Auth.CLIENT,
        ),
        quota=quota,
    )


def _configured(model: str | None, provider: Provider) -> str | None:
    """Return a model if the configuration still asks for it; there is nothing to fix about another."""
    return model if not provider.models or model in provider.models.values() else None
