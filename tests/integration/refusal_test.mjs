// What the server refuses: error replies with their codes, closes with theirs, each counted.

import assert from 'node:assert/strict';

import { test, until } from './lib/harness.mjs';
import { RawClient } from './lib/raw_client.mjs';
import { connectedClient, nextEvent, subscribe } from './lib/sdk.mjs';
import { namespaces, Server } from './lib/server.mjs';

// Insecure clients may do everything; these may do what the namespaces say.
const ANONYMOUS =
  { 'client.insecure': false, 'client.allow_anonymous_connect_without_token': true };

async function rejectedWith(code, promise) {
  await assert.rejects(promise, (fault) => {
    assert.equal(fault.code, code, JSON.stringify(fault));
    return true;
  });
}

async function closedWith(server, client, code, reason) {
  assert.deepEqual(await client.closeEvent(), { code, reason });
  await until(`the close ${code} is counted`,
    async () => (await server.metrics()).closes(String(code)) === 1);
}

test('refusal: publishing where it is not allowed is error 103', async (t) => {
  const server = await Server.start(t, ANONYMOUS);
  const client = await connectedClient(t, server);
  const { subscription } = await subscribe(client, 'readonly:news');
  await rejectedWith(103, subscription.publish({ fake: 'news' }));
  await rejectedWith(103, client.publish('readonly:news', {}));
  assert.equal((await server.metrics()).by('tickcast_errors_total', 'code')['103'], 2);
  assert.equal(client.state, 'connected');
});

test('refusal: subscribing where it is not allowed is error 103', async (t) => {
  const server = await Server.start(t, ANONYMOUS);
  const client = await connectedClient(t, server);
  const subscription = client.newSubscription('closed:x');
  const unsubscribed = nextEvent(subscription, 'unsubscribed');
  subscription.subscribe();
  assert.equal((await unsubscribed).code, 103);
});

test('refusal: an unknown namespace is error 102', async (t) => {
  const server = await Server.start(t);
  const client = await connectedClient(t, server);
  const subscription = client.newSubscription('nosuch:channel');
  const unsubscribed = nextEvent(subscription, 'unsubscribed');
  subscription.subscribe();
  assert.equal((await unsubscribed).code, 102);
  await rejectedWith(102, client.publish('nosuch:channel', {}));
  await rejectedWith(102, client.history('nosuch:channel', { limit: 1 }));
});

test('refusal: history where there is none is error 108', async (t) => {
  const server = await Server.start(t);
  const client = await connectedClient(t, server);
  await rejectedWith(108, client.history('room:nothing', { limit: 1 }));
});

test('refusal: one channel too many is error 106, and room comes back', async (t) => {
  // Seven subscribes are one more than the burst of so small a limit.
  const server = await Server.start(t,
    { 'client.channel_limit': 3, 'client.subscribe_rate': 0 });
  const client = await RawClient.connected(t, server);
  const asked = ['room:1', 'room:2', 'room:3', 'room:4', 'room:5'];
  const replies = await client.batch(asked.map((channel) => ({ subscribe: { channel } })));
  assert.deepEqual(replies.map((r) => r.error?.code), [undefined, undefined, undefined, 106, 106]);
  await client.request({ unsubscribe: { channel: 'room:2' } });
  assert.equal((await client.request({ subscribe: { channel: 'room:4' } })).error, undefined);
  assert.equal((await client.request({ subscribe: { channel: 'room:5' } })).error.code, 106);
});

test('refusal: a second subscribe is error 105, also while the first is on its way', async (t) => {
  const server = await Server.start(t, { 'engine.shards': 4 });
  const client = await RawClient.connected(t, server);
  const twice = { subscribe: { channel: 'room:twice' } };
  const together = await client.batch([twice, twice]);
  assert.deepEqual(together.map((r) => r.error?.code), [undefined, 105]);
  assert.equal((await client.request(twice)).error.code, 105);
  // An unsubscribe waits for its subscribe: no ghost is left and no 105 comes.
  const flicker = { channel: 'room:flicker' };
  const replies = await client.batch(
    [{ subscribe: flicker }, { unsubscribe: flicker }]);
  assert.deepEqual(replies.map((r) => r.error?.code), [undefined, undefined]);
  assert.equal((await client.request({ subscribe: flicker })).error, undefined);
});

test('refusal: names at and over the limit', async (t) => {
  const server = await Server.start(t);
  const client = await RawClient.connected(t, server);
  const longest = 'room:'.padEnd(255, 'x');
  assert.equal((await client.request({ subscribe: { channel: longest } })).error, undefined);
  assert.equal((await client.request({ subscribe: { channel: `${longest}x` } })).error.code, 107);
  await server.publish(longest, 1);
  await until('the longest name carries', () => client.pushes.length === 1);
});

test('refusal: no pong closes 3012', async (t) => {
  const server = await Server.start(t, { 'client.ping_interval': '1s',
    'client.pong_timeout': '300ms' });
  const client = await RawClient.connected(t, server);
  client.answersPings = false;
  await closedWith(server, client, 3012, 'no pong');
  assert.equal(client.pings, 1);
});

