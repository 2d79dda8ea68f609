// Pressure: clients on a line that really takes nothing. They are sent less, told of it, and are
// well again when the line is; or they are closed. Whoever reads gets everything meanwhile.

import assert from 'node:assert/strict';

import { pause, test, until } from './lib/harness.mjs';
import { connect, connectedClient, newClient, subscribe } from './lib/sdk.mjs';
import { Server } from './lib/server.mjs';
import { SlowRelay } from './lib/slow_relay.mjs';

// Levels that rise and fall within a second or two.
const QUICK = {
  'pressure.window': '500ms', 'pressure.hold': '300ms', 'pressure.degraded_interval': '200ms',
};
const PAD = 'x'.repeat(2000);

const range = (to) => Array.from({ length: to }, (_, i) => i + 1);
const numbers = (publications) => publications.map((p) => p.data.n);

// More publications than kernel, socket and relay can hold of 2 KB each.
const FILLING = 60;

// Publishes {n: 1}, {n: 2} … to each channel until stop(), which gives the last n.
class Publisher {
  constructor(server, channels) {
    this.n = 0;
    this.isRunning = true;
    this.done = this.#run(server, channels);
  }

  async #run(server, channels) {
    while (this.isRunning) {
      this.n += 1;
      const payload = { n: this.n, pad: PAD };
      await Promise.all(channels.map((channel) => server.publish(channel, payload)));
      await pause(5);
    }
  }

  // Waits until so much was published that a subscriber who takes nothing has missed something.
  async outrun() {
    const end = this.n + FILLING;
    await until('enough is published', () => this.n >= end);
  }

  async stop() {
    this.isRunning = false;
    await this.done;
    return this.n;
  }
}

async function untilLevel(server, level) {
  await until(`a connection is at ${level}`, async () =>
    (await server.metrics()).by('tickcast_pressure_connections', 'level')[level] === 1);
}

// Two readers of a numbered stream; `check` waits for 1…count, once and in order, at each.
async function startReaders(t, server, channel) {
  const readers = [];
  for (let i = 0; i < 2; ++i) {
    readers.push(await subscribe(await connectedClient(t, server), channel));
  }
  return async (count) => {
    for (const { publications, contexts } of readers) {
      await until('the last publication', () => publications.length >= count);
      assert.deepEqual(numbers(publications), range(count));
      assert.equal(contexts.length, 1, 'the subscription was never interrupted');
    }
  };
}

async function untilLedgerCloses(server) {
  await until('the ledger closes', async () => {
    const { owed, accounted } = (await server.metrics()).ledger();
    return owed === accounted;
  });
}

// An SDK client behind the relay, on two state channels: what happens to it, in order.
async function startSlow(t, server) {
  const relay = await SlowRelay.start(t, server);
  const client = await connectedClient(t, relay);
  const events = [];
  client.on('message', ({ data }) => events.push({ told: data }));
  const follow = async (channel, options) => {
    const { subscription } = await subscribe(client, channel, options);
    subscription.on('publication', ({ data }) => events.push({ channel, n: data.n }));
  };
  await follow('state:plain');
  await follow('state:held', { data: { priority: true } });
  const told = () => events.filter((event) => event.told).map((event) => event.told);
  const values = (channel) => events.filter((event) => event.channel === channel).map((e) => e.n);
  return { relay, client, events, told, values };
}

test('pressure: who stops reading is sent less and told so, and is well again later', async (t) => {
  const server = await Server.start(t, QUICK);
  const check = await startReaders(t, server, 'log:numbers');
  const slow = await startSlow(t, server);
  const publisher = new Publisher(server, ['log:numbers', 'state:plain', 'state:held']);
  await until('values come', () => slow.values('state:plain').length > 0);
  await slow.relay.pause();
  await publisher.outrun();
  await untilLevel(server, 'emergency');
  await slow.relay.resume();
  const indexOf = (level) => slow.events.findIndex(({ told }) => told?.pressure === level);
  await until('it is told of something better', () => indexOf('critical') >= 0);
  const last = await publisher.stop();
  await check(last);

  // Until then it had the values that it marked as its most important ones, and no other.
  const worst = slow.events.slice(indexOf('emergency'), indexOf('critical'));
  const channels = worst.filter((event) => !event.told).map((event) => event.channel);
  assert.deepEqual(new Set(channels), new Set(['state:held']));

  // The newest values come at last, and a word that all is well.
  await until('it is told that all is well', () => slow.told().at(-1).pressure === 'normal');
  for (const channel of ['state:plain', 'state:held']) {
    await until(`the newest of ${channel}`, () => slow.values(channel).at(-1) === last);
    const seen = slow.values(channel);
    assert.ok(seen.every((n, i) => i === 0 || n > seen[i - 1]), `in order, none twice: ${seen}`);
  }
  // It is told again where nothing but the number of conflated values is new.
  const told = slow.told();
  const levels = told.map((each) => each.pressure);
  assert.deepEqual(levels.slice(levels.indexOf('emergency'))
    .filter((level, i, all) => level !== all[i - 1]),
  ['emergency', 'critical', 'degraded', 'normal']);
  for (const [i, { pressure, interval_ms, conflated }] of told.entries()) {
    assert.equal(interval_ms, pressure === 'normal' ? 0 : 200, JSON.stringify(told));
    assert.ok(conflated >= (told[i - 1]?.conflated ?? 1), JSON.stringify(told));
  }

  // What it is told, what it asks for, and what is counted are the same.
  const { data: stats } = await slow.client.rpc('tickcast.stats', {});
  assert.equal(stats.pressure, 'normal');
  for (const channel of ['state:plain', 'state:held']) {
    assert.equal(stats.channels[channel].conflated, last - slow.values(channel).length, channel);
  }
  await untilLedgerCloses(server);
  const metrics = await server.metrics();
  assert.equal(metrics.ledger().conflated, stats.conflated);
  const changes = metrics.by('tickcast_pressure_changes_total', 'level');
  for (const level of levels) assert.ok(changes[level] >= 1, JSON.stringify(changes));
  assert.deepEqual(metrics.by('tickcast_pressure_connections', 'level'), {});
  assert.equal(metrics.sum('tickcast_gaps_total'), 0);
});

