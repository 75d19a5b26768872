"""Bodies that arrive compressed although `identity` was asked for."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.net.upstream import decoding
from claude_proxy.proxy.ports import Failure, UpstreamError
from fakes.async_test import async_test, on_both_loops
from fakes.server import PATIENCE, FakeServer, Handler
from fakes.server_connection import ServerConnection
from net.upstream_client import always, ask, failure_of, fetch, open_transport, read_all

TEXT = b"event: ping\ndata: {}\n\n" * 1000
BOMB = b"\0" * 20_000_000


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


CODINGS = {
    "gzip": (b"gzip", gzip.compress(TEXT)),
    "x-gzip": (b"X-GZip", gzip.compress(TEXT)),
    "deflate": (b"deflate", zlib.compress(TEXT)),
    "raw deflate": (b"deflate", raw_deflate(TEXT)),
    "identity": (b"identity", TEXT),
    **{f"{word.decode()}, which is no coding": (word, TEXT) for word in (b"none", b"utf-8", b"null", b"", b"8bit")},
    "identity twice": (b"identity, identity", TEXT),
    "an empty list": (b" , ,", TEXT),
    "gzip beside identity": (b"identity, GZIP", gzip.compress(TEXT)),
    "gzip with a parameter": (b"gzip;q=1.0", gzip.compress(TEXT)),
    "gzip beside a word that is no coding": (b"utf-8,gzip", gzip.compress(TEXT)),
    "gzip that is not named": (b"", gzip.compress(TEXT)),
    "gzip named as identity": (b"identity", gzip.compress(TEXT)),
    "gzip named as none": (b"none", gzip.compress(TEXT)),
    "several members that are not named": (b"none", gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:])),
}

BROKEN = {
    "gzip cut": (b"gzip", gzip.compress(TEXT)[:-9]),
    "gzip without its checksum": (b"gzip", gzip.compress(TEXT)[:-8]),
    "gzip damaged": (b"gzip", gzip.compress(TEXT)[:-6] + b"\0\0\0\0\0\0"),
    "not gzip": (b"gzip", TEXT),
    "something behind": (b"gzip", gzip.compress(TEXT) + b"surplus"),
    "br": (b"br", b"\x1b\x00"),
    "zstd": (b"zstd", b"\x28\xb5\x2f\xfd"),
    "something behind zeros": (b"gzip", gzip.compress(TEXT) + b"\0\0surplus"),
    "something behind zlib": (b"deflate", zlib.compress(TEXT) + b"\0"),
    "br beside gzip": (b"br, gzip", gzip.compress(TEXT)),
    "br beside identity": (b"identity, br", b"\x1b\x00"),
    "gzip that is not named, and cut": (b"none", gzip.compress(TEXT)[:-9]),
    "gzip that is not named, and damaged": (b"", b"\x1f" + TEXT),
    "twice": (b"gzip, gzip", gzip.compress(gzip.compress(TEXT))),
}


def answer_of(coding: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-encoding: %b\r\ncontent-length: %d\r\n\r\n%b" % (coding, len(body), body)


@pytest.mark.parametrize(("coding", "body"), CODINGS.values(), ids=CODINGS.keys())
@on_both_loops
async def test_a_compressed_body_is_decoded(coding: bytes, body: bytes) -> None:
    async with FakeServer(always(answer_of(coding, body))) as server, open_transport() as transport:
        for _ in range(2):
            assert await fetch(transport, server.origin) == (200, (), TEXT)
        assert server.connections_made == 1


@pytest.mark.parametrize(("coding", "body"), BROKEN.values(), ids=BROKEN.keys())
@on_both_loops
async def test_a_body_that_cannot_be_decoded_is_an_error(coding: bytes, body: bytes) -> None:
    async with FakeServer(always(answer_of(coding, body))) as server, open_transport() as transport:
        answer = await ask(transport, server.origin)
        error = await failure_of(read_all(answer))
        assert (error.failure, error.sent) == (Failure.UNDECODABLE, True)


@pytest.mark.parametrize("coding", [b"br", b"gzip"])
@on_both_loops
async def test_an_empty_body_needs_no_decoding(coding: bytes) -> None:
    async with FakeServer(always(answer_of(coding, b""))) as server, open_transport() as transport:
        assert await fetch(transport, server.origin) == (200, (), b"")


def test_output_that_zlib_still_holds_is_returned() -> None:
    """It has consumed the last of the input before it has returned all of the output."""
    body = raw_deflate(b"\0" * (decoding.MAX_STEP_BYTES + 100))
    decoder = decoding.decoder_for(b"deflate")
    assert decoder is not None
    size = len(decoder.decode(body))
    while decoder.pending:
        size += len(decoder.decode(b""))
    assert decoder.finish() == b""
    assert size == decoding.MAX_STEP_BYTES + 100


@on_both_loops
async def test_a_decoding_error_closes_the_connection() -> None:
    endless = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 100\r\n\r\nnot gzip"

    async with FakeServer(always(endless)) as server, open_transport() as transport:
        answer = await ask(transport, server.origin)
        assert (await failure_of(answer.read(PATIENCE))).failure is Failure.UNDECODABLE
        answer.close()
        assert repr(transport).endswith(" 0 idle>")


@pytest.mark.parametrize("coding", [b"gzip", b""], ids=["gzip", "gzip without its name"])
@on_both_loops
async def test_a_small_body_that_decodes_to_a_huge_one_comes_in_pieces(coding: bytes) -> None:
    async with FakeServer(always(answer_of(coding, gzip.compress(BOMB)))) as server, open_transport() as transport:
        answer = await ask(transport, server.origin)
        size = 0
        while piece := await answer.read(PATIENCE):
            assert len(piece) <= decoding.MAX_STEP_BYTES
            size += len(piece)
        assert size == len(BOMB)


@pytest.mark.parametrize("coding", [b"gzip", b"identity"])
@on_both_loops
async def test_other_tasks_run_while_a_huge_body_is_read(coding: bytes) -> None:
    body = gzip.compress(BOMB) if coding == b"gzip" else BOMB
    async with FakeServer(always(answer_of(coding, body))) as server, open_transport() as transport:
        answer = await ask(transport, server.origin)
        turns = 0

        def take_a_turn() -> None:
            nonlocal turns
            turns += 1
            asyncio.get_running_loop().call_soon(take_a_turn)

        take_a_turn()
        pieces = 0
        while await answer.read(PATIENCE):
            pieces += 1
        assert turns >= pieces > 1


@given(cuts=st.sets(st.integers(1, 120)), coding=st.sampled_from(["gzip", "deflate", "raw deflate"]))
def test_a_compressed_body_cut_anywhere_is_the_same(cuts: set[int], coding: str) -> None:
    name, body = CODINGS[coding]
    decoder = decoding.decoder_for(name)
    assert decoder is not None
    edges = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    try_decode = b"".join(decoder.decode(body[start:end]) for start, end in itertools.pairwise(edges))
    assert try_decode + decoder.finish() == TEXT


@given(length=st.integers(0, 64))
def test_a_compressed_body_that_ends_early_anywhere_is_an_error(length: int) -> None:
    body = gzip.compress(b"hello")
    decoder = decoding.decoder_for(b"gzip")
    assert decoder is not None
    decoder.decode(body[: min(length, len(body))])
    if 0 < length < len(body):
        with pytest.raises(UpstreamError) as caught:
            decoder.finish()
        assert caught.value.failure is Failure.UNDECODABLE
    else:
        assert decoder.finish() == b""


def flush_block() -> bytes:
    """Return an empty deflate block, as a sync flush writes it: it decodes to nothing."""
    return b"\x00\x00\x00\xff\xff"


GZIP_HEAD = b"\x1f\x8b\x08%c\0\0\0\0\0\x03"
DRIPS = {
    "a file name in the gzip header": (b"gzip", GZIP_HEAD % 8, b"a"),
    "a comment in the gzip header": (b"gzip", GZIP_HEAD % 16, b"a"),
    "an extra field in the gzip header": (b"gzip", GZIP_HEAD % 4 + b"\xff\xff", b"a"),
    "empty blocks in gzip": (b"gzip", GZIP_HEAD % 0, flush_block()),
    "empty blocks in zlib": (b"deflate", b"\x78\x9c", flush_block()),
    "empty blocks in raw deflate": (b"deflate", b"", flush_block()),
    "empty blocks of fixed codes": (b"deflate", b"\x78\x9c", b"\x02\x08\x20\x80\x00"),
    "empty members": (b"gzip", b"", gzip.compress(b"")),
    "zeros behind the body": (b"gzip", gzip.compress(b""), b"\0"),
}


@pytest.mark.parametrize("framing", [b"transfer-encoding: chunked", b"connection: close"])
@pytest.mark.parametrize(("coding", "start", "drip"), DRIPS.values(), ids=DRIPS.keys())
@async_test
async def test_a_compressed_drip_that_decodes_to_nothing_times_out(
    coding: bytes, start: bytes, drip: bytes, framing: bytes
) -> None:
    """The drops come faster than the timeout, which would start anew with each of them."""
    async with FakeServer(dripping(coding, framing, start, drip)) as server, open_transport() as transport:
        answer = await ask(transport, server.origin)
        with pytest.raises(TimeoutError):
            await answer.read(0.1)
        answer.close()


@async_test
async def test_a_flood_that_decodes_to_nothing_times_out() -> None:
    flood = dripping(b"gzip", b"connection: close", b"", gzip.compress(b"") * 5000, pause=0)
    async with FakeServer(flood) as server, open_transport() as transport:
        answer = await ask(transport, server.origin)
        with pytest.raises(TimeoutError):
            await answer.read(0.1)
        answer.close()


def dripping(coding: bytes, framing: bytes, start: bytes, drip: bytes, pause: float = 0.005) -> Handler:
    """Send a head and `start`, then the same bytes again and again until the client leaves."""
    chunked = framing.endswith(b"chunked")

    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-encoding: %b\r\n%b\r\n\r\n" % (coding, framing))
        body = start
        with contextlib.suppress(ConnectionError):
            while True:
                await connection.send(b"%x\r\n%b\r\n" % (len(body), body) if chunked and body else body)
                await asyncio.sleep(pause)
                body = drip

    return handle


MEMBERS = {
    "two members": (gzip.compress(TEXT[:5000]) + gzip.compress(TEXT[5000:]), TEXT),
    "a member for each line": (b"".join(map(gzip.compress, TEXT.splitlines(keepends=True))), TEXT),
    "an empty member at the end": (gzip.compress(TEXT) + gzip.compress(b""), TEXT),
    "empty members between": (gzip.compress(TEXT[:9]) + gzip.compress(b"") * 99 + gzip.compress(TEXT[9:]), TEXT),
    "zeros behind": (gzip.compress(TEXT) + b"\0" * 100_000, TEXT),
    "zeros between": (gzip.compress(TEXT[:9]) + b"\0" * 512 + gzip.compress(TEXT[9:]), TEXT),
    "two large members": (gzip.compress(BOMB) * 2, BOMB * 2),
}


@pytest.mark.parametrize(("body", "expected"), MEMBERS.values(), ids=MEMBERS.keys())
@on_both_loops
async def test_a_gzip_body_of_several_members_is_decoded(body: bytes, expected: bytes) -> None:
    async with FakeServer(always(answer_of(b"gzip", body))) as server, open_transport() as transport:
        for _ in range(2):
            assert (await fetch(transport, server.origin))[2] == expected
        assert server.connections_made == 1


@given(cuts=st.sets(st.integers(1, 200)), zeros=st.integers(0, 3))
def test_several_members_cut_anywhere_are_the_same(cuts: set[int], zeros: int) -> None:
    body = gzip.compress(b"one") + b"\0" * zeros + gzip.compress(b"") + gzip.compress(b"two" * 50) + b"\0" * zeros
    assert decode_in_pieces(body, cuts) == b"one" + b"two" * 50


@given(cut=st.integers(1, len(gzip.compress(b"two")) - 1))
def test_a_last_member_that_ends_early_is_an_error(cut: int) -> None:
    with pytest.raises(UpstreamError, match="not complete"):
        decode_in_pieces(gzip.compress(b"one") + gzip.compress(b"two")[:cut], set())


def decode_in_pieces(body: bytes, cuts: set[int]) -> bytes:
    decoder = decoding.decoder_for(b"gzip")
    assert decoder is not None
    edges = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    decoded = []
    for start, end in itertools.pairwise(edges):
        decoded.append(decoder.decode(body[start:end]))
        while decoder.pending:
            decoded.append(decoder.decode(b""))
    return b"".join((*decoded, decoder.finish()))


@on_both_loops
async def test_a_gzip_body_that_is_not_named_is_decoded_however_it_comes() -> None:
    packed = gzip.compress(TEXT)
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    chunks = b"".join(b"1\r\n%b\r\n" % packed[at : at + 1] for at in range(len(packed)))
    async with FakeServer(always(head + chunks + b"0\r\n\r\n")) as server, open_transport() as transport:
        for _ in range(2):
            assert await fetch(transport, server.origin) == (200, (), TEXT)
        assert server.connections_made == 1
