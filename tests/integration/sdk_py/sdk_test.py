#!/usr/bin/python3
"""The official Python SDK, newest, in both forms: the life of connections and subscriptions."""

import asyncio
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
# pylint: disable=wrong-import-position
from centrifuge import (
    ClientState, DeltaType, DuplicateSubscriptionError, Filter, StreamPosition, SubscriptionState,
    UnauthorizedError)
from client import Form, SubscriptionNotes, refused_with, until
from harness import run_all, test
from target import Target, make_token, sdk_namespaces, seconds_from_now

CLOSED = {"client__allow_anonymous_connect_without_token": False}


def in_both(name, **config):
    """Declares the case once per form."""

    def declare(body):
        for form in (Form("json"), Form("protobuf")):

            async def run(server, form=form):
                server.clients = []
                try:
                    await body(server, form)
                finally:
                    for client in server.clients:
                        await client.disconnect()

            test(f"sdk_py: {name} [{form.name}]", **config)(run)
        return body

    return declare


@in_both("connects, learns its id, disconnects")
async def _(server, form):
    client, notes = await form.connected(server)
    connected = await notes.next("connected")
    assert len(connected.client) == 36, connected
    await client.disconnect()
    assert (await notes.next("disconnected")).code == 0
    assert client.state == ClientState.DISCONNECTED


@in_both("an rpc that nobody takes is 108")
async def _(server, form):
    client, _ = await form.connected(server)
    await refused_with(108, client.rpc("method", form.pack({})))


@in_both("publishes and hears itself, with who published")
async def _(server, form):
    client, notes = await form.connected(
        server, token=make_token(sub="42", info={"name": "Ada"}))
    subscription, heard = await form.subscribe(client, "chat:x")
    value = {"text": 'soup \u2013 \U0001f372 "now"\n', "n": [1, None, True, -0.25]}
    await subscription.publish(form.pack(value))
    await until("it arrives", lambda: form.values(heard) == [value])
    info = heard.named("publication")[0].pub.info
    assert (info.user, info.client) == ("42", notes.named("connected")[0].client), info
    assert form.unpack(info.conn_info) == {"name": "Ada"}


@in_both("subscribes, unsubscribes, and again")
async def _(server, form):
    client, _ = await form.connected(server)
    subscription, heard = await form.subscribe(client, "plain:x")
    for round_number in range(5):
        await subscription.unsubscribe()
        assert subscription.state == SubscriptionState.UNSUBSCRIBED
        await subscription.subscribe()
        await subscription.ready(10)
        assert len(heard.named("subscribed")) == round_number + 2
    server.publish("plain:x", 1)
    await until("it arrives", lambda: form.values(heard) == [1])


@in_both("unsubscribes between the command and its reply")
async def _(server, form):
    client, _ = await form.connected(server)
    heard = SubscriptionNotes()
    subscription = client.new_subscription("plain:x", events=heard)
    subscribing = asyncio.create_task(subscription.subscribe())
    await asyncio.sleep(0)
    await subscription.unsubscribe()
    await subscribing
    await subscription.subscribe()
    await subscription.ready(10)
    server.publish("plain:x", 1)
    await until("it arrives", lambda: form.values(heard) == [1])


@in_both("a second subscription of one channel is the SDK's own error")
async def _(server, form):
    client, _ = await form.connected(server)
    await form.subscribe(client, "plain:x")
    try:
        client.new_subscription("plain:x")
    except DuplicateSubscriptionError:
        return
    raise AssertionError("no error")


@in_both("a hundred subscriptions")
async def _(server, form):
    client, _ = await form.connected(server)
    made = await asyncio.gather(
        *(form.subscribe(client, f"plain:{n}") for n in range(100)))
    server.call("broadcast", {"channels": [f"plain:{n}" for n in range(100)], "data": "all"})
    for _, heard in made:
        await until("each hears it", lambda: form.values(heard) == ["all"])


