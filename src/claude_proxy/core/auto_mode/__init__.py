"""Claude Code's auto mode asks for a check of the tool calls of an answer. A model that the user names does it.

tool_calls.py      the events of an answer → its tool calls
check_request.py   the client's request + the tool calls → the question to that model
foreign_results.py results that a provider has no right to give → none
verdicts.py        that model's answer → what the client is told of each call
"""
