// What was missed, with the official SDK: recovered after a loss, or said to be lost.

import assert from 'node:assert/strict';

import {
  ALL_FORMS, connect, goOffline, goOnline, JSON_SOCKET, nextEvent, SOCKETS, testIn,
} from '../lib/forms.mjs';
import { atOnce, until, within } from '../lib/harness.mjs';
import { sdkNamespaces, Target } from '../lib/target.mjs';

atOnce(4);

const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

async function publishNumbers(server, channel, from, to) {
  let position;
  for (const n of range(from, to)) position = await server.publish(channel, n);
  return position;
}

testIn(ALL_FORMS, 'recovery: what was missed between disconnect and connect', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'chat:x');
  await publishNumbers(server, 'chat:x', 1, 2);
  await until('the first two', () => heard.values.length === 2);
  client.disconnect();
  await publishNumbers(server, 'chat:x', 3, 12);
  await connect(client);
  await within(10000, 'it subscribes again', heard.subscription.ready());
  await publishNumbers(server, 'chat:x', 13, 14);
  await until('all of them', () => heard.values.length >= 14);
  assert.deepEqual(heard.values, range(1, 14));
  assert.deepEqual(heard.publications.map((p) => p.offset), range(1, 14));
  const [first, second] = heard.contexts;
  assert.deepEqual([first.wasRecovering, first.recovered], [false, false]);
  assert.deepEqual([second.wasRecovering, second.recovered], [true, true]);
  assert.deepEqual([second.recoverable, second.positioned], [true, true]);
  assert.equal(second.hasRecoveredPublications, true);
  assert.equal(second.streamPosition.epoch, first.streamPosition.epoch);
});

testIn(ALL_FORMS, 'recovery: a lost network, while publications go on', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'chat:x');
  for (let round = 0; round < 4; ++round) {
    const publishing = publishNumbers(server, 'chat:x', round * 10 + 1, round * 10 + 10);
    goOffline(client);
    await publishing;
    goOnline(client);
    await within(10000, 'it connects again', client.ready());
  }
  await until('all of them', () => heard.values.length >= 40);
  assert.deepEqual(heard.values, range(1, 40));
});

testIn(ALL_FORMS, 'recovery: more than the history holds is said to be lost', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'small:x');
  await publishNumbers(server, 'small:x', 1, 1);
  await until('the first', () => heard.values.length === 1);
  client.disconnect();
  await publishNumbers(server, 'small:x', 2, 5);  // Two are kept.
  await connect(client);
  await within(10000, 'it subscribes again', heard.subscription.ready());
  const again = heard.contexts[1];
  assert.deepEqual([again.wasRecovering, again.recovered], [true, false]);
  assert.equal(again.streamPosition.offset, 5);
  await publishNumbers(server, 'small:x', 6, 6);
  await until('the newest', () => heard.values.includes(6));
  assert.deepEqual(heard.values, [1, 6]);
});

testIn(SOCKETS, 'recovery: nothing missed is recovered too', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'chat:x');
  client.disconnect();
  await connect(client);
  await within(10000, 'it subscribes again', heard.subscription.ready());
  const again = heard.contexts[1];
  assert.deepEqual([again.wasRecovering, again.recovered], [true, true]);
  assert.equal(again.hasRecoveredPublications, false);
});

testIn(ALL_FORMS, 'recovery: after a restart the epoch is another', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'chat:x');
  await publishNumbers(server, 'chat:x', 1, 3);
  await until('the first three', () => heard.values.length === 3);
  const connecting = nextEvent(client, 'connecting');
  await server.stop();
  await connecting;
  await server.launch();
  await publishNumbers(server, 'chat:x', 101, 103);
  await within(10000, 'it connects again', client.ready());
  await within(10000, 'it subscribes again', heard.subscription.ready());
  const [first, second] = heard.contexts;
  assert.notEqual(second.streamPosition.epoch, first.streamPosition.epoch);
  assert.deepEqual([second.wasRecovering, second.recovered], [true, false]);
});

