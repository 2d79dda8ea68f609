// Watch lists of the official SDK (shared poll subscriptions): tracked keys, and values that come
// from a backend or from the API.

import assert from 'node:assert/strict';

import { ALL_FORMS, connect, JSON_SOCKET, nextEvent, SOCKETS, testIn } from '../lib/forms.mjs';
import { atOnce, pause, until } from '../lib/harness.mjs';
import {
  errorsOf, items, keyedServer, POLLS_MS, sign, signer, subscribedWatch, trackError, watches,
  watchOf,
} from '../lib/keyed.mjs';
import { isOracle } from '../lib/target.mjs';

atOnce(4);

const CHANNEL = 'poll:x';

// --- Values --------------------------------------------------------------------------------------

testIn(ALL_FORMS, 'track: first values, then newer ones', async (t, form) => {
  const server = await keyedServer(t);
  server.set('a', { v: 1 }, 1);
  server.set('b', { v: 2 }, 1);
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, CHANNEL);
  heard.subscription.track(['a', 'b']);
  await watches(heard, { a: { v: 1 }, b: { v: 2 } });
  server.set('a', { v: 3 }, 2);
  await watches(heard, { a: { v: 3 }, b: { v: 2 } });
  assert.equal(heard.updates.length, 3);
});

testIn(SOCKETS, 'track: what an update says', async (t, form) => {
  const server = await keyedServer(t);
  server.set('ф🍲 "', { score: 42 }, 3);
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, CHANNEL);
  heard.subscription.track(['ф🍲 "']);
  await until('it comes', () => heard.updates.length > 0);
  const [update] = heard.updates;
  assert.deepEqual([update.channel, update.key, update.version, update.removed === true],
    [CHANNEL, 'ф🍲 "', 3, false]);
  assert.deepEqual(form.unpack(update.data), { score: 42 });
});

testIn(SOCKETS, 'track: nothing that the client has already', async (t, form) => {
  const server = await keyedServer(t);
  server.set('a', 5, 5);
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, CHANNEL);
  heard.subscription.track(items({ key: 'a', version: 5 }), sign(CHANNEL, ['a']));
  await pause(POLLS_MS);
  server.set('a', 6, 6);
  await until('it comes', () => heard.updates.length > 0);
  assert.deepEqual(heard.updates.map(({ version }) => version), [6]);
});

testIn(SOCKETS, 'track: several lists in one subscription', async (t, form) => {
  const server = await keyedServer(t);
  for (const key of ['a', 'b', 'c']) server.set(key, key, 1);
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, CHANNEL);
  heard.subscription.track(items('a'), sign(CHANNEL, ['a']));
  heard.subscription.track(items('b', 'c'), sign(CHANNEL, ['b', 'c']));
  await watches(heard, { a: 'a', b: 'b', c: 'c' });
});

testIn(SOCKETS, 'track: nothing of what is untracked', async (t, form) => {
  const server = await keyedServer(t);
  server.set('a', 1, 1);
  server.set('b', 1, 1);
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, CHANNEL);
  heard.subscription.track(['a', 'b']);
  await watches(heard, { a: 1, b: 1 });
  heard.subscription.untrack(['a', 'never tracked']);
  server.set('a', 2, 2);
  server.set('b', 2, 2);
  await watches(heard, { a: 1, b: 2 });
  await pause(POLLS_MS);
  assert.equal(heard.updates.length, 3);
  assert.deepEqual([...heard.subscription.trackedKeys()], ['b']);
  heard.subscription.track(['a']);
  await watches(heard, { a: 2, b: 2 });
  assert.deepEqual(errorsOf(heard), []);
});

testIn(SOCKETS, 'track: a removal, and the SDK forgets the key', async (t, form) => {
  const server = await keyedServer(t);
  server.set('a', 1, 1);
  server.set('b', 1, 1);
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, CHANNEL);
  heard.subscription.track(['a', 'b']);
  await watches(heard, { a: 1, b: 1 });
  server.values.set('a', { data: null, version: 2, removed: true });
  await watches(heard, { b: 1 });
  assert.equal(heard.updates.at(-1).removed, true);
  assert.deepEqual([...heard.subscription.trackedKeys()], ['b']);
});

testIn(SOCKETS, 'track: clients with lists of their own', async (t, form) => {
  const server = await keyedServer(t);
  for (const key of ['mine', 'yours', 'ours']) server.set(key, key, 1);
  const [one, other] = [await form.connected(t, server), await form.connected(t, server)];
  const mine = await subscribedWatch(form, one, CHANNEL);
  const yours = await subscribedWatch(form, other, CHANNEL);
  mine.subscription.track(['mine', 'ours']);
  yours.subscription.track(['yours', 'ours']);
  await watches(mine, { mine: 'mine', ours: 'ours' });
  await watches(yours, { yours: 'yours', ours: 'ours' });
});

