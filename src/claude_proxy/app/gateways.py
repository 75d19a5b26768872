"""From a configuration to the gateway that requests are served with."""

from __future__ import annotations

from claude_proxy.config.load import Config
from claude_proxy.config.prices import prices_at
from claude_proxy.core.budgets import Budgets
from claude_proxy.core.health import Health
from claude_proxy.core.hops import Hops
from claude_proxy.core.memory_budget import MemoryBudget
from claude_proxy.core.selection import Selector
from claude_proxy.core.types import Provider
from claude_proxy.proxy.defects import Defects
from claude_proxy.proxy.gateway import Gateway, Memory
from claude_proxy.proxy.in_flight import RequestsInFlight
from claude_proxy.proxy.ports import Clock, Journal, Transport
from claude_proxy.proxy.quota_watch import QuotaWatch


def build_gateway(
    config: Config,
    before: Gateway | None,
    *,
    transport: Transport,
    clock: Clock,
    ledger: Journal,
    memory: Memory,
    budget: MemoryBudget,
    budgets: Budgets,
    in_flight: RequestsInFlight,
    hops: Hops,
    quota: QuotaWatch,
    program: str,
) -> Gateway:
    """Return the gateway of a configuration; a provider with the same credential as `before` keeps its health."""
    return Gateway(
        providers=config.providers,
        healths={provider.name: _health(provider, config, before, memory) for provider in config.providers},
        selector=_selector(config, memory, budgets),
        policy=config.policy,
        transport=transport,
        clock=clock,
        ledger=ledger,
        memory=memory,
        defects=before.defects if before else Defects(ledger),
        budget=budget,
        in_flight=in_flight,
        hops=hops,
        quota=quota,
        auto_mode=config.auto_mode,
        claude_prices=prices_at("anthropic"),
        program=program,
    )


def _selector(config: Config, memory: Memory, budgets: Budgets) -> Selector:
    return Selector(
        config.providers,
        {skipped.name: skipped.variable for skipped in config.skipped},
        config.routes,
        config.policy.failback,
        memory.tokens,
        memory.sessions,
        memory.learned_rules,
        budgets,
    )


def _health(provider: Provider, config: Config, before: Gateway | None, memory: Memory) -> Health:
    old = next((known for known in before.providers if known.name == provider.name), None) if before else None
    if before and old and old.credential == provider.credential:
        health = before.healths[provider.name]
        health.cooldown = config.policy.cooldown
        return health
    health = Health(provider.name, config.policy.cooldown)
    memory.cooldowns.take_up(provider, health)
    return health