@in_both("a getToken that fails is asked again", **CLOSED)
async def _(server, form):
    calls = []

    async def get_token():
        calls.append(1)
        if len(calls) == 1:
            raise ConnectionError("the backend is away")
        return make_token(sub="42")

    await form.connected(server, get_token=get_token)
    assert len(calls) == 2


@in_both("an unauthorized getToken is final", **CLOSED)
async def _(server, form):
    async def get_token():
        raise UnauthorizedError()

    client, notes = form.client(server, get_token=get_token)
    await client.connect()
    assert (await notes.next("disconnected")).code == 1


@in_both("an expired token is 109, and another is asked for", **CLOSED)
async def _(server, form):
    calls = []

    async def get_token():
        calls.append(1)
        return make_token(sub="42", exp=seconds_from_now(600))

    await form.connected(
        server, token=make_token(sub="42", exp=seconds_from_now(-10)), get_token=get_token)
    assert len(calls) == 1


@in_both("an invalid token closes 3500, final", **CLOSED)
async def _(server, form):
    client, notes = form.client(server, token="rubbish")
    await client.connect()
    assert (await notes.next("disconnected")).code == 3500


@in_both("a token is refreshed before it expires", client__expired_close_delay="1s", **CLOSED)
async def _(server, form):
    calls = []

    async def get_token():
        calls.append(1)
        return make_token(sub="42", exp=seconds_from_now(2 if len(calls) < 3 else 600))

    client, notes = await form.connected(server, get_token=get_token)
    await until("two refreshes", lambda: len(calls) >= 3)
    await form.subscribe(client, "plain:x")
    assert len(notes.named("connecting")) == 1, notes.events


@in_both("a subscription token is asked for, and refreshed", client__expired_sub_close_delay="1s")
async def _(server, form):
    calls = []

    async def get_token(channel):
        calls.append(channel)
        return make_token(channel=channel, exp=seconds_from_now(2 if len(calls) < 3 else 600))

    client, _ = await form.connected(server)
    subscription, heard = await form.subscribe(client, "closed:x", get_token=get_token)
    await until("two refreshes", lambda: len(calls) >= 3)
    await form.subscribe(client, "plain:x")
    assert subscription.state == SubscriptionState.SUBSCRIBED
    assert len(heard.named("subscribed")) == 1, heard.events


@in_both("a closed channel is error 103, an unknown namespace 102")
async def _(server, form):
    client, _ = await form.connected(server)
    for channel, code in (("closed:x", 103), ("nosuch:x", 102)):
        heard = SubscriptionNotes()
        await client.new_subscription(channel, events=heard).subscribe()
        assert (await heard.next("unsubscribed")).code == code


@in_both("what nobody allowed is 103, what the channel has not is 108")
async def _(server, form):
    client, _ = await form.connected(server)
    readonly, _ = await form.subscribe(client, "readonly:x")
    await refused_with(103, readonly.publish(form.pack(1)))
    await refused_with(103, readonly.presence())
    await refused_with(103, readonly.presence_stats())
    await refused_with(103, readonly.history(limit=1))
    plain, _ = await form.subscribe(client, "plain:x")
    await refused_with(108, plain.presence())
    await refused_with(108, plain.history(limit=1))


@in_both("presence, its counts, join and leave")
async def _(server, form):
    one, notes = await form.connected(server, token=make_token(sub="1"))
    subscription, heard = await form.subscribe(one, "chat:x")
    other, theirs = await form.connected(server, token=make_token(sub="2", info={"n": 2}))
    await form.subscribe(other, "chat:x")
    clients = (await subscription.presence()).clients
    mine, its = notes.named("connected")[0].client, theirs.named("connected")[0].client
    assert set(clients) == {mine, its}, clients
    assert clients[its].user == "2" and form.unpack(clients[its].conn_info) == {"n": 2}
    stats = await subscription.presence_stats()
    assert (stats.num_clients, stats.num_users) == (2, 2), stats
    await until("the join", lambda: its in [c.info.client for c in heard.named("join")])
    await other.disconnect()
    await until("the leave", lambda: its in [c.info.client for c in heard.named("leave")])
    assert (await subscription.presence_stats()).num_clients == 1