testIn(SOCKETS, 'track: who comes later has the values at once', async (t, form) => {
  const server = await keyedServer(t);
  server.set('a', { n: 1 }, 1);
  const first = await subscribedWatch(form, await form.connected(t, server), CHANNEL);
  first.subscription.track(['a']);
  await watches(first, { a: { n: 1 } });
  for (let n = 0; n < 3; ++n) {
    const later = await subscribedWatch(form, await form.connected(t, server), CHANNEL);
    later.subscription.track(['a']);
    await watches(later, { a: { n: 1 } });
    assert.equal(later.updates.length, 1);
  }
});

testIn(SOCKETS, 'track: nothing comes after unsubscribe', async (t, form) => {
  const server = await keyedServer(t);
  server.set('a', 1, 1);
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, CHANNEL);
  const other = await subscribedWatch(form, await form.connected(t, server), CHANNEL);
  heard.subscription.track(['a']);
  other.subscription.track(['a']);
  await watches(heard, { a: 1 });
  await watches(other, { a: 1 });
  heard.subscription.unsubscribe();
  server.set('a', 2, 2);
  await watches(other, { a: 2 });
  assert.equal(heard.updates.length, 1);
});

testIn(SOCKETS, 'track: versions of the server where the backend has none', async (t, form) => {
  const server = await keyedServer(t);
  server.values.set('a', { data: 1 });
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, 'pollplain:x');
  assert.ok(heard.subscription._sharedPollEpoch.length > 0, 'versions hold within an epoch');
  heard.subscription.track(['a']);
  await watches(heard, { a: 1 });
  server.values.set('a', { data: 2 });
  await watches(heard, { a: 2 });
  await pause(POLLS_MS);
  const versions = heard.updates.map(({ version }) => version);
  assert.equal(versions.length, 2, 'the same data again is no news');
  assert.ok(versions[0] > 0 && versions[0] < versions[1], `${versions}`);
});

testIn(SOCKETS, 'track: versions of the backend are in no epoch', async (t, form) => {
  const server = await keyedServer(t);
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, CHANNEL);
  assert.equal(heard.subscription._sharedPollEpoch, '');
});

// So long that a delta is shorter.
const longText = (version) => ({ version, text: 'the same in every version '.repeat(10) });

testIn(SOCKETS, 'track: deltas, each against its own key', async (t, form) => {
  const server = await keyedServer(t);
  server.set('a', longText(1), 1);
  server.set('b', longText(2), 1);
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, 'polldelta:x', { delta: 'fossil' });
  heard.subscription.track(['a', 'b']);
  await watches(heard, { a: longText(1), b: longText(2) });
  server.set('a', longText(3), 2);
  await watches(heard, { a: longText(3), b: longText(2) });
  server.set('b', longText(4), 2);
  server.set('a', longText(5), 3);
  await watches(heard, { a: longText(5), b: longText(4) });
  const { numPublications, numDeltaPayloads } = heard.subscription.deltaStats();
  assert.equal(numPublications, 5);
  // Centrifugo keeps no value to make a delta from, and tells all data as it would a delta.
  if (!isOracle) assert.equal(numDeltaPayloads, 3);
});

testIn(SOCKETS, 'track: the API publishes, older versions do not count', async (t, form) => {
  const server = await keyedServer(t);
  server.set('a', 'old', 10);
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, CHANNEL);
  heard.subscription.track(['a']);
  await watches(heard, { a: 'old' });
  const publish = (data, version) =>
    server.call('shared_poll_publish', { channel: CHANNEL, key: 'a', data, version });
  await publish('new', 12);
  await watches(heard, { a: 'new' });
  await publish('older', 11);
  await server.call('shared_poll_publish',
    { channel: CHANNEL, key: 'of nobody', data: 1, version: 1 });
  await publish('newest', 13);
  await watches(heard, { a: 'newest' });
  assert.deepEqual(heard.updates.map(({ version }) => version), [10, 12, 13]);
});

testIn(SOCKETS, 'track: a backend that fails leaves the last values', async (t, form) => {
  const server = await keyedServer(t);
  server.set('a', 1, 1);
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, CHANNEL);
  heard.subscription.track(['a']);
  await watches(heard, { a: 1 });
  server.breakBackend(true);
  server.set('a', 2, 2);
  await pause(POLLS_MS);
  assert.deepEqual([...heard.values], [['a', 1]]);
  assert.equal(heard.subscription.state, 'subscribed');
  server.breakBackend(false);
  await watches(heard, { a: 2 });
});

