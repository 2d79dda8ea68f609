#!/usr/bin/python3
"""GET /api/slow_clients with sockets that really are slow: small buffers, readers that stop."""

import asyncio
import json
import pathlib
import socket
import sys
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
# pylint: disable=wrong-import-position
from frames import TEXT, Wire, frame
from harness import BASE_CONFIG, run_all, test

KEY = {"X-API-Key": BASE_CONFIG["http_api.key"]}
LIMIT_S = 20
LEVELS = ["normal", "degraded", "critical", "emergency"]
# Levels rise and fall within seconds; the first ping comes within one.
QUICK = {"pressure__window": "500ms", "pressure__hold": "300ms", "client__ping_interval": "1s",
         "client__pong_timeout": "900ms", "client__slow_client_timeout": "60s"}


def ask(server, query="", method="GET", headers=None):
    """The answer as (status, headers, body)."""
    request = urllib.request.Request(
        f"http://{server.address}/api/slow_clients{query}", method=method,
        headers=KEY if headers is None else headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers, refusal.read().decode()


def slow_clients(server, query=""):
    status, headers, body = ask(server, query)
    assert status == 200, (status, body)
    assert headers["Content-Type"] == "application/json" and headers["Cache-Control"] == "no-store"
    return json.loads(body)["slow_clients"]


class PatientWire(Wire):
    """One whose frames may take as long as they like: its reader stops."""

    async def _exactly(self, size):
        return await self.reader.readexactly(size)


class Client:
    """A client that reads and answers pings until it is told to stop."""

    @classmethod
    async def open(cls, server, receive_buffer_bytes, *channels):
        client = cls()
        client.socket = socket.socket()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        client.socket.connect(("127.0.0.1", server.port))
        client.wire = await PatientWire.open(server, sock=client.socket)
        client.pongs = 0
        client.lines = asyncio.Queue()
        client.task = asyncio.create_task(client.read())
        server.undo.append(client.task.cancel)
        commands = [{"id": 1, "connect": {}}]
        commands += [{"id": 2 + i, "subscribe": {"channel": c}} for i, c in enumerate(channels)]
        client.wire.send(frame(TEXT, "\n".join(map(json.dumps, commands)).encode()))
        reply = await asyncio.wait_for(client.lines.get(), LIMIT_S)
        client.id = reply["connect"]["client"]
        for _ in channels:
            reply = await asyncio.wait_for(client.lines.get(), LIMIT_S)
            assert "subscribe" in reply, reply
        return client

    async def read(self):
        while True:
            _, opcode, payload = await self.wire.receive()
            assert opcode == TEXT, (opcode, payload)
            for line in payload.decode().split("\n"):
                if line == "{}":
                    self.wire.send(frame(TEXT, b"{}"))
                    self.pongs += 1
                elif "push" not in (reply := json.loads(line)):
                    self.lines.put_nowait(reply)

    @property
    def address(self):
        host, port = self.socket.getsockname()
        return f"{host}:{port}"


async def publish_until(server, probe):
    """Publishes to a state and a stream channel until `probe` gives something, and gives that."""
    end = asyncio.get_running_loop().time() + LIMIT_S
    while not (found := probe()):
        assert asyncio.get_running_loop().time() < end, slow_clients(server)
        server.publish("state:a", {"pad": "x" * 3000})
        server.publish("room:a", {"pad": "y" * 100})
        await asyncio.sleep(0.02)
    return found


def entry_of(server, client):
    return next((e for e in slow_clients(server) if e["address"] == client.address), None)


@test("slow clients: who stops reading is listed, rises, and falls when it reads again",
      limit_s=90, **QUICK)
async def _(server):
    slow = await Client.open(server, 4096, "state:a", "room:a")
    healthy = await Client.open(server, 1 << 20, "state:a", "room:a")
    assert slow_clients(server) == []
    async with asyncio.timeout(LIMIT_S):
        while slow.pongs == 0:
            await asyncio.sleep(0.02)
    slow.wire.pause()

    entry = await publish_until(server, lambda: entry_of(server, slow))
    assert (entry["client"], entry["user"], entry["subscriptions"]) == (slow.id, "", 2), entry
    assert entry["address"].startswith("127.0.0.1:"), entry
    assert 0 < entry["rtt_ms"] < 900, entry
    assert entry["shard"] in (0, 1) and entry["level"] in LEVELS, entry

    levels = []

    def worst():
        now = entry_of(server, slow)
        levels.append(LEVELS.index(now["level"]))
        return now if now["level"] == "emergency" and now["blocked_ms"] > 1500 else None

    entry = await publish_until(server, worst)
    assert levels == sorted(levels), levels
    assert 0.75 <= entry["blocked_share"] <= 1, entry
    assert entry["unsent_bytes"] < 65536, "one message at most"
    assert slow_clients(server, "?limit=1")[0]["client"] == slow.id
    assert all(e["level"] == "normal" for e in slow_clients(server) if e["client"] == healthy.id)

    slow.wire.resume()
    entry = await publish_until(
        server, lambda: (e := entry_of(server, slow)) and e["level"] == "degraded" and e)
    assert (entry["blocked_ms"], entry["unsent_bytes"]) == (0, 0), entry
    assert entry["conflated"] > 0, entry
    # Back at normal it is forgotten as soon as it has long been calm.
    await publish_until(server, lambda: entry_of(server, slow) is None)


@test("slow clients: the worst of all shards first, as many as asked for", limit_s=60,
      engine__shards=4, **QUICK)
async def _(server):
    clients = [await Client.open(server, 4096, "state:a", "room:a") for _ in range(6)]
    for client in clients:
        client.wire.pause()
    await publish_until(server, lambda: sum(e["blocked_ms"] > 0 for e in slow_clients(server)) == 6)
    found = slow_clients(server)
    assert {e["address"] for e in found} == {c.address for c in clients}
    assert {e["client"] for e in found} == {c.id for c in clients}
    rank = [(LEVELS.index(e["level"]), e["blocked_share"]) for e in found]
    assert rank == sorted(rank, reverse=True), rank
    assert len(slow_clients(server, "?limit=2")) == 2
    assert len(slow_clients(server, "?limit=1000")) == 6


@test("slow clients: who has no key, another method or a wrong limit is refused")
async def _(server):
    for headers in ({}, {"X-API-Key": ""}, {"X-API-Key": KEY["X-API-Key"] + "x"}):
        assert ask(server, headers=headers)[0] == 401, headers
    assert ask(server, f"?api_key={KEY['X-API-Key']}", headers={})[0] == 200
    assert ask(server, headers={"Authorization": f"apikey {KEY['X-API-Key']}"})[0] == 200
    for limit in ("0", "1001", "-1", "x", "", "1.5", "%201", "18446744073709551617"):
        status, _, body = ask(server, f"?limit={limit}")
        assert (status, body) == (400, "limit is a number from 1 to 1000\n"), (limit, status, body)
    for limit in ("1", "20", "1000"):
        assert ask(server, f"?limit={limit}")[2] == '{"slow_clients":[]}\n', limit
    for method in ("POST", "DELETE"):
        status, headers, _ = ask(server, method=method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD"), method
    assert ask(server, method="HEAD")[::2] == (200, "")


run_all()
