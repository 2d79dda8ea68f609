// Map subscriptions of the official SDK: a mirror of a keyed collection, its pages and changes.

import assert from 'node:assert/strict';

import { ALL_FORMS, JSON_SOCKET, nextEvent, SOCKETS, testIn } from '../lib/forms.mjs';
import { atOnce, pause, until } from '../lib/harness.mjs';
import { makeToken } from '../lib/jwt.mjs';
import {
  keyedServer, MAP_CLIENTS, MAP_USERS, mirrorOf, shows, subscribed, subscribedMirror,
} from '../lib/keyed.mjs';
import { isOracle, TOKEN_SECRET } from '../lib/target.mjs';

atOnce(4);

const as = (user) => ({ token: makeToken({ sub: user }, TOKEN_SECRET) });

// --- State and changes ---------------------------------------------------------------------------

testIn(ALL_FORMS, 'map: an empty one is live at once', async (t, form) => {
  const server = await keyedServer(t);
  const client = await form.connected(t, server);
  const heard = await subscribedMirror(form, client, 'brief:x');
  assert.deepEqual(heard.syncs, [[]]);
  assert.deepEqual(heard.contexts[0].state ?? [], []);
  await server.put('brief:x', 'a', { v: 1 });
  await shows(heard, { a: { v: 1 } });
});

testIn(SOCKETS, 'map: what is there comes first, as its state', async (t, form) => {
  const server = await keyedServer(t);
  for (const key of ['c', 'a', 'b']) await server.put('brief:x', key, { key });
  const client = await form.connected(t, server);
  const heard = await subscribedMirror(form, client, 'brief:x');
  await shows(heard, { a: { key: 'a' }, b: { key: 'b' }, c: { key: 'c' } });
  assert.equal(heard.contexts[0].state.length, 3);
  assert.equal(heard.contexts[0].recoverable, false);
  for (const entry of heard.syncs[0]) assert.equal(entry.removed, undefined);
  assert.deepEqual(heard.updates, []);
});

testIn(ALL_FORMS, 'map: updates and removals', async (t, form) => {
  const server = await keyedServer(t);
  const client = await form.connected(t, server);
  const heard = await subscribedMirror(form, client, 'kept:x');
  await server.put('kept:x', 'a', { v: 1 });
  await server.put('kept:x', 'b', { v: 2 });
  await server.put('kept:x', 'a', { v: 3 });
  await server.drop('kept:x', 'b');
  await until('all came', () => heard.updates.length === 4);
  assert.deepEqual(heard.updates.map(({ key, removed }) => [key, removed === true]),
    [['a', false], ['b', false], ['a', false], ['b', true]]);
  await shows(heard, { a: { v: 3 } });
});

testIn(SOCKETS, 'map: publishes and removes', async (t, form) => {
  const server = await keyedServer(t);
  const client = await form.connected(t, server);
  const heard = await subscribedMirror(form, client, 'brief:x');
  await heard.subscription.publish('a', form.pack({ from: 'me – 🍲' }));
  await shows(heard, { a: { from: 'me – 🍲' } });
  assert.equal(heard.updates[0].info.client, client._client);
  await heard.subscription.remove('a');
  await shows(heard, {});
  await heard.subscription.remove('a');  // What is not there is removed already.
  await heard.subscription.publish('b', form.pack(1));
  await shows(heard, { b: 1 });
  assert.equal(heard.updates.length, 3);
});

testIn(SOCKETS, 'map: two clients show the same', async (t, form) => {
  const server = await keyedServer(t);
  const [one, other] = [await form.connected(t, server), await form.connected(t, server)];
  const first = await subscribedMirror(form, one, 'brief:x');
  await first.subscription.publish('a', form.pack(1));
  await first.subscription.publish('b', form.pack(2));
  await shows(first, { a: 1, b: 2 });
  const second = await subscribedMirror(form, other, 'brief:x');
  await shows(second, { a: 1, b: 2 });
  await second.subscription.publish('c', form.pack(3));
  await shows(first, { a: 1, b: 2, c: 3 });
  await shows(second, { a: 1, b: 2, c: 3 });
});

testIn(SOCKETS, 'map: keys of any text', async (t, form) => {
  const server = await keyedServer(t);
  const client = await form.connected(t, server);
  const keys = ['BTC-USDT', 'ф🍲', 'a b', '"', '\\', 'x'.repeat(255), '0', '__proto__'];
  for (const key of keys.slice(0, 4)) await server.put('kept:x', key, 1);
  const heard = await subscribedMirror(form, client, 'kept:x');
  for (const key of keys.slice(4)) await server.put('kept:x', key, 1);
  await until('all are there', () => heard.mirror.size === keys.length);
  assert.deepEqual([...heard.mirror.keys()].sort(), [...keys].sort());
});

