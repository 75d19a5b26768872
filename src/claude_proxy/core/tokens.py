"""About how many tokens a request holds: its bytes, by a ratio that each upstream's own reports set right.

Nothing counts tokens exactly but the provider. What an estimate decides (a window, a route for long contexts) is worth
a few percent of error, and no tokenizer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from claude_proxy.core.bounded import BoundedDict
from claude_proxy.core.types import MAX_MODEL_LENGTH, UpstreamModel, Usage

DEFAULT_RATIO: Final = 4.0
"""Bytes a token, where nothing was reported yet: English text and JSON come to about that."""

MIN_RATIO: Final = 1.5
MAX_RATIO: Final = 12.0
"""Bytes a token, at the least and the most: dense code, and text in escapes. A report beyond is pulled to them."""

TOKENS_PER_FILE: Final = 1600
"""What a large image is charged for; its base64 would count a hundred times as much."""

MIN_FILE_BYTES: Final = int(TOKENS_PER_FILE * MIN_RATIO)
"""Characters of base64 that count as a file; so a request never has more tokens than its length by `MIN_RATIO`."""

WORTH_LEARNING: Final = 8 * 1024
"""Bytes from which a request tells of the ratio: in a smaller one, what a provider adds of its own weighs too much."""

STEP: Final = 0.3
"""The part of the way that one report moves the ratio: ten of them, and the first guess is forgotten."""

ABSURD: Final = 2.0
"""A ratio this many times beyond the bounds is no report of the whole request, and is passed over."""

FIRST_REPORTS: Final = 8
EVERY: Final = 16
"""The first few answers are learned from, then one in so many: to weigh 100 KB takes some 30 µs."""

MAX_PAIRS: Final = 256
"""Upstreams and models that are remembered; a client may name any model."""

_FILE: Final = re.compile(rb'"data"\s*:\s*"[A-Za-z0-9+/=]{%d}' % MIN_FILE_BYTES)


@dataclass(frozen=True, slots=True)
class Weight:
    """What a request consists of: bytes of text, and files in base64."""

    text: int
    files: int = 0

    def tokens(self, ratio: float) -> int:
        """Return about how many tokens it holds, at so many bytes a token."""
        return max(1, int(self.text / ratio)) + self.files * TOKENS_PER_FILE


def weighed(body: bytes) -> Weight:
    """Return the weight of a request's body. Reads every byte of it."""
    text, files, at = len(body), 0, 0
    while found := _FILE.search(body, at):
        end = body.find(b'"', found.end())
        at = len(body) if end < 0 else end
        text -= at - found.start()
        files += 1
    return Weight(text, files)


class PromptSize(Protocol):
    """How many tokens a request has: estimated from its body, or given."""

    def tokens(self, ratio: float) -> int:
        """Return about how many tokens it holds, at so many bytes a token."""
        ...

    def exceeds(self, limit: int, ratio: float) -> bool:
        """Tell whether it holds more tokens than `limit`."""
        ...


class Prompt:
    """The tokens of a request, estimated only when its length makes that necessary."""

    __slots__ = ("_body", "_weight")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._weight: Weight | None = None

    def tokens(self, ratio: float) -> int:
        """Return about how many tokens it holds, at so many bytes a token."""
        if self._weight is None:
            self._weight = weighed(self._body)
        return self._weight.tokens(ratio)

    def exceeds(self, limit: int, ratio: float) -> bool:
        """Tell whether it holds more tokens than `limit`."""
        return len(self._body) > limit * MIN_RATIO and self.tokens(ratio) > limit


@dataclass(frozen=True, slots=True)
class FixedCount:
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
    turns: int = 0


class Calibration:
    """Bytes a token, by upstream and model. What an upstream reports moves its own ratio alone, and within bounds."""

    __slots__ = ("_ratios", "changes")

    def __init__(self) -> None:
        self._ratios = BoundedDict[UpstreamModel, _Ratio](MAX_PAIRS)
        self.changes = 0
        """Counts what was learned, so that who keeps it on disk sees when to write."""

    def ratio(self, key: UpstreamModel) -> float:
        """Return the bytes a token of an upstream's model."""
        known = self._ratios.get(key)
        return known.bytes_per_token if known else DEFAULT_RATIO

    def due(self, key: UpstreamModel, length: int) -> bool:
        """Tell whether to weigh a request of so many bytes that has been answered, to learn from its report."""
        if length < WORTH_LEARNING or len(key[1]) > MAX_MODEL_LENGTH:
            return False
        known = self._known(key)
        known.turns += 1
        return known.turns <= FIRST_REPORTS or known.turns % EVERY == 0

    def learn(self, key: UpstreamModel, weight: Weight, usage: Usage) -> None:
        """Take what a provider reports of a request. With files in it, or none of its tokens told, it tells nothing."""
        tokens = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
        seen = weight.text / max(tokens, 1)
        if weight.files or not MIN_RATIO / ABSURD <= seen <= MAX_RATIO * ABSURD:
            return
        known = self._known(key)
        known.bytes_per_token += (min(max(seen, MIN_RATIO), MAX_RATIO) - known.bytes_per_token) * STEP
        self.changes += 1

    def restore(self, key: UpstreamModel, ratio: float) -> None:
        """Take up what was kept on disk; a ratio out of bounds is passed over."""
        if MIN_RATIO <= ratio <= MAX_RATIO:
            self._known(key).bytes_per_token = ratio

    def kept(self) -> Iterator[tuple[UpstreamModel, float]]:
        """Yield each upstream's model with its ratio, the one that was met last at the end."""
        for key, known in self._ratios.items():
            yield key, known.bytes_per_token

    def _known(self, key: UpstreamModel) -> _Ratio:
        known = self._ratios.get(key) or _Ratio()
        self._ratios[key] = known
        return known
