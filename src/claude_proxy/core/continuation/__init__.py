"""How an answer goes on whose stream died after its client had a part of it.

continued_answer.py       START HERE: one answer, from one stream or from several
event_order.py            which events no client can place
tool_call_hold.py         a client gets a tool call whole, or not at all
delivered.py              what the client has of the answer → Content, which decides how it can go on
continuation_request.py   the client's request + what it has → the request for the rest
joined_stream.py          the stream of the rest → events that continue those the client has
seam.py                   two halves of a text → one
unfinished_answer.py     the end of one that can't go on
usage_of_parts.py         the tokens of all parts → one usage
"""
