// Map subscriptions of the official SDK: recovery, filters on tags, deltas per key.

import assert from 'node:assert/strict';

import { connect, goOffline, goOnline, nextEvent, SOCKETS, testIn } from '../lib/forms.mjs';
import { atOnce, until } from '../lib/harness.mjs';
import { keyedServer, mirrorOf, shows, subscribed, subscribedMirror } from '../lib/keyed.mjs';
import { isOracle } from '../lib/target.mjs';

atOnce(4);

// --- Recovery ------------------------------------------------------------------------------------

for (const namespace of ['kept', 'recoverable']) {
  testIn(SOCKETS, `map: a ${namespace} one recovers after a disconnect`, async (t, form) => {
    const server = await keyedServer(t);
    const client = await form.connected(t, server);
    const channel = `${namespace}:x`;
    await server.put(channel, 'gone', 0);
    const heard = await subscribedMirror(form, client, channel);
    await server.put(channel, 'before', 1);
    await shows(heard, { gone: 0, before: 1 });
    assert.equal(heard.contexts[0].recoverable, true);
    client.disconnect();
    await server.put(channel, 'during', 2);
    await server.drop(channel, 'gone');
    await connect(client);
    await shows(heard, { before: 1, during: 2 });
    assert.equal(heard.contexts[1].wasRecovering, true);
    assert.equal(heard.contexts[1].recovered, true);
    assert.equal(heard.syncs.length, 1, 'what was shown before is still good');
    assert.deepEqual(heard.updates.slice(1).map(({ key }) => key), ['during', 'gone']);
  });
}

testIn(SOCKETS, 'map: recovers after an unsubscribe', async (t, form) => {
  const server = await keyedServer(t);
  const client = await form.connected(t, server);
  const heard = await subscribedMirror(form, client, 'kept:x');
  await server.put('kept:x', 'before', 1);
  await shows(heard, { before: 1 });
  heard.subscription.unsubscribe();
  await server.put('kept:x', 'missed', 2);
  await server.put('kept:x', 'missed', 3);
  await subscribed(heard);
  await shows(heard, { before: 1, missed: 3 });
  assert.equal(heard.contexts[1].recovered, true);
});

testIn(SOCKETS, 'map: an ephemeral one is mirrored anew', async (t, form) => {
  const server = await keyedServer(t);
  const client = await form.connected(t, server);
  const heard = await subscribedMirror(form, client, 'brief:x');
  await server.put('brief:x', 'stays', 1);
  await server.put('brief:x', 'goes', 2);
  await shows(heard, { stays: 1, goes: 2 });
  goOffline(client);
  await server.drop('brief:x', 'goes');
  await server.put('brief:x', 'comes', 3);
  goOnline(client);
  await shows(heard, { stays: 1, comes: 3 });
  assert.equal(heard.syncs.length, 2);
});

// More removals than are remembered, of keys that the mirror has.
async function loseTrack(server, channel) {
  for (let n = 0; n < 8; ++n) await server.drop(channel, `k${n}`);
  await server.put(channel, 'new', 1);
}

async function eightKeys(t, form, server, options = {}) {
  for (let n = 0; n < 8; ++n) await server.put('short:x', `k${n}`, n);
  const client = await form.connected(t, server);
  const heard = await subscribedMirror(form, client, 'short:x', options);
  await until('all are there', () => heard.mirror.size === 8);
  heard.subscription.unsubscribe();
  return heard;
}

testIn(SOCKETS, 'map: what cannot be recovered is mirrored anew', async (t, form) => {
  const server = await keyedServer(t);
  const heard = await eightKeys(t, form, server);
  await loseTrack(server, 'short:x');
  await subscribed(heard);
  await shows(heard, { new: 1 });
  assert.equal(heard.syncs.length, 2);
  assert.notEqual(heard.contexts[1].recovered, true);
});

testIn(SOCKETS, 'map: a lost position is error 112 where that is asked', async (t, form) => {
  const server = await keyedServer(t);
  const heard = await eightKeys(t, form, server, { unrecoverableStrategy: 'fatal' });
  await loseTrack(server, 'short:x');
  const unsubscribed = nextEvent(heard.subscription, 'unsubscribed');
  heard.subscription.subscribe();
  assert.equal((await unsubscribed).code, 112);
});

// Centrifugo tells what its stream has left, or begins anew.
testIn(SOCKETS, 'map: who missed more changes than the stream keeps has each key once',
  async (t, form) => {
    const server = await keyedServer(t);
    const heard = await eightKeys(t, form, server);
    for (let n = 0; n < 8; ++n) await server.put('short:x', `k${n}`, -n);
    await server.drop('short:x', 'k3');
    await subscribed(heard);
    await shows(heard, { k0: 0, k1: -1, k2: -2, k4: -4, k5: -5, k6: -6, k7: -7 });
    if (!isOracle) assert.equal(heard.contexts[1].recovered, true);
  });

