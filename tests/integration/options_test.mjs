// Options of a subscription: what is asked for in a subscribe's `data` or by an rpc, what is
// granted, and that the granted is kept. docs/protocol.md is the contract.

import assert from 'node:assert/strict';

import { pause, test, until } from './lib/harness.mjs';
import { RawClient } from './lib/raw_client.mjs';
import { connectedClient, nextEvent, subscribe } from './lib/sdk.mjs';
import { namespaces, Server } from './lib/server.mjs';

const WITH_INTERVALS = { 'channel.namespaces': [...namespaces({}),
  { name: 'calm', kind: 'state', min_interval: '100ms', default_interval: '300ms' }] };

const numbers = (publications) => publications.map((p) => p.data.n);

// Publishes {n: 1}, {n: 2} … to `channel` one after the other until stop(), which gives the last n.
function startNumbers(server, channel) {
  let running = true;
  let n = 0;
  const done = (async () => {
    while (running) {
      n += 1;
      await server.publish(channel, { n });
      await pause(1);
    }
  })();
  return async () => {
    running = false;
    await done;
    return n;
  };
}

// What a follower of a state channel must have seen of 1…`last`: the newest at the end, none twice,
// none after a newer one; and what it did not see is what the server says it conflated.
async function checkFollowed(client, channel, publications, last) {
  await until('the newest value', () => publications.at(-1)?.data.n === last);
  const seen = numbers(publications);
  assert.ok(seen.every((n, i) => i === 0 || n > seen[i - 1]), `in order, none twice: ${seen}`);
  const { data } = await client.rpc('tickcast.stats', {});
  assert.equal(data.channels[channel].conflated, last - seen.length, 'the others were conflated');
}

async function refusedNaming(option, promise) {
  await assert.rejects(promise, (fault) => {
    assert.equal(fault.code, 107, JSON.stringify(fault));
    assert.match(fault.message, new RegExp(`^bad request: ${option} `));
    return true;
  });
}

// --- What is granted -----------------------------------------------------------------------------

const STREAM_GRANT = { interval_ms: 0, min_change: 0, priority: true };
const GRANTS = [
  ['state:a', { interval_ms: 250, min_change: 0.001, priority: true },
    { interval_ms: 250, min_change: 0.001, priority: true }],
  ['state:b', { interval_ms: 33 }, { interval_ms: 40, min_change: 0, priority: false }],
  ['state:c', { interval_ms: 1 }, { interval_ms: 10, min_change: 0, priority: false }],
  ['state:d', { interval_ms: 0 }, { interval_ms: 0, min_change: 0, priority: false }],
  ['state:e', { interval_ms: 60000 }, { interval_ms: 60000, min_change: 0, priority: false }],
  ['state:f', { priority: true }, { interval_ms: 0, min_change: 0, priority: true }],
  ['state:g', { interval_ms: null, theme: { dark: true } }, undefined],
  ['state:h', undefined, undefined],
  ['calm:a', undefined, { interval_ms: 300, min_change: 0, priority: false }],
  ['calm:b', { interval_ms: 0 }, { interval_ms: 100, min_change: 0, priority: false }],
  ['calm:c', { interval_ms: 99 }, { interval_ms: 100, min_change: 0, priority: false }],
  ['calm:d', { interval_ms: 250 }, { interval_ms: 250, min_change: 0, priority: false }],
  ['room:a', { interval_ms: 250, min_change: 0.5, priority: true }, STREAM_GRANT],
  ['log:a', { interval_ms: 250, min_change: 0.5, priority: true }, STREAM_GRANT],
];

test('options: the subscribed event says what was granted', async (t) => {
  const server = await Server.start(t, WITH_INTERVALS);
  const client = await connectedClient(t, server);
  for (const [channel, asked, granted] of GRANTS) {
    const { contexts } = await subscribe(client, channel, { data: asked });
    assert.deepEqual(contexts[0].data, granted, channel);
  }
  const { data } = await client.rpc('tickcast.stats', {});
  const none = { interval_ms: 0, min_change: 0, priority: false };
  assert.deepEqual(data, { pressure: 'normal', conflated: 0, channels: Object.fromEntries(
    GRANTS.map(([channel, , granted]) => [channel, { conflated: 0, ...(granted ?? none) }])) });
});

// --- What it does --------------------------------------------------------------------------------

test('options: an interval thins a state channel to its newest values', async (t) => {
  const server = await Server.start(t);
  const client = await connectedClient(t, server);
  const beganMs = Date.now();
  const intervalMs = 250;
  const { publications } =
    await subscribe(client, 'state:a', { data: { interval_ms: intervalMs } });
  const tape = await subscribe(client, 'room:a', { data: { interval_ms: intervalMs } });
  const stop = startNumbers(server, 'state:a');
  const stopTape = startNumbers(server, 'room:a');
  await until('several of them', () => publications.length >= 4);
  const [last, tapeLast] = [await stop(), await stopTape()];
  await checkFollowed(client, 'state:a', publications, last);
  // However slow this machine is at the moment: no more than one for each interval that passed.
  const most = (Date.now() - beganMs) / intervalMs + 1;
  assert.ok(publications.length <= most, `${publications.length} values, at most ${most}`);
  // Its neighbour, a stream, has all.
  await until('the last of the stream', () => tape.publications.length >= tapeLast);
  assert.deepEqual(numbers(tape.publications), Array.from({ length: tapeLast }, (_, i) => i + 1));
});

