"""About how many tokens a request has: its bytes by a ratio, which each upstream's own usage reports correct.

Only the provider counts tokens exactly. What an estimate decides (a context window, the route for long contexts) can
bear a few percent of error, so it needs no tokenizer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from claude_proxy.core.bounded import Shares
from claude_proxy.core.types import MAX_MODEL_LENGTH, Upstream, UpstreamModel, Usage

DEFAULT_RATIO: Final = 4.0
"""Bytes a token until something is reported: about what English text and JSON have."""

MIN_RATIO: Final = 1.5
MAX_RATIO: Final = 12.0
"""Bytes a token, from dense code to text in escapes. A report beyond these bounds counts as the bound."""

TOKENS_PER_FILE: Final = 1600
"""What a large image costs. Counted as text, its base64 would be a hundred times as much."""

MIN_FILE_BYTES: Final = int(TOKENS_PER_FILE * MIN_RATIO)
"""Characters of base64 from which it counts as a file, so that a request never has more tokens than its length by
`MIN_RATIO`."""

MIN_LEARNING_BYTES: Final = 8 * 1024
"""Bytes from which a request shows the ratio. In a smaller one, the tokens that a provider adds itself distort it."""

LEARNING_RATE: Final = 0.3
"""How far one report moves the ratio towards it: ten of them, and the first guess is forgotten."""

IMPLAUSIBLE: Final = 2.0
"""A ratio this many times beyond the bounds is no report of the whole request, and is ignored."""

FIRST_REPORTS: Final = 8
SAMPLE_EVERY: Final = 16
"""The ratio is learned from the first few answers, then from one in so many: measuring 100 KB takes about 30 µs."""

MAX_MODELS: Final = 64
"""Models of one upstream to remember. A client may name any model."""

MAX_PAIRS: Final = 256
"""Upstreams and models to remember: with more than four upstreams, each has a smaller share."""

_FILE: Final = re.compile(rb'"data"\s*:\s*"[A-Za-z0-9+/=]{%d}' % MIN_FILE_BYTES)


class BodySize(msgspec.Struct, frozen=True, gc=False):
    """What a request's body consists of: bytes of text, and files in base64."""

    text: int
    files: int = 0

    def tokens(self, ratio: float) -> int:
        """Return about how many tokens it has; `ratio` is in bytes a token."""
        return max(1, int(self.text / ratio)) + self.files * TOKENS_PER_FILE


def measure_body(body: bytes) -> BodySize:
    """Return the size of a request's body. Reads every byte of it."""
    text, files, at = len(body), 0, 0
    while file := _FILE.search(body, at):
        end = body.find(b'"', file.end())
        at = len(body) if end < 0 else end
        text -= at - file.start()
        files += 1
    return BodySize(text, files)


class PromptSize(Protocol):
    """How many tokens a request has: estimated from its body, or given."""

    def tokens(self, ratio: float) -> int:
        """Return about how many tokens it has; `ratio` is in bytes a token."""
        ...

    def exceeds(self, limit: int, ratio: float) -> bool:
        """Tell whether it has more tokens than `limit`."""
        ...


class Prompt:
    """The tokens of a request, estimated only when its length makes that necessary."""

    __slots__ = ("_body", "_size")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._size: BodySize | None = None

    def tokens(self, ratio: float) -> int:
        """Return about how many tokens it has; `ratio` is in bytes a token."""
        if self._size is None:
            self._size = measure_body(self._body)
        return self._size.tokens(ratio)

    def exceeds(self, limit: int, ratio: float) -> bool:
        """Tell whether it has more tokens than `limit`."""
        return len(self._body) > limit * MIN_RATIO and self.tokens(ratio) > limit


class FixedCount(msgspec.Struct, frozen=True, gc=False):
    """A given number of tokens."""

    number: int

    def tokens(self, ratio: float) -> int:
        """Return the number, whatever the ratio."""
        del ratio
        return self.number

    def exceeds(self, limit: int, ratio: float) -> bool:
        """Tell whether it is over `limit`."""
        del ratio
        return self.number > limit


@dataclass(slots=True)
class _Ratio:
    bytes_per_token: float = DEFAULT_RATIO
    answers: int = 0


class Calibration:
    """Bytes a token, by upstream and model. A report changes the ratio of its own upstream and model, within bounds."""

    __slots__ = ("_ratios", "changes")

    def __init__(self) -> None:
        self._ratios = Shares[Upstream, str, _Ratio](MAX_MODELS, MAX_PAIRS)
        self.changes = 0
        """Grows with each change, so that the state file is written only if there is one."""

    def ratio(self, key: UpstreamModel) -> float:
        """Return the bytes a token of a model at an upstream."""
        entry = self._ratios.get(*key)
        return entry.bytes_per_token if entry else DEFAULT_RATIO

    def is_due(self, key: UpstreamModel, length: int) -> bool:
        """Tell whether to measure a request of so many bytes that has been answered, to learn from its usage."""
        if length < MIN_LEARNING_BYTES or len(key[1]) > MAX_MODEL_LENGTH:
            return False
        entry = self._touch(key)
        entry.answers += 1
        return entry.answers <= FIRST_REPORTS or entry.answers % SAMPLE_EVERY == 0

    def learn(self, key: UpstreamModel, size: BodySize, usage: Usage) -> None:
        """Learn from the usage that was reported for a request. One with files, or without usage, shows no ratio."""
        tokens = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
        reported = size.text / max(tokens, 1)
        if size.files or not MIN_RATIO / IMPLAUSIBLE <= reported <= MAX_RATIO * IMPLAUSIBLE:
            return
        entry = self._touch(key)
        entry.bytes_per_token += (min(max(reported, MIN_RATIO), MAX_RATIO) - entry.bytes_per_token) * LEARNING_RATE
        self.changes += 1

    def restore(self, key: UpstreamModel, ratio: float) -> None:
        """Add an entry from the state file. A ratio out of bounds is ignored."""
        if MIN_RATIO <= ratio <= MAX_RATIO:
            self._touch(key).bytes_per_token = ratio

    def kept(self) -> Iterator[tuple[UpstreamModel, float]]:
        """Yield the entries for the state file; those of an upstream in the order of their last use."""
        for upstream, model, entry in self._ratios.items():
            yield (upstream, model), entry.bytes_per_token

    def _touch(self, key: UpstreamModel) -> _Ratio:
        """Return an entry, which is the last one of its upstream to be dropped from now on."""
        entry = self._ratios.get(*key) or _Ratio()
        self._ratios.put(*key, entry)
        return entry
