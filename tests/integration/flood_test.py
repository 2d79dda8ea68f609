#!/usr/bin/python3
"""Floods: a peer that sends as fast as it can costs the server little, and the others nothing."""

import asyncio
import json
import pathlib
import socket
import sys
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
# pylint: disable=wrong-import-position
from frames import PING, PONG, TEXT, Wire, frame
from harness import run_all, skip_all, test

try:
    import websockets
except ImportError:
    skip_all("PYTHON3-WEBSOCKETS ABSENT: install python3-websockets")

READ_LIMIT_S = 10
PINGS = 10000
PING_BYTES = 125  # The most that a control frame carries.
SMALL_BUFFER_BYTES = 4096
CHANNEL = "log:numbers"


def payload(number):
    return str(number).encode().ljust(PING_BYTES, b".")


def ping_flood():
    return b"".join(frame(PING, payload(number)) for number in range(PINGS))


def sum_of(page, name, *labels):
    """The sum of a metric over the samples that carry these labels, as `use="replies"`."""
    lines = [line for line in page.splitlines()
             if line.startswith(name + "{") and all(label in line for label in labels)]
    assert lines, f"there is a metric {name} {labels}"
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


class Reader:
    """A client of python3-websockets that collects what a channel publishes."""

    def __init__(self, client):
        self.client = client
        self.numbers = []

    @classmethod
    async def start(cls, server):
        client = await websockets.connect(server.socket_url, compression=None)
        commands = [{"id": 1, "connect": {}}, {"id": 2, "subscribe": {"channel": CHANNEL}}]
        await client.send("\n".join(map(json.dumps, commands)))
        reader = cls(client)
        replies = 0
        while replies < 2:
            replies += await reader.take()
        return reader

    async def take(self):
        """Takes one message; how many replies were in it."""
        replies = 0
        for line in (await asyncio.wait_for(self.client.recv(), READ_LIMIT_S)).split("\n"):
            message = json.loads(line)
            if "push" in message:
                self.numbers.append(message["push"]["pub"]["data"])
            else:
                assert "error" not in message, message
                replies += 1
        return replies

    async def check(self, count):
        """Waits for the publications 1…`count`, each once and in order."""
        while len(self.numbers) < count:
            await self.take()
        assert self.numbers == list(range(1, count + 1)), self.numbers
        await self.client.close()


async def publish_until(server, task):
    """Publishes 1, 2, 3 … until `task` is done, at least ten; how many."""
    count = 0
    while count < 10 or not task.done():
        count += 1
        await asyncio.to_thread(server.publish, CHANNEL, count)
    await task
    return count


async def pongs_up_to(wire, last):
    """The payloads of the pongs that come, up to `last`; other frames are skipped."""
    received = []
    while not received or received[-1] != last:
        _, opcode, body = await wire.receive()
        if opcode == PONG:
            received.append(body)
    return received


async def upgraded_small(server):
    """A connection whose receive buffer is small, so that the server's side fills at once."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
    client.connect(("127.0.0.1", server.port))
    return await Wire.open(server, sock=client, limit=SMALL_BUFFER_BYTES)


@test("flood: of ten thousand pings the newest is answered, the others get everything")
async def _(server):
    readers = [await Reader.start(server) for _ in range(3)]
    wire = await Wire.open(server)
    flooding = asyncio.create_task(pongs_up_to(wire, payload(PINGS - 1)))
    wire.send(ping_flood())
    count = await publish_until(server, flooding)
    pongs = flooding.result()
    # Each answers a ping, none an older one than the pong before it (RFC 6455, section 5.5.3).
    numbers = [int(pong.rstrip(b".")) for pong in pongs]
    assert pongs == list(map(payload, numbers))
    assert numbers == sorted(set(numbers)), "in order, none twice"
    # At most one for each buffer that the server receives into, and many share a turn.
    assert len(pongs) < PINGS // 4, len(pongs)
    for reader in readers:
        await reader.check(count)
    # It was no reason to end the connection.
    wire.send(frame(TEXT, b'{"id":1,"connect":{}}'))
    assert json.loads((await wire.receive())[2])["id"] == 1


@test("flood: ten thousand pings of a peer that takes nothing are owed one answer")
async def _(server):
    readers = [await Reader.start(server) for _ in range(3)]
    wire = await upgraded_small(server)
    for number, command in enumerate(({"connect": {}}, {"subscribe": {"channel": "state:big"}}), 1):
        wire.send(frame(TEXT, json.dumps({"id": number, **command}).encode()))
        await wire.receive()
    wire.pause()
    await asyncio.to_thread(fill, server)
    # The server reads them all: were it to keep an answer to each, it would stop reading.
    wire.send(ping_flood())
    flooding = asyncio.create_task(wire.drained())
    count = await publish_until(server, flooding)
    for reader in readers:
        await reader.check(count)
    await asyncio.sleep(0.3)  # Memory is looked at every 100 ms.
    page = await asyncio.to_thread(server.get, "/metrics")
    replies = sum_of(page, "tickcast_memory_bytes", 'use="replies"')
    assert replies == PING_BYTES + 2, f"{replies} bytes of replies are not one pong"
    assert sum_of(page, "tickcast_reading_paused_total") == 0
    wire.resume()
    pongs = await asyncio.wait_for(pongs_up_to(wire, payload(PINGS - 1)), READ_LIMIT_S)
    assert pongs == [payload(PINGS - 1)], pongs


def fill(server):
    """Publishes to state:big until the socket of a subscriber is full."""
    while not sum_of(server.get("/metrics"), "tickcast_blocked_total"):
        server.publish("state:big", "x" * 20000)


@test("flood: who takes no reply is not read from, and loses none of them")
async def _(server):
    readers = [await Reader.start(server) for _ in range(3)]
    wire = await upgraded_small(server)
    wire.send(frame(TEXT, b'{"id":1,"connect":{}}'))
    await wire.receive()
    wire.pause()
    first, last = 2, 10001
    commands = range(first, last + 1)
    for number in commands:
        wire.send(frame(TEXT, json.dumps(
            {"id": number, "history": {"channel": "nosuch:channel"}}).encode()))
    paused = asyncio.create_task(wait_for_pause(server))
    count = await publish_until(server, paused)
    for reader in readers:
        await reader.check(count)
    page = await asyncio.to_thread(server.get, "/metrics")
    # 64 KiB, and the replies to what one more message or buffer held.
    assert sum_of(page, "tickcast_memory_bytes", 'use="replies"') < 2 * 65536
    wire.resume()
    answered = []
    while len(answered) < len(commands):
        _, opcode, text = await wire.receive()
        assert opcode == TEXT
        messages = map(json.loads, text.split(b"\n"))
        # It may be told that it is slow, which belongs to no command.
        answered += [message for message in messages if "push" not in message]
    assert [answer["id"] for answer in answered] == list(commands)
    assert {answer["error"]["code"] for answer in answered} == {102}


async def wait_for_pause(server):
    while not sum_of(await asyncio.to_thread(server.get, "/metrics"),
                     "tickcast_reading_paused_total"):
        await asyncio.sleep(0.05)


run_all()