test('options: min_change holds back what is too small a change', async (t) => {
  const server = await Server.start(t);
  const client = await connectedClient(t, server);
  const probe = await connectedClient(t, server);
  await server.publish('state:a', { price: '100' });
  const { publications } =
    await subscribe(client, 'state:a', { data: { interval_ms: 10, min_change: 0.001 } });
  const all = await subscribe(probe, 'state:a');
  // Measured against the value sent last, which the subscribe's own reply brought at first.
  const steps = [['100.09', false], ['99.91', false], ['100.11', true], ['100.05', false],
    ['100.25', true], ['100.25', false], ['-100.25', true], [true, true]];
  const expected = [{ price: '100' }];
  for (const [i, [price, isNews]] of steps.entries()) {
    const payload = { price, i };
    await server.publish('state:a', payload);
    if (isNews) expected.push(payload);
    await until('the others have it', () => all.publications.at(-1)?.data.i === i);
    if (isNews) await until(`${price} arrives`, () => publications.length >= expected.length);
    else await pause(50);  // Five times its interval.
    assert.deepEqual(publications.map((p) => p.data), expected, `after ${price}`);
  }
});

// --- Changing them -------------------------------------------------------------------------------

test('options: the rpc changes a live subscription, and its position is kept', async (t) => {
  const server = await Server.start(t);
  const client = await connectedClient(t, server);
  const { publications, contexts } = await subscribe(client, 'state:a');
  const stop = startNumbers(server, 'state:a');
  // From push to interval, from one interval to another, and back; values come all the while.
  for (const interval_ms of [100, 0, 30, 50, 0, 10, 0]) {
    const { data } = await client.rpc('tickcast.options', { channel: 'state:a', interval_ms });
    assert.deepEqual(data, { interval_ms, min_change: 0, priority: false });
    const before = publications.length;
    await until('values go on', () => publications.length >= before + 2);
  }
  const last = await stop();
  await until('the newest value', () => publications.at(-1)?.data.n === last);
  const seen = numbers(publications);
  assert.ok(seen.every((n, i) => i === 0 || n > seen[i - 1]), `in order, none twice: ${seen}`);
  // What is replaced within a turn on its way to a push is no pull's: the server's count has it.
  const total = (await server.metrics()).sum(
    'tickcast_publications_conflated_total');
  assert.equal(total, last - seen.length, 'the others were conflated');
  const { data } = await client.rpc('tickcast.stats', {});
  assert.ok(data.channels['state:a'].conflated <= total, JSON.stringify(data));
  assert.equal(contexts.length, 1, 'the subscription was never interrupted');
});

test('options: what an interval held back comes when the interval goes', async (t) => {
  const server = await Server.start(t);
  const client = await connectedClient(t, server);
  const neighbour = await subscribe(await connectedClient(t, server), 'state:a');
  const { publications } =
    await subscribe(client, 'state:a', { data: { interval_ms: 60000 } });
  const options = (changes) => client.rpc('tickcast.options', { channel: 'state:a', ...changes });
  // A minute's beat may fall into the case, so no more than one value is held back here.
  for (let n = 1; n <= 20; ++n) await server.publish('state:a', { n });
  await until('the neighbour has it', () => neighbour.publications.at(-1)?.data.n === 20);
  assert.ok(publications.length <= 1, JSON.stringify(numbers(publications)));
  assert.deepEqual((await options({ interval_ms: 0 })).data,
    { interval_ms: 0, min_change: 0, priority: false });
  await checkFollowed(client, 'state:a', publications, 20);
  // A member that is not named stays as it was.
  assert.deepEqual((await options({ priority: true })).data,
    { interval_ms: 0, min_change: 0, priority: true });
  assert.deepEqual((await options({ interval_ms: 45, min_change: 0.25 })).data,
    { interval_ms: 50, min_change: 0.25, priority: true });
  assert.deepEqual((await options({ min_change: 0 })).data,
    { interval_ms: 50, min_change: 0, priority: true });
  assert.deepEqual((await options({})).data,
    { interval_ms: 50, min_change: 0, priority: true });
});

test('options: an SDK that comes back asks for the same again', async (t) => {
  const server = await Server.start(t);
  const client = await connectedClient(t, server);
  const data = { interval_ms: 20, min_change: 0, priority: true };
  const { publications, contexts } = await subscribe(client, 'state:a', { data });
  await server.kill();
  await server.launch();
  await until('the subscription is back', () => contexts.length === 2);
  assert.deepEqual(contexts.map((about) => about.data), [data, data]);
  await server.publish('state:a', { n: 1 });
  await until('values go on', () => publications.length === 1);
});

