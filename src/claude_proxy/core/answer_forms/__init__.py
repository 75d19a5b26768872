"""Answers that come in another form than the one that was asked for, and events in another form than the API's.

message_events.py     one whole message              → the events that say the same
gathered_message.py   the events of an answer        → one whole message
collected_answer.py   an answer read to its end      → JSON as it came, or what its events say
event_names.py        events that have no name       → the same with the names of their types
stop_reasons.py       stop reasons the API has not   → the API's, or the failure that they are
"""
