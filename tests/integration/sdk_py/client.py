"""The official Python SDK as the cases use it: clients that note what they hear, in either form."""

import asyncio
import json

from centrifuge import Client, ClientEventHandler, ReplyError, SubscriptionEventHandler

LIMIT_S = 10


async def until(what, probe, limit_s=LIMIT_S):
    """Waits until `probe` returns something true, and returns that."""
    end = asyncio.get_running_loop().time() + limit_s
    while True:
        found = probe()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        if asyncio.get_running_loop().time() > end:
            raise AssertionError(f"{what}: not within {limit_s} s")
        await asyncio.sleep(0.02)


async def refused_with(code, awaitable):
    try:
        await awaitable
    except ReplyError as fault:
        assert fault.code == code, fault
    else:
        raise AssertionError(f"no error, where {code} is right")


class _Notes:
    """Every event as (name, context), in order."""

    def __init__(self):
        self.events = []

    def named(self, name):
        return [context for each, context in self.events if each == name]

    async def next(self, name, known=0):
        """The event `name` after the first `known` ones."""
        await until(f"the event {name}", lambda: len(self.named(name)) > known)
        return self.named(name)[known]


def _note(name):
    async def handler(self, context):
        self.events.append((name, context))

    return handler


class ClientNotes(_Notes, ClientEventHandler):
    pass


class SubscriptionNotes(_Notes, SubscriptionEventHandler):
    pass


for _type, _base in (
        (ClientNotes, ClientEventHandler), (SubscriptionNotes, SubscriptionEventHandler)):
    for _name in vars(_base):
        if _name.startswith("on_"):
            setattr(_type, _name, _note(_name[3:]))


class Form:
    """JSON or Protobuf: what payloads are for the application, and how clients are made."""

    def __init__(self, name):
        self.name = name
        self.is_protobuf = name == "protobuf"

    def pack(self, value):
        return json.dumps(value).encode() if self.is_protobuf else value

    def unpack(self, data):
        return json.loads(data) if self.is_protobuf else data

    def client(self, server, **options):
        """A client that is not connected yet, and its notes."""
        notes = ClientNotes()
        address = server.socket_url + ("?format=protobuf" if self.is_protobuf else "")
        client = Client(
            address, events=notes, use_protobuf=self.is_protobuf, min_reconnect_delay=0.02,
            max_reconnect_delay=0.3, proxy=None, **options)
        server.clients.append(client)
        return client, notes

    async def connected(self, server, **options):
        client, notes = self.client(server, **options)
        await client.connect()
        await client.ready(LIMIT_S)
        return client, notes

    async def subscribe(self, client, channel, **options):
        """A subscription that is subscribed, and its notes."""
        notes = SubscriptionNotes()
        subscription = client.new_subscription(
            channel, events=notes, min_resubscribe_delay=0.02, max_resubscribe_delay=0.3, **options)
        await subscription.subscribe()
        await subscription.ready(LIMIT_S)
        return subscription, notes

    def values(self, notes):
        """The payloads of the publications that were heard."""
        return [self.unpack(context.pub.data) for context in notes.named("publication")]