@in_both("history in pages, backward, and the position alone")
async def _(server, form):
    for n in range(1, 11):
        epoch = server.publish("chat:x", n)["epoch"]
    client, _ = await form.connected(server)
    subscription, _ = await form.subscribe(client, "chat:x")

    async def read(**options):
        answer = await subscription.history(**options)
        assert (answer.offset, answer.epoch) == (10, epoch), answer
        return [form.unpack(publication.data) for publication in answer.publications]

    assert await read(limit=-1) == list(range(1, 11))
    assert await read(limit=3, since=StreamPosition(4, epoch)) == [5, 6, 7]
    assert await read(limit=2, reverse=True) == [10, 9]
    assert await read(limit=0) == []
    await refused_with(112, subscription.history(limit=2, since=StreamPosition(1, "other")))


@in_both("recovers what was missed")
async def _(server, form):
    client, _ = await form.connected(server)
    subscription, heard = await form.subscribe(client, "chat:x")
    server.publish("chat:x", 1)
    await until("the first", lambda: form.values(heard) == [1])
    await client.disconnect()
    for n in (2, 3, 4):
        server.publish("chat:x", n)
    await client.connect()
    await subscription.ready(10)
    await until("all of them", lambda: form.values(heard) == [1, 2, 3, 4])
    again = heard.named("subscribed")[1]
    assert again.was_recovering and again.recovered and again.recoverable, again


@in_both("is told when it cannot recover")
async def _(server, form):
    client, _ = await form.connected(server)
    subscription, heard = await form.subscribe(client, "small:x")
    server.publish("small:x", 1)
    await until("the first", lambda: form.values(heard) == [1])
    await client.disconnect()
    for n in (2, 3, 4, 5):
        server.publish("small:x", n)
    await client.connect()
    await subscription.ready(10)
    again = heard.named("subscribed")[1]
    assert again.was_recovering and not again.recovered, again
    assert again.stream_position.offset == 5
    assert form.values(heard) == [1]


@in_both("get_state is asked where recovery fails")
async def _(server, form):
    states = []

    async def get_state(_channel):
        position = server.call("history", {"channel": "small:x"})
        states.append(position["offset"])
        return StreamPosition(position["offset"], position["epoch"])

    server.publish("small:x", 1)
    client, _ = await form.connected(server)
    subscription, heard = await form.subscribe(client, "small:x", get_state=get_state)
    await client.disconnect()
    for n in (2, 3, 4, 5):
        server.publish("small:x", n)
    await client.connect()
    await subscription.ready(10)
    server.publish("small:x", 6)
    await until("the newest", lambda: 6 in form.values(heard))
    assert states == [1, 5], states
    assert form.values(heard) == [6], form.values(heard)


@in_both("comes back by itself after a restart")
async def _(server, form):
    client, notes = await form.connected(server)
    _, heard = await form.subscribe(client, "chat:x")
    await asyncio.to_thread(server.stop)
    await notes.next("connecting", known=1)
    server.launch()
    await asyncio.to_thread(server.wait_until_healthy)
    await notes.next("connected", known=1)
    again = await heard.next("subscribed", known=1)
    assert again.was_recovering and not again.recovered, again
    server.publish("chat:x", "back")
    await until("it arrives", lambda: form.values(heard) == ["back"])


@in_both("deltas are whole values")
async def _(server, form):
    client, _ = await form.connected(server)
    subscription, heard = await form.subscribe(client, "delta:x", delta=DeltaType.FOSSIL)
    values = [{"seq": n, "price": f"61837.{n}", "pad": "abcdefghij" * 40} for n in range(8)]
    for value in values[:4]:
        server.publish("delta:x", value)
    await until("the first four", lambda: form.values(heard) == values[:4])
    await client.disconnect()
    for value in values[4:]:
        server.publish("delta:x", value)
    await client.connect()
    await subscription.ready(10)
    await until("all of them", lambda: form.values(heard) == values)


