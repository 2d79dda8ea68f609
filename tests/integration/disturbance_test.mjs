// Bad neighbours: clients that are killed, that stop reading, that talk rubbish. Whoever behaves
// receives every publication once and in order meanwhile, and the counters say what became of the
// others.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import net from 'node:net';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { pause, test, until, within } from './lib/harness.mjs';
import { RawClient } from './lib/raw_client.mjs';
import { head, UPGRADE_LINES } from './lib/raw_http.mjs';
import { connectedClient, subscribe } from './lib/sdk.mjs';
import { Server } from './lib/server.mjs';

const range = (to) => Array.from({ length: to }, (_, i) => i + 1);

// A helper process that says `ready`; it is killed with the case at the latest.
async function startHelper(t, program, args) {
  const helper = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => helper.kill('SIGKILL'));
  await within(20000, `${args[0]} is ready`, new Promise((resolve, reject) => {
    helper.stdout.once('data', resolve);
    helper.once('exit', (code) => reject(new Error(`${args[0]} ended with ${code}`)));
  }));
  return helper;
}

function libFile(name) {
  return fileURLToPath(new URL(`lib/${name}`, import.meta.url));
}

// Four watchers of one numbered stream; `check` waits for 1…count, once and in order, at each.
async function startWatchers(t, server, channel) {
  const watchers = [];
  for (let i = 0; i < 4; ++i) {
    watchers.push(await subscribe(await connectedClient(t, server), channel));
  }
  return async (count) => {
    for (const { publications, contexts } of watchers) {
      await until('the last publication', () => publications.length >= count);
      assert.deepEqual(publications.map((p) => p.data.n), range(count));
      assert.equal(contexts.length, 1, 'the subscription was never interrupted');
    }
  };
}

// Publishes 1, 2, 3 … with `pad` bytes until stop() is called, which gives the count.
function startPublisher(server, channel, pad = 0) {
  let running = true;
  let n = 0;
  const done = (async () => {
    while (running) {
      n += 1;
      await server.publish(channel, { n, pad: 'x'.repeat(pad) });
      await pause(2);
    }
  })();
  return async () => {
    running = false;
    await done;
    return n;
  };
}

const UNMASKED_FRAME = Buffer.from([0x81, 0x02, 0x68, 0x69]);

