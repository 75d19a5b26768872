"""Values and decisions only: no network, no files, no clock. Time is passed in as `now`, in seconds.

A request's way through it:

    request.py        bytes of a request's body       → MessagesRequest
    routing.py        pin + model name                → Route, the candidates in the user's order
    selection.py      what fits, can do it, is warm   → Route, in the order in which they are tried
    adapt.py          (request, candidate)            → the bytes that this provider gets
    adaptation/       the rules by which adapt.py changes a request
    sse.py            bytes of a stream, cut anywhere → whole events
    judge_body.py     a whole answer, or an error     → Whole or Rejected
    stream_start.py   first events of a stream        → what no client can read
    judge_stream.py   first meaningful event          → Opening or Rejected; all that follows → Ending
    limits.py         an error's codes and words      → Limit: whose fault it is, and for which reason
    health.py         one provider's strikes, cooldown and Permit
    failover.py       what came of a candidate        → Decision: Try, Relay or GiveUp
    reply.py          Decision                        → what the client gets
    all_failed.py     how each provider failed        → one sentence and its status
    account_errors.py a rejected key, no credit       → the provider's words behind ours
    tool_renaming.py  an answer with other tool names → the same with the client's
    usage.py          events                          → Usage
    prices.py         what a model's tokens cost, and when
    pricing.py        Usage, and a candidate's prices → Cost
    budgets.py        accounts, and the user's budgets  → what was spent, and which providers are passed over
    events.py         an account, a cooldown, a notice  → what the user's command and desktop are told
    cache_doctor/     what a provider read from its prompt cache → what it should have read, and why it did not
    quota/            what a provider says is left    → windows of a plan, a balance
    answer_forms/     a message or events in a form that was not asked for → the one that was
    auto_mode/        the tool calls of an answer     → the question whether they are harmless, and the verdicts
    continuation/     a stream that has died          → the rest of its answer
    learning/         a rejection + what was sent     → rules to send it with instead

Types that all of them share:

    types.py              Provider, Policy, Usage and other nouns
    auth.py               how a provider is authenticated, and where its key is from
    egress.py             the way to the providers
    outcome.py            what comes of an attempt
    reasons.py            why it fails
    traits.py             what providers and models accept
    required_features.py  what a request needs beyond text
    capabilities.py       which candidates are known not to have that
    listed_models.py      the list of models
    model_names.py        tiers and suffixes in models' names

What is remembered from one request to the next:

    cooldowns.py       which providers are in cooldown
    affinity.py        which provider holds which session
    provenance.py      which upstream made which thinking; signatures.py finds it in an answer
    tokens.py          how many bytes a token has
    learning/          what upstreams rejected (learned_rules.py)
    bounded.py         what each of these keeps its entries in: a bounded dictionary, a share for each upstream
    upstream_names.py  which providers share an upstream
    body_limit.py      the proxy's own limit for the size of a request, in words
    memory_budget.py   how much all requests and answers hold, and may hold

Facts of the wire:

    messages.py                the API's names and forms
    message_blocks.py          one message and its content blocks
    headers.py                 which header fields are passed on
    hops.py                    the header by which a request that comes back is known
    client_login.py            the client's own login
    client_hints.py            what Claude Code says of a request
    masking.py                 a provider's key, taken out of its answers
    json_values.py             JSON of unknown shape
    text.py                    text from outside, made safe to show
    local_time.py              moments by the user's clock
    amounts.py                 numbers as people read them
    retry_after.py             when a provider returns: from headers, from words
    account_words.py           what an error says of an account that has nothing left
    too_long.py                a request that is too long for a window, told in Anthropic's words
    token_excess.py            what an error says of too many tokens: the prompt, the answer, or both
    token_numbers.py           the numbers in an error, and what each of them counts
    unsupported_tool_reply.py  the answer if no provider has the tool that is asked for

For the user:

    explanation.py          what would happen to a request
    status_report.py        what `status` shows
    live_report.py          what happens now, for `top` and the page
    live_words.py           the same in words
    spending.py             what requests cost today, and in each session
    traffic.py              how many requests, tokens and seconds, for `/metrics`; metrics_state.py holds all of it
    recent_failovers.py     the last requests that more than one provider was asked for
    client_requirements.py  what providers need of Claude Code
    statusline_facts.py     the facts in Claude Code's status line
    usage_totals.py         what requests used and cost together
    issues.py               what has to be fixed at a provider, and its state
"""