testIn(SOCKETS, 'map: what has expired is removed', async (t, form) => {
  const server = await keyedServer(t);
  const client = await form.connected(t, server);
  const heard = await subscribedMirror(form, client, 'fleeting:x');
  await server.put('fleeting:x', 'a', 1);
  await shows(heard, { a: 1 });
  await shows(heard, {});
  assert.equal(heard.updates.at(-1).removed, true);
});

testIn(SOCKETS, 'map: nothing comes after unsubscribe', async (t, form) => {
  const server = await keyedServer(t);
  const client = await form.connected(t, server);
  const heard = await subscribedMirror(form, client, 'brief:x');
  const other = await subscribedMirror(form, await form.connected(t, server), 'brief:x');
  heard.subscription.unsubscribe();
  await server.put('brief:x', 'a', 1);
  await shows(other, { a: 1 });
  assert.deepEqual(heard.updates, []);
  await subscribed(heard);
  await shows(heard, { a: 1 });
});

testIn(SOCKETS, 'map: the server unsubscribes: 2000, and it is final', async (t, form) => {
  const server = await keyedServer(t);
  const client = await form.connected(t, server, as('42'));
  const heard = await subscribedMirror(form, client, 'kept:x');
  const unsubscribed = nextEvent(heard.subscription, 'unsubscribed');
  await server.call('unsubscribe', { channel: 'kept:x', user: '42' });
  assert.equal((await unsubscribed).code, 2000);
  assert.equal(heard.subscription.state, 'unsubscribed');
});

// --- Pages ---------------------------------------------------------------------------------------

function seed(server, channel, count) {
  return Promise.all(Array.from({ length: count }, (_, n) =>
    server.put(channel, `k${n}`, n)));
}

const numbered = (count) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, n]));

for (const namespace of ['brief', 'kept']) {
  testIn(SOCKETS, `map: pages of a ${namespace} one`, async (t, form) => {
    const server = await keyedServer(t);
    await seed(server, `${namespace}:x`, 25);
    const client = await form.connected(t, server);
    const heard = await subscribedMirror(form, client, `${namespace}:x`, { pageSize: 2 });
    await shows(heard, numbered(25));
    assert.equal(heard.syncs.length, 1);
    assert.equal(heard.syncs[0].length, 25);
    await server.put(`${namespace}:x`, 'k7', 'new');
    await shows(heard, { ...numbered(25), k7: 'new' });
  });

  testIn(SOCKETS, `map: a ${namespace} one that changes while its pages are fetched`,
    async (t, form) => {
      if (isOracle && namespace === 'brief') {
        t.skip('Centrifugo 6.9.1 loses what changes behind the page that an ephemeral map is at');
      }
      const server = await keyedServer(t);
      const channel = `${namespace}:x`;
      await seed(server, channel, 60);
      const client = await form.connected(t, server);
      const heard = mirrorOf(form, client, channel, { pageSize: 1 });
      heard.subscription.subscribe();
      const expected = numbered(60);
      for (let n = 0; n < 60; n += 3) {
        await server.put(channel, `k${n}`, -n - 1);
        await server.drop(channel, `k${n + 1}`);
        await server.put(channel, `new${n}`, n);
        expected[`k${n}`] = -n - 1;
        delete expected[`k${n + 1}`];
        expected[`new${n}`] = n;
      }
      await shows(heard, expected);
    });
}

testIn([JSON_SOCKET], 'map: page sizes outside the range are clamped', async (t, form) => {
  const server = await keyedServer(t);
  await seed(server, 'pages:x', 150);
  const client = await form.connected(t, server);
  for (const pageSize of [1, 100, 1000, 100000]) {
    const heard = await subscribedMirror(form, client, 'pages:x', { pageSize });
    await shows(heard, numbered(150));
    heard.subscription.unsubscribe();
    client.removeSubscription(heard.subscription);
  }
});

// --- Keys of clients, presence -------------------------------------------------------------------

testIn(SOCKETS, 'map: a client writes only its own key', async (t, form) => {
  const server = await keyedServer(t);
  const client = await form.connected(t, server);
  const heard = await subscribedMirror(form, client, 'byclient:x');
  await heard.subscription.publish('somebody else', form.pack(1));
  await shows(heard, { [client._client]: 1 });
});

