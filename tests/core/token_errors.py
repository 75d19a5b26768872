"""What providers say of too many tokens: the words, what is too much, what was given and asked for, and the limit.

The rule was written with the first list in view; the second was tried on it afterwards.
"""

from __future__ import annotations

from claude_proxy.core.token_excess import Excess

PROMPT, TOTAL, OUTPUT = Excess.PROMPT, Excess.TOTAL, Excess.OUTPUT

SEEN = [
    ("prompt is too long: 205000 tokens > 200000 maximum", PROMPT, 205000, None, 200000),
    (
        (
            "input length and `max_tokens` exceed context limit: 188240 + 32000 > 200000, decrease input "
            "length or `max_tokens` and try again"
        ),
        TOTAL,
        188240,
        32000,
        200000,
    ),
    (
        (
            "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context "
            "length is 32768 tokens and your request has 17459 input tokens (32000 > 32768 - 17459)."
        ),
        TOTAL,
        17459,
        32000,
        32768,
    ),
    (
        (
            "max_tokens: 128000 > 64000, which is the maximum allowed number of output tokens for "
            "claude-sonnet-4-20250514"
        ),
        OUTPUT,
        128000,
        None,
        64000,
    ),
    ("prompt token count of 74490 exceeds the limit of 72000", PROMPT, 74490, None, 72000),
    ("Input length 262145 exceeds the maximum length 229376", PROMPT, 262145, None, 229376),
    (
        (
            "You passed 245761 input tokens and requested 16384 output tokens. However, the model's context "
            "length is only 262144 tokens, resulting in a maximum input length of 245760 tokens. Please "
            "reduce the length of the input prompt. (parameter=input_tokens, value=245761)"
        ),
        TOTAL,
        245761,
        16384,
        262144,
    ),
    (
        (
            "This model's maximum context length is 16384 tokens. However, you requested 122946 tokens "
            "(112946 in the messages, 10000 in the completion). Please reduce the length of the messages or "
            "completion."
        ),
        PROMPT,
        112946,
        None,
        16384,
    ),
    (
        (
            "This model's maximum context length is 65536 tokens. However, you requested 72542 tokens "
            "(64542 in the messages, 8000 in the completion). Please reduce the length of the messages or "
            "completion."
        ),
        TOTAL,
        64542,
        8000,
        65536,
    ),
    (
        (
            "max_tokens is too large: 6000. This model supports at most 4096 completion tokens, whereas you "
            "provided 6000."
        ),
        OUTPUT,
        6000,
        None,
        4096,
    ),
    ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", OUTPUT, None, None, 8192),
    (
        ("The input (61709 tokens) is longer than the model's context length (40960 tokens)."),
        PROMPT,
        61709,
        None,
        40960,
    ),
    (
        "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).",
        PROMPT,
        1200293,
        None,
        1048576,
    ),
    (
        "This model's maximum prompt length is 131072 but the request contains 136973 tokens.",
        PROMPT,
        136973,
        None,
        131072,
    ),
    (
        (
            "Trying to keep the first 15857 tokens when context the overflows. However, the model is loaded "
            "with context length of only 4096 tokens, which is not enough. Try to load the model with a "
            "larger context length, or provide a shorter input"
        ),
        PROMPT,
        15857,
        None,
        4096,
    ),
    (
        (
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2560. Given: 5000 "
            "`inputs` tokens and 100 `max_new_tokens`"
        ),
        PROMPT,
        5000,
        None,
        2560,
    ),
    ("Please reduce the length of the messages or completion.", PROMPT, None, None, None),
    (
        (
            "The parameter `max_completion_tokens` specified in the request are not valid: integer above "
            "maximum value, expected a value <= 12288, but got 32000 instead."
        ),
        OUTPUT,
        32000,
        None,
        12288,
    ),
    ("Your request exceeded model token limit: 262144 (requested: 300000)", PROMPT, 300000, None, 262144),
    ("Range of input length should be [1, 98304]", PROMPT, None, None, 98304),
    ("输入长度超过模型限制", PROMPT, None, None, None),
    (
        (
            "The maximum tokens you requested exceeds the model limit of 32768. Try again with a maximum "
            "tokens value that is lower than 32768"
        ),
        OUTPUT,
        None,
        None,
        32768,
    ),
]
HELD_OUT = [
    (
        (
            "Requested token count exceeds the model's maximum context length of 202752 tokens. You "
            "requested a total of 202941 tokens: 170941 tokens from the input messages and 32000 tokens for "
            "the completion. Please reduce the number of tokens in the input messages or the completion to "
            "fit within the limit."
        ),
        TOTAL,
        170941,
        32000,
        202752,
    ),
    (
        (
            "This model's maximum context length is 262144 tokens. However, you requested 128000 output "
            "tokens and your prompt contains at least 134145 input tokens, for a total of at least 262145 "
            "tokens. Please reduce the length of the input prompt or the number of requested output tokens. "
            "(parameter=input_tokens, value=134145)"
        ),
        TOTAL,
        134145,
        128000,
        262144,
    ),
    (
        (
            "This model's maximum context length is 2048 tokens. However, your request has 8 input tokens "
            "plus 2045 'max_tokens'. Please reduce one or the other. (parameter=input_tokens, max_tokens, "
            "value=(8, 2045))"
        ),
        TOTAL,
        8,
        2045,
        2048,
    ),
    (
        (
            "This endpoint's maximum context length is 131072 tokens. However, you requested about 140000 "
            "tokens (108000 of text input, 32000 in the output). Please reduce the length of either one, or "
            'use the "middle-out" transform to compress your prompt automatically.'
        ),
        TOTAL,
        108000,
        32000,
        131072,
    ),
    (
        (
            "This endpoint's maximum context length is 131072 tokens. However, you requested about 150000 "
            "tokens (108000 of text input, 10000 of tool input, 32000 in the output)."
        ),
        TOTAL,
        118000,
        32000,
        131072,
    ),
    ("The prompt is too long: 131088, model maximum context length: 131071", PROMPT, 131088, None, 131071),
    (
        "Prompt contains 65673 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
        PROMPT,
        65673,
        None,
        32768,
    ),
    (
        (
            "Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens). Use a shorter "
            "input or enable --allow-auto-truncate."
        ),
        PROMPT,
        160062,
        None,
        59862,
    ),
    ("the request exceeds the available context size, try increasing it", PROMPT, None, None, None),
    (
        "request (9000 tokens) exceeds the available context size (4096 tokens), try increasing it",
        PROMPT,
        9000,
        None,
        4096,
    ),
    ("prompt too long; exceeded max context length by 4 tokens", PROMPT, None, None, None),
    ("the input length exceeds the context length", PROMPT, None, None, None),
    ("Input is too long for requested model.", PROMPT, None, None, None),
    ("Too many input tokens. Max input tokens: 8192, request input token count: 9876", PROMPT, 9876, None, 8192),
    (
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        PROMPT,
        None,
        None,
        None,
    ),
    ("model max length exceeded, max length:8192", PROMPT, None, None, 8192),
    ("Range of max_tokens should be [1, 32768]", OUTPUT, None, None, 32768),
    (
        (
            "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less "
            "than the `context_window` for this model"
        ),
        OUTPUT,
        None,
        None,
        8192,
    ),
    ("max_tokens for `llama-3.1-8b-instant` must be less than or equal to 8000", OUTPUT, None, None, 8000),
    (
        (
            "Unable to submit request because it has a maxOutputTokens value of 100000 but the supported "
            "range is from 1 (inclusive) to 65537 (exclusive). Update the value and try again."
        ),
        OUTPUT,
        100000,
        None,
        65536,
    ),
    (
        "Invalid 'max_output_tokens': integer above maximum value. Expected a value <= 16384, but got 32000 instead.",
        OUTPUT,
        32000,
        None,
        16384,
    ),
    ("max_tokens: Input should be less than or equal to 8192", OUTPUT, None, None, 8192),
    (
        (
            "too many tokens: max tokens must be less than or equal to 4096, the maximum output for this "
            "model - received 8000."
        ),
        OUTPUT,
        8000,
        None,
        4096,
    ),
    (
        (
            "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000. Try "
            "using a shorter prompt"
        ),
        PROMPT,
        5000,
        None,
        4081,
    ),
    (
        "Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192",
        PROMPT,
        9000,
        None,
        8192,
    ),
    ("Input validation error: `inputs` must have less than 4095 tokens. Given: 4500", PROMPT, 4500, None, 4095),
    (
        (
            "Token indices sequence length is longer than the specified maximum sequence length for this "
            "model (18294 > 16384)"
        ),
        PROMPT,
        18294,
        None,
        16384,
    ),
    ("Request body too large for gpt-4o model. Max size: 8000 tokens.", PROMPT, None, None, 8000),
    (
        (
            "Unable to submit request because the input token count is 1048577 but the model supports up to "
            "1048576. Reduce the input token count and try again."
        ),
        PROMPT,
        1048577,
        None,
        1048576,
    ),
    ("This request would exceed the model's context window", PROMPT, None, None, None),
    ("max_tokens (32000) exceeds the remaining context window (20000)", TOTAL, None, None, None),
    ("Number of tokens (513) exceeded maximum context length (512).", PROMPT, 513, None, 512),
    ("invalid params, context window exceeds limit", PROMPT, None, None, None),
    ("max_tokens 超过最大值 4095", OUTPUT, None, None, 4095),
    ("max_tokens 的取值范围是 [1, 4095]", OUTPUT, None, None, 4095),
    ("输入内容过长\N{FULLWIDTH COMMA}最大支持 32768 tokens", PROMPT, None, None, 32768),
    (
        (
            "This model's maximum context length is 8191 tokens, however you requested 10346 tokens (10341 "
            "in your prompt; 5 for the completion). Please reduce your prompt; or completion length."
        ),
        PROMPT,
        10341,
        None,
        8191,
    ),
    (
        (
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 8000 "
            "`inputs` tokens and 512 `max_new_tokens`"
        ),
        TOTAL,
        8000,
        512,
        8193,
    ),
]
