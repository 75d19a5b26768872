"""What an error says of too many tokens: whether the prompt, the answer or both are too much, and the numbers.

    words ─► read_excess ─► TokenExcess: PROMPT  the conversation does not fit into the window
                                         TOTAL   it fits, but not together with the `max_tokens` that are asked for
                                         OUTPUT  `max_tokens` is more than the model ever writes

No list of sentences: an error is about tokens if it names what is counted (the prompt, the context, `max_tokens`) and
a relation (exceeds, too long, at most, >). Which number is which follows from the nouns beside it and from arithmetic:
what is given is more than what is allowed, and a total is the sum of its parts.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Final

import msgspec

from claude_proxy.core.token_numbers import OUTPUT_NAME, PROMPT_NAME, Number, Role, numbers_in, without_status

MAX_SEARCHED: Final = 1000
"""Characters of an error that are read: what comes later is a quotation."""


class Excess(enum.Enum):
    """What is too much."""

    PROMPT = "prompt"
    TOTAL = "total"
    OUTPUT = "output"


class TokenExcess(msgspec.Struct, frozen=True, gc=False):
    """What an error says of too many tokens. A number that it does not say, or that makes no sense, is None."""

    kind: Excess
    given: int | None = None
    """Tokens of the prompt; of `OUTPUT`, the `max_tokens` that were asked for."""
    output: int | None = None
    """Tokens that were asked for beside the prompt; only with `TOTAL`."""
    limit: int | None = None


# What is counted

_WINDOW: Final = re.compile(
    r"\bcontext\b|context[ _-]?(?:length|window|size|limit)|n_ctx|num_ctx|max_model_len"
    r"|model'?s? (?:\w+ ){0,2}(?:length|window)|model (?:token |context |max(?:imum)? )?(?:limit|length)"
    r"|(?:prompt|sequence|input) length|上下文",
    re.IGNORECASE,
)
_OUTPUT: Final = re.compile(OUTPUT_NAME, re.IGNORECASE)
_PROMPT: Final = re.compile(PROMPT_NAME, re.IGNORECASE)
_TOKENS: Final = re.compile(r"\btokens\b|\btoken[ _](?:count|limit|length|number)", re.IGNORECASE)

_LENGTHS: Final = re.compile(
    r"\b(?:prompts?|inputs?|conversation)\b|\blength\b|\blong\b|输入|提示词|对话", re.IGNORECASE
)
"""Messages may be limited in number too, by a plan."""

# What is said of it

_TOO_MUCH: Final = re.compile(
    r"(?:\b|_)exceed(?:s|ed|ing)?(?:\b|_)|\b(?:over|overflow\w{0,4}|overrun)\b"
    r"|\btoo (?:long|large|many|big|high|much)\b"
    r"|\b(?:longer|greater|larger|bigger|higher|more) than\b|\b(?:above|beyond|reduce|shorten)\b|\b(?:not|n't) fit"
    r"|[<>≤≥]|超|过长|大于|上限",
    re.IGNORECASE,
)
_AT_MOST: Final = re.compile(
    r"\b(?:at most|up to|no more than|less than|lower than|smaller than|fewer than|only|range|within|between)\b"
    r"|\bmust have\b|\bmaximum (?:value|allowed)\b|\[\d{1,2}, ?\d+\]|\blimit (?:is|of|to)\b|不能|最大|小于|范围",
    re.IGNORECASE,
)
"""Says what is allowed, and not that it was too much: it takes a number of tokens to mean that."""

_COUNTED: Final = re.compile(
    r"\b(?:however|but|given|got|received|requested|contains?|resulted|has|have|is)\b", re.IGNORECASE
)
_SHARED: Final = re.compile(r"\b(?:remaining|available|left|minus)\b", re.IGNORECASE)
"""Says of `max_tokens` that the prompt leaves less room than that."""

_ADDED: Final = re.compile(r"\+|\b(?:plus|and|sum|combined|together|total)\b|之和|加上", re.IGNORECASE)
"""Counts the prompt and the answer together."""

_LOWER_BOUND: Final = re.compile(
    r"\bat least\b|\bgreater than or equal|\b(?:must|should|has to|needs to) be (?:greater|larger|higher|more)\b"
    r"|\btoo (?:small|low|short)\b|>= ?\d|\bpositive\b",
    re.IGNORECASE,
)
_NOT_SIZE: Final = re.compile(
    r"\bper[ -](?:minute|min|hour|day|second|week|month)|\b[tr]pm\b|\b[tr]pd\b|rate.?limit|\bquota|\bcredits?\b|afford"
    r"|\bbalance\b|\bbilling|\busage\b|\b(?:hourly|daily|weekly|monthly|hour|5-hour)\b|每分钟|额度|余额|用量"
    r"|\byour (?:\w{1,20} ){0,2}(?:plan|limit|allowance)\b|\bbudget|\bcach|\bstream\b|\breset",
    re.IGNORECASE,
)
"""It is about a rate, money or a plan, about the budget of thinking or about cache marks: none of them is a window."""

_NOT_TOKENS: Final = re.compile(
    r"\bimages?\b|\bdocuments?\b|\bpdfs?\b|\bfiles?\b|\baudio\b|\bvideos?\b|\bpixels?\b|\b(?:bytes|[KM]i?B)\b|\btools?\b"
    r"|\b(?:string|list|array|name|items?|characters) (?:should|must|too|with)\b",
    re.IGNORECASE,
)
"""It is about a file, a name or one text: only with a window and tokens in it is it about the prompt."""

_PHRASES: Final = re.compile(
    r"\binput should (?:be|have|match)\b|\binput validation error\b|\bextra inputs\b"
    r"|\b(?:invalid|bad) (?:input|request)\b"
    r"|\bcontext_management\b|\bbe greater than (?:or equal to )?[01]\b",
    re.IGNORECASE,
)
"""Words of validators, which name no prompt."""

_MORE_THAN: Final = re.compile(r"(\d{1,9})(?: tokens?)? ?> ?(\d{1,9})")
_DIFFERENCE: Final = re.compile(r"(\d{1,9}) ?> ?(\d{1,9}) ?- ?(\d{1,9})")
_SUM: Final = re.compile(r"(\d{1,9}) ?\+ ?(\d{1,9})\D{1,40}?(\d{1,9})")


def read_excess(words: str) -> TokenExcess | None:
    """Return what an error says of too many tokens; None if it is about something else."""
    words = without_status(" ".join(_PHRASES.sub(" ", words[:MAX_SEARCHED]).split()))
    if _NOT_SIZE.search(words):
        return None
    prompt, output = _PROMPT.search(words), _OUTPUT.search(words)
    window, tokens = _WINDOW.search(words), _TOKENS.search(words)
    if prompt and not (window or tokens or output or _LENGTHS.search(words)):
        return None
    if not (prompt or output or window or tokens) or (_NOT_TOKENS.search(words) and not (window and tokens)):
        return None
    numbers = numbers_in(words)
    if not _says_too_much(words, numbers, is_window=bool(window), is_counted=bool(window or tokens or output)):
        return None
    if output and not prompt:
        if window and _SHARED.search(words):
            return TokenExcess(Excess.TOTAL)
        return None if _LOWER_BOUND.search(words) else _output_excess(numbers)
    if output and prompt:
        return _shared_excess(words, numbers, output_first=output.start() < prompt.start())
    return _prompt_excess(words, numbers)


def _says_too_much(words: str, numbers: list[Number], *, is_window: bool, is_counted: bool) -> bool:
    if _TOO_MUCH.search(words):
        return True
    if is_counted and numbers and _AT_MOST.search(words) and not _LOWER_BOUND.search(words):
        return True
    has_limit = any(number.role is Role.LIMIT for number in numbers)
    if is_window and has_limit:
        return True  # a model's window is named for no other reason, even if a relay cut the rest
    return (is_window or (is_counted and has_limit)) and len(numbers) > 1 and bool(_COUNTED.search(words))


def _output_excess(numbers: list[Number]) -> TokenExcess:
    ordered = sorted(numbers, key=lambda number: number.value)
    if not ordered:
        return TokenExcess(Excess.OUTPUT)
    given = ordered[-1].value if len(ordered) > 1 else None
    rest = ordered[:-1] if given else ordered
    limit = next((number for number in rest if number.role is Role.LIMIT), rest[-1])
    return TokenExcess(Excess.OUTPUT, given, None, limit.value - limit.is_too_much)


def _shared_excess(words: str, numbers: list[Number], *, output_first: bool) -> TokenExcess | None:
    """Read an error that names the prompt and the answer."""
    for parts in _parts(words, numbers, output_first=output_first):
        prompt, output, limit = parts
        if prompt > limit:
            return TokenExcess(Excess.PROMPT, prompt, None, limit)
        if prompt + output > limit:
            return TokenExcess(Excess.TOTAL, prompt, output, limit)
    if not _WINDOW.search(words) and not _ADDED.search(words) and all(each.role is not Role.PROMPT for each in numbers):
        return None if _LOWER_BOUND.search(words) else _output_excess(numbers)  # it only mentions the prompt
    if len(numbers) == 2 and not _SHARED.search(words):  # what is given, and what is allowed
        return _prompt_excess(words, numbers)
    return TokenExcess(Excess.TOTAL)


def _parts(words: str, numbers: list[Number], *, output_first: bool) -> Iterator[tuple[int, int, int]]:
    """Yield what may be the prompt, the answer and the limit: what the words say outright before what adds up."""
    if match := _DIFFERENCE.search(words):
        yield int(match[3]), int(match[1]), int(match[2])
    if match := _SUM.search(words):
        one, other = int(match[1]), int(match[2])
        yield (other, one, int(match[3])) if output_first else (one, other, int(match[3]))
    limits = [number.value for number in numbers if number.role is Role.LIMIT]
    outputs = [number.value for number in numbers if number.role is Role.OUTPUT]
    prompts = [number.value for number in numbers if number.role is Role.PROMPT]
    values = [number.value for number in numbers]
    for one, other in combinations(values, 2):
        total = one + other
        if total in values and limits and outputs:
            output = other if other in outputs else one
            yield total - output, output, max(limits)
    if limits and outputs and prompts:
        yield sum(prompts), outputs[0], max(limits)
    if len(values) == len({Role.PROMPT, Role.OUTPUT, Role.LIMIT}):
        *parts, limit = sorted(values)
        output = next((value for value in parts if value in outputs), parts[0])
        yield sum(parts) - output, output, limit


def _prompt_excess(words: str, numbers: list[Number]) -> TokenExcess:
    values = [number.value for number in numbers]
    if len(values) == 1:
        return TokenExcess(Excess.PROMPT, limit=values[0])
    if match := _MORE_THAN.search(words):
        pairs = [(int(match[1]), int(match[2]))]
    else:
        prompts = [number.value for number in numbers if number.role is Role.PROMPT]
        limits = [number.value for number in numbers if number.role is Role.LIMIT]
        pairs = [(max(prompts, default=0), min(limits, default=0)), (max(values, default=0), min(values, default=0))]
    given, limit = next(((given, limit) for given, limit in pairs if given > limit > 0), (None, None))
    return TokenExcess(Excess.PROMPT, given, None, limit)
