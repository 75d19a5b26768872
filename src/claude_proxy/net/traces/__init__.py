"""A trace of each request, sent to OpenTelemetry by a thread of its own.

trace_ledger.py  takes the account of each request; it loads the rest if traces are wanted
spans.py         from an account to spans, one for the request and one for each attempt
tracer.py        what makes and sends spans, as the OTEL_ variables say
"""
