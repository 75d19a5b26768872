"""All types of settings, so that each key of each is tried."""

from __future__ import annotations

from claude_proxy.config.fact_settings import OwnFactSettings, PriceSettings, TraitSettings
from claude_proxy.config.provider_settings import ClaudeCodeSettings, ModelSettings, ProviderSettings, TimeoutSettings
from claude_proxy.config.settings import BudgetSettings, RouteSettings, Settings

KINDS = (
    Settings,
    RouteSettings,
    BudgetSettings,
    ProviderSettings,
    ModelSettings,
    ClaudeCodeSettings,
    OwnFactSettings,
    PriceSettings,
    TraitSettings,
    TimeoutSettings,
)