testIn(SOCKETS, 'map: a user writes only his own key', async (t, form) => {
  const server = await keyedServer(t);
  const client = await form.connected(t, server, as('42'));
  const heard = await subscribedMirror(form, client, 'byuser:x');
  await heard.subscription.publish('43', form.pack(1));
  await shows(heard, { 42: 1 });
  await heard.subscription.remove('43');
  await shows(heard, {});
  const nobody = await subscribedMirror(form, await form.connected(t, server), 'byuser:x');
  await assert.rejects(nobody.subscription.publish('42', form.pack(1)), { code: 103 });
});

testIn(SOCKETS, 'map: who is there, by client', async (t, form) => {
  const server = await keyedServer(t);
  const [watcher, one, other] = [await form.connected(t, server),
    await form.connected(t, server, as('42')), await form.connected(t, server, as('42'))];
  const heard = await subscribedMirror(form, watcher, 'online:lobby:x', {}, MAP_CLIENTS);
  const keys = () => [...heard.mirror.keys()].sort();
  const first = await subscribedMirror(form, one, 'lobby:x');
  await subscribedMirror(form, other, 'lobby:x');
  const both = [one._client, other._client].sort();
  await until('both are there', () => heard.mirror.size === 2);
  assert.deepEqual(keys(), both);
  assert.equal(heard.updates[0].info.user, '42');
  first.subscription.unsubscribe();
  await until('one has left', () => heard.mirror.size === 1);
  assert.deepEqual(keys(), [other._client]);
  other.disconnect();
  await shows(heard, {});
});

testIn(SOCKETS, 'map: who is there, by user', async (t, form) => {
  const server = await keyedServer(t);
  const watcher = await form.connected(t, server);
  const heard = await subscribedMirror(form, watcher, 'people:lobby:x', {}, MAP_USERS);
  const [one, other] = [await form.connected(t, server, as('42')),
    await form.connected(t, server, as('42'))];
  await subscribedMirror(form, one, 'lobby:x');
  await subscribedMirror(form, other, 'lobby:x');
  await until('the user is there', () => heard.mirror.size === 1);
  assert.deepEqual([...heard.mirror.keys()], ['42']);
  one.disconnect();
  await pause(300);
  assert.deepEqual([...heard.mirror.keys()], ['42'], 'he is there by the other one');
  other.disconnect();
  await until('he has gone when his time is over', () => heard.mirror.size === 0);
});

// --- Refused -------------------------------------------------------------------------------------

const REFUSED = {
  'a map of a stream': ['newMapSubscription', 'stream:x', 103],
  'a map of a watch list': ['newMapSubscription', 'poll:x', 107],
  'a map of clients of a map': ['newMapClientsSubscription', 'kept:x', 103],
  'a map of nothing known': ['newMapSubscription', 'nosuch:x', 102],
  'a stream of a map': ['newSubscription', 'kept:x', 103],
};
for (const [what, [make, channel, expected]] of Object.entries(REFUSED)) {
  testIn(SOCKETS, `map: ${what} is error ${expected}`, async (t, form) => {
    const server = await keyedServer(t);
    const client = await form.connected(t, server);
    const subscription = client[make](channel);
    const unsubscribed = nextEvent(subscription, 'unsubscribed');
    subscription.subscribe();
    assert.equal((await unsubscribed).code, expected);
    assert.equal(client.state, 'connected');
  });
}

testIn(SOCKETS, 'map: publishing where one may not is error 103', async (t, form) => {
  const server = await keyedServer(t);
  const client = await form.connected(t, server);
  const heard = await subscribedMirror(form, client, 'readonlymap:x');
  await assert.rejects(heard.subscription.publish('a', form.pack(1)), { code: 103 });
  await assert.rejects(heard.subscription.remove('a'), { code: 103 });
  await server.put('readonlymap:x', 'a', 1);
  await shows(heard, { a: 1 });
});

testIn(SOCKETS, 'map: an empty key is error 107', async (t, form) => {
  const server = await keyedServer(t);
  const client = await form.connected(t, server);
  const heard = await subscribedMirror(form, client, 'brief:x');
  await assert.rejects(heard.subscription.publish('', form.pack(1)), { code: 107 });
  await assert.rejects(heard.subscription.remove(''), { code: 107 });
  assert.equal(client.state, 'connected');
});
