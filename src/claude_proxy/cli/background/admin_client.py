"""Speaking with the running proxy over its own HTTP: health, status, stop."""

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
"""Seconds of silence; the proxy answers these from memory, within a millisecond."""
MAX_ANSWER = 1024 * 1024

_T = TypeVar("_T")


class ControlError(Exception):
    """The proxy could not be asked."""


class UnreachableError(ControlError):
    """Nobody listens at the address, or what listens there is something else."""


class SilentError(ControlError):
    """Something listens there, but gives no answer."""


class UnknownError(ControlError):
    """The proxy does not know what is asked: it was started by another version."""


class RejectedError(ControlError):
    """The proxy answered with an error status: it does not take our token, for example."""


class ProxyHealth(msgspec.Struct, frozen=True):
    """What `/health` tells to anyone."""

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
    """The commands' way to one proxy. Each call raises `ControlError` where it gets no proper answer."""

    host: str
    port: int
    token: str = ""
    timeout: float = TIMEOUT

    @classmethod
    def of(cls, running: Running, token: str = "") -> AdminClient:
        """Return the way to the proxy that a state file tells of."""
        return cls(reachable(running.host), running.port, token)

    @property
    def url(self) -> str:
        """The address that a client on this machine uses."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def health(self) -> ProxyHealth:
        """Ask who is there; needs no token."""
        return _decode(self._ask("GET", "/health"), ProxyHealth)

    def status(self) -> StatusReport:
        """Ask how the proxy and its providers are."""
        return _decode(self.status_json(), StatusReport)

    def status_json(self) -> bytes:
        """Return the status as the proxy wrote it."""
        return self._ask("GET", "/admin/status")

    def explanation(self, question: ExplainQuery) -> Explanation:
        """Ask what would happen to a request now."""
        return _decode(self._ask("GET", f"/admin/explain?{question.query()}"), Explanation)

    def rules(self) -> list[RuleReport]:
        """Ask for the rules that providers have taught."""
        return _decode(self._ask("GET", "/admin/rules"), _Rules).rules

    def forget(self, provider: str | None) -> int:
        """Have the rules of one provider's upstream forgotten, or all; return how many there were."""
        body = msgspec.json.encode({"provider": provider})
        return _decode(self._ask("POST", "/admin/rules/forget", body), _Forgotten).forgotten

    def stop(self, *, force: bool) -> int:
        """Ask the proxy to end, and return the number of requests that it waits for (or cuts, with `force`)."""
        body = msgspec.json.encode({"force": force})
        return _decode(self._ask("POST", "/admin/stop", body), _Stopping).in_flight

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            # heeds no proxy variables
            with closing(http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)) as connection:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                data = answer.read(MAX_ANSWER)
        except TimeoutError as error:
            raise SilentError(f"no answer within {self.timeout:g} s") from error
        except (OSError, http.client.HTTPException, ValueError, OverflowError) as error:  # the last two: no such host
            raise UnreachableError(type(error).__name__) from error
        if answer.status == http.client.UNAUTHORIZED:
            raise RejectedError("it answered 401: it does not take the token in state/token")
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
    except ValueError as error:  # of which msgspec's errors are some
        raise UnreachableError("the answer is not one of ours") from error