@in_both("a tag filter lets its own through")
async def _(server, form):
    client, _ = await form.connected(server)
    wanted = Filter.all(
        Filter.is_in("region", ["eu", "us"]), Filter.negate(Filter.lt("price", "10")))
    _, heard = await form.subscribe(client, "tagged:x", tags_filter=wanted)
    for n, tags in enumerate((
            {"region": "eu", "price": "10"}, {"region": "eu", "price": "9.99"},
            {"region": "asia", "price": "11"}, {}, {"region": "us", "price": "1000"})):
        server.publish("tagged:x", n, tags=tags)
    await until("what passes", lambda: 4 in form.values(heard))
    assert form.values(heard) == [0, 4]
    assert heard.named("publication")[0].pub.tags == {"region": "eu", "price": "10"}


@in_both("server-side subscriptions, from token and API")
async def _(server, form):
    client, notes = await form.connected(server, token=make_token(sub="42", channels=["chat:x"]))
    subscribed = await notes.next("subscribed")
    assert (subscribed.channel, subscribed.recoverable) == ("chat:x", True), subscribed
    server.call("subscribe", {"user": "42", "channel": "plain:y"})
    assert (await notes.next("subscribed", known=1)).channel == "plain:y"
    server.publish("plain:y", "y")
    await until("it arrives", lambda: form.values(notes) == ["y"])
    server.call("unsubscribe", {"user": "42", "channel": "plain:y"})
    assert (await notes.next("unsubscribed")).channel == "plain:y"
    await client.disconnect()
    server.publish("chat:x", "missed")
    await client.connect()
    await until("it is recovered", lambda: form.values(notes) == ["y", "missed"])


@in_both("the server unsubscribes and disconnects")
async def _(server, form):
    client, notes = await form.connected(server, token=make_token(sub="42"))
    _, heard = await form.subscribe(client, "plain:x")
    server.call("unsubscribe", {"user": "42", "channel": "plain:x"})
    assert (await heard.next("unsubscribed")).code == 2000
    server.call("disconnect", {"user": "42", "disconnect": {"code": 4001, "reason": "again"}})
    connecting = await notes.next("connecting", known=1)
    assert (connecting.code, connecting.reason) == (4001, "again"), connecting
    await client.ready(10)
    server.call("disconnect", {"user": "42"})
    assert (await notes.next("disconnected")).code == 3503


@in_both("pings are answered", client__ping_interval="1s", client__pong_timeout="700ms")
async def _(server, form):
    client, notes = await form.connected(server)
    pings = []
    handle = client._handle_ping

    async def count():
        pings.append(1)
        await handle()

    client._handle_ping = count
    await until("three pings", lambda: len(pings) >= 3)
    assert len(notes.named("connecting")) == 1


@in_both("a big payload passes both ways")
async def _(server, form):
    client, _ = await form.connected(server)
    subscription, heard = await form.subscribe(client, "chat:x")
    value = "ä" * 8000
    await subscription.publish(form.pack(value))
    await until("it comes back", lambda: form.values(heard) == [value])


@test("sdk_py: any bytes, in both directions [protobuf]",
      channel__namespaces=sdk_namespaces(chat={"publication_data_format": "binary"}))
async def _(server):
    server.clients = []
    form = Form("protobuf")
    client, _ = await form.connected(server)
    subscription, heard = await form.subscribe(client, "chat:x")
    data = bytes(range(256)) * 2
    await subscription.publish(data)
    await until("it comes back", lambda: heard.named("publication"))
    assert heard.named("publication")[0].pub.data == data
    await client.disconnect()


run_all(Target)
