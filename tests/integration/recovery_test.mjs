// History, and coming back without a gap: after a lost connection, after a server's restart.

import assert from 'node:assert/strict';

import { test, until } from './lib/harness.mjs';
import { RawClient } from './lib/raw_client.mjs';
import { connect, connectedClient, nextEvent, subscribe } from './lib/sdk.mjs';
import { Server } from './lib/server.mjs';

const numbers = (publications) => publications.map((p) => p.data.n);
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

async function publishNumbers(server, channel, from, to) {
  let last;
  for (let n = from; n <= to; ++n) last = await server.publish(channel, { n });
  return last;
}

test('recovery: history is read forwards, backwards, in parts', async (t) => {
  const server = await Server.start(t);
  const { offset, epoch } = await publishNumbers(server, 'log:a', 1, 10);
  assert.equal(offset, 10);
  const client = await connectedClient(t, server);
  const position = await client.history('log:a', { limit: 0 });
  assert.deepEqual([position.publications.length, position.offset, position.epoch],
    [0, 10, epoch]);
  const all = await client.history('log:a', { limit: -1 });
  assert.deepEqual(numbers(all.publications), range(1, 10));
  assert.deepEqual(all.publications.map((p) => p.offset), range(1, 10));
  const part = await client.history('log:a', { limit: 3, since: { offset: 4, epoch } });
  assert.deepEqual(numbers(part.publications), [5, 6, 7]);
  const newest = await client.history('log:a', { limit: 2, reverse: true });
  assert.deepEqual(numbers(newest.publications), [10, 9]);
});

test('recovery: who was away gets exactly what was missed', async (t) => {
  const server = await Server.start(t);
  const client = await connectedClient(t, server);
  const log = await subscribe(client, 'log:b');
  await publishNumbers(server, 'log:b', 1, 5);
  await until('the first five', () => log.publications.length === 5);
  client.disconnect();
  await publishNumbers(server, 'log:b', 6, 40);
  await connect(client);
  await log.subscription.ready(5000);
  await publishNumbers(server, 'log:b', 41, 45);
  await until('all of them', () => log.publications.length >= 45);
  assert.deepEqual(numbers(log.publications), range(1, 45));
  assert.deepEqual(log.publications.map((p) => p.offset), range(1, 45));
  const [first, second] = log.contexts;
  assert.deepEqual([first.wasRecovering, second.wasRecovering, second.recovered],
    [false, true, true]);
  assert.equal(second.streamPosition.epoch, first.streamPosition.epoch);
});

test('recovery: nothing is lost or doubled while publications go on', async (t) => {
  const server = await Server.start(t, { 'engine.shards': 4 });
  const watchers = await Promise.all(Array.from({ length: 8 }, async () => {
    const client = await connectedClient(t, server);
    return { client, ...await subscribe(client, 'log:c') };
  }));
  const total = 150;
  const publishing = publishNumbers(server, 'log:c', 1, total);
  // Each comes and goes at its own pace, so that connections end at every stage.
  const restless = watchers.map(async ({ client, subscription }, i) => {
    for (let round = 0; round < 4; ++round) {
      await new Promise((resolve) => setTimeout(resolve, 13 + 7 * i));
      client.disconnect();
      await new Promise((resolve) => setTimeout(resolve, 5 * i));
      await connect(client);
      await subscription.ready(5000);
    }
  });
  await Promise.all([publishing, ...restless]);
  for (const { publications, contexts } of watchers) {
    await until('the last one', () => publications.length >= total);
    assert.deepEqual(numbers(publications), range(1, total));
    assert.equal(contexts.length, 5);
    for (const about of contexts.slice(1)) assert.equal(about.recovered, true);
  }
});

test('recovery: what the history no longer holds is told, not faked', async (t) => {
  const server = await Server.start(t);
  const client = await RawClient.connected(t, server);
  const { epoch } = await publishNumbers(server, 'log:d', 1, 250);  // 200 are kept.
  const recover = (offset, changes = {}) => client.request({ subscribe: {
    channel: 'log:d', recover: true, offset, epoch, ...changes } });
  const leave = () => client.request({ unsubscribe: { channel: 'log:d' } });

  const lost = (await recover(49)).subscribe;
  assert.deepEqual([lost.was_recovering, lost.recovered ?? false], [true, false]);
  assert.deepEqual([lost.publications ?? [], lost.offset], [[], 250]);
  await leave();
  const kept = (await recover(50)).subscribe;
  assert.deepEqual([kept.was_recovering, kept.recovered], [true, true]);
  assert.deepEqual(numbers(kept.publications), range(51, 250));
  await leave();
  const current = (await recover(250)).subscribe;
  assert.deepEqual([current.recovered, current.publications ?? []], [true, []]);
  await leave();
  const otherEpoch = (await recover(249, { epoch: 'another' })).subscribe;
  assert.equal(otherEpoch.recovered ?? false, false);
  await leave();
  // Bit 2 of the flag: rather an error than a position that was not recovered.
  assert.equal((await recover(49, { flag: 2 })).error.code, 112);
});

test('recovery: more than the limit of publications is not recovered', async (t) => {
  const server = await Server.start(t, { 'client.recovery_max_publication_limit': 10 });
  const { epoch } = await publishNumbers(server, 'log:e', 1, 30);
  const client = await RawClient.connected(t, server);
  const recover = (offset) => client.request({ subscribe: {
    channel: 'log:e', recover: true, offset, epoch } });
  assert.equal((await recover(19)).subscribe.recovered ?? false, false);
  await client.request({ unsubscribe: { channel: 'log:e' } });
  const within = (await recover(20)).subscribe;
  assert.equal(within.recovered, true);
  assert.deepEqual(numbers(within.publications), range(21, 30));
});

test('recovery: after a restart the SDK comes back by itself, to a new epoch', async (t) => {
  const server = await Server.start(t);
  const client = await connectedClient(t, server);
  const log = await subscribe(client, 'log:f');
  const room = await subscribe(client, 'room:f');
  await publishNumbers(server, 'log:f', 1, 3);
  await until('the first three', () => log.publications.length === 3);
  const gone = nextEvent(client, 'connecting');
  await server.stop();
  assert.equal((await gone).code, 3001);
  await server.launch();
  await until('both subscriptions are back',
    () => log.contexts.length === 2 && room.contexts.length === 2);
  const [before, after] = log.contexts;
  assert.deepEqual([after.wasRecovering, after.recovered], [true, false]);
  assert.notEqual(after.streamPosition.epoch, before.streamPosition.epoch);
  await publishNumbers(server, 'log:f', 4, 5);
  await server.publish('room:f', { n: 1 });
  await until('publications go on',
    () => log.publications.length === 5 && room.publications.length === 1);
  assert.deepEqual(numbers(log.publications), range(1, 5));
  assert.deepEqual(log.publications.slice(3).map((p) => p.offset), [1, 2]);
});

test('recovery: after the server was killed the SDK is back by itself', async (t) => {
  const server = await Server.start(t);
  const client = await connectedClient(t, server);
  const room = await subscribe(client, 'room:g');
  await server.kill();
  await server.launch();
  await until('the subscription is back', () => room.contexts.length === 2);
  await server.publish('room:g', { n: 1 });
  await until('publications go on', () => room.publications.length === 1);
});