test('pressure: switched off, who stops reading is conflated and told how much', async (t) => {
  const server = await Server.start(t, { ...QUICK, 'pressure.enabled': false });
  const slow = await startSlow(t, server);
  const publisher = new Publisher(server, ['state:plain', 'state:held']);
  await slow.relay.pause();
  await publisher.outrun();
  await slow.relay.resume();
  const last = await publisher.stop();
  await until('the newest value', () => slow.values('state:plain').at(-1) === last);
  await until('it is told', () => slow.told().length > 0);
  const { data: stats } = await slow.client.rpc('tickcast.stats', {});
  assert.deepEqual(slow.told().at(-1),
    { conflated: stats.conflated, pressure: 'normal', interval_ms: 0 });
  assert.ok(stats.conflated > 0);
  assert.deepEqual((await server.metrics()).by('tickcast_pressure_changes_total', 'level'), {});
});

test('pressure: who never reads is closed with 3008, and its SDK comes back', async (t) => {
  const server = await Server.start(t, { ...QUICK, 'client.slow_client_timeout': '1s' });
  const check = await startReaders(t, server, 'log:numbers');
  const relay = await SlowRelay.start(t, server);
  const client = newClient(t, relay);
  const ends = [];
  client.on('connecting', ({ code, reason }) => ends.push({ code, reason }));
  await connect(client);
  const { publications, contexts } = await subscribe(client, 'state:plain');
  const publisher = new Publisher(server, ['log:numbers', 'state:plain']);
  await relay.pause();
  await until('it is closed as slow', async () => (await server.metrics()).closes('3008') === 1);
  await relay.resume();
  await until('the SDK is back', () => contexts.length === 2);
  const last = await publisher.stop();
  assert.deepEqual(ends.map((end) => end.code), [0, 3008]);
  assert.equal(ends[1].reason, 'slow');
  await until('the newest value', () => publications.at(-1).data.n === last);
  await check(last);
  await untilLedgerCloses(server);
  const metrics = await server.metrics();
  assert.equal(metrics.closes('3008'), 1);
  assert.deepEqual(metrics.by('tickcast_pressure_connections', 'level'), {});
});

// Publishes 1…`count` while the line of a subscriber takes nothing, and waits for the gap.
async function makeGap(t, channel, count) {
  const server = await Server.start(t, { 'engine.catch_up_bytes': 16384 });
  const check = await startReaders(t, server, channel);
  const relay = await SlowRelay.start(t, server);
  const client = await connectedClient(t, relay);
  const stream = await subscribe(client, channel);
  const interruptions = [];
  stream.subscription.on('subscribing', ({ code, reason }) => {
    interruptions.push({ code, reason });
  });
  await relay.pause();
  for (let n = 1; n <= count; ++n) await server.publish(channel, { n, pad: PAD });
  await check(count);
  await relay.resume();
  await until('it is subscribed again', () => stream.contexts.length === 2);
  assert.deepEqual(interruptions, [{ code: 2500, reason: 'insufficient state' }]);
  assert.equal(client.state, 'connected');
  assert.equal((await server.metrics()).sum('tickcast_gaps_total'), 1);
  return { server, check, stream };
}

test('pressure: a stream that moved on too far is recovered from its history', async (t) => {
  const count = 150;
  const { server, check, stream } = await makeGap(t, 'log:numbers', count);
  const [, again] = stream.contexts;
  assert.deepEqual([again.wasRecovering, again.recovered], [true, true]);
  await server.publish('log:numbers', { n: count + 1 });
  await until('the one after', () => stream.publications.at(-1)?.data.n === count + 1);
  assert.deepEqual(numbers(stream.publications), range(count + 1));
  assert.deepEqual(stream.publications.map((p) => p.offset), range(count + 1));
  await check(count + 1);
  await untilLedgerCloses(server);
});

test('pressure: without a history the gap is told, and the stream goes on behind it', async (t) => {
  const count = 150;
  const { server, check, stream } = await makeGap(t, 'room:numbers', count);
  const before = stream.publications.length;
  assert.deepEqual(numbers(stream.publications), range(before), 'up to the gap nothing is missing');
  assert.ok(before < count, `${before} of ${count}`);
  await server.publish('room:numbers', { n: count + 1 });
  await until('the one after', () => stream.publications.length > before);
  assert.deepEqual(numbers(stream.publications), [...range(before), count + 1]);
  await check(count + 1);
  await untilLedgerCloses(server);
  const metrics = await server.metrics();
  assert.deepEqual(metrics.by('tickcast_publications_skipped_total', 'reason'),
    { gap: count - before });
});
