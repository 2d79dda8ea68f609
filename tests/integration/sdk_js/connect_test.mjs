// Connecting with the official SDK: by every transport, in both forms, and back again.

import assert from 'node:assert/strict';

import {
  ALL_FORMS, connect, goOffline, goOnline, JSON_SOCKET, nextEvent, SOCKETS, SSE, testIn,
} from '../lib/forms.mjs';
import { atOnce, until, within } from '../lib/harness.mjs';
import { NO_PINGS, Target } from '../lib/target.mjs';

atOnce(4);

const UUID_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

testIn(ALL_FORMS, 'connects, learns its id, disconnects', async (t, form) => {
  const server = await Target.start(t);
  const client = form.client(t, server);
  const connected = nextEvent(client, 'connected');
  await connect(client);
  const about = await connected;
  assert.match(about.client, UUID_4);
  assert.equal(about.transport, form.transport);
  const disconnected = nextEvent(client, 'disconnected');
  client.disconnect();
  assert.equal((await disconnected).code, 0);
  assert.equal(client.state, 'disconnected');
});

testIn(ALL_FORMS, 'connect and disconnect in a loop, then connect', async (t, form) => {
  const server = await Target.start(t);
  const client = form.client(t, server);
  for (let round = 0; round < 10; ++round) {
    client.connect();
    client.disconnect();
  }
  assert.equal(client.state, 'disconnected');
  await connect(client);
});

testIn(ALL_FORMS, 'an rpc waits for the connection; nobody takes it: 108', async (t, form) => {
  const server = await Target.start(t);
  const client = form.client(t, server);
  const refused = assert.rejects(client.rpc('method', form.pack({ my: 'data' })), { code: 108 });
  client.connect();
  await refused;
  assert.equal(client.state, 'connected');
});

testIn(ALL_FORMS, 'offline, then online', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const connecting = nextEvent(client, 'connecting');
  goOffline(client);
  assert.equal((await connecting).code, 1);
  assert.equal(client.state, 'connecting');
  goOnline(client);
  await within(10000, 'it connects again', client.ready());
});

testIn([JSON_SOCKET], 'online does not connect who has disconnected', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  client.disconnect();
  goOnline(client);
  assert.equal(client.state, 'disconnected');
});

testIn(SOCKETS, 'offline before the socket is open', async (t, form) => {
  const server = await Target.start(t);
  const client = form.client(t, server);
  client.once('__centrifuge_debug:transport_initialized', () => goOffline(client));
  await connect(client);
});

testIn(ALL_FORMS, 'a getData that fails is asked again', async (t, form) => {
  const server = await Target.start(t);
  let calls = 0;
  const client = form.client(t, server, {
    getData: async () => {
      calls += 1;
      if (calls === 1) throw new Error('no data yet');
      return form.pack({ from: 'getData' });
    },
  });
  await connect(client);
  assert.equal(calls, 2);
});

testIn(ALL_FORMS, 'comes back by itself after a restart', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'plain:a');
  const connecting = nextEvent(client, 'connecting');
  await server.stop();
  await connecting;
  await server.launch();
  await within(10000, 'it connects again', client.ready());
  await within(10000, 'and subscribes again', heard.subscription.ready());
  await server.publish('plain:a', { back: true });
  await until('a publication', () => heard.values.length > 0);
  assert.deepEqual(heard.values, [{ back: true }]);
});

testIn(ALL_FORMS, 'a draining server says 3001, and the SDK tries again', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const connecting = nextEvent(client, 'connecting');
  await server.stop();
  const { code } = await connecting;
  assert.equal(code, 3001);
  assert.equal(client.state, 'connecting');
});

const QUICK_PINGS = { 'client.ping_interval': '1s', 'client.pong_timeout': '700ms' };

testIn(ALL_FORMS, 'pings are answered', async (t, form) => {
  const server = await Target.start(t, QUICK_PINGS);
  const client = await form.connected(t, server);
  let pings = 0;
  const handle = client._handleServerPing.bind(client);
  client._handleServerPing = (next) => { pings += 1; handle(next); };
  // The third comes only if the first two were answered.
  await until('three pings', () => pings >= 3);
  assert.equal(client.state, 'connected');
});

