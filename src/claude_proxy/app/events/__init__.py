"""Tells the user's own command and desktop of events. Nothing that serves a request waits for them.

dispatch.py     START HERE: an event → each that is told of it, a few a minute
runner.py       starts programs in a thread of its own, one at a time, and ends those that take too long
environment.py  the variables that such a program gets: no keys
desktop.py      how this system shows a notification
"""
