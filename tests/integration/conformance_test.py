#!/usr/bin/python3
"""RFC 6455 on /debug/echo: what a WebSocket endpoint has to take, and what it has to refuse."""

import asyncio
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
# pylint: disable=wrong-import-position
from frames import (BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Wire, close_frame, frame)
from harness import run_all, skip_all, test

try:
    import websockets
except ImportError:
    skip_all("PYTHON3-WEBSOCKETS ABSENT: install python3-websockets")

MIB = 1024 * 1024
ECHO = {"debug__echo_endpoint": True, "debug__echo_max_message": 16 * MIB}
SMALL_ECHO = {"debug__echo_endpoint": True, "debug__echo_max_message": 1000}


def echo(server):
    return Wire.open(server, "/debug/echo")


def connect(server, **options):
    return websockets.connect(
        f"ws://{server.address}/debug/echo", max_size=None, compression=None, **options)


@test("conformance: text and binary of every form of length come back", limit_s=60, **ECHO)
async def _(server):
    async with connect(server) as client:
        for size in (0, 1, 125, 126, 127, 65535, 65536, MIB):
            for message in ("\u20ac" * (size // 3) + "x" * (size % 3), bytes(size)):
                await client.send(message)
                assert await client.recv() == message, f"size {size}"


@test("conformance: 16 MiB come back", limit_s=120, **ECHO)
async def _(server):
    async with connect(server, ping_interval=None) as client:
        message = bytes(range(256)) * (16 * MIB // 256)
        await client.send(message)
        assert await asyncio.wait_for(client.recv(), 60) == message


@test("conformance: one byte more than echo_max_message closes 1009", **SMALL_ECHO)
async def _(server):
    async with connect(server) as client:
        await client.send("x" * 1000)
        assert await client.recv() == "x" * 1000
        await client.send("x" * 1001)
        await client.wait_closed()
        assert client.close_code == 1009, client.close_code


@test("conformance: the sum of fragments counts against the limit", **SMALL_ECHO)
async def _(server):
    wire = await echo(server)
    wire.send(frame(BINARY, bytes(600), fin=False))
    wire.send(frame(CONTINUATION, bytes(401), fin=True))
    assert await wire.close_code() == 1009


@test("conformance: a frame that announces more than the limit is refused at its head",
      **SMALL_ECHO)
async def _(server):
    wire = await echo(server)
    wire.send(b"\x82\xff" + (1 << 62).to_bytes(8, "big") + b"mask")
    assert await wire.close_code() == 1009


@test("conformance: fragments are joined, cut anywhere in a character", **ECHO)
async def _(server):
    text = "a\u20ac\U0001f372z".encode()
    wire = await echo(server)
    for cut in range(len(text) + 1):
        wire.send(frame(TEXT, text[:cut], fin=False))
        wire.send(frame(CONTINUATION, b"", fin=False))
        wire.send(frame(CONTINUATION, text[cut:]))
        assert await wire.receive() == (True, TEXT, text), f"cut at {cut}"


@test("conformance: the library's fragments come back too", **ECHO)
async def _(server):
    async with connect(server) as client:
        await client.send(["one ", "", "two ", "three"])
        assert await client.recv() == "one two three"


@test("conformance: a message may come a byte at a time", **ECHO)
async def _(server):
    wire = await echo(server)
    for byte in frame(TEXT, "slowly \u20ac".encode()):
        wire.send(bytes([byte]))
        await wire.writer.drain()
        await asyncio.sleep(0.002)
    assert await wire.receive() == (True, TEXT, "slowly \u20ac".encode())


@test("conformance: many messages in one write come back in order", **ECHO)
async def _(server):
    wire = await echo(server)
    wire.send(b"".join(frame(TEXT, str(i).encode()) for i in range(500)))
    for i in range(500):
        assert await wire.receive() == (True, TEXT, str(i).encode())


@test("conformance: a ping is answered with its payload, in the middle of fragments too", **ECHO)
async def _(server):
    wire = await echo(server)
    for payload in (b"", b"x", bytes(range(125))):
        wire.send(frame(PING, payload))
        assert await wire.receive() == (True, PONG, payload)
    wire.send(frame(TEXT, b"one ", fin=False))
    wire.send(frame(PING, b"now"))
    wire.send(frame(CONTINUATION, b"two"))
    assert await wire.receive() == (True, PONG, b"now")
    assert await wire.receive() == (True, TEXT, b"one two")
    wire.send(frame(PONG, b"nobody asked"))  # Section 5.5.3: no answer, no fault.
    wire.send(frame(TEXT, b"on"))
    assert await wire.receive() == (True, TEXT, b"on")


CLOSES = {1000: 1000, 1001: 1001, 1003: 1003, 1007: 1007, 1011: 1011, 3000: 3000, 4999: 4999}


@test("conformance: a close is answered with its code, then the stream ends", **ECHO)
async def _(server):
    for code in CLOSES:
        wire = await echo(server)
        wire.send(close_frame(code, "grüß".encode()))
        assert await wire.close_code() == code
        assert await wire.at_end()
    wire = await echo(server)
    wire.send(frame(CLOSE))
    assert await wire.close_code() in (None, 1000)
    assert await wire.at_end()


VIOLATIONS = {
    "an unmasked frame": frame(TEXT, b"hi", masked=False),
    "a reserved bit": frame(TEXT, b"hi", reserved=4),
    "a reserved bit of the middle": frame(TEXT, b"hi", reserved=2),
    "a reserved data opcode": frame(3, b"hi"),
    "a reserved control opcode": frame(0xB, b"hi"),
    "a fragmented ping": frame(PING, b"hi", fin=False),
    "a ping of 126 bytes": frame(PING, bytes(126)),
    "a close of one byte": frame(CLOSE, b"\x03"),
    "a continuation of nothing": frame(CONTINUATION, b"hi"),
    "a message within a message": frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"),
    "a length in 16 bits that fits 7": frame(TEXT, b"hi", form=16),
    "a length in 64 bits that fits 16": frame(TEXT, bytes(200), form=64),
    "the highest bit of a length": b"\x82\xff" + (1 << 63).to_bytes(8, "big") + b"mask",
}
for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535):
    VIOLATIONS[f"the close code {code}"] = close_frame(code)


def _declare_violation(what, sent):
    @test(f"conformance: {what} closes 1002", **ECHO)
    async def _(server):
        wire = await echo(server)
        wire.send(sent)
        assert await wire.close_code() == 1002
        assert await wire.at_end()
        assert server.closes("1002") == 1


for _what, _sent in VIOLATIONS.items():
    _declare_violation(_what, _sent)

INVALID_TEXTS = {
    "a stray continuation byte": b"a\x80",
    "a character cut short": b"a\xe2\x82",
    "an overlong slash": b"\xc0\xaf",
    "a surrogate": b"\xed\xa0\x80",
    "beyond U+10FFFF": b"\xf4\x90\x80\x80",
    "byte 0xff": b"\xff",
}


@test("conformance: text that is no UTF-8 closes 1007, whole or in fragments", **ECHO)
async def _(server):
    for what, text in INVALID_TEXTS.items():
        wire = await echo(server)
        wire.send(frame(TEXT, text))
        assert await wire.close_code() == 1007, what
        for cut in range(len(text)):
            wire = await echo(server)
            wire.send(frame(TEXT, text[:cut], fin=False) + frame(CONTINUATION, text[cut:]))
            assert await wire.close_code() == 1007, f"{what}, cut at {cut}"


@test("conformance: invalid UTF-8 is found before the message is whole", **ECHO)
async def _(server):
    wire = await echo(server)
    wire.send(frame(TEXT, b"fine so far \xff", fin=False))
    assert await wire.close_code() == 1007


@test("conformance: a close reason that is no UTF-8 closes 1007", **ECHO)
async def _(server):
    wire = await echo(server)
    wire.send(close_frame(1000, b"\xff"))
    assert await wire.close_code() == 1007


@test("conformance: who violates disturbs nobody else", **ECHO)
async def _(server):
    async with connect(server) as neighbour:
        for sent in VIOLATIONS.values():
            wire = await echo(server)
            wire.send(sent)
            await neighbour.send("still here")
            assert await neighbour.recv() == "still here"
            wire.close()


run_all()
