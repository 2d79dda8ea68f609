// Limits of connections, commands and publications, each on both sides, with its code and counter.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import http from 'node:http';
import net from 'node:net';

import { test, until, within } from './lib/harness.mjs';
import { Metrics } from './lib/metrics.mjs';
import { RawClient } from './lib/raw_client.mjs';
import { UPGRADE_LINES } from './lib/raw_http.mjs';
import { Server, namespaces } from './lib/server.mjs';

const LIMIT_MS = 10000;
const SECRET = 'a secret for these cases';

function token(user) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256' })}.${part({ sub: user })}`;
  return `${signed}.${crypto.createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

// A WebSocket whose client has connected as `user`, or the close that it got for it.
async function connectAs(t, server, user) {
  const client = await RawClient.open(t, server);
  const connected = client.request({ connect: { token: token(user) } });
  const closed = await within(LIMIT_MS, 'a reply or a close',
    Promise.race([connected.then(() => null), client.closed]));
  return { client, closed };
}

const UPGRADE = Object.fromEntries(UPGRADE_LINES.map((line) => line.split(': ')));

// The status of a handshake over a connection of its own; `from` is the address it comes from.
function handshake(t, server, from = '127.0.0.1') {
  return within(LIMIT_MS, 'a handshake', new Promise((resolve, reject) => {
    const request = http.get(`${server.url}/connection/websocket`,
      { agent: false, headers: UPGRADE, localAddress: from });
    request.on('upgrade', (answer, socket) => {
      t.after(() => socket.destroy());
      resolve({ status: 101, body: '', socket });
    });
    request.on('response', (answer) => {
      let body = '';
      answer.on('data', (chunk) => { body += chunk; });
      answer.on('end', () => resolve({ status: answer.statusCode, body }));
    });
    request.on('error', reject);
  }));
}

// Metrics over a connection that was there before.
class Watch {
  static async start(t, server, from = '127.0.0.1') {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1, localAddress: from });
    t.after(() => agent.destroy());
    const watch = new Watch();
    Object.assign(watch, { server, agent });
    await watch.metrics();
    return watch;
  }

  metrics() {
    return within(LIMIT_MS, 'metrics', new Promise((resolve, reject) => {
      http.get(`${this.server.url}/metrics`, { agent: this.agent }, (answer) => {
        let body = '';
        answer.on('data', (chunk) => { body += chunk; });
        answer.on('end', () => resolve(new Metrics(body)));
      }).on('error', reject);
    }));
  }

  async limited(limit) {
    return (await this.metrics()).by('tickcast_limited_total', 'limit')[limit];
  }
}

test('limits: a user has so many connections, on whatever shard, and no more', async (t) => {
  const server = await Server.start(t, {
    'client.insecure': false, 'client.token.hmac_secret_key': SECRET,
    'client.user_connection_limit': 3,
  });
  const watch = await Watch.start(t, server);
  const first = [];
  for (let i = 0; i < 3; ++i) first.push(await connectAs(t, server, 'ann'));
  assert.ok(first.every(({ closed }) => closed === null));
  for (let i = 0; i < 4; ++i) {
    const { closed } = await connectAs(t, server, 'ann');
    assert.deepEqual(closed, { code: 3504, reason: 'connection limit' });
  }
  assert.equal(await watch.limited('user_connection_limit'), 4);
  const closes = (await watch.metrics()).by('tickcast_closes_total', 'reason');
  assert.equal(closes['3504 connection limit'], 4);
  // Another user and nobody are not meant.
  assert.equal((await connectAs(t, server, 'bob')).closed, null);
  for (let i = 0; i < 5; ++i) assert.equal((await connectAs(t, server, '')).closed, null);
  // Who leaves makes room.
  first[0].client.socket.close();
  await until('ann may connect again', async () =>
    (await connectAs(t, server, 'ann')).closed === null);
});

test('limits: the server takes so many clients, and answers others still', async (t) => {
  const server = await Server.start(t, { 'client.connection_limit': 5 });
  const watch = await Watch.start(t, server);
  const clients = [];
  for (let i = 0; i < 5; ++i) clients.push(await RawClient.connected(t, server));
  for (let i = 0; i < 3; ++i) {
    const { status, body } = await handshake(t, server);
    assert.deepEqual([status, /client\.connection_limit/.test(body)], [503, true], body);
  }
  assert.equal(await watch.limited('connection_limit'), 3);
  assert.equal((await server.publish('room:a', 1)).status ?? 200, 200);
  clients[0].socket.close();
  await until('there is room', async () => (await handshake(t, server)).status === 101);
});

test('limits: new connections come at a rate, refused before they ask', async (t) => {
  const rate = 4;
  const server = await Server.start(t, { 'client.connection_rate_limit': rate });
  let watch;
  await until('the start has been forgotten', async () => {
    watch = await Watch.start(t, server).catch(() => undefined);
    return watch !== undefined;
  });
  const beganMs = Date.now();
  // Sends nothing: whoever is refused is so without having asked.
  const answers = await Promise.all(Array.from({ length: 40 }, () =>
    within(LIMIT_MS, 'an end', new Promise((resolve, reject) => {
      const socket = net.connect(server.port, '127.0.0.1');
      t.after(() => socket.destroy());
      let text = '';
      socket.on('data', (chunk) => { text += chunk; });
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
      socket.on('connect', () => setTimeout(() => resolve(text), 2000));
    }))));
  const refused = answers.filter((text) => text !== '');
  for (const text of refused) {
    assert.match(text, /^HTTP\/1\.1 503 [^]*client\.connection_rate_limit/);
  }
  const most = rate + Math.ceil((Date.now() - beganMs) * rate / 1000);
  assert.ok(answers.length - refused.length <= most, `${answers.length - refused.length} <= ${most}`);
  assert.ok(await watch.limited('connection_rate_limit') >= refused.length);
  await until('a new one comes in', async () => (await handshake(t, server)).status === 101);
});

test('limits: an address has so many connections, another its own', async (t) => {
  const server = await Server.start(t, { 'client.address_connection_limit': 3 });
  const watch = await Watch.start(t, server, '127.0.0.9');
  const unknown = (await watch.metrics()).sum('tickcast_unknown_peers_total');
  if (unknown !== 0) return t.skip('the kernel does not tell addresses');
  const sockets = [];
  for (let i = 0; i < 3; ++i) {
    const { status, socket } = await handshake(t, server, '127.0.0.2');
    assert.equal(status, 101);
    sockets.push(socket);
  }
  for (let i = 0; i < 3; ++i) {
    const { status, body } = await handshake(t, server, '127.0.0.2');
    assert.deepEqual([status, /address_connection_limit/.test(body)], [429, true], body);
  }
  assert.equal((await handshake(t, server, '127.0.0.3')).status, 101);
  assert.equal(await watch.limited('address_connection_limit'), 3);
  sockets[0].destroy();
  await until('there is room', async () =>
    (await handshake(t, server, '127.0.0.2')).status === 101);
});

test('limits: an address has new connections at a rate', async (t) => {
  const server = await Server.start(t, { 'client.address_connection_rate': 2 });
  const watch = await Watch.start(t, server, '127.0.0.9');
  if ((await watch.metrics()).sum('tickcast_unknown_peers_total') !== 0) {
    return t.skip('the kernel does not tell addresses');
  }
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => handshake(t, server, '127.0.0.2')));
  const refused = answers.filter(({ status }) => status === 429);
  assert.ok(refused.length > 0 && refused.length < 20, `${refused.length} refused`);
  assert.ok(answers.every(({ status }) => status === 101 || status === 429));
  assert.equal(await watch.limited('address_connection_rate'), refused.length);
  assert.equal((await handshake(t, server, '127.0.0.3')).status, 101);
  await until('it may come again', async () =>
    (await handshake(t, server, '127.0.0.2')).status === 101);
});

test('limits: commands come at a rate; pongs and unsubscribes are not refused', async (t) => {
  const server = await Server.start(t, {
    'client.command_rate': 2, 'client.command_burst': 6, 'client.ping_interval': '1s',
    'client.pong_timeout': '900ms',
  });
  const client = await RawClient.connected(t, server);
  const channel = 'room:a';
  const beganMs = Date.now();
  assert.deepEqual((await client.request({ subscribe: { channel } })).subscribe, {});
  const replies = await client.batch(Array.from({ length: 40 },
    () => ({ publish: { channel, data: 1 } })));
  const passed = replies.filter((reply) => reply.publish).length;
  const most = 6 + Math.ceil((Date.now() - beganMs) * 2 / 1000);
  assert.ok(passed >= 5 && passed < most, `${passed} of 40, at most ${most}`);
  for (const { error } of replies.filter((reply) => reply.error)) {
    assert.deepEqual(error, { code: 111, message: 'too many requests', temporary: true });
  }
  assert.equal((await server.metrics()).by('tickcast_limited_total', 'limit').command_rate,
    40 - passed);
  assert.deepEqual((await client.request({ unsubscribe: { channel } })).unsubscribe, {});
  await until('pings were answered', () => client.pings >= 2);
  await until('it may publish again', async () =>
    (await client.request({ publish: { channel, data: 2 } })).publish);
});

test('limits: a command without a reply that comes too fast ends the connection', async (t) => {
  const server = await Server.start(t, { 'client.command_rate': 1 });
  const client = await RawClient.connected(t, server);
  assert.deepEqual((await client.request({ publish: { channel: 'room:a', data: 1 } })).publish, {});
  client.socket.send(JSON.stringify({ send: { data: 1 } }));
  const closed = await within(LIMIT_MS, 'the close', client.closed);
  assert.deepEqual(closed, { code: 3013, reason: 'too many requests' });
});

test('limits: a channel takes publications of clients at a rate, of the API all', async (t) => {
  const server = await Server.start(t, {
    'channel.namespaces': namespaces({ room: { publish_rate: 3 } }),
  });
  const clients = [await RawClient.connected(t, server), await RawClient.connected(t, server)];
  const beganMs = Date.now();
  const replies = (await Promise.all(clients.map((client) => client.batch(
    Array.from({ length: 20 }, () => ({ publish: { channel: 'room:a', data: 1 } })))))).flat();
  const passed = replies.filter((reply) => reply.publish).length;
  const most = 3 + Math.ceil((Date.now() - beganMs) * 3 / 1000);
  assert.ok(passed >= 3 && passed <= most, `${passed} of 40, at most ${most}`);
  assert.ok(replies.filter((reply) => reply.error).every(({ error }) => error.code === 111));
  const metrics = await server.metrics();
  assert.equal(metrics.by('tickcast_limited_total', 'limit').publish_rate, 40 - passed);
  // Another channel has its own, and the application may say what it likes.
  assert.deepEqual((await clients[0].request({ publish: { channel: 'room:b', data: 1 } })).publish,
    {});
  for (let i = 0; i < 10; ++i) await server.publish('room:a', i);
});

test('limits: data of the wrong form is error 107', async (t) => {
  const server = await Server.start(t, {
    'channel.publication_data_format': 'json_object',
    'channel.namespaces': namespaces({ log: { publication_data_format: 'json',
      allow_publish_for_client: true, allow_publish_for_anonymous: true } }),
  });
  const client = await RawClient.connected(t, server);
  const publish = (channel, data) => client.request({ publish: { channel, data } });
  assert.deepEqual((await publish('room:a', { n: 1 })).publish, {});
  assert.equal((await publish('room:a', [1])).error.code, 107);
  assert.equal((await publish('room:a', 'text')).error.code, 107);
  assert.deepEqual((await publish('log:a', [1])).publish, {});
});
