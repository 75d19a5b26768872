"""Asks the running proxy over HTTP: health, status, stop, and what single commands need.

Each command starts faster if it loads the types of its own answers only: hence `get` and `post`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from claude_proxy.cli.background import plain_http
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
    proof: str = ""
    """Of `store.token_proof`, if it was asked for."""


class _Stopping(msgspec.Struct, frozen=True):
    in_flight: int = 0


class _Ended(msgspec.Struct, frozen=True):
    ended: int = 0


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
        return self.get("/health", ProxyHealth)

    def status(self) -> StatusReport:
        """Ask for the state of the proxy and its providers."""
        return _decode(self.status_json(), StatusReport)

    def status_json(self) -> bytes:
        """Return the status as the proxy wrote it."""
        return self._ask("GET", "/admin/status")

    def stop(self, *, force: bool) -> int:
        """Ask the proxy to stop, and return the number of requests that it waits for (or ends, with `force`)."""
        return self.post("/admin/stop", {"force": force}, _Stopping).in_flight

    def end_plan_cooldowns(self) -> int:
        """End the cooldowns of providers whose plans are used up; return how many there were."""
        return self.post("/admin/quota/forget", {}, _Ended).ended

    def get(self, path: str, kind: type[_T]) -> _T:
        """Ask for what is at a path of the admin API."""
        return _decode(self._ask("GET", path), kind)

    def post(self, path: str, facts: Mapping[str, object], kind: type[_T]) -> _T:
        """Send an order to a path of the admin API."""
        return _decode(self._ask("POST", path, msgspec.json.encode(facts)), kind)

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        try:
            request = self._request(method, path, body)
            answer = plain_http.ask((self.host, self.port), request, self.timeout, MAX_ANSWER)
        except TimeoutError as error:
            raise SilentError(f"no answer within {self.timeout:g} s") from error
        except (OSError, ValueError, OverflowError) as error:  # the last two: no such host or port
            raise UnreachableError(type(error).__name__) from error
        if answer.status == 401:
            raise RejectedError("it answered 401: it does not accept the token in state/token")
        if answer.status == 404:
            raise UnknownError("it was started by another version of claude-proxy")
        if answer.status >= 400:
            raise RejectedError(f"the proxy answered {answer.status} to {method} {path}")
        return answer.body

    def _request(self, method: str, path: str, body: bytes | None) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.url.removeprefix('http://')}", "Connection: close"]
        if self.token:
            lines.append(f"Authorization: Bearer {self.token}")
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def reachable(host: str) -> str:
    """Return the address that reaches a proxy listening on `host` from this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared, not bound


def _decode(data: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, ValueError) as error:  # ValueError: text that is not UTF-8
        raise UnreachableError("the answer is not that of claude-proxy") from error
