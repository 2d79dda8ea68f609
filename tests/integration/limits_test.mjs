// Limits that protect the others: the rate of subscribing, the memory budget.

import assert from 'node:assert/strict';
import http from 'node:http';

import { pause, test, until, within } from './lib/harness.mjs';
import { Metrics } from './lib/metrics.mjs';
import { RawClient } from './lib/raw_client.mjs';
import { UPGRADE_LINES } from './lib/raw_http.mjs';
import { connectedClient, nextEvent, subscribe } from './lib/sdk.mjs';
import { Server } from './lib/server.mjs';

const LIMIT_MS = 10000;

// --- Subscribing in a loop -----------------------------------------------------------------------

const CHANNEL_LIMIT = 4;
const RATE = 5;
const BURST = 2 * CHANNEL_LIMIT;  // docs/configuration.md, client.subscribe_rate
const LIMITED = { 'client.channel_limit': CHANNEL_LIMIT, 'client.subscribe_rate': RATE };

test('limits: a loop of subscribing is error 111 after its burst, and passes later', async (t) => {
  const server = await Server.start(t, LIMITED);
  const client = await RawClient.connected(t, server);
  const neighbour = await RawClient.connected(t, server);
  const channel = 'room:flicker';
  const rounds = 50;
  const beganMs = Date.now();
  const subscribes = [];
  for (let i = 0; i < rounds; ++i) {
    subscribes.push(await client.request({ subscribe: { channel } }));
    assert.deepEqual((await client.request({ unsubscribe: { channel } })).unsubscribe, {});
  }
  const tookMs = Date.now() - beganMs;
  const refused = subscribes.filter((reply) => reply.error);
  for (const { error } of refused) {
    assert.deepEqual(error, { code: 111, message: 'too many requests', temporary: true });
  }
  assert.ok(subscribes.slice(0, BURST).every((reply) => reply.subscribe), 'the burst passes');
  const passed = rounds - refused.length;
  const most = BURST + Math.ceil(tookMs * RATE / 1000);
  assert.ok(passed <= most, `${passed} of ${rounds} passed, at most ${most}`);
  assert.equal((await server.metrics()).by('tickcast_errors_total', 'code')['111'], refused.length);

  // The others are not meant, nor is what the client does besides.
  for (const name of ['room:flicker', 'room:b', 'room:c', 'room:d']) {
    assert.deepEqual((await neighbour.request({ subscribe: { channel: name } })).subscribe, {});
  }
  assert.deepEqual((await client.request({ publish: { channel, data: 1 } })).publish, {});
  await until('the neighbour has it', () => neighbour.pushes.length === 1);
  await until('it may subscribe again', async () => {
    const reply = await client.request({ subscribe: { channel } });
    return reply.subscribe;
  });
  await server.publish(channel, 2);
  await until('it is subscribed', () => client.pushes.length === 1);
  assert.deepEqual(client.pushes[0].pub.data, 2);
});

test('limits: the SDK waits and subscribes again by itself after error 111', async (t) => {
  const server = await Server.start(t, { ...LIMITED, 'client.subscribe_rate': 1 });
  const client = await connectedClient(t, server);
  const { subscription, publications } = await subscribe(client, 'room:flicker',
    { minResubscribeDelay: 50, maxResubscribeDelay: 200 });
  const refused = nextEvent(subscription, 'error');
  let isRefused = false;
  subscription.on('error', () => { isRefused = true; });
  for (let round = 0; round <= BURST + 2 && !isRefused; ++round) {
    subscription.unsubscribe();
    subscription.subscribe();
    await Promise.race([subscription.ready(LIMIT_MS), refused]);
  }
  const { error } = await refused;
  assert.deepEqual([error.code, error.temporary], [111, true]);
  await subscription.ready(LIMIT_MS);
  await server.publish('room:flicker', { n: 1 });
  await until('it is subscribed', () => publications.length === 1);
  assert.equal(client.state, 'connected');
});

test('limits: a rate of 0 is none', async (t) => {
  const server = await Server.start(t, { ...LIMITED, 'client.subscribe_rate': 0 });
  const client = await RawClient.connected(t, server);
  const channel = 'room:flicker';
  for (let i = 0; i < 20 * BURST; ++i) {
    assert.deepEqual((await client.request({ subscribe: { channel } })).subscribe, {});
    assert.deepEqual((await client.request({ unsubscribe: { channel } })).unsubscribe, {});
  }
});

