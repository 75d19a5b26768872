"""What the commands ask the running proxy, with its token: status, status line, explain, rules, stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol, TypeAlias, TypeVar

import msgspec

from claude_proxy.core.explanation import explain_request, parse_query
from claude_proxy.core.learning.learned_rules import RuleReport
from claude_proxy.core.live_report import LiveReport
from claude_proxy.core.messages import JSON
from claude_proxy.core.metrics_state import MetricsState
from claude_proxy.core.reply import refusal
from claude_proxy.core.status_report import Spent, StatusReport
from claude_proxy.core.statusline_facts import parse_statusline_query, statusline_facts
from claude_proxy.core.types import Reply
from claude_proxy.core.upstream_names import UpstreamNames
from claude_proxy.net.asgi_client import AsgiClient
from claude_proxy.net.server import Service
from claude_proxy.proxy.gateway import Gateway

T = TypeVar("T")

MAX_COMMAND_BYTES: Final = 4096
"""A command to the proxy is a few words of JSON."""

MAX_RULES: Final = 1000
"""Rules in one answer: some 500 KB."""

NOT_FOR_PROVIDERS: Final = refusal("not_found_error", "this path belongs to the proxy, not to one of its providers")


class StopCommand(msgspec.Struct, forbid_unknown_fields=True):
    """`force`: end the requests in flight instead of waiting for them."""

    force: bool = False


class ForgetCommand(msgspec.Struct, forbid_unknown_fields=True):
    """`provider`: a provider, whose upstream's rules are forgotten, or an upstream; None: all rules."""

    provider: str | None


class EndPlanCooldownsCommand(msgspec.Struct, forbid_unknown_fields=True):
    """Ends the cooldowns of providers whose plans are used up."""


class DashboardCommand(msgspec.Struct, forbid_unknown_fields=True):
    """Makes a link that opens the page once."""


class ProxyControl(Protocol):
    """What the commands may do with the running proxy."""

    def status(self) -> StatusReport:
        """Return the proxy's state."""
        ...

    def live(self) -> LiveReport:
        """Return what happens now: the requests in flight, and the last failovers."""
        ...

    def metrics(self) -> MetricsState:
        """Return all that `/metrics` shows."""
        ...

    def spent_in(self, session: str) -> Spent | None:
        """Return what the requests of a session cost; None if nothing is known of it."""
        ...

    def upstream_names(self) -> UpstreamNames:
        """Return the names of the upstreams, by the configuration in use."""
        ...

    def stop_soon(self, *, force: bool) -> int:
        """Begin to stop; return how many requests are in flight."""
        ...


_Handler: TypeAlias = Callable[[AsgiClient], Awaitable[Reply]]


def admin_api(
    gateway: Callable[[], Gateway], control: ProxyControl, page_link: Callable[[], object]
) -> Mapping[str, Mapping[str, Service]]:
    """Return the services for the commands, by path and method. `page_link` makes a link that opens the page once."""

    async def status(_client: AsgiClient) -> Reply:
        return json_reply(200, control.status())

    async def live(_client: AsgiClient) -> Reply:
        return json_reply(200, control.live())

    async def statusline(client: AsgiClient) -> Reply:
        query = parse_statusline_query(client.query)
        spent = control.spent_in(query.session)
        return json_reply(200, statusline_facts(control.status(), query, gateway().clock.wall(), spent))

    async def explain(client: AsgiClient) -> Reply:
        now = gateway()
        return json_reply(200, explain_request(parse_query(client.query), now.selector, now.healths, now.clock.wall()))

    async def rules(_client: AsgiClient) -> Reply:
        return json_reply(200, {"rules": _newest(gateway(), control.upstream_names())})

    async def forget(client: AsgiClient) -> Reply:
        command = await _command(client, ForgetCommand)
        upstream = None if command.provider is None else control.upstream_names().upstream(command.provider)
        return json_reply(200, {"forgotten": gateway().memory.learned_rules.forget(upstream)})

    async def end_plan_cooldowns(client: AsgiClient) -> Reply:
        await _command(client, EndPlanCooldownsCommand)
        return json_reply(200, {"ended": sum(health.refill() for health in gateway().healths.values())})

    async def dashboard(client: AsgiClient) -> Reply:
        await _command(client, DashboardCommand)
        return json_reply(200, page_link())

    async def stop(client: AsgiClient) -> Reply:
        command = await _command(client, StopCommand)
        return json_reply(202, {"in_flight": control.stop_soon(force=command.force)})

    return {
        "/admin/status": {"GET": _service(status)},
        "/admin/live": {"GET": _service(live)},
        "/admin/statusline": {"GET": _service(statusline, "a query of the status line")},
        "/admin/explain": {"GET": _service(explain, "a question")},
        "/admin/rules": {"GET": _service(rules)},
        "/admin/rules/forget": {"POST": _service(forget, "a forget command")},
        "/admin/quota/forget": {"POST": _service(end_plan_cooldowns, "a command without fields")},
        "/admin/dashboard": {"POST": _service(dashboard, "a command without fields")},
        "/admin/stop": {"POST": _service(stop, "a stop command")},
    }


def _service(handler: _Handler, expected: str = "") -> Service:
    """Return the service of a handler, except below a provider's path; an error of reading is the client's fault."""

    async def service(client: AsgiClient, pin: str | None) -> Reply:
        if pin is not None:
            return NOT_FOR_PROVIDERS
        try:
            return await handler(client)
        except (msgspec.MsgspecError, ValueError) as error:
            if not expected:
                raise  # the request has nothing that could be wrong: a defect of our own
            return refusal("invalid_request_error", f"not {expected}: {error}")

    return service


async def _command(client: AsgiClient, kind: type[T]) -> T:
    """Return the command in a request's body. Raises `msgspec.DecodeError`, or `ValueError` if it is not UTF-8."""
    return msgspec.json.decode(await client.read_body(MAX_COMMAND_BYTES) or b"", type=kind)


def _newest(gateway: Gateway, names: UpstreamNames) -> list[RuleReport]:
    return gateway.memory.learned_rules.report(names, gateway.clock.wall())[-MAX_RULES:]


def json_reply(status: int, value: object) -> Reply:
    """Return an answer in JSON."""
    return Reply(status, ((b"content-type", JSON),), msgspec.json.encode(value))
