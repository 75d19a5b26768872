"""A head that two programs could read in two ways is 400, and the end of the connection; HTTP/1.0 is answered."""

from __future__ import annotations

import json

import pytest

from claude_proxy.net.guard import Guard
from claude_proxy.net.request_head import host_name
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import PROMPT, TOKEN, running_proxy
from fakes.raw_client import raw_client
from fakes.scripts import message

HOST = b"Host: 127.0.0.1\r\n"
TOKEN_SENT = f"Authorization: Bearer {TOKEN}\r\n".encode()
FIELDS = HOST + TOKEN_SENT + b"Content-Type: application/json\r\n"
BODY = json.dumps({**PROMPT, "stream": True}).encode()
SIZED = b"Content-Length: %d\r\n" % len(BODY)
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)


def get(fields: bytes, line: bytes = b"GET /health HTTP/1.1\r\n") -> bytes:
    return line + fields + b"\r\n"


def post(fields: bytes, body: bytes = BODY, line: bytes = b"POST /v1/messages HTTP/1.1\r\n") -> bytes:
    return line + FIELDS + fields + b"\r\n" + body


def host(value: bytes) -> bytes:
    return get(b"Host: %b\r\n" % value)


def length(value: bytes) -> bytes:
    return post(b"Content-Length: %b\r\n" % value)


def coding(value: bytes) -> bytes:
    return post(b"Transfer-Encoding: %b\r\n" % value, CHUNKS)