test('options: a second subscribe is error 105, with other options a new grant', async (t) => {
  const server = await Server.start(t);
  const client = await RawClient.connected(t, server);
  await server.publish('state:a', { n: 1 });
  const ask = (data) => client.request({ subscribe: { channel: 'state:a', data } });
  const first = (await ask({ interval_ms: 60000, min_change: 0.5 })).subscribe;
  assert.deepEqual(first.data, { interval_ms: 60000, min_change: 0.5, priority: false });
  assert.deepEqual(numbers(first.publications), [1]);
  assert.equal((await ask({ interval_ms: 60000, min_change: 0.5 })).error.code, 105);
  assert.equal((await ask({ min_change: 0.5, interval_ms: 59999 })).error.code, 105,
    'what is granted counts, not how it is asked for');
  // `data` holds all options here: what is not there has its default. The value is not sent again.
  const second = (await ask({ priority: true })).subscribe;
  assert.deepEqual(second, { data: { interval_ms: 0, min_change: 0, priority: true } });
  assert.equal((await ask({ priority: true })).error.code, 105);
  assert.deepEqual((await ask(undefined)).subscribe,
    { data: { interval_ms: 0, min_change: 0, priority: false } });
  assert.equal((await ask(undefined)).error.code, 105);
  await server.publish('state:a', { n: 2 });
  await until('the next value', () => client.pushes.length > 0);
  assert.deepEqual(client.pushes.map((push) => push.pub.data.n), [2]);
});

// --- What is refused -----------------------------------------------------------------------------

const WRONG = [
  ['interval_ms', [-1, 60001, 1.5, '250', true, [], {}, 1e300]],
  ['min_change', [-0.001, 1, 1.5, '0.1', true, [], {}, 1e300]],
  ['priority', [0, 1, 'true', [], {}]],
];

test('options: one that is wrong is error 107 that names it, in every form', async (t) => {
  const server = await Server.start(t);
  const client = await RawClient.connected(t, server);
  const neighbour = await subscribe(await connectedClient(t, server), 'state:a');
  await client.request({ subscribe: { channel: 'state:live', data: { interval_ms: 50 } } });
  const mistakes = WRONG.flatMap(([option, values]) => values.map((value) => [option, value]));
  for (const [option, value] of mistakes) {
    const wrong = { priority: true, interval_ms: 100, [option]: value };
    const replies = await client.batch([
      { subscribe: { channel: 'state:new', data: wrong } },
      { subscribe: { channel: 'state:live', data: wrong } },
      { subscribe: { channel: 'log:new', data: wrong } },
      { rpc: { method: 'tickcast.options', data: { channel: 'state:live', ...wrong } } },
    ]);
    for (const { error } of replies) {
      assert.equal(error?.code, 107, JSON.stringify({ option, value, replies }));
      assert.match(error.message, new RegExp(`^bad request: ${option} must be `));
    }
  }
  // Nothing of them was taken over, and everybody goes on.
  const { rpc } = await client.request({ rpc: { method: 'tickcast.stats' } });
  assert.deepEqual(rpc.data.channels, {
    'state:live': { conflated: 0, interval_ms: 50, min_change: 0, priority: false } });
  assert.equal((await server.metrics()).by('tickcast_errors_total', 'code')['107'],
    4 * mistakes.length);
  await server.publish('state:live', { n: 1 });
  await server.publish('state:a', { n: 2 });
  await until('the values arrive',
    () => client.pushes.length === 1 && neighbour.publications.length === 1);
  assert.equal(neighbour.contexts.length, 1);
});

test('options: the SDK is told which option is wrong, and stays connected', async (t) => {
  const server = await Server.start(t);
  const client = await connectedClient(t, server);
  const subscription = client.newSubscription('state:a', { data: { interval_ms: '250' } });
  const unsubscribed = nextEvent(subscription, 'unsubscribed');
  subscription.subscribe();
  const { code, reason } = await unsubscribed;
  assert.deepEqual([code, reason],
    [107, 'bad request: interval_ms must be a whole number from 0 to 60000']);
  const { contexts } = await subscribe(client, 'state:b', { data: { interval_ms: 250 } });
  assert.equal(contexts[0].data.interval_ms, 250);
  const options = (data) => client.rpc('tickcast.options', data);
  await refusedNaming('min_change', options({ channel: 'state:b', min_change: 1 }));
  await refusedNaming('channel', options({ interval_ms: 100 }));
  await refusedNaming('channel', options({ channel: 7 }));
  await refusedNaming('data', options([]));
  await refusedNaming('not', options({ channel: 'state:a', interval_ms: 100 }));
  await refusedNaming('not', options({ channel: 'nosuch:a', interval_ms: 100 }));
  assert.equal(client.state, 'connected');
});

test('options: any other rpc is error 108', async (t) => {
  const server = await Server.start(t);
  const client = await connectedClient(t, server);
  for (const method of ['', 'tickcast', 'tickcast.', 'tickcast.option', 'tickcast.stats2', 'x']) {
    await assert.rejects(client.rpc(method, {}), { code: 108 }, method);
  }
  assert.equal(client.state, 'connected');
});
