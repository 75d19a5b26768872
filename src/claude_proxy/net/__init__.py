"""The network: what clients talk to, and the way to the providers.

server      the ASGI application: reads a request, runs its exchange, writes the answer
guard       who may talk to it
upstream/   the HTTP/1.1 client that talks to the providers
"""