// --- Memory --------------------------------------------------------------------------------------

// HTTP over one connection that stays open: new ones are refused here.
class KeptConnection {
  constructor(context, server) {
    this.server = server;
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    context.after(() => this.agent.destroy());
  }

  get(path) {
    return get(this.server, path, { agent: this.agent });
  }

  async metrics() {
    const { status, body } = await this.get('/metrics');
    assert.equal(status, 200);
    return new Metrics(body);
  }
}

function get(server, path, options) {
  return within(LIMIT_MS, `GET ${path}`, new Promise((resolve, reject) => {
    http.get(`${server.url}${path}`, options, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk) => { body += chunk; });
      answer.on('end', () => resolve({ status: answer.statusCode, body }));
    }).on('error', reject);
  }));
}

const UPGRADE_HEADERS =
  Object.fromEntries(UPGRADE_LINES.map((line) => line.split(': ')));

// A handshake on a connection of its own that is expected to be refused.
function refusedHandshake(server) {
  return get(server, '/connection/websocket', { agent: false, headers: UPGRADE_HEADERS });
}

// tickcast_memory_shed, as its help says.
const SHED_SMALL_CHANGES = 2;
const SHED_NEW_CONNECTIONS = 3;
const PER_CLIENT = 1024;  // About 40 KiB: a step that cannot miss what lies between 95 and 100 %.

// Idle clients with many subscriptions each, until the server takes no more of them. `told` are
// those that were there before small changes were shed.
async function fillUp(t, server, kept) {
  const clients = [];
  const told = [];
  for (;;) {
    const shed = (await kept.metrics()).sum('tickcast_memory_shed');
    if (shed >= SHED_NEW_CONNECTIONS) return { clients, told };
    assert.ok(clients.length < 50, 'a mebibyte is full by now');
    const client = await RawClient.connected(t, server);
    clients.push(client);
    if (shed < SHED_SMALL_CHANGES) told.push(client);
    const replies = await client.batch(Array.from({ length: PER_CLIENT },
      (_, i) => ({ subscribe: { channel: `room:${i}` } })));
    assert.ok(replies.every((reply) => reply.subscribe), 'who is in may subscribe');
    await pause(110);  // Memory is looked at every 100 ms.
  }
}

test('limits: over the memory budget new connections are refused, the others go on', async (t) => {
  const server = await Server.start(t, { 'engine.memory_budget': 1048576, 'engine.shards': 1 });
  const kept = new KeptConnection(t, server);
  assert.equal((await kept.get('/health')).status, 200);
  const { clients, told } = await fillUp(t, server, kept);
  const full = await kept.metrics();
  const used = full.sum('tickcast_memory_bytes');
  assert.ok(used >= 0.95 * 1048576 && used <= 1048576, `${used} bytes`);
  assert.ok(full.sum('tickcast_memory_bytes', { use: 'subscriptions' }) > 0.9 * used);
  const refusals = 5;
  for (let i = 0; i < refusals; ++i) {
    const { status, body } = await refusedHandshake(server);
    assert.deepEqual([status, /short of memory/.test(body)], [503, true], body);
  }
  const metrics = await kept.metrics();
  assert.equal(metrics.by('tickcast_closes_total', 'reason')['no memory'], refusals);
  assert.equal(metrics.sum('tickcast_closed_for_memory_total'), 0);
  // A probe that is there already is answered; every client that is in goes on, and is told that
  // small changes are not sent now.
  assert.equal((await kept.get('/health')).status, 200);
  assert.deepEqual((await clients[0].request({ publish: { channel: 'room:7', data: 1 } })).publish,
    {});
  for (const { pushes } of clients) {
    await until('the publication', () => pushes.some((push) => push.pub?.data === 1));
  }
  assert.ok(told.length > 10);
  for (const { pushes } of told) {
    assert.deepEqual(pushes.filter((push) => push.message).map((push) => push.message.data),
      [{ conflated: 0, pressure: 'critical', interval_ms: 500 }]);
  }

  // With room again, new ones come in.
  for (const client of clients.slice(3)) client.socket.close();
  await until('there is room', async () =>
    (await kept.metrics()).sum('tickcast_memory_shed') === 0);
  await RawClient.connected(t, server);
  await until('all is well for those that stayed',
    () => clients[0].pushes.at(-1).message?.data.pressure === 'normal');
});