HOSTS = {
    "userinfo behind the port": b"127.0.0.1:8787@evil",
    "userinfo": b"evil@127.0.0.1",
    "a name behind brackets": b"[::1]evil.com",
    "a port behind a name behind brackets": b"[::1]evil.com:80",
    "a bracket without an end": b"[::1",
    "a bracket without a beginning": b"::1]",
    "an address without brackets": b"::1",
    "a name in brackets": b"[localhost]",
    "two brackets": b"[[::1]]",
    "a port that is no number": b"127.0.0.1:http",
    "a port with a sign": b"127.0.0.1:+80",
    "two ports": b"127.0.0.1:80:80",
    "a long port": b"127.0.0.1:000080",
    "a list": b"127.0.0.1, evil",
    "two names": b"127.0.0.1 evil",
    "a path": b"127.0.0.1/evil",
    "a backslash": b"127.0.0.1\\evil",
    "a URL": b"http://127.0.0.1",
    "a query": b"127.0.0.1?evil",
    "an escape": b"127.0.0.%31",
    "a letter beyond ASCII": b"localho\xc5\xbft",
    "nothing": b"",
    "only a port": b":80",
}
MALFORMED = {
    **{f"host: {name}": host(value) for name, value in HOSTS.items()},
    "no host": get(b""),
    "two hosts": get(HOST + b"Host: evil\r\n"),
    "two hosts, ours last": get(b"host: evil\r\n" + HOST),
    "the same host twice": get(HOST + HOST),
    "two tokens": get(FIELDS + b"Authorization: Bearer other\r\n", b"GET /admin/status HTTP/1.1\r\n"),
    "gzip, chunked": coding(b"gzip, chunked"),
    "gzip": coding(b"gzip"),
    "identity": coding(b"identity"),
    "chunked, chunked": coding(b"chunked, chunked"),
    "chunked, identity": coding(b"chunked, identity"),
    "a comma": coding(b", chunked"),
    "xchunked": coding(b"xchunked"),
    "chunked;q=1": coding(b"chunked;q=1"),
    "no coding": coding(b""),
    "chunked twice": post(b"Transfer-Encoding: chunked\r\n" * 2, CHUNKS),
    "gzip and chunked": post(b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", CHUNKS),
    "chunked and a length": post(b"Transfer-Encoding: chunked\r\n" + SIZED, CHUNKS),
    "a length and chunked": post(SIZED + b"Transfer-Encoding: chunked\r\n", CHUNKS),
    "chunked in HTTP/1.0": post(b"Transfer-Encoding: chunked\r\n", CHUNKS, b"POST /v1/messages HTTP/1.0\r\n"),
    "5,000 zeros": length(b"0" * 5000),
    "5,000 zeros and a length": length(b"0" * 5000 + b"%d" % len(BODY)),
    "19 digits": length(b"%019d" % len(BODY)),
    "a length beyond 64 bits": length(b"9" * 30),
    "a plus": length(b"+%d" % len(BODY)),
    "a minus": length(b"-1"),
    "a blank within": length(b"1 1"),
    "a list of lengths": length(b"%d, %d" % (len(BODY), len(BODY))),
    "hexadecimal": length(b"0x10"),
    "an underscore": length(b"1_0"),
    "another script's digit": length(b"\xd9\xa1"),
    "no length": length(b""),
    "the same length twice": post(SIZED * 2),
    "two lengths": post(SIZED + b"Content-Length: 1\r\n"),
    "a folded field": get(HOST + b"A: b\r\n c\r\n"),
    "a folded host": get(b"Host:\r\n 127.0.0.1\r\n"),
    "a line feed alone": get(HOST + b"A: b\nB: c\r\n"),
    "a carriage return alone": get(HOST + b"A: b\rB: c\r\n"),
    "NUL": get(HOST + b"A: b\0\r\n"),
    "a control character": get(HOST + b"A: b\x01\r\n"),
    "DEL": get(HOST + b"A: b\x7f\r\n"),
    "a blank before the colon": get(b"Host : 127.0.0.1\r\n"),
    "no colon": get(HOST + b"A\r\n"),
    "no name": get(HOST + b": a\r\n"),
    "HTTP/2.0": get(HOST, b"GET /health HTTP/2.0\r\n"),
    "HTTP/0.9": get(HOST, b"GET /health HTTP/0.9\r\n"),
    "no version": get(HOST, b"GET /health\r\n"),
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "another host in the target": get(HOST, b"GET http://evil/health HTTP/1.1\r\n"),
    "userinfo in the target": get(HOST, b"GET http://127.0.0.1@evil/health HTTP/1.1\r\n"),
    "no path": get(HOST, b"OPTIONS * HTTP/1.1\r\n"),
    "a host in the target alone": get(b"", b"GET http://127.0.0.1/health HTTP/1.0\r\n"),
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED.keys())
@async_test
async def test_a_malformed_head_is_400_and_the_end_of_the_connection(sent: bytes) -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy, raw_client(proxy.port) as client:
        await client.send_all(sent + get(HOST))
        head, _, body = (await client.read_to_end()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert b"connection: close" in head.lower()
        assert json.loads(body)["error"]["type"] == "invalid_request_error"
    assert fake.requests == []


WELL_FORMED = {
    "a port": host(b"127.0.0.1:8787"),
    "an empty port": host(b"127.0.0.1:"),
    "brackets": host(b"[::1]"),
    "upper case": host(b"LocalHost:80"),
    "blanks around the host": host(b"  127.0.0.1 \t"),
    "our host in the target": get(HOST, b"GET http://127.0.0.1/health HTTP/1.1\r\n"),
    "no host in HTTP/1.0": get(b"", b"GET /health HTTP/1.0\r\n"),
    "zeros before the length": post(b"Content-Length: 000%d\r\n" % len(BODY)),
    "blanks around the length": post(b"Content-Length:  \t%d \t\r\n" % len(BODY)),
    "chunks in upper case": coding(b"CHUNKED"),
}


@pytest.mark.parametrize("sent", WELL_FORMED.values(), ids=WELL_FORMED.keys())
@async_test
async def test_a_rare_but_proper_head_is_answered(sent: bytes) -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy, raw_client(proxy.port) as client:
        await client.send_all(sent)
        assert (await client.read_until(lambda data: b"\r\n\r\n" in data)).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("fields", [FIELDS, FIELDS + b"Connection: keep-alive\r\n", FIELDS.replace(HOST, b"")])
@async_test
async def test_a_stream_to_an_http_1_0_client_ends_with_the_connection(fields: bytes) -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy, raw_client(proxy.port) as client:
        await client.send_all(b"POST /v1/messages HTTP/1.0\r\n" + fields + SIZED + b"\r\n" + BODY)
        head, _, body = (await client.read_to_end()).partition(b"\r\n\r\n")
        names = {line.partition(b":")[0] for line in head.lower().split(b"\r\n")}
        assert b"transfer-encoding" not in names
        assert b"connection: close" in head
        assert body.startswith(b"event: message_start\n")
        assert body.endswith(b'data: {"type":"message_stop"}\n\n')


@pytest.mark.parametrize("value", HOSTS.values(), ids=HOSTS.keys())
def test_the_guard_takes_no_malformed_host_for_its_own(value: bytes) -> None:
    assert host_name(value) is None
    for listening_at in ("127.0.0.1", "0.0.0.0", "::"):  # noqa: S104 - nothing is bound
        assert Guard(listening_at, "token", "claude-proxy").check_origin({b"host": value}) is not None
