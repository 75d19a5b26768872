"""What the client is told if no provider can answer: one sentence that names each, with its return, and a status.

Claude Code decides by the status and the type how often it asks again, and whether it shows the sentence at all
(observed with 2.1.332). A 529, or any status with the type `overloaded_error`, is asked three times and then shown as
"The API is at capacity". 429, 502 and 503 with another type are asked up to ten times, as `retry-after` says, and then
shown; if that is over a minute, or `x-should-retry` is false, they are shown at once.

    every provider is at a limit        429 rate_limit_error
    every provider refuses its key      401 authentication_error, not to be asked again
    no certificate is trusted           502 api_error, not to be asked again: it would fail alike
    nothing but broken answers came     502 api_error
    anything else                       503 api_error
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from claude_proxy.core.failover import Failed
from claude_proxy.core.local_time import clock_time
from claude_proxy.core.reasons import UNTRUSTED, Reason, in_words, rejects_key
from claude_proxy.core.text import printable
from claude_proxy.core.types import Fault

MAX_WORDS: Final = 160
"""Characters of a provider's own words: there may be several providers."""

FIX: Final = (
    "If your company inspects TLS, name the file of its certificate in NODE_EXTRA_CA_CERTS, then restart claude-proxy."
)

_OFFLINE: Final = frozenset({Reason.DNS, Reason.UNREACHABLE, Reason.CONNECT_TIMEOUT})
"""What every provider meets if this machine has no network. One that refuses a connection has been reached."""

_BROKEN: Final = frozenset(
    {
        *(Reason.RESET, Reason.TRUNCATED, Reason.MALFORMED, Reason.UNDECODABLE, Reason.TLS, Reason.TUNNEL),
        *(Reason.EMPTY, Reason.NONSENSE, Reason.NO_CONTENT, Reason.UNREADABLE),
    }
)
"""What a gateway calls a bad one: it was reached, and gave nothing that is an answer."""


def status_of(failed: Sequence[Failed]) -> tuple[int, str]:
    """Return the status and the type of the error."""
    if all(each.rejected.fault is Fault.QUOTA for each in failed):
        return 429, "rate_limit_error"
    if all(map(_refuses_key, failed)):
        return 401, "authentication_error"
    broken = all(each.rejected.reason in _BROKEN for each in failed)
    return (502 if broken else 503), "api_error"


def is_lasting(failed: Sequence[Failed]) -> bool:
    """Whether it cannot help to ask again: each provider failed on its certificate, or refused its key."""
    return all(map(_is_untrusted, failed)) or all(map(_refuses_key, failed))


def sentence(failed: Sequence[Failed], texts: Mapping[str, str], now: float, utc_offset: int) -> str:
    """Return what happened, and when each provider returns. `texts` are their own words, without secrets."""
    if all(map(_is_untrusted, failed)):
        return _untrusted(failed, texts)
    if all(map(_refuses_key, failed)):
        keys = ", ".join(f"{each.provider} refused the key in {each.key}" for each in failed)
        return f"{keys}. Replace {'them' if len(failed) > 1 else 'it'} there."
    if all(each.rejected.reason in _OFFLINE for each in failed):
        return _offline(failed, texts)
    ends = [_until(each, now, utc_offset) for each in failed]
    if all(map(_is_at_limit, failed)):
        limits = ", ".join(f"{each.provider}{end}" for each, end in zip(failed, ends, strict=True))
        if len(failed) == 1:
            own = printable(texts.get(failed[0].provider, ""), MAX_WORDS).rstrip(".")
            return f"{failed[0].provider} is at its limit{ends[0]}{f' ({own})' if own else ''}."
        return f"All providers are at their limits: {limits}."
    whys = [f"{_why(each, texts)}{end}" for each, end in zip(failed, ends, strict=True)]
    if len(failed) == 1:
        return f"{failed[0].provider} could not answer: {whys[0]}."
    each_why = "; ".join(f"{each.provider}: {why}" for each, why in zip(failed, whys, strict=True))
    return f"no provider could answer: {each_why}."


def _untrusted(failed: Sequence[Failed], texts: Mapping[str, str]) -> str:
    *others, last = [each.provider for each in failed]
    why = printable(texts.get(last, ""), MAX_WORDS).partition(f"{UNTRUSTED}: ")[2] or UNTRUSTED
    if not others:
        return f"the certificate of {last} is not trusted ({why}). {FIX}"
    return f"the certificates of {', '.join(others)} and {last} are not trusted ({why}). {FIX}"


def _offline(failed: Sequence[Failed], texts: Mapping[str, str]) -> str:
    reached = "No provider can be reached" if len(failed) > 1 else f"{failed[0].provider} cannot be reached"
    return f"{reached} ({'; '.join(_text(each, texts) for each in failed)}). Is this machine online?"


def _is_untrusted(failed: Failed) -> bool:
    return failed.rejected.reason is Reason.TLS and UNTRUSTED in failed.rejected.text


def _refuses_key(failed: Failed) -> bool:
    return rejects_key(failed.rejected.reason, failed.rejected.status)


def _is_at_limit(failed: Failed) -> bool:
    return failed.rejected.fault is Fault.QUOTA and failed.rejected.reason is not Reason.NO_CREDIT


def _until(failed: Failed, now: float, utc_offset: int) -> str:
    """Return the end of a cooldown; empty for an account that has to be paid first, whose end is a guess."""
    guessed = failed.rejected.reason is Reason.NO_CREDIT and failed.rejected.until is None
    if failed.until is None or guessed:
        return ""
    return f" until {clock_time(failed.until, now, utc_offset)}"


def _why(failed: Failed, texts: Mapping[str, str]) -> str:
    """Return why a provider failed in words, with its own if they say more."""
    if _refuses_key(failed):
        return f"refused the key in {failed.key}"
    words, text = in_words(failed.rejected.reason, failed.rejected.status), _text(failed, texts)
    if _is_at_limit(failed) or text == words:
        return words
    return f"{words} ({text})"


def _text(failed: Failed, texts: Mapping[str, str]) -> str:
    return printable(texts.get(failed.provider, ""), MAX_WORDS).rstrip(".") or failed.rejected.label
