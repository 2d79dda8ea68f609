#!/usr/bin/python3
"""The Centrifuge protocol as python3-websockets sees it: lines, batches, pings, first values."""

import asyncio
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
# pylint: disable=wrong-import-position
from frames import CONTINUATION, PING, PONG, TEXT, Wire, frame
from harness import run_all, skip_all, test

try:
    import websockets
except ImportError:
    skip_all("PYTHON3-WEBSOCKETS ABSENT: install python3-websockets")

READ_LIMIT_S = 10


def lines(*commands):
    return "\n".join(map(json.dumps, commands))


def connect(server, **options):
    return websockets.connect(server.socket_url, compression=None, **options)


async def replies(client, count):
    """The next `count` lines, in however many messages they come."""
    collected = []
    while len(collected) < count:
        message = await asyncio.wait_for(client.recv(), READ_LIMIT_S)
        assert isinstance(message, str), "JSON comes as text"
        collected += [json.loads(line) for line in message.split("\n") if line]
    assert len(collected) == count, collected
    return collected


CONNECT = {"id": 1, "connect": {"name": "python"}}


@test("protocol: several commands in one message, each answered by id, in order")
async def _(server):
    async with connect(server) as client:
        rooms = [{"id": 2 + i, "subscribe": {"channel": f"room:{i}"}} for i in range(50)]
        await client.send(lines(CONNECT, *rooms))
        answers = await replies(client, 51)
        assert sorted(answer["id"] for answer in answers) == list(range(1, 52))
        assert answers[0]["id"] == 1, "connect is answered before what follows it"
        assert all("error" not in answer for answer in answers), answers
        assert answers[0]["connect"]["ping"] == 25 and answers[0]["connect"]["pong"] is True


@test("protocol: replies of one moment share a message, joined by newlines")
async def _(server):
    async with connect(server) as client:
        await client.send(lines(CONNECT))
        await replies(client, 1)
        unknown = [{"id": i, "subscribe": {"channel": f"nosuch:{i}"}} for i in range(2, 22)]
        await client.send(lines(*unknown))
        message = await asyncio.wait_for(client.recv(), READ_LIMIT_S)
        answers = [json.loads(line) for line in message.strip("\n").split("\n")]
        assert [answer["id"] for answer in answers] == list(range(2, 22)), message
        assert {answer["error"]["code"] for answer in answers} == {102}


@test("protocol: a trailing newline and blank lines between commands are no commands")
async def _(server):
    async with connect(server) as client:
        await client.send(lines(CONNECT) + "\n")
        await replies(client, 1)
        await client.send(lines({"id": 2, "subscribe": {"channel": "room:x"}}) + "\n")
        await replies(client, 1)


@test("protocol: an empty Sec-WebSocket-Protocol header passes")
async def _(server):
    async with connect(server, extra_headers={"Sec-WebSocket-Protocol": ""}) as client:
        await client.send(lines(CONNECT))
        assert "connect" in (await replies(client, 1))[0]
        assert client.subprotocol is None


@test("protocol: centrifuge-json is agreed to, the query of version 2 ignored")
async def _(server):
    url = server.socket_url + "?cf_protocol_version=v2"
    async with websockets.connect(
            url, compression=None, subprotocols=["centrifuge-json"]) as client:
        assert client.subprotocol == "centrifuge-json"
        await client.send(lines(CONNECT))
        assert "connect" in (await replies(client, 1))[0]


@test("protocol: an offered permessage-deflate is not taken, and all works without")
async def _(server):
    async with websockets.connect(server.socket_url, compression="deflate") as client:
        assert client.extensions == []
        await client.send(lines(CONNECT))
        assert "connect" in (await replies(client, 1))[0]


@test("protocol: the server's ping is an empty command, and so is the pong",
      client__ping_interval="1s", client__pong_timeout="500ms")
async def _(server):
    async with connect(server) as client:
        await client.send(lines(CONNECT))
        await replies(client, 1)
        for _round in range(2):
            assert await asyncio.wait_for(client.recv(), READ_LIMIT_S) == "{}"
            await client.send("{}")
        assert await asyncio.wait_for(client.recv(), READ_LIMIT_S) == "{}"
        await client.wait_closed()
        assert (client.close_code, client.close_reason) == (3012, "no pong")


@test("protocol: pong:true is not promised where no pong is expected",
      client__ping_interval="1s", client__pong_timeout="0s")
async def _(server):
    async with connect(server) as client:
        await client.send(lines(CONNECT))
        answer = (await replies(client, 1))[0]["connect"]
        assert answer["ping"] == 1 and not answer.get("pong", False)
        for _round in range(2):  # Unanswered, and still there.
            assert await asyncio.wait_for(client.recv(), READ_LIMIT_S) == "{}"