testIn(ALL_FORMS, 'who does not answer pings is closed with 3012', async (t, form) => {
  const server = await Target.start(t, QUICK_PINGS);
  const client = await form.connected(t, server);
  client._handleServerPing = (next) => next();
  const { code } = await nextEvent(client, 'connecting');
  assert.equal(code, 3012);
});

testIn([...SOCKETS, SSE], 'a server that stops pinging is left', async (t, form) => {
  const server = await Target.start(t, QUICK_PINGS);
  const client = await form.connected(t, server, { maxServerPingDelay: 300 });
  server.process.kill('SIGSTOP');
  t.after(() => server.process.kill('SIGCONT'));
  const { code } = await nextEvent(client, 'connecting');
  assert.equal(code, 2);
  server.process.kill('SIGCONT');
  await within(10000, 'it connects again', client.ready());
});

testIn(ALL_FORMS, 'no pings: none is waited for, and the connection stays', async (t, form) => {
  const server = await Target.start(t, NO_PINGS);
  const client = await form.connected(t, server);
  await form.subscribe(client, 'plain:x');
  assert.equal(client._serverPing, 0);
});

testIn(ALL_FORMS, 'fifty commands in one batch are all answered', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'chat:batch');
  client.startBatching();
  const published = Array.from({ length: 50 }, (_, n) => heard.subscription.publish(form.pack(n)));
  client.stopBatching();
  await Promise.all(published);
  await until('all of them', () => heard.values.length === 50);
  assert.deepEqual(heard.values, Array.from({ length: 50 }, (_, n) => n));
});

testIn(ALL_FORMS, 'send without a handler closes 3508', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const disconnected = nextEvent(client, 'disconnected');
  await client.send(form.pack({ into: 'the void' }));
  assert.equal((await disconnected).code, 3508);
});

testIn(ALL_FORMS, 'a big payload passes both ways', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'chat:big');
  const big = { text: 'ä'.repeat(20000), n: 1 };
  await heard.subscription.publish(form.pack(big));
  await until('it comes back', () => heard.values.length > 0);
  assert.deepEqual(heard.values, [big]);
});

testIn(SOCKETS, 'a message over the limit closes 1009', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const disconnected = nextEvent(client, 'disconnected');
  client.publish('plain:big', form.pack('x'.repeat(70000))).catch(() => {});
  assert.equal((await disconnected).code, 3);  // The SDK's own code for 1009.
});

testIn(ALL_FORMS, 'the server disconnects: final codes are final', async (t, form) => {
  const server = await Target.start(t, { 'client.allow_anonymous_connect_without_token': true });
  const client = await form.connected(t, server);
  const id = client._client;
  const disconnected = nextEvent(client, 'disconnected');
  await server.call('disconnect', { user: '', client: id,
    disconnect: { code: 4501, reason: 'enough' } });
  const about = await disconnected;
  assert.deepEqual([about.code, about.reason], [4501, 'enough']);
});

testIn(ALL_FORMS, 'the server disconnects: others bring the SDK back', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const connecting = nextEvent(client, 'connecting');
  await server.call('disconnect', { user: '', client: client._client,
    disconnect: { code: 4001, reason: 'come again' } });
  const about = await connecting;
  assert.deepEqual([about.code, about.reason], [4001, 'come again']);
  await within(10000, 'it connects again', client.ready());
});

testIn(ALL_FORMS, 'the server disconnects without a code: 3503, final', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const disconnected = nextEvent(client, 'disconnected');
  await server.call('disconnect', { user: '', client: client._client });
  const about = await disconnected;
  assert.deepEqual([about.code, about.reason], [3503, 'force disconnect']);
});

testIn([JSON_SOCKET], 'twenty clients in one process', async (t, form) => {
  const server = await Target.start(t);
  const heard = await Promise.all(Array.from({ length: 20 }, async () =>
    form.subscribe(await form.connected(t, server), 'plain:crowd')));
  await server.publish('plain:crowd', 'hello');
  for (const { values } of heard) await until('each hears it', () => values.length > 0);
});