// --- Before subscribing, and again ---------------------------------------------------------------

testIn(SOCKETS, 'track: before it subscribes', async (t, form) => {
  const server = await keyedServer(t);
  for (const key of ['a', 'b', 'c']) server.set(key, key, 1);
  const asked = [];
  const client = form.client(t, server);
  const heard = watchOf(form, client, CHANNEL, { getSignature: signer(CHANNEL, {}, asked) });
  heard.subscription.track(items('a', 'dropped'), sign(CHANNEL, ['a', 'dropped']));
  heard.subscription.track(items('b'), sign(CHANNEL, ['b']));
  heard.subscription.track(['c']);
  heard.subscription.untrack(['dropped']);
  server.set('dropped', 'dropped', 1);
  heard.subscription.subscribe();
  await connect(client);
  await watches(heard, { a: 'a', b: 'b', c: 'c' });
  await pause(POLLS_MS);
  assert.equal(heard.updates.length, 3);
  assert.deepEqual(asked, [['c']], 'what was signed is not signed again');
});

testIn(SOCKETS, 'track: again after a reconnect, from where it was', async (t, form) => {
  const server = await keyedServer(t);
  for (const key of ['a', 'b', 'dropped']) server.set(key, 1, 1);
  const asked = [];
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, CHANNEL,
    { getSignature: signer(CHANNEL, {}, asked) });
  heard.subscription.track(['a', 'b', 'dropped']);
  await watches(heard, { a: 1, b: 1, dropped: 1 });
  heard.subscription.untrack(['dropped']);
  client.disconnect();
  server.set('a', 2, 2);
  server.set('dropped', 2, 2);
  await connect(client);
  await watches(heard, { a: 2, b: 1, dropped: 1 });
  await pause(POLLS_MS);
  assert.equal(heard.updates.length, 4, 'b is known, dropped is not wanted');
  assert.equal(asked.length, 1);
});

testIn(SOCKETS, 'track: again after a restart of the server', async (t, form) => {
  const server = await keyedServer(t);
  server.set('a', 1, 1);
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, CHANNEL);
  heard.subscription.track(['a']);
  await watches(heard, { a: 1 });
  await server.stop();
  server.set('a', 2, 2);
  await server.launch();
  await watches(heard, { a: 2 });
});

testIn([JSON_SOCKET], 'track: scrolling through many keys', async (t, form) => {
  const server = await keyedServer(t);
  for (let n = 0; n < 300; ++n) server.set(`k${n}`, n, 1);
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, CHANNEL);
  const page = (first) => Array.from({ length: 30 }, (_, n) => `k${first + n}`);
  for (let first = 0; first <= 270; first += 30) {
    heard.subscription.track(page(first));
    if (first > 0) heard.subscription.untrack(page(first - 30));
    await until('the page is there', () => page(first).every((key) => heard.values.has(key)));
  }
  assert.deepEqual([...heard.subscription.trackedKeys()].sort(), page(270).sort());
  assert.deepEqual(errorsOf(heard), []);
});

// --- Refused -------------------------------------------------------------------------------------

testIn(SOCKETS, 'track: more keys than a connection may have is error 106', async (t, form) => {
  const server = await keyedServer(t);
  for (const key of ['a', 'b', 'c', 'd']) server.set(key, 1, 1);
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, 'pollfew:x');
  heard.subscription.track(['a', 'b', 'c']);
  await watches(heard, { a: 1, b: 1, c: 1 });
  const failure = trackError(heard);
  heard.subscription.track(items('d'), sign('pollfew:x', ['d']));
  assert.equal((await failure).error.code, 106);
  heard.subscription.untrack(['a', 'd']);
  heard.subscription.track(items('d'), sign('pollfew:x', ['d']));
  await watches(heard, { a: 1, b: 1, c: 1, d: 1 });
});

const REFUSED = {
  'a watch list of a map': ['newSharedPollSubscription', 'kept:x', 108],
  'a watch list of a stream': ['newSharedPollSubscription', 'stream:x', 108],
  'a stream of a watch list': ['newSubscription', 'poll:x', 107],
};
for (const [what, [make, channel, expected]] of Object.entries(REFUSED)) {
  testIn(SOCKETS, `track: ${what} is error ${expected}`, async (t, form) => {
    const server = await keyedServer(t);
    const client = await form.connected(t, server);
    const subscription = client[make](channel, {});
    const unsubscribed = nextEvent(subscription, 'unsubscribed');
    subscription.subscribe();
    assert.equal((await unsubscribed).code, expected);
    assert.equal(client.state, 'connected');
  });
}