testIn(SOCKETS, 'recovery: `since` asks for it at the first subscribe', async (t, form) => {
  const server = await Target.start(t);
  const { epoch } = await publishNumbers(server, 'chat:x', 1, 5);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'chat:x', { since: { offset: 2, epoch } });
  await until('what came since', () => heard.values.length === 3);
  assert.deepEqual(heard.values, [3, 4, 5]);
  assert.deepEqual([heard.contexts[0].wasRecovering, heard.contexts[0].recovered], [true, true]);
});

testIn(SOCKETS, 'recovery: `since` of another epoch is lost', async (t, form) => {
  const server = await Target.start(t);
  await publishNumbers(server, 'chat:x', 1, 5);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'chat:x', { since: { offset: 2, epoch: 'other' } });
  assert.deepEqual([heard.contexts[0].wasRecovering, heard.contexts[0].recovered], [true, false]);
});

testIn(SOCKETS, 'recovery: over client.recovery_max_publication_limit none', async (t, form) => {
  const server = await Target.start(t, { 'client.recovery_max_publication_limit': 10 });
  const { epoch } = await publishNumbers(server, 'chat:x', 1, 30);
  const client = await form.connected(t, server);
  const lost = await form.subscribe(client, 'chat:x', { since: { offset: 19, epoch } });
  assert.equal(lost.contexts[0].recovered, false);
  const other = await form.connected(t, server);
  const kept = await form.subscribe(other, 'chat:x', { since: { offset: 20, epoch } });
  assert.equal(kept.contexts[0].recovered, true);
  await until('ten of them', () => kept.values.length === 10);
  assert.deepEqual(kept.values, range(21, 30));
  assert.deepEqual(lost.values, []);
});

testIn(SOCKETS, 'recovery: getState is asked where it fails', async (t, form) => {
  const server = await Target.start(t);
  await publishNumbers(server, 'small:x', 1, 1);
  const states = [];
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'small:x', { getState: async () => {
    const { offset, epoch } = await server.call('history', { channel: 'small:x' });
    states.push(offset);
    return { offset, epoch };
  } });
  client.disconnect();
  await publishNumbers(server, 'small:x', 2, 5);
  await connect(client);
  await within(10000, 'it subscribes again', heard.subscription.ready());
  await publishNumbers(server, 'small:x', 6, 6);
  await until('the newest', () => heard.values.includes(6));
  assert.deepEqual(states, [1, 5]);
  assert.deepEqual(heard.values, [6]);
});

testIn(SOCKETS, 'positioned: where the namespace forces it', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  await publishNumbers(server, 'positioned:x', 1, 2);
  const { contexts } = await form.subscribe(client, 'positioned:x');
  assert.deepEqual([contexts[0].positioned, contexts[0].recoverable], [true, false]);
  assert.equal(contexts[0].streamPosition.offset, 2);
});

testIn(SOCKETS, 'recoverable and positioned: where the client asks and may', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const plain = await form.subscribe(client, 'asked:a');
  const recoverable = await form.subscribe(client, 'asked:b', { recoverable: true });
  const positioned = await form.subscribe(client, 'asked:c', { positioned: true });
  const refused = await form.subscribe(client, 'readonly:d',
    { recoverable: true, positioned: true });
  const told = ({ contexts }) => [contexts[0].recoverable, contexts[0].positioned];
  assert.deepEqual(told(plain), [false, false]);
  assert.deepEqual(told(recoverable), [true, true]);
  assert.deepEqual(told(positioned), [false, true]);
  assert.deepEqual(told(refused), [false, false]);
});

testIn(ALL_FORMS, 'cache mode: who comes back gets the newest', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'cache:x');
  await publishNumbers(server, 'cache:x', 1, 2);
  await until('the first two', () => heard.values.length === 2);
  client.disconnect();
  await publishNumbers(server, 'cache:x', 3, 20);  // Five are kept; the newest is enough.
  await connect(client);
  await within(10000, 'it subscribes again', heard.subscription.ready());
  await until('the newest', () => heard.values.length === 3);
  assert.deepEqual(heard.values, [1, 2, 20]);
  assert.deepEqual([heard.contexts[1].wasRecovering, heard.contexts[1].recovered], [true, true]);
});

