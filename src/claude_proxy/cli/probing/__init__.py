"""Tiny requests that show whether a provider answers.

probe            sends them, and judges the answers as the proxy does
probe_requests   the requests: a message, a stream, a token count, a tool
"""
