"""What stands around the proxy in tests, made by hand so that it can misbehave.

provider.py            FakeProvider: a server that plays scripts as a provider
server.py              FakeServer: a server on raw sockets, with TLS or without, and a function for its connections
deaf.py                a peer that acknowledges nothing
steps.py               what a script is made of: Status, Stream, Event, Stall, Cut …
scripts.py             whole answers ready made: message, tool_use, error_event …
server_connection.py   one connection of a fake server, and its requests as they came
vendors/               providers that reject what the real ones reject, with the same errors
client.py              a raw HTTP/1.1 client that sees an answer as it arrives
stream_checks.py       whether a stream follows the rules of the Messages API
proxy.py               the real proxy in this process, in front of fake providers
specification.py       the configuration that the specification prints, and its proxy
command_line.py        the command `claude-proxy`, run as a program
command_fixtures.py    fixtures for tests of commands
threaded.py            a fake server in a thread, for tests that block
config_files.py        a config.json and a .env with the user's own comments
clock.py               time set by hand
async_test.py          async tests on the event loop that the proxy itself uses
"""
