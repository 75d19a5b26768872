"""What was tried once the rule was there: what users of other programs were shown, made-up errors, other errors."""

from __future__ import annotations

from claude_proxy.core.token_excess import Excess

PROMPT, TOTAL, OUTPUT = Excess.PROMPT, Excess.TOTAL, Excess.OUTPUT

TRIED_LATER = [
    ("max_tokens is too large", OUTPUT, None, None, None),
    (
        (
            "input length and max_tokens exceed context limit: 90402 + 116650 > 204648, decrease input "
            "length or max_tokens and try again"
        ),
        TOTAL,
        90402,
        116650,
        204648,
    ),
    ("field MaxTokens invalid, should be in [1, 65536]", OUTPUT, None, None, 65536),
    ("llama_tokenize: too many tokens (Requested tokens exceed context window of 512)", PROMPT, None, None, 512),
    (
        (
            "You passed 202753 input tokens and requested 0 output tokens. However, the model's context "
            "length is only 202752 tokens, resulting in a maximum input length of 202752 tokens."
        ),
        PROMPT,
        202753,
        None,
        202752,
    ),
    (
        (
            "The parameter max_tokens specified in the request is not valid: integer above maximum value, "
            "expected a value <= 32768, but got 64000 instead. Request id: "
            "0217724325966514087c9e55f8b322b82cd17f72450d06e16ef7b"
        ),
        OUTPUT,
        64000,
        None,
        32768,
    ),
    (
        (
            "This model's maximum context length is 4097 tokens, however you requested 4116 tokens (3860 in "
            "your prompt; 256 for  the completion). Please reduce your prompt; or completion length."
        ),
        TOTAL,
        3860,
        256,
        4097,
    ),
    (
        "Token indices sequence length is longer than the specified maximum sequence length for this model!",
        PROMPT,
        None,
        None,
        None,
    ),
    ("Requested tokens (9000) exceed context window of 8192", PROMPT, 9000, None, 8192),
    (
        "This model supports at most 131072 completion tokens, whereas you provided 1048576.",
        OUTPUT,
        1048576,
        None,
        131072,
    ),
    ("The prompt tokens exceed the maximum allowed: 300000 > 262144", PROMPT, 300000, None, 262144),
    (
        ("Sorry, the conversation is too long for the model: 210000 tokens (limit 200000)."),
        PROMPT,
        210000,
        None,
        200000,
    ),
    ("max_completion_tokens must not exceed 65536 for this model (requested 128000)", OUTPUT, 128000, None, 65536),
    (
        "total tokens (input 150000 + max_tokens 64000 = 214000) exceeds model limit 200000",
        TOTAL,
        150000,
        64000,
        200000,
    ),
    ("Invalid value for max_tokens: 128000. Maximum is 98304.", OUTPUT, 128000, None, 98304),
    ("max_tokens should be less than 16385, but got 32000", OUTPUT, 32000, None, 16384),
    ("ERROR: max_tokens 128000 is larger than the model's max output 32768", OUTPUT, 128000, None, 32768),
    ("your prompt of 41000 tokens does not fit in the context window of 32768 tokens", PROMPT, 41000, None, 32768),
    ("prompt tokens 41000 + max tokens 8000 > n_ctx 40960", PROMPT, 41000, None, 40960),
    ("prompt tokens 39000 + max tokens 8000 > n_ctx 40960", TOTAL, 39000, 8000, 40960),
    ("inputs too long: got 5001 tokens, the max is 5000", PROMPT, 5001, None, 5000),
    (
        "The requested max_tokens (128000) plus the prompt length (90000) is more than the context window (200000)",
        TOTAL,
        90000,
        128000,
        200000,
    ),
    (
        (
            "You requested 32000 output tokens but only 15309 are available after a prompt of 17459 tokens; "
            "the context window is 32768"
        ),
        TOTAL,
        17459,
        32000,
        32768,
    ),
    ("max_output_tokens: 128000 is above the limit of 65536", OUTPUT, 128000, None, 65536),
    (
        "the sum of prompt tokens (20000) and max_tokens (16000) must not be greater than 32768",
        TOTAL,
        20000,
        16000,
        32768,
    ),
    ("Maximum output tokens for this model is 8192; you asked for 32000", OUTPUT, 32000, None, 8192),
    ("max_tokens above 8192 is not allowed, whatever the input", OUTPUT, None, None, 8192),
    ("max_tokens must be between 1 and 8192", OUTPUT, None, None, 8192),
    ("max_tokens limit is 8192", OUTPUT, None, None, 8192),
    ("Context size has been exceeded.", PROMPT, None, None, None),
    ("context shift is disabled; prompt of 9000 tokens exceeds n_ctx=8192", PROMPT, 9000, None, 8192),
    ("messages token length 70000 > limit 65536", PROMPT, 70000, None, 65536),
    ("当前请求的输入 token 数 140000 超过模型最大上下文 131072", PROMPT, 140000, None, 131072),
]
OTHERS = [
    "too many tokens per minute",
    "Request exceeds the maximum size",
    "exceedingly odd: see the context window",
    "the context_management field is not supported",
    "`max_tokens` must be greater than `thinking.budget_tokens`",
    "max_tokens: Field required",
    "max_tokens must be at least 1, got -186",
    "max_tokens: Input should be greater than or equal to 1",
    "Requests with max_tokens > 4096 must have stream=true",
    "tools.3.name: String should have at most 64 characters",
    "metadata.user_id: String should have at most 256 characters",
    "messages.3.content.1.image.source.base64: image exceeds 5 MB maximum: 6000000 bytes > 5242880 bytes",
    (
        "messages.0.content.3.image.source.base64.data: At least one of the image dimensions exceed max "
        "allowed size: 8000 pixels"
    ),
    "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    "too many images and documents: 101 + 0 > 100",
    (
        "Request too large for model `x` in organization `y` on tokens per minute (TPM): Limit 6000, "
        "Requested 9000, please reduce your message size and try again."
    ),
    (
        "This request requires more credits, or fewer max_tokens. You requested up to 32000 tokens, but "
        "can only afford 1500."
    ),
    "This request would exceed your organization's rate limit of 30,000 input tokens per minute.",
    "Number of request tokens has exceeded your per-minute rate limit",
    "Key limit exceeded (total limit)",
    "You have exceeded your token limit for today",
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    "temperature: must be less than or equal to 1",
    "top_k must be less than or equal to 100",
    (
        "Invalid 'metadata.user_id': string too long. Expected a string with maximum length 64, but got "
        "a string with length 200 instead."
    ),
    (
        "Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64, "
        "but got a string with length 90 instead."
    ),
    "tools: Too many tools: 200 > 128",
    "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
    "messages: at least one message is required",
    "messages.1.content.0: unexpected `tool_use_id` found in `tool_result` blocks",
    "Invalid token",
    "The token has expired",
    "Your access token exceeds its lifetime",
    "messages.0.content: Input should be a valid list",
    "Output blocked by content filtering policy",
    "Overloaded",
    "Internal server error",
    "Input image is too large",
    'messages: roles must alternate between "user" and "assistant", but found multiple "user" roles in a row',
    "system: text content blocks must be non-empty",
    "messages.2: all messages must have non-empty content except for the optional final assistant message",
    "max_tokens: Input should be a valid integer",
    "stop_sequences: each stop sequence must contain non-whitespace",
    "No endpoints found that support tool use",
    "Your 5-hour token limit has been exceeded",
    "The model `x` does not exist",
    "Only user, assistant and tool roles are supported, got system",
    "input_schema: does not support more than 5 levels",
    "tools.0.custom.input_schema.properties: Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'",
    "The messages must have at least 2 items",
    "At most 5 image(s) may be provided in one prompt.",
    "conversation not found: it has expired",
    "prompt_cache_key is too long",
    "prompt caching: too many breakpoints",
    "`temperature` may only be set to 1 when thinking is enabled",
    "messages: the final message must be only from the user",
    "input_audio is not supported",
    " This model only supports text input",
    "only messages with role user or assistant are allowed",
    "Requests containing more than 20 messages with images are not supported",
    "Message limit exceeded",
    "You've sent too many messages",
    "Too many messages, slow down",
    "You have reached the message limit for this model",
    "token limit",
    "max_tokens must be at least 256 whatever is in the prompt, got <100>",
    "tool_choice: max one tool allowed",
    "Number of tools must be at most 128",
    "system: too long? no",
    "temperature exceeds maximum of 1",
    "n must be at most 1",
    "Request timed out: exceeded 600 seconds",
    "Upload limit exceeded: 20 MB",
    "messages.0.content.0.text: String should have at least 1 character",
    "cache_control blocks: 5 exceeds the maximum of 4",
    "You have hit the rate limit: 10 requests",
    "max_tokens is required",
    "max_tokens must be a positive integer",
    "Account suspended for exceeding limits",
    "The model is overloaded",
    "Too many concurrent requests",
    "concurrency limit exceeded",
    "Connection limit exceeded",
    "Invalid API token length",
    "token must have at most 64 characters",
    "stop: at most 4 sequences",
]
KINDS_TRIED_LAST = [
    (
        (
            "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300120 "
            "tokens. Please reduce the length of the messages."
        ),
        PROMPT,
    ),
    (
        (
            "This model's maximum context length is 128000 tokens. However, your messages resulted in "
            "130123 tokens (124000 in the messages, 6123 in the functions)."
        ),
        PROMPT,
    ),
    ("The total number of tokens (200500) exceeds the model's context window (200000)", PROMPT),
    ("ContextWindowExceededError: prompt tokens 210000 exceed 200000", PROMPT),
    ("The conversation exceeds the model's context limit. Start a new one.", PROMPT),
    ("Prompt length 40000 exceeds max_model_len 32768", PROMPT),
    ("prompt is 131073 tokens long, which is more than the 131072 the model can take", PROMPT),
    ("Input too large: 140000 tokens, limit: 131072", PROMPT),
    ("tokens in prompt (52000) + max_tokens (16384) = 68384 is over the limit of 65536", TOTAL),
    ("requested max_tokens=32000 with 17459 prompt tokens does not fit in n_ctx=32768", TOTAL),
    ("Not enough room in the context: prompt 17459, max_tokens 32000, window 32768", TOTAL),
    ("max_tokens cannot be larger than 8192", OUTPUT),
    ("max_tokens: must be <= 8192, got 128000", OUTPUT),
    ("The value of max_tokens (128000) is out of range; allowed range: 1-65536", OUTPUT),
    ("model output limit is 8192 tokens but max_tokens is 32000", OUTPUT),
    ("Maximum value for max_tokens is 16384", OUTPUT),
    ("max_tokens 参数超出范围, 最大为 8192", OUTPUT),
    ("max_completion_tokens is too high. The model supports up to 32768 output tokens", OUTPUT),
    ("This model can only generate up to 4096 tokens; requested 32000", OUTPUT),
    ("输入 token 超过上限 131072", PROMPT),
    ("Request exceeds the context length: 9000 > 8192", PROMPT),
    ("Your request has 250000 input tokens, more than the maximum of 200000", PROMPT),
]