@test("protocol: a WebSocket ping is answered by a WebSocket pong")
async def _(server):
    async with connect(server) as client:
        await asyncio.wait_for(await client.ping(b"hello"), READ_LIMIT_S)


@test("protocol: a state channel's newest value is in the subscribe reply, without a position")
async def _(server):
    server.publish("state:lamp", {"n": 1})
    server.publish("state:lamp", {"n": 2})
    async with connect(server) as client:
        await client.send(lines(CONNECT, {"id": 2, "subscribe": {"channel": "state:lamp"}},
                                {"id": 3, "subscribe": {"channel": "state:dark"}}))
        by_id = {answer["id"]: answer for answer in await replies(client, 3)}
        lamp = by_id[2]["subscribe"]
        assert [pub["data"] for pub in lamp["publications"]] == [{"n": 2}], lamp
        for absent in ("recoverable", "positioned", "epoch", "offset"):
            assert not lamp.get(absent), lamp
        assert "offset" not in lamp["publications"][0]
        assert not by_id[3]["subscribe"].get("publications"), by_id[3]
        server.publish("state:lamp", {"n": 3})
        push = (await replies(client, 1))[0]["push"]
        assert push == {"channel": "state:lamp", "pub": {"data": {"n": 3}}}, push


@test("protocol: recovery of a state channel is answered, never with 112")
async def _(server):
    server.publish("state:lamp", {"n": 1})
    async with connect(server) as client:
        await client.send(lines(CONNECT, {"id": 2, "subscribe": {
            "channel": "state:lamp", "recover": True, "offset": 7, "epoch": "old", "flag": 2}}))
        answer = (await replies(client, 2))[1]
        assert answer["subscribe"]["was_recovering"] is True, answer
        assert not answer["subscribe"].get("recovered"), answer
        assert [pub["data"] for pub in answer["subscribe"]["publications"]] == [{"n": 1}]


@test("protocol: a stream with history gives its position, and offsets go on from there")
async def _(server):
    first = server.publish("log:a", 1)
    async with connect(server) as client:
        await client.send(lines(CONNECT, {"id": 2, "subscribe": {"channel": "log:a"}}))
        position = (await replies(client, 2))[1]["subscribe"]
        assert position["recoverable"] is True and position["offset"] == 1, position
        assert position["epoch"] == first["epoch"]
        assert not position.get("publications")
        server.publish("log:a", 2)
        push = (await replies(client, 1))[0]["push"]
        assert push == {"channel": "log:a", "pub": {"data": 2, "offset": 2}}, push


@test("protocol: a command in fragments, cut anywhere, is the same command")
async def _(server):
    text = lines(CONNECT).encode()
    for cut in range(0, len(text) + 1, 3):
        wire = await Wire.open(server)
        wire.send(frame(TEXT, text[:cut], fin=False))
        wire.send(frame(PING, b"between"))
        wire.send(frame(CONTINUATION, text[cut:]))
        assert await wire.receive() == (True, PONG, b"between")
        fin, opcode, payload = await wire.receive()
        assert (fin, opcode) == (True, TEXT)
        assert json.loads(payload)["id"] == 1, payload
        wire.close()


@test("protocol: the library's fragmented messages are read")
async def _(server):
    async with connect(server) as client:
        text = lines(CONNECT, {"id": 2, "subscribe": {"channel": "room:x"}})
        await client.send([text[i:i + 5] for i in range(0, len(text), 5)])
        assert [answer["id"] for answer in await replies(client, 2)] == [1, 2]


@test("protocol: data of any language passes unchanged")
async def _(server):
    channel = "room:any \"name\" of ASCII"
    data = {"text": "\u0000\u001f\u007f\u2028 \"\\/ \ud83c\udf72", "deep": [[[[{}]]]]}
    async with connect(server) as client:
        await client.send(lines(CONNECT, {"id": 2, "subscribe": {"channel": channel}},
                                {"id": 3, "publish": {"channel": channel, "data": data}}))
        answers = await replies(client, 4)
        pushes = [answer["push"] for answer in answers if "push" in answer]
        assert [push["channel"] for push in pushes] == [channel]
        expected = json.loads(json.dumps(data).encode().decode("utf-8"))
        assert pushes[0]["pub"]["data"] == expected


@test("protocol: a name that is not ASCII is refused, where no channel_regex says otherwise")
async def _(server):
    async with connect(server) as client:
        await client.send(lines(CONNECT, {"id": 2, "subscribe": {"channel": "room:Zürich"}}))
        answers = await replies(client, 2)
        assert answers[1]["error"]["code"] == 107


@test("protocol: a client that closes is answered with its own code")
async def _(server):
    async with connect(server) as client:
        await client.send(lines(CONNECT))
        await replies(client, 1)
        await client.close(code=4321, reason="bye")
        assert client.close_code == 4321


run_all()
