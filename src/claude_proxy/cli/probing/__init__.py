"""Tiny requests that show whether a provider answers.

probe            sends them, and judges the answers as the proxy does
way_out          which way they take, and whether the running proxy takes another
probe_requests   the requests: a message, a stream, a token count, a tool
"""
