"""Loads the user's `config.json` and `.env`: checked, and completed from the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from msgspec import UnsetType

from claude_proxy.config.address import is_host, is_loopback
from claude_proxy.config.budgets import budgets_of
from claude_proxy.config.document import parse_document, read_document
from claude_proxy.config.egress import read_egress
from claude_proxy.config.event_command import event_command
from claude_proxy.config.keys import Skipped
from claude_proxy.config.kinds import LogLevel, OnBudget
from claude_proxy.config.metrics_token import read_metrics_token
from claude_proxy.config.problem import ConfigError, Findings, Problem, quoted
from claude_proxy.config.providers import Configured, Resolved, resolve
from claude_proxy.config.routes import auto_mode_of, routes_of
from claude_proxy.config.settings import Settings
from claude_proxy.config.validation import check
from claude_proxy.config.variables import Variables, parse_variables_of, read_variables
from claude_proxy.core.budgets import Budget
from claude_proxy.core.egress import Egress
from claude_proxy.core.routing import Candidate, Routes
from claude_proxy.core.types import Failback, Policy, Provider
from claude_proxy.core.upstream_names import UpstreamNames
from claude_proxy.store.own_files import foreign_owner

__all__ = [
    "Config",
    "ConfigError",
    "Configured",
    "Fingerprint",
    "Problem",
    "Skipped",
    "Survey",
    "fingerprint",
    "load",
    "survey",
]

CONFIG_FILE = "config.json"
ENV_FILE = ".env"

_Stat: TypeAlias = tuple[int, int, int] | None
Fingerprint: TypeAlias = tuple[_Stat, _Stat]
"""Of config.json and of .env: time of change in nanoseconds, size in bytes, inode; None if there is no such file."""


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration that can be used: `providers` has at least one, in the order of failover.

    `skipped` names those without a key. `warnings` are whole sentences; some are about skipped providers.
    """

    host: str
    port: int
    providers: tuple[Provider, ...]
    skipped: tuple[Skipped, ...]
    policy: Policy
    egress: Egress
    log_level: LogLevel
    warnings: tuple[str, ...]
    allowed_hosts: tuple[str, ...] = ()
    """Further names of this machine, by which clients may call the proxy."""
    routes: Routes = field(default_factory=Routes)
    auto_mode: Candidate | None = None
    """The model that checks tool calls for Claude Code's auto mode."""
    budgets: tuple[Budget, ...] = ()
    on_budget: OnBudget = "pass"
    on_event: tuple[str, ...] = ()
    """The program that is told of events, and its arguments."""
    notify: bool = False
    """Whether the desktop shows them."""
    usage_days: int = 400
    """How long usage is kept; 0: for ever."""
    otel: Mapping[str, str] | None = field(default=None, repr=False)
    """The variables of `.env` that are for OpenTelemetry; None if no traces are sent."""
    metrics_token: str = field(default="", repr=False)
    """What opens `/metrics` besides the installation's token; empty: nothing."""
    upstream_names: UpstreamNames = field(default_factory=UpstreamNames)
    """Those of all providers, with those that can't be used."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a configuration names. `warnings` are whole sentences, none of them about a missing key."""

    providers: tuple[Configured, ...]
    policy: Policy
    egress: Egress
    warnings: tuple[str, ...]


def load(home: Path, environ: Mapping[str, str]) -> Config:
    """Return the configuration in a home folder, with keys from its `.env` and from `environ`, which wins.

    Raises `ConfigError` with every fault that was found, and nothing else.
    """
    findings = Findings()
    document = read_document(home / CONFIG_FILE, findings)
    variables = read_variables(home / ENV_FILE, environ, findings)
    settings, egress, resolved = _read(document, variables, environ, findings)
    routes = routes_of(settings.routes, resolved, findings)
    auto_mode = auto_mode_of(settings.auto_mode, resolved, findings)
    budgets = budgets_of(settings, resolved, findings)
    metrics_token = read_metrics_token(variables, findings)
    on_event = event_command(settings.on_event, home / CONFIG_FILE, findings)
    if not resolved.usable:
        _report_none_usable(resolved, home / ENV_FILE, findings)
    if findings.problems:
        raise ConfigError(tuple(findings.problems))
    _warn_of_foreign(home, findings)
    _warn_of_skipped(resolved, findings)
    return Config(
        host=settings.host,
        port=settings.proxy_port,
        providers=resolved.usable,
        skipped=resolved.skipped,
        policy=_policy(settings),
        egress=egress,
        log_level=settings.log_level,
        warnings=tuple(findings.warnings),
        allowed_hosts=settings.allowed_hosts,
        routes=routes,
        auto_mode=auto_mode,
        budgets=budgets,
        on_budget=settings.on_budget,
        on_event=on_event,
        notify=settings.notify,
        usage_days=settings.usage_days,
        otel=variables.of_file("OTEL_") if settings.otel else None,
        metrics_token=metrics_token,
        upstream_names=UpstreamNames.of(*[configured.provider for configured in resolved.configured]),
    )


