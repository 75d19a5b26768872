"""Values and decisions, and nothing else: no network, no files, no clock.

The way of a request through it:

    request.py      bytes of a request's body      → MessagesRequest
    routing.py      pin + model name               → Route, the user's own order of candidates
    selection.py    what fits, is asked for, is warm → Route, in the order in which they are asked
    adapt.py        (request, candidate)           → the bytes that this provider gets, by the rules in adaptation/
    sse.py          bytes of a stream, cut anywhere → whole events
    judge_body.py   a whole answer, or an error    → Whole or Rejected
    judge_stream.py first meaningful event         → Opening or Rejected; all that follows → Ending
    limits.py       an error's codes and words     → Limit: whose fault it is, and for which reason
    health.py       one provider's strikes, cooldown and Permit
    failover.py     what came of a candidate       → Decision: Try, Relay or GiveUp
    reply.py        Decision                       → what the client gets
    usage.py        events                         → Usage
    learning/       a refusal + what was sent      → ProposedRules, to send it with instead

`types.py` holds the nouns that all of them share, `outcome.py` what comes of an attempt, `reasons.py` why it fails,
`traits.py` what providers take, `required_features.py` what a request asks for beyond text, `capabilities.py` which
providers are known not to have it; `unsupported_tool_reply.py` answers if no provider has it.

What is remembered from one request to the next: `provenance.py` who made which thinking (`signatures.py` finds it in an
answer), `learning/learned_rules.py` what it refused, `affinity.py` who holds which session, `tokens.py` how many bytes
a token has. Each keeps its entries in a `bounded.py` dictionary. `upstream_names.py` tells which providers share what.

Facts of the wire: `messages.py` the API's names and forms, `server_tools.py` tools that run at the provider,
`headers.py` and `betas.py` which fields go on, `client_login.py` the client's own, `retry_after.py` and `reset_time.py`
when a provider returns, by its headers and by its words, `too_long.py` how providers say that a prompt is,
`json_values.py` JSON that may be anything. `listed_models.py` is the list of models, `explanation.py` what would happen
to a request, `quirks.py` what would be changed in it. `issues.py` is what the user has to fix at a provider,
`status_report.py` what `status` shows. Time is handed in as `now`, in seconds; nothing here reads a clock.
"""
