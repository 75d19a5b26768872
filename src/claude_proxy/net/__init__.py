"""The network: what clients talk to, and the way to the providers.

listener.py              where clients connect; how many open files this process may have
client_connection.py     a client's connection: uvicorn's HTTP protocol with tighter limits
request_framing.py       where a request may end, so that one is parsed at a time
request_head.py          which heads are malformed, although the parser takes them
peer.py                  a client's end: whether it has left, and how to close without waiting for it
coalescing_transport.py  writes once for each turn of the event loop
server.py                the ASGI application: guard, path, and the answer
guard.py                 which requests are let in
asgi_client.py           the client as an exchange sees it
services.py              the answers besides exchanges: health and models
metrics/                 `/metrics`, for Prometheus
traces/                  a trace of each request, for OpenTelemetry
admin_api.py             what the commands ask: status, explain, rules, stop
page/                    the page for a browser
upstream/                the HTTP/1.1 client that talks to the providers
"""
