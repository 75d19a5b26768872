"""Asks the running proxy over HTTP: health, status, explain, rules, stop."""

from __future__ import annotations

import http.client
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from claude_proxy.core.explanation import ExplainQuery, Explanation
from claude_proxy.core.learning.learned_rules import RuleReport
from claude_proxy.core.status_report import StatusReport
from claude_proxy.store.running import Running

SERVICE = "claude-proxy"
TIMEOUT = 3.0
"""Seconds without an answer; the proxy answers from memory, within a millisecond."""
MAX_ANSWER = 1024 * 1024

_T = TypeVar("_T")


class ControlError(Exception):
    """The proxy could not be asked."""


class UnreachableError(ControlError):
    """Nothing listens at the address, or another program does."""


class SilentError(ControlError):
    """Something listens at the address, but does not answer."""


class UnknownError(ControlError):
    """The proxy does not know the path: it is of another version."""


class RejectedError(ControlError):
    """The proxy answered with an error status: it does not accept our token, for example."""


class ProxyHealth(msgspec.Struct, frozen=True):
    """What `/health` answers, to any client."""

    service: str
    version: str
    instance: str


class _Rules(msgspec.Struct, frozen=True):
    rules: list[RuleReport]


class _Forgotten(msgspec.Struct, frozen=True):
    forgotten: int


class _Stopping(msgspec.Struct, frozen=True):
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class AdminClient:
    """Asks one proxy on behalf of the commands. Each call raises `ControlError` if it gets no valid answer."""

    host: str
    port: int
    token: str = ""
    timeout: float = TIMEOUT

    @classmethod
    def of(cls, running: Running, token: str = "") -> AdminClient:
        """Return the client for the proxy that a state file names."""
        return cls(reachable(running.host), running.port, token)

    @property
    def url(self) -> str:
        """The address that clients on this machine use."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def health(self) -> ProxyHealth:
        """Ask which program is there; needs no token."""
        return _decode(self._ask("GET", "/health"), ProxyHealth)

    def status(self) -> StatusReport:
        """Ask for the state of the proxy and its providers."""
        return _decode(self.status_json(), StatusReport)

    def status_json(self) -> bytes:
        """Return the status as the proxy wrote it."""
        return self._ask("GET", "/admin/status")

    def explanation(self, query: ExplainQuery) -> Explanation:
        """Ask what would happen to a request now."""
        return _decode(self._ask("GET", f"/admin/explain?{query.query()}"), Explanation)

    def rules(self) -> list[RuleReport]:
        """Ask for the learned rules."""
        return _decode(self._ask("GET", "/admin/rules"), _Rules).rules

    def forget(self, provider: str | None) -> int:
        """Have the rules of one provider's upstream forgotten, or all; return how many there were."""
        body = msgspec.json.encode({"provider": provider})
        return _decode(self._ask("POST", "/admin/rules/forget", body), _Forgotten).forgotten

    def stop(self, *, force: bool) -> int:
        """Ask the proxy to stop, and return the number of requests that it waits for (or ends, with `force`)."""
        body = msgspec.json.encode({"force": force})
        return _decode(self._ask("POST", "/admin/stop", body), _Stopping).in_flight

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            # http.client ignores HTTP_PROXY and the like
            with closing(http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)) as connection:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                data = answer.read(MAX_ANSWER)
        except TimeoutError as error:
            raise SilentError(f"no answer within {self.timeout:g} s") from error
        except (OSError, http.client.HTTPException, ValueError, OverflowError) as error:  # the last two: no such host
            raise UnreachableError(type(error).__name__) from error
        if answer.status == http.client.UNAUTHORIZED:
            raise RejectedError("it answered 401: it does not accept the token in state/token")
        if answer.status == http.client.NOT_FOUND:
            raise UnknownError("it was started by another version of claude-proxy")
        if answer.status >= http.client.BAD_REQUEST:
            raise RejectedError(f"the proxy answered {answer.status} to {method} {path}")
        return data


def reachable(host: str) -> str:
    """Return the address that reaches a proxy listening on `host` from this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared, not bound


def _decode(data: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(data, type=kind)
    except ValueError as error:  # msgspec's errors are ValueErrors
        raise UnreachableError("the answer is not that of claude-proxy") from error