def survey(config: str, env: str, environ: Mapping[str, str]) -> Survey:
    """Return every provider that the texts of a config.json and a `.env` name, even if none of them can be used.

    Raises `ConfigError` with every other fault that was found.
    """
    findings = Findings()
    document = parse_document(config, findings)
    variables = parse_variables_of(env, environ, findings)
    settings, egress, resolved = _read(document, variables, environ, findings)
    routes_of(settings.routes, resolved, Findings(findings.problems))  # its warnings are about keys
    auto_mode_of(settings.auto_mode, resolved, Findings(findings.problems))
    budgets_of(settings, resolved, findings)
    if findings.problems:
        raise ConfigError(tuple(findings.problems))
    return Survey(resolved.configured, _policy(settings), egress, tuple(findings.warnings))


def _read(
    document: Mapping[str, object] | None, variables: Variables, environ: Mapping[str, str], findings: Findings
) -> tuple[Settings, Egress, Resolved]:
    """Return what both files say. Raises `ConfigError` if there is no document."""
    if document is None:
        raise ConfigError(tuple(findings.problems))
    settings = check(document, findings)
    _check_host(settings.host, findings)
    _check_budget(settings, findings)
    _check_names("allow_http_hosts", settings.allow_http_hosts, "relay.example", findings)
    _check_names("allowed_hosts", settings.allowed_hosts, "devbox.example", findings)
    egress = read_egress(settings, environ, findings)
    return settings, egress, resolve(settings, variables, findings)


def fingerprint(home: Path) -> Fingerprint:
    """Return a value that changes when `config.json` or `.env` does; cheap enough to compute every second."""
    return _stat(home / CONFIG_FILE), _stat(home / ENV_FILE)


def _stat(path: Path) -> _Stat:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _retry_statuses(settings: Settings) -> frozenset[int]:
    given = settings.retry_statuses
    return Policy().retry_statuses if isinstance(given, UnsetType) else frozenset(given)


def _policy(settings: Settings) -> Policy:
    return Policy(
        retry_statuses=_retry_statuses(settings),
        cooldown=settings.cooldown_minutes * 60,
        max_body_bytes=int(settings.max_body_mb * 1024 * 1024),
        memory_budget=int(settings.memory_budget_mb * 1024 * 1024),
        ping_after=settings.ping_after_seconds,
        continue_answers=settings.continue_answers,
        eager_tool_streaming=settings.eager_tool_streaming,
        failover_on_auth=settings.failover_on_auth,
        failback=Failback(settings.failback),
    )


def _check_host(host: str, findings: Findings) -> None:
    if not is_host(host):
        findings.problem("host", _not_a_host(host), 'Write one without scheme and port, such as "127.0.0.1".')
    elif not is_loopback(host):
        findings.warn(
            f"config.json: host: {quoted(host)} lets other machines reach this proxy, over plain http. "
            'Write "127.0.0.1" unless you want that.'
        )


def _check_budget(settings: Settings, findings: Findings) -> None:
    needed = 2 * settings.max_body_mb
    if settings.memory_budget_mb < needed:
        findings.warn(
            f"config.json: memory_budget_mb: {settings.memory_budget_mb:g} is too little for a request of max_body_mb "
            f"({settings.max_body_mb:g}), which takes twice its size. Write {needed:g} or more."
        )


def _check_names(setting: str, hosts: tuple[str, ...], example: str, findings: Findings) -> None:
    for index, host in enumerate(hosts):
        if not is_host(host):
            fix = f'Write one without scheme and port, such as "{example}".'
            findings.problem(f"{setting}[{index}]", _not_a_host(host), fix)


def _not_a_host(text: str) -> str:
    return f"{quoted(text)} is not an IP address or a host name"


def _report_none_usable(resolved: Resolved, env: Path, findings: Findings) -> None:
    if any(problem.key.startswith("providers") or problem.file != CONFIG_FILE for problem in findings.problems):
        return  # it follows from those problems
    if not resolved.skipped:
        findings.problem("providers", "all providers are disabled", 'Remove "enabled": false from at least one.')
        return
    variables = list(dict.fromkeys(skipped.variable for skipped in resolved.skipped))
    what = f"no provider has its key ({', '.join(variables)} not set)"
    findings.problem("providers", what, f"Write {variables[0]}=<key> into {env}, or set it in the environment.")


def _warn_of_foreign(home: Path, findings: Findings) -> None:
    """Warn of a file that another user put there: it decides where requests and keys go.

    It is used all the same: the files of a container or of a team often have another owner.
    """
    for name in (CONFIG_FILE, ENV_FILE):
        if owner := foreign_owner(home / name):
            findings.warn(
                f"{name}: it belongs to {owner}, who can change where your requests go. Replace it by a copy."
            )


def _warn_of_skipped(resolved: Resolved, findings: Findings) -> None:
    for skipped in resolved.skipped:
        findings.warn(
            f"config.json: provider {skipped.name} is skipped: its key is missing. "
            f"Set {skipped.variable} in .env or in the environment."
        )
