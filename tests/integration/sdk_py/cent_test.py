#!/usr/bin/python3
"""The official Python library for backends, newest: its calls, as they are."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
# pylint: disable=wrong-import-position
from cent import (
    AsyncClient, BatchRequest, BlockUserRequest, BroadcastRequest, CentApiResponseError,
    CentUnauthorizedError, ChannelsRequest, Disconnect, DisconnectRequest,
    HistoryRemoveRequest, HistoryRequest, InfoRequest, InvalidateUserTokensRequest,
    PresenceRequest, PresenceStatsRequest, PublishRequest, RefreshRequest, RevokeTokenRequest,
    StreamPosition, SubscribeRequest, UnblockUserRequest, UnsubscribeRequest)
from client import Form
from harness import run_all, test
from target import ORACLE, SDK_CONFIG, Target, make_token, seconds_from_now

FORM = Form("json")


def case(name, **config):
    """Declares a case that is called with a running server and a library's client of it."""

    def declare(body):
        async def run(server):
            server.clients = []
            backend = AsyncClient(f"http://{server.address}/api", SDK_CONFIG["http_api.key"])
            try:
                await body(server, backend)
            finally:
                await backend.close()
                for client in server.clients:
                    await client.disconnect()

        test(f"sdk_py: cent: {name}", **config)(run)
        return body

    return declare


async def refused_with(code, awaitable):
    try:
        await awaitable
    except CentApiResponseError as fault:
        assert fault.code == code, fault
    else:
        raise AssertionError(f"no error, where {code} is right")


async def user_client(server, user):
    token = make_token(sub=user, exp=seconds_from_now(600))
    return await FORM.connected(server, token=token)


@case("publish and broadcast reach subscribers, with their positions")
async def _(server, backend):
    client, _ = await FORM.connected(server)
    _, notes = await FORM.subscribe(client, "chat:a")
    first = await backend.publish(PublishRequest(channel="chat:a", data={"n": 1}))
    assert first.offset == 1 and first.epoch, first
    both = await backend.broadcast(
        BroadcastRequest(channels=["chat:a", "plain:b"], data={"n": 2}, tags={"a": "b"}))
    assert [each.result.offset for each in both.responses] == [2, 0], both
    await notes.next("publication", 1)
    assert FORM.values(notes) == [{"n": 1}, {"n": 2}]


@case("the same idempotency_key is published once")
async def _(server, backend):
    request = PublishRequest(channel="chat:a", data=1, idempotency_key="once")
    assert await backend.publish(request) == await backend.publish(request)
    history = await backend.history(HistoryRequest(channel="chat:a", limit=10))
    assert len(history.publications) == 1, history


@case("history, from a position, and history_remove")
async def _(server, backend):
    for n in range(3):
        await backend.publish(PublishRequest(channel="chat:a", data=n))
    whole = await backend.history(HistoryRequest(channel="chat:a", limit=-1))
    assert [each.data for each in whole.publications] == [0, 1, 2], whole
    since = StreamPosition(offset=2, epoch=whole.epoch)
    rest = await backend.history(HistoryRequest(channel="chat:a", limit=-1, since=since))
    assert [each.offset for each in rest.publications] == [3], rest
    newest = await backend.history(HistoryRequest(channel="chat:a", limit=1, reverse=True))
    assert [each.data for each in newest.publications] == [2], newest
    await backend.history_remove(HistoryRemoveRequest(channel="chat:a"))
    empty = await backend.history(HistoryRequest(channel="chat:a", limit=-1))
    assert (empty.publications, empty.offset, empty.epoch) == ([], 3, whole.epoch), empty


@case("presence and presence_stats")
async def _(server, backend):
    for user in ("1", "1", "2"):
        client, _ = await user_client(server, user)
        await FORM.subscribe(client, "chat:a")
    present = (await backend.presence(PresenceRequest(channel="chat:a"))).presence
    assert sorted(each.user for each in present.values()) == ["1", "1", "2"], present
    stats = await backend.presence_stats(PresenceStatsRequest(channel="chat:a"))
    assert (stats.num_clients, stats.num_users) == (3, 2), stats


@case("channels and info")
async def _(server, backend):
    client, _ = await FORM.connected(server)
    await FORM.subscribe(client, "chat:a")
    channels = (await backend.channels(ChannelsRequest(pattern="chat:*"))).channels
    assert {name: each.num_clients for name, each in channels.items()} == {"chat:a": 1}, channels
    assert not (await backend.channels(ChannelsRequest(pattern="other:*"))).channels
    nodes = (await backend.info(InfoRequest())).nodes
    assert len(nodes) == 1 and len(nodes[0].uid) == 36, nodes