function maskedText(text) {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

// What a garbage connection says, by what the server should count it as.
const GARBAGE = {
  'bad request head': [Buffer.from('\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n', 'latin1')],
  '1002 protocol error': [Buffer.from(head('GET', '/connection/websocket', UPGRADE_LINES)),
    UNMASKED_FRAME],
  '3501 bad request': [Buffer.from(head('GET', '/connection/websocket', UPGRADE_LINES)),
    maskedText('{"id":1,"conn')],
  'peer gone': [Buffer.from('GET /connection/websocket HTTP/1.1\r\nHost: loc')],
};

// Resolves when the connection is over. Who is to vanish does so; the others are closed.
function sayGarbage(server, parts, vanishes) {
  return new Promise((resolve) => {
    const socket = net.connect(server.port, '127.0.0.1', async () => {
      for (const part of parts) {
        socket.write(part);
        await pause(20);  // In reads of their own, as far as the kernel likes.
      }
      if (vanishes) socket.destroy();
    });
    socket.resume();
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('close', resolve);
  });
}

test('disturbance: a thousand garbage connections at once', async (t) => {
  const server = await Server.start(t);
  const check = await startWatchers(t, server, 'log:numbers');
  const before = await server.metrics();
  const stop = startPublisher(server, 'log:numbers');
  const kinds = Object.entries(GARBAGE);
  await within(30000, 'all of them are over', Promise.all(range(1000).map((i) => {
    const [reason, parts] = kinds[i % kinds.length];
    return sayGarbage(server, parts, reason === 'peer gone');
  })));
  await check(await stop());
  const closes = await until('each is counted by its reason', async () => {
    const by = (await server.metrics()).by('tickcast_closes_total', 'reason');
    return kinds.every(([reason]) => (by[reason] ?? 0) >= 250) ? by : undefined;
  });
  for (const reason of ['bad request head', '1002 protocol error', '3501 bad request']) {
    assert.equal(closes[reason], 250, reason);
  }
  const accepted = (await server.metrics()).sum('tickcast_accepted_total');
  assert.ok(accepted - before.sum('tickcast_accepted_total') >= 1000);
  await until('none of them is left',
    async () => (await server.metrics()).sum('tickcast_connections') < 50);
}, { limitMs: 60000 });

test('disturbance: clients killed in the middle of everything', async (t) => {
  const server = await Server.start(t);
  const check = await startWatchers(t, server, 'log:numbers');
  const stop = startPublisher(server, 'log:numbers', 500);
  for (let round = 0; round < 3; ++round) {
    const victim = await startHelper(t, process.execPath,
      [libFile('victim.mjs'), server.socketUrl, '25', 'log:numbers', 'room:other']);
    await pause(200);
    victim.kill('SIGKILL');
  }
  await check(await stop());
  const metrics = await until('all of the killed are gone', async () => {
    const now = await server.metrics();
    return now.sum('tickcast_subscriptions') === 4 ? now : undefined;
  });
  assert.ok(metrics.by('tickcast_closes_total', 'reason')['peer gone'] >= 75);
}, { limitMs: 60000 });

test('disturbance: clients that stop reading', async (t) => {
  const server = await Server.start(t, { 'client.slow_client_timeout': '2s' });
  const check = await startWatchers(t, server, 'log:numbers');
  const stalled = 20;
  await startHelper(t, '/usr/bin/python3',
    [libFile('stalled_clients.py'), String(server.port), String(stalled), 'log:numbers',
      'state:newest']);
  const stopState = startPublisher(server, 'state:newest', 3000);
  const stop = startPublisher(server, 'log:numbers', 3000);
  const metrics = await until('the stalled ones are closed as slow', async () => {
    const now = await server.metrics();
    return now.closes('3008') === stalled ? now : undefined;
  }, 30000);
  await stopState();
  await check(await stop());
  assert.ok(metrics.sum('tickcast_blocked_total') >= stalled, 'each of them was blocked');
  // What they were owed and never took was kept in no queue; it is counted when they are gone.
  const skipped = metrics.by('tickcast_publications_skipped_total', 'reason');
  assert.ok(skipped.left > 0, JSON.stringify(skipped));
  await until('the ledger closes', async () => {
    const { owed, accounted } = (await server.metrics()).ledger();
    return owed === accounted;
  });
}, { limitMs: 60000 });

test('disturbance: who pauses gets the newest value, and the ledger closes', async (t) => {
  const server = await Server.start(t);
  const client = await RawClient.connected(t, server);
  await client.request({ subscribe: { channel: 'state:big' } });
  const rounds = 200;
  client.socket.pause();
  for (let n = 1; n <= rounds; ++n) {
    await server.publish('state:big', { n, pad: 'x'.repeat(100000) });
  }
  client.socket.resume();
  await until('the newest value', () => client.pushes.at(-1)?.pub.data.n === rounds);
  const seen = client.pushes.map((push) => push.pub.data.n);
  assert.ok(seen.every((n, i) => i === 0 || n > seen[i - 1]), 'in order, none twice');
  assert.ok(seen.length < rounds, 'what was not taken was conflated');
  const { owed, delivered, conflated, skipped } = await until('the counters agree', async () => {
    const ledger = (await server.metrics()).ledger();
    return ledger.owed === ledger.accounted ? ledger : undefined;
  });
  assert.deepEqual({ owed, delivered, conflated, skipped },
    { owed: rounds, delivered: seen.length, conflated: rounds - seen.length, skipped: 0 });
}, { limitMs: 60000 });

test('disturbance: who pauses a stream too long is told of the gap, and recovers', async (t) => {
  const server = await Server.start(t);
  const client = await RawClient.connected(t, server);
  const { subscribe: first } = await client.request({ subscribe: { channel: 'log:big' } });
  const rounds = 180;  // 3.6 MB: more than kernel and catch-up ring hold, less than the history.
  client.socket.pause();
  for (let n = 1; n <= rounds; ++n) {
    await server.publish('log:big', { n, pad: 'x'.repeat(20000) });
  }
  client.socket.resume();
  const ended = await until('the unsubscribe push',
    () => client.pushes.find((push) => push.unsubscribe !== undefined));
  assert.deepEqual([ended.channel, ended.unsubscribe.code, ended.unsubscribe.reason],
    ['log:big', 2500, 'insufficient state']);
  const seen = client.pushes.filter((push) => push.pub).map((push) => push.pub.data.n);
  assert.deepEqual(seen, range(seen.length), 'up to the gap nothing is missing');
  assert.ok(seen.length < rounds);
  const { subscribe: second } = await client.request({ subscribe: {
    channel: 'log:big', recover: true, offset: seen.length, epoch: first.epoch } });
  assert.equal(second.recovered, true);
  assert.deepEqual([...seen, ...second.publications.map((p) => p.data.n)], range(rounds));
  const metrics = await until('the counters agree', async () => {
    const now = await server.metrics();
    return now.ledger().owed === now.ledger().accounted ? now : undefined;
  });
  assert.equal(metrics.sum('tickcast_gaps_total'), 1);
  // It left the group when the gap was found, so it is owed nothing after that.
  const { owed, delivered, conflated } = metrics.ledger();
  assert.deepEqual([delivered, conflated], [seen.length, 0]);
  assert.deepEqual(metrics.by('tickcast_publications_skipped_total', 'reason'),
    { gap: owed - delivered });
}, { limitMs: 60000 });
