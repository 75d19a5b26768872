"""The proxy's surroundings, made by hand so that they can misbehave.

provider.py   FakeProvider: a provider on raw sockets that plays scripts
steps.py      what a script is made of: Status, Stream, Event, Stall, Cut …
scripts.py    whole answers ready made: message, tool_use, error_event …
peer.py       one connection of a fake provider, and its requests as they came
quirks/       providers that refuse what the real ones refuse, in their words
client.py     a raw HTTP/1.1 client that sees an answer as it arrives
grammar.py    whether a stream is one that Claude Code may be given
proxy.py      the real proxy in this process, in front of fake providers
clock.py      time set by hand
story.py      async tests on the event loop that the proxy itself uses
"""
