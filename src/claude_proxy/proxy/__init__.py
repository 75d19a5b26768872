"""One request's way: from the client's first byte to its last. Read `exchange.py` first.

exchange.py        a request for an answer: decide, relay, account
count_tokens.py    a request for a count of tokens
handler.py         what both share: read, route, ask a candidate, record
attempt.py         one adapted request to one provider: send, judge
retry.py           whether a refused request is sent once more, and what is learned from that
tool_check.py      the check of tool calls for Claude Code's auto mode
relay.py           the stream of an answer, on its way to the client
continuation.py    which candidates are asked for the rest of an answer whose stream has died
defects.py         what the proxy itself gets wrong: noted once, and done without
recorder.py        what is known of the request so far, and its account
keepalive.py       pings for a client that waits
gateway.py         the providers, the settings and the memory that a request works with
ports.py           what it needs of the world, as Protocols: network, time, a place for its account
in_flight.py       the requests that are being served, and how far each is
quota_watch.py     what is left of providers' plans: asked while the proxy is in use, read from answers
status_tracker.py  what `status` shows, kept up by the accounts
"""
