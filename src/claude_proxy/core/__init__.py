"""Values and decisions, and nothing else: no network, no files, no clock.

The way of a request through it:

    request.py      bytes of a request's body      → MessagesRequest
    routing.py      pin + model name               → Route, the user's own order of candidates
    choosing.py     what fits, is demanded, is warm → Route, in the order in which they are asked
    adapt.py        (request, candidate)           → the bytes that this provider gets, by the rules in rewriting/
    sse.py          bytes of a stream, cut anywhere → whole events
    judge.py        head + first meaningful event  → Outcome; all that follows → Ending
    limits.py       an error's codes and words     → Limit: whose fault it is, and its name
    health.py       one provider's strikes, rest and Permit
    failover.py     Outcome                        → Decision: Try, Relay or GiveUp
    reply.py        Decision                       → what the client gets
    usage.py        events                         → Usage
    learning/       a refusal + what was sent      → Lesson, the rules to send it with instead

`model.py` holds the nouns that all of them share, `traits.py` what providers take, `demands.py` what a request asks
beyond text, `abilities.py` who is known not to have it; `unable.py` answers where no provider can.

What is remembered from one request to the next: `provenance.py` who made which thinking (`signatures.py` finds it in an
answer), `learning/learned_rules.py` what it refused, `affinity.py` who holds which session, `tokens.py` how many bytes
a token has. Each keeps its entries in a `bounded.py` dictionary. `upstream_names.py` tells which providers share what.

Facts of the wire: `messages.py` the API's names and forms, `server_tools.py` tools that run at the provider,
`headers.py` and `betas.py` which fields go on, `login.py` the client's own, `retry_after.py` and `reset_time.py` when a
provider returns, by its headers and by its words, `too_long.py` who says how that a prompt is, `lenient.py` JSON that
may be anything. `reasons.py` tells why a provider rests. `listing.py` is the list of models, `explain.py` what would
happen to a request, `quirks.py` what would be changed in it. Time is handed in as `now`, in seconds; nothing here reads
a clock.
"""
