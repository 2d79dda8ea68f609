// A session with the official SDK: connect, subscribe, publish, receive, leave; on one shard and
// across several.

import assert from 'node:assert/strict';

import { test, until } from './lib/harness.mjs';
import { RawClient } from './lib/raw_client.mjs';
import { connect, connectedClient, newClient, nextEvent, subscribe } from './lib/sdk.mjs';
import { Server } from './lib/server.mjs';

const UUID_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('session: the SDK connects and learns its id', async (t) => {
  const server = await Server.start(t);
  const client = newClient(t, server);
  const event = nextEvent(client, 'connected');
  await connect(client);
  const about = await event;
  assert.match(about.client, UUID_4);
  assert.equal(about.transport, 'websocket');
});

test('session: a publication reaches its publisher and others, with who published', async (t) => {
  const server = await Server.start(t);
  const [alice, bob] = [await connectedClient(t, server), await connectedClient(t, server)];
  const heardByAlice = await subscribe(alice, 'room:kitchen');
  const heardByBob = await subscribe(bob, 'room:kitchen');
  const data = { text: 'soup is ready \u2013 \ud83c\udf72 "now"', n: [1, null, true, 1.5e3] };
  await heardByAlice.subscription.publish(data);
  for (const heard of [heardByAlice, heardByBob]) {
    await until('the publication arrives', () => heard.publications.length > 0);
    assert.deepEqual(heard.publications.map((p) => p.data), [data]);
    assert.match(heard.publications[0].info.client, UUID_4);
    assert.equal(heard.publications[0].info.user, '');
  }
});

test('session: what was unsubscribed is not received any more', async (t) => {
  const server = await Server.start(t);
  const client = await connectedClient(t, server);
  const left = await subscribe(client, 'room:left');
  const kept = await subscribe(client, 'room:kept');
  left.subscription.unsubscribe();
  await until('the server knows', async () => (await server.metrics()).sum(
    'tickcast_subscriptions') === 1);
  await server.publish('room:left', 1);
  await server.publish('room:kept', 2);
  await until('the other channel goes on', () => kept.publications.length === 1);
  assert.deepEqual(left.publications, []);
  await subscribe(client, 'room:again');  // The connection is as good as before.
});

test('session: the last value of a state channel comes first', async (t) => {
  const server = await Server.start(t);
  await server.publish('state:lamp', { on: false });
  await server.publish('state:lamp', { on: true });
  const client = await connectedClient(t, server);
  const lamp = await subscribe(client, 'state:lamp');
  await until('the first value', () => lamp.publications.length > 0);
  await server.publish('state:lamp', { on: 'dimmed' });
  await until('the next value', () => lamp.publications.length > 1);
  assert.deepEqual(lamp.publications.map((p) => p.data), [{ on: true }, { on: 'dimmed' }]);
  const [about] = lamp.contexts;
  assert.equal(about.recoverable, false);
  assert.equal(about.positioned, false);
});

test('session: publications cross shards in order', async (t) => {
  const server = await Server.start(t, { 'engine.shards': 4 });
  const clients = await Promise.all(Array.from({ length: 48 }, () => connectedClient(t, server)));
  const heard = await Promise.all(clients.map((client) => subscribe(client, 'room:all')));
  const perShard = await until('every shard has clients', async () => {
    const metrics = await server.metrics();
    const shards = metrics.by('tickcast_subscriptions', 'shard');
    return Object.keys(shards).length === 4 && metrics.sum('tickcast_subscriptions') === 48
      ? shards : undefined;
  });
  assert.equal(Object.values(perShard).reduce((a, b) => a + b), 48);
  // Sixteen publishers, so that they too sit on different shards; each one's order has to hold.
  const publishers = heard.slice(0, 16);
  const rounds = 25;
  await Promise.all(publishers.map(async ({ subscription }, from) => {
    for (let n = 0; n < rounds; ++n) await subscription.publish({ from, n });
  }));
  const total = publishers.length * rounds;
  for (const { publications } of heard) {
    await until('all publications arrive', () => publications.length >= total);
    assert.equal(publications.length, total);
    const next = new Array(publishers.length).fill(0);
    for (const { data } of publications) {
      assert.equal(data.n, next[data.from], `the order of publisher ${data.from}`);
      next[data.from] += 1;
    }
  }
  // Every subscriber sees one order, which is the home shard's.
  const orders = new Set(heard.map(({ publications }) =>
    publications.map(({ data }) => `${data.from}.${data.n}`).join()));
  assert.equal(orders.size, 1);
});

test('session: connect and its subscribes in one message, replies in any number', async (t) => {
  const server = await Server.start(t);
  await server.publish('state:a', 'first');
  const client = await RawClient.open(t, server);
  const replies = await client.batch([
    { connect: {} }, { subscribe: { channel: 'state:a' } }, { subscribe: { channel: 'room:b' } },
    { publish: { channel: 'room:b', data: {} } }, { unsubscribe: { channel: 'state:a' } },
    { history: { channel: 'log:c', limit: 0 } },
  ]);
  assert.equal(replies[0].connect.pong, true);
  assert.equal(replies[0].connect.ping, 25);
  assert.deepEqual(replies[1].subscribe.publications.map((p) => p.data), ['first']);
  assert.deepEqual(replies[2].subscribe, {});
  assert.deepEqual(replies[3].publish, {});
  assert.deepEqual(replies[4].unsubscribe, {});
  assert.equal(replies[5].history.offset ?? 0, 0);
  await until('the publication arrives', () => client.pushes.length > 0);
  assert.deepEqual(client.pushes.map((p) => [p.channel, p.pub.data]), [['room:b', {}]]);
});

test('session: the server pings, and who answers stays', async (t) => {
  const server = await Server.start(t, { 'client.ping_interval': '1s',
    'client.pong_timeout': '500ms' });
  const sdk = await connectedClient(t, server);
  const raw = await RawClient.connected(t, server);
  await until('three pings', () => raw.pings >= 3);
  assert.equal(sdk.state, 'connected');
  assert.equal((await server.metrics()).closes('3012'), 0);
});
