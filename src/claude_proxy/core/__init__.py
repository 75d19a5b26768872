"""Values and decisions, and nothing else: no network, no files, no clock.

The way of a request through it:

    request.py    bytes of a request body        → MessagesRequest
    routing.py    pin + model name               → Route, the candidates in order
    adapt.py      (request, provider)            → the bytes that this provider gets
    sse.py        bytes of a stream, cut anywhere → whole ServerSentEvents
    judge.py      head + first meaningful event  → Outcome; all that follows → Ending
    health.py     one provider's strikes, rest and Permit
    failover.py   Outcome                        → Decision: Try, Relay or GiveUp
    usage.py      events                         → Usage

`model.py` holds the nouns that all of them share, `messages.py` and `http.py` the facts of the wire.
Time is handed in as `now`, in seconds; nothing here reads a clock.
"""