testIn(SOCKETS, 'map: after a restart of the server nothing old is shown', async (t, form) => {
  const server = await keyedServer(t);
  const client = await form.connected(t, server);
  const heard = await subscribedMirror(form, client, 'kept:x');
  await server.put('kept:x', 'old', 1);
  await shows(heard, { old: 1 });
  await server.stop();
  await server.launch();
  await server.put('kept:x', 'new', 2);
  await shows(heard, { new: 2 });
});

// --- Filters and deltas --------------------------------------------------------------------------

testIn(SOCKETS, 'map: a filter holds for the state and for changes', async (t, form) => {
  const server = await keyedServer(t);
  const team = (name) => ({ tags: { team: name } });
  await server.put('maptags:x', 'a', 1, team('red'));
  await server.put('maptags:x', 'b', 2, team('blue'));
  const client = await form.connected(t, server);
  const heard = await subscribedMirror(form, client, 'maptags:x',
    { tagsFilter: { key: 'team', cmp: 'eq', val: 'red' } });
  await shows(heard, { a: 1 });
  await server.put('maptags:x', 'c', 3, team('blue'));
  await server.put('maptags:x', 'd', 4, team('red'));
  await shows(heard, { a: 1, d: 4 });
  assert.equal(heard.updates.length, 1);
});

testIn(SOCKETS, 'map: another filter is another mirror', async (t, form) => {
  const server = await keyedServer(t);
  await server.put('maptags:x', 'a', 1, { tags: { team: 'red' } });
  await server.put('maptags:x', 'b', 2, { tags: { team: 'blue' } });
  const client = await form.connected(t, server);
  const heard = mirrorOf(form, client, 'maptags:x');
  heard.subscription.setTagsFilter({ key: 'team', cmp: 'eq', val: 'red' });
  await subscribed(heard);
  await shows(heard, { a: 1 });
  heard.subscription.unsubscribe();
  heard.subscription.setTagsFilter({ key: 'team', cmp: 'eq', val: 'blue' });
  await subscribed(heard);
  await shows(heard, { b: 2 });
});

// So long that a delta is shorter.
const longText = (version) => ({ version, text: 'the same in every version '.repeat(10) });

testIn(SOCKETS, 'map: deltas, each against its own key', async (t, form) => {
  const server = await keyedServer(t);
  await server.put('mapdelta:x', 'a', longText(1));
  const client = await form.connected(t, server);
  const heard = await subscribedMirror(form, client, 'mapdelta:x', { delta: 'fossil' });
  await shows(heard, { a: longText(1) });
  await server.put('mapdelta:x', 'b', longText(2));
  await server.put('mapdelta:x', 'a', longText(3));
  await server.put('mapdelta:x', 'b', longText(4));
  await shows(heard, { a: longText(3), b: longText(4) });
  const { numDeltaPayloads, bytesReceived, bytesDecoded } = heard.subscription.deltaStats();
  assert.equal(numDeltaPayloads, 2);
  assert.ok(bytesReceived < bytesDecoded);
});

testIn(SOCKETS, 'map: a removal among deltas, and the key comes back whole', async (t, form) => {
  const server = await keyedServer(t);
  const client = await form.connected(t, server);
  const heard = await subscribedMirror(form, client, 'mapdelta:x', { delta: 'fossil' });
  await server.put('mapdelta:x', 'a', longText(1));
  await server.drop('mapdelta:x', 'a');
  await server.put('mapdelta:x', 'a', longText(2));
  await server.put('mapdelta:x', 'a', longText(3));
  await until('all came', () => heard.updates.length === 4);
  await shows(heard, { a: longText(3) });
});

testIn(SOCKETS, 'map: deltas go on after a recovery', async (t, form) => {
  const server = await keyedServer(t);
  const client = await form.connected(t, server);
  const heard = await subscribedMirror(form, client, 'mapdelta:x', { delta: 'fossil' });
  await server.put('mapdelta:x', 'a', longText(1));
  await shows(heard, { a: longText(1) });
  client.disconnect();
  await server.put('mapdelta:x', 'a', longText(2));
  await server.put('mapdelta:x', 'a', longText(3));
  await server.put('mapdelta:x', 'b', longText(4));
  await connect(client);
  await shows(heard, { a: longText(3), b: longText(4) });
  await server.put('mapdelta:x', 'b', longText(5));
  await shows(heard, { a: longText(3), b: longText(5) });
  assert.equal(heard.contexts[1].recovered, true);
});