@case("subscribe: the server subscribes a user, and ends it")
async def _(server, backend):
    client, notes = await user_client(server, "1")
    await backend.subscribe(SubscribeRequest(user="1", channel="chat:a", data={"hello": 1}))
    subscribed = await notes.next("subscribed")
    assert (subscribed.channel, FORM.unpack(subscribed.data)) == ("chat:a", {"hello": 1}), subscribed
    await backend.publish(PublishRequest(channel="chat:a", data=7))
    assert FORM.unpack((await notes.next("publication")).pub.data) == 7
    await backend.unsubscribe(UnsubscribeRequest(user="1", channel="chat:a"))
    assert (await notes.next("unsubscribed")).channel == "chat:a"
    assert client.state.value == "connected"


@case("unsubscribe")
async def _(server, backend):
    client, _ = await user_client(server, "1")
    _, notes = await FORM.subscribe(client, "chat:a")
    await backend.unsubscribe(UnsubscribeRequest(user="1", channel="chat:a"))
    assert (await notes.next("unsubscribed")).code == 2000


@case("disconnect")
async def _(server, backend):
    _, first = await user_client(server, "1")
    await backend.disconnect(DisconnectRequest(user="1"))
    assert (await first.next("disconnected")).code == 3503
    _, second = await user_client(server, "1")
    disconnect = Disconnect(code=4555, reason="enough")
    await backend.disconnect(DisconnectRequest(user="1", disconnect=disconnect))
    told = await second.next("disconnected")
    assert (told.code, told.reason) == (4555, "enough"), told


@case("refresh")
async def _(server, backend):
    _, notes = await user_client(server, "1")
    await backend.refresh(RefreshRequest(user="1", expire_at=seconds_from_now(300)))
    await backend.refresh(RefreshRequest(user="1", expired=True))
    assert (await notes.next("connecting", 1)).code == 3005


@case("batch")
async def _(server, backend):
    requests = [PublishRequest(channel="chat:a", data=1), HistoryRequest(channel="chat:a", limit=1),
                DisconnectRequest(user="nobody"), InfoRequest()]
    for parallel in (False, True):
        replies = (await backend.batch(BatchRequest(requests=requests, parallel=parallel))).replies
        assert len(replies) == 4, replies
        assert replies[0].offset > 0 and replies[1].epoch == replies[0].epoch, replies


@case("errors are the library's own")
async def _(server, backend):
    await refused_with(102, backend.publish(PublishRequest(channel="nosuch:a", data=1)))
    await refused_with(107, backend.publish(PublishRequest(channel="", data=1)))
    await refused_with(108, backend.history(HistoryRequest(channel="plain:a")))
    stranger = AsyncClient(f"http://{server.address}/api", "another key")
    try:
        await stranger.info(InfoRequest())
        raise AssertionError("another key is none")
    except CentUnauthorizedError:
        pass
    finally:
        await stranger.close()


if not ORACLE:
    # Centrifugo has these in its PRO version.
    @case("revocations: block_user and unblock_user")
    async def _(server, backend):
        _, notes = await user_client(server, "1")
        await backend.block_user(BlockUserRequest(user="1", expire_at=seconds_from_now(60)))
        await notes.next("disconnected")
        client, refused = FORM.client(server, token=make_token(sub="1"))
        await client.connect()
        await refused.next("disconnected")
        await backend.unblock_user(UnblockUserRequest(user="1"))
        await user_client(server, "1")

    @case("revocations: revoke_token and invalidate_user_tokens")
    async def _(server, backend):
        token = make_token(sub="1", jti="a")
        _, notes = await FORM.connected(server, token=token)
        await FORM.connected(server, token=make_token(sub="1", jti="b"))
        await backend.revoke_token(RevokeTokenRequest(uid="a"))
        await notes.next("disconnected")
        client, refused = FORM.client(server, token=token)
        await client.connect()
        await refused.next("disconnected")
        now = seconds_from_now(0)
        old, new = make_token(sub="2", iat=now - 10), make_token(sub="2", iat=now)
        _, notes = await FORM.connected(server, token=old)
        await FORM.connected(server, token=new)
        await backend.invalidate_user_tokens(
            InvalidateUserTokensRequest(user="2", issued_before=now - 5))
        await notes.next("disconnected")
        await FORM.connected(server, token=new)


run_all(Target)