testIn(SOCKETS, 'cache mode: an empty `since` gets the newest at once', async (t, form) => {
  const server = await Target.start(t);
  await publishNumbers(server, 'cache:x', 1, 3);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'cache:x', { since: { offset: 0, epoch: '' } });
  await until('the newest', () => heard.values.length === 1);
  assert.deepEqual(heard.values, [3]);
  assert.equal(heard.contexts[0].recovered, true);
});

testIn(SOCKETS, 'cache mode: auto_cache_recover gives it to everybody', async (t, form) => {
  const server = await Target.start(t, { 'channel.namespaces': sdkNamespaces(
    { cache: { auto_cache_recover: true } }) });
  await publishNumbers(server, 'cache:x', 1, 3);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'cache:x');
  await until('the newest', () => heard.values.length === 1);
  assert.deepEqual(heard.values, [3]);
});

testIn(ALL_FORMS, 'history: forward in pages, and backward', async (t, form) => {
  const server = await Target.start(t);
  const { epoch } = await publishNumbers(server, 'chat:x', 1, 10);
  const client = await form.connected(t, server);
  const { subscription } = await form.subscribe(client, 'chat:x');
  const read = async (options) => {
    const answer = await subscription.history(options);
    assert.deepEqual([answer.epoch, answer.offset], [epoch, 10]);
    return answer.publications.map((p) => form.unpack(p.data));
  };
  const pages = [];
  let since = null;
  for (;;) {
    const { publications } = await subscription.history({ limit: 4, ...since && { since } });
    if (publications.length === 0) break;
    pages.push(publications.map((p) => form.unpack(p.data)));
    since = { offset: publications.at(-1).offset, epoch };
  }
  assert.deepEqual(pages, [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]);
  assert.deepEqual(await read({ limit: 3, reverse: true }), [10, 9, 8]);
  assert.deepEqual(await read({ limit: 3, reverse: true, since: { offset: 5, epoch } }), [4, 3, 2]);
  assert.deepEqual(await read({ limit: -1 }), range(1, 10));
  assert.deepEqual(await read({ limit: 0 }), []);
  assert.deepEqual(await read({}), []);
  await assert.rejects(subscription.history({ limit: 3, since: { offset: 1, epoch: 'other' } }),
    { code: 112 });
});

testIn(SOCKETS, 'history: at most client.history_max_publication_limit', async (t, form) => {
  const server = await Target.start(t, { 'client.history_max_publication_limit': 5 });
  await publishNumbers(server, 'chat:x', 1, 12);
  const client = await form.connected(t, server);
  const { subscription } = await form.subscribe(client, 'chat:x');
  const count = async (limit) => (await subscription.history({ limit })).publications.length;
  assert.equal(await count(-1), 5);
  assert.equal(await count(4), 4);
  assert.equal(await count(6), 5);
});

testIn(SOCKETS, 'history: removed by the server', async (t, form) => {
  const server = await Target.start(t);
  await publishNumbers(server, 'chat:x', 1, 5);
  const client = await form.connected(t, server);
  const { subscription } = await form.subscribe(client, 'chat:x');
  await server.call('history_remove', { channel: 'chat:x' });
  assert.deepEqual((await subscription.history({ limit: 10 })).publications, []);
});

testIn([JSON_SOCKET], 'history: what a client publishes tells who, in history too',
  async (t, form) => {
    const server = await Target.start(t);
    const client = await form.connected(t, server);
    const { subscription } = await form.subscribe(client, 'chat:x');
    await subscription.publish(1);
    const { publications } = await subscription.history({ limit: 1 });
    assert.equal(publications[0].info.client, client._client);
  });