test('refusal: a pong nobody asked for closes 3501', async (t) => {
  const server = await Server.start(t);
  const client = await RawClient.connected(t, server);
  client.socket.send('{}');
  await closedWith(server, client, 3501, 'bad request');
});

test('refusal: not connecting in time closes 3502', async (t) => {
  const server = await Server.start(t, { 'client.stale_close_delay': '300ms' });
  const client = await RawClient.open(t, server);
  await closedWith(server, client, 3502, 'stale');
});

const GARBAGE = {
  'no JSON': 'this is not JSON',
  'half a command': '{"id":1,"connect":{',
  'an array': '[]',
  'a second line that is garbage': '{"id":1,"connect":{}}\n!',
  'a command before connect': '{"id":1,"subscribe":{"channel":"room:x"}}',
  'two connects': '{"id":1,"connect":{}}\n{"id":2,"connect":{}}',
  'the ping of version 1': '{"id":1,"connect":{}}\n{"id":2,"ping":{}}',
  'no id': '{"connect":{}}',
};
for (const [what, text] of Object.entries(GARBAGE)) {
  test(`refusal: ${what} closes 3501`, async (t) => {
    const server = await Server.start(t);
    const client = await RawClient.open(t, server);
    client.socket.send(text);
    await closedWith(server, client, 3501, 'bad request');
  });
}

test('refusal: send has no handler and closes 3508, rpc is error 108', async (t) => {
  const server = await Server.start(t);
  const client = await RawClient.connected(t, server);
  const reply = await client.request({ rpc: { method: 'x', data: {} } });
  assert.equal(reply.error.code, 108);
  client.socket.send('{"send":{"data":{}}}');
  await closedWith(server, client, 3508, 'not available');
});

test('refusal: a message over the limit closes 1009, one of just that size passes', async (t) => {
  const limit = 4096;
  const server = await Server.start(t, { 'websocket.message_size_limit': limit });
  const client = await RawClient.connected(t, server);
  const command = JSON.stringify({ id: 99, publish: { channel: 'room:x', data: '' } });
  const filled = (bytes) => command.replace('""', `"${'x'.repeat(bytes - command.length)}"`);
  const answered = new Promise((resolve) => client.waiting.set(99, resolve));
  client.socket.send(filled(limit));
  assert.deepEqual((await answered).publish, {});
  client.socket.send(filled(limit + 1));
  assert.equal((await client.closeEvent()).code, 1009);
  assert.equal((await server.metrics()).closes('1009'), 1);
});

test('refusal: a binary message closes, the neighbours stay', async (t) => {
  const server = await Server.start(t);
  const neighbour = await connectedClient(t, server);
  const client = await RawClient.connected(t, server);
  client.socket.send(Buffer.from([0xff, 0x00, 0x81]));
  const { code } = await client.closeEvent();
  assert.ok([1003, 1007, 3501].includes(code), `closed with ${code}`);
  await subscribe(neighbour, 'room:still');
});

test('refusal: SIGTERM closes everybody with 3001 and exits 0', async (t) => {
  const server = await Server.start(t);
  const clients = await Promise.all(
    Array.from({ length: 20 }, () => RawClient.connected(t, server)));
  const sdk = await connectedClient(t, server);
  const reconnecting = nextEvent(sdk, 'connecting');
  await server.stop();  // Asserts the exit status.
  for (const client of clients) {
    assert.deepEqual(await client.closeEvent(), { code: 3001, reason: 'shutdown' });
  }
  const about = await reconnecting;
  assert.equal(about.code, 3001);
});

test('refusal: a drain is spread in time', async (t) => {
  const server = await Server.start(t, { 'shutdown.spread': '2s', 'shutdown.timeout': '6s' });
  const clients = await Promise.all(
    Array.from({ length: 40 }, () => RawClient.connected(t, server)));
  const closedMs = clients.map((client) => client.closeEvent().then(({ code }) => {
    assert.equal(code, 3001);
    return Date.now();
  }));
  await server.stop();
  const times = (await Promise.all(closedMs)).sort((a, b) => a - b);
  const spreadMs = times.at(-1) - times[0];
  assert.ok(spreadMs > 1000 && spreadMs < 5000, `the closes lie within ${spreadMs} ms`);
});

test('refusal: client publications respect allow_publish_for_subscriber', async (t) => {
  const server = await Server.start(t, { ...ANONYMOUS, 'channel.namespaces': namespaces({
    readonly: { allow_publish_for_subscriber: true, allow_publish_for_anonymous: true } }) });
  const client = await connectedClient(t, server);
  await rejectedWith(103, client.publish('readonly:x', 1));
  const { subscription, publications } = await subscribe(client, 'readonly:x');
  await subscription.publish(2);
  await until('it arrives', () => publications.length > 0);
  assert.deepEqual(publications.map((p) => p.data), [2]);
});
