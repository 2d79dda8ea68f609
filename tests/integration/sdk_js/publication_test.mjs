// What publications carry to the official SDK: bytes, tags, deltas, filtered ones, in order.

import assert from 'node:assert/strict';

import {
  ALL_FORMS, connect, JSON_SOCKET, nextEvent, PROTOBUF_FORMS, PROTOBUF_SOCKET, SOCKETS, testIn,
} from '../lib/forms.mjs';
import { atOnce, test, until, within } from '../lib/harness.mjs';
import { sdkNamespaces, Target } from '../lib/target.mjs';

atOnce(4);

const BINARY = Uint8Array.from({ length: 512 }, (_, i) => i & 0xff);
const BINARY_64 = Buffer.from(BINARY).toString('base64');
const binaryNamespaces = () => sdkNamespaces({
  chat: { publication_data_format: 'binary' }, delta: { publication_data_format: 'binary' } });

testIn(PROTOBUF_FORMS, 'publication: any bytes, in both directions', async (t, form) => {
  const server = await Target.start(t, { 'channel.namespaces': binaryNamespaces() });
  const client = await form.connected(t, server);
  const seen = [];
  const subscription = client.newSubscription('chat:x');
  subscription.on('publication', ({ data }) => seen.push(Buffer.from(data)));
  subscription.subscribe();
  await within(10000, 'it subscribes', subscription.ready());
  await subscription.publish(BINARY);
  await server.call('publish', { channel: 'chat:x', b64data: BINARY_64 });
  await until('both', () => seen.length === 2);
  for (const data of seen) assert.deepEqual(data, Buffer.from(BINARY));
  const { publications } = await subscription.history({ limit: 2 });
  assert.deepEqual(publications.map((p) => Buffer.from(p.data)),
    [Buffer.from(BINARY), Buffer.from(BINARY)]);
});

test('sdk_js: publication: JSON and Protobuf clients in one channel', async (t) => {
  const server = await Target.start(t);
  const heard = [];
  for (const form of ALL_FORMS) {
    const client = await form.connected(t, server);
    heard.push({ form, ...await form.subscribe(client, 'chat:x') });
  }
  for (const [n, { form, subscription }] of heard.entries()) {
    await subscription.publish(form.pack({ from: n }));
  }
  for (const { values } of heard) {
    await until('all of them', () => values.length === ALL_FORMS.length);
    assert.deepEqual(values.map(({ from }) => from), [...ALL_FORMS.keys()]);
  }
});

testIn([JSON_SOCKET], 'publication: what is no JSON closes a JSON client with 3506',
  async (t, form) => {
    const server = await Target.start(t, { 'channel.namespaces': binaryNamespaces() });
    const client = await form.connected(t, server);
    await form.subscribe(client, 'chat:x');
    const disconnected = nextEvent(client, 'disconnected');
    await server.call('publish', { channel: 'chat:x', b64data: BINARY_64 });
    assert.equal((await disconnected).code, 3506);
  });

testIn(ALL_FORMS, 'publication: its tags', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'chat:x');
  await server.publish('chat:x', 1, { tags: { region: 'eu', größe: '10' } });
  await until('it arrives', () => heard.values.length > 0);
  assert.deepEqual(heard.publications[0].tags, { region: 'eu', größe: '10' });
  const { publications } = await heard.subscription.history({ limit: 1 });
  assert.deepEqual(publications[0].tags, { region: 'eu', größe: '10' });
});

testIn(ALL_FORMS, 'publication: three hundred, in order', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'plain:x');
  const commands = Array.from({ length: 300 },
    (_, n) => ({ publish: { channel: 'plain:x', data: { n, pad: 'x'.repeat(n % 50) } } }));
  await server.call('batch', { commands });
  await until('all of them', () => heard.values.length >= 300);
  assert.deepEqual(heard.values.map(({ n }) => n), Array.from({ length: 300 }, (_, n) => n));
});

testIn(SOCKETS, 'publication: a second with one idempotency_key is none', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'chat:x');
  const first = await server.publish('chat:x', 'once', { idempotency_key: 'k1' });
  const second = await server.publish('chat:x', 'once', { idempotency_key: 'k1' });
  assert.deepEqual(second, first);
  await server.publish('chat:x', 'end');
  await until('the end', () => heard.values.includes('end'));
  assert.deepEqual(heard.values, ['once', 'end']);
});

testIn(SOCKETS, 'publication: an older version is not delivered', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'chat:x');
  await server.publish('chat:x', 'v2', { version: 2, version_epoch: 'a' });
  await server.publish('chat:x', 'v1', { version: 1, version_epoch: 'a' });
  await server.publish('chat:x', 'v3', { version: 3, version_epoch: 'a' });
  await server.publish('chat:x', 'v1 again', { version: 1, version_epoch: 'b' });
  await until('the last', () => heard.values.includes('v1 again'));
  assert.deepEqual(heard.values, ['v2', 'v3', 'v1 again']);
});

testIn(SOCKETS, 'publication: skip_history leaves it out of the history', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'chat:x');
  await server.publish('chat:x', 'kept');
  await server.publish('chat:x', 'fleeting', { skip_history: true });
  await until('both', () => heard.values.length === 2);
  const { publications } = await heard.subscription.history({ limit: 10 });
  assert.deepEqual(publications.map((p) => form.unpack(p.data)), ['kept']);
});

const ticker = (n) => ({
  seq: n, price: `61837.${n}`, pad: 'abcdefghij'.repeat(40), ä: '–🍲',
});

testIn(ALL_FORMS, 'delta: values arrive whole, and few bytes cross', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'delta:x', { delta: 'fossil' });
  for (let n = 1; n <= 5; ++n) await server.publish('delta:x', ticker(n));
  await until('all of them', () => heard.values.length === 5);
  assert.deepEqual(heard.values, [1, 2, 3, 4, 5].map(ticker));
  const stats = heard.subscription.deltaStats();
  assert.deepEqual([stats.numFullPayloads, stats.numDeltaPayloads], [1, 4]);
  assert.ok(stats.bytesReceived < stats.bytesDecoded / 2, JSON.stringify(stats));
});

testIn(ALL_FORMS, 'delta: after a loss, with what was missed', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'delta:x', { delta: 'fossil' });
  await server.publish('delta:x', ticker(1));
  await until('the first', () => heard.values.length === 1);
  client.disconnect();
  for (let n = 2; n <= 5; ++n) await server.publish('delta:x', ticker(n));
  await connect(client);
  await within(10000, 'it subscribes again', heard.subscription.ready());
  await server.publish('delta:x', ticker(6));
  await until('all of them', () => heard.values.length === 6);
  assert.deepEqual(heard.values, [1, 2, 3, 4, 5, 6].map(ticker));
});

testIn(SOCKETS, 'delta: with and without in one channel', async (t, form) => {
  const server = await Target.start(t);
  const asking = await form.subscribe(await form.connected(t, server), 'delta:x',
    { delta: 'fossil' });
  const plain = await form.subscribe(await form.connected(t, server), 'delta:x');
  for (let n = 1; n <= 3; ++n) await server.publish('delta:x', ticker(n));
  const late = await form.subscribe(await form.connected(t, server), 'delta:x',
    { delta: 'fossil' });
  for (let n = 4; n <= 6; ++n) await server.publish('delta:x', ticker(n));
  for (const { values } of [asking, plain]) {
    await until('all of them', () => values.length === 6);
    assert.deepEqual(values, [1, 2, 3, 4, 5, 6].map(ticker));
  }
  await until('the last three', () => late.values.length === 3);
  assert.deepEqual(late.values, [4, 5, 6].map(ticker));
});

testIn(SOCKETS, 'delta: where it is not allowed values come whole', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'chat:x', { delta: 'fossil' });
  for (let n = 1; n <= 3; ++n) await server.publish('chat:x', ticker(n), { delta: true });
  await until('all of them', () => heard.values.length === 3);
  assert.deepEqual(heard.values, [1, 2, 3].map(ticker));
  assert.equal(heard.subscription.deltaStats().numDeltaPayloads, 0);
});

testIn(SOCKETS, 'delta: without delta_publish the publisher asks for it', async (t, form) => {
  const server = await Target.start(t, { 'channel.namespaces': sdkNamespaces(
    { delta: { delta_publish: false } }) });
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'delta:x', { delta: 'fossil' });
  await server.publish('delta:x', ticker(1));
  await server.publish('delta:x', ticker(2));
  await server.publish('delta:x', ticker(3), { delta: true });
  await until('all of them', () => heard.values.length === 3);
  assert.deepEqual(heard.values, [1, 2, 3].map(ticker));
  assert.equal(heard.subscription.deltaStats().numDeltaPayloads, 1);
});

testIn(SOCKETS, 'delta: what clients publish', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'delta:x', { delta: 'fossil' });
  for (let n = 1; n <= 3; ++n) await heard.subscription.publish(form.pack(ticker(n)));
  await until('all of them', () => heard.values.length === 3);
  assert.deepEqual(heard.values, [1, 2, 3].map(ticker));
  assert.equal(heard.subscription.deltaStats().numDeltaPayloads, 2);
});

testIn([PROTOBUF_SOCKET], 'delta: of binary payloads', async (t, form) => {
  const server = await Target.start(t, { 'channel.namespaces': binaryNamespaces() });
  const client = await form.connected(t, server);
  const seen = [];
  const subscription = client.newSubscription('delta:x', { delta: 'fossil' });
  subscription.on('publication', ({ data }) => seen.push(Buffer.from(data)));
  subscription.subscribe();
  await within(10000, 'it subscribes', subscription.ready());
  const versions = [0, 100, 511].map((at) => {
    const bytes = Buffer.from(BINARY);
    bytes[at] ^= 0x55;
    return bytes;
  });
  for (const bytes of versions) {
    await server.call('publish', { channel: 'delta:x', b64data: bytes.toString('base64') });
  }
  await until('all of them', () => seen.length === 3);
  assert.deepEqual(seen, versions);
  assert.equal(subscription.deltaStats().numDeltaPayloads, 2);
});

const FILTERS = {
  eq: [{ key: 'region', cmp: 'eq', val: 'eu' }, [1, 3]],
  neq: [{ key: 'region', cmp: 'neq', val: 'eu' }, [2, 4, 5]],
  in: [{ key: 'region', cmp: 'in', vals: ['us', 'asia'] }, [2, 4]],
  nin: [{ key: 'region', cmp: 'nin', vals: ['us', 'asia'] }, [1, 3, 5]],
  ex: [{ key: 'region', cmp: 'ex' }, [1, 2, 3, 4]],
  nex: [{ key: 'region', cmp: 'nex' }, [5]],
  sw: [{ key: 'region', cmp: 'sw', val: 'a' }, [4]],
  ew: [{ key: 'region', cmp: 'ew', val: 's' }, [2]],
  ct: [{ key: 'region', cmp: 'ct', val: 'si' }, [4]],
  gt: [{ key: 'price', cmp: 'gt', val: '9.5' }, [2, 4]],
  gte: [{ key: 'price', cmp: 'gte', val: '9.5' }, [2, 3, 4]],
  lt: [{ key: 'price', cmp: 'lt', val: '9.5' }, [1]],
  lte: [{ key: 'price', cmp: 'lte', val: '9.5' }, [1, 3]],
  and: [{ op: 'and', nodes: [{ key: 'region', cmp: 'eq', val: 'eu' },
    { key: 'price', cmp: 'gt', val: '5' }] }, [3]],
  or: [{ op: 'or', nodes: [{ key: 'region', cmp: 'eq', val: 'us' },
    { key: 'price', cmp: 'lt', val: '5' }] }, [1, 2]],
  not: [{ op: 'not', nodes: [{ key: 'region', cmp: 'eq', val: 'eu' }] }, [2, 4, 5]],
};
const TAGGED = [
  { region: 'eu', price: '1' }, { region: 'us', price: '10' }, { region: 'eu', price: '9.5' },
  { region: 'asia', price: '1000' }, { other: 'x' },
];

testIn(SOCKETS, 'tag filter: each comparison and operator', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = {};
  for (const [name, [tagsFilter]] of Object.entries(FILTERS)) {
    const own = await form.connected(t, server);
    heard[name] = await form.subscribe(own, 'tagged:x', { tagsFilter });
  }
  const all = await form.subscribe(client, 'tagged:x');
  for (const [i, tags] of TAGGED.entries()) await server.publish('tagged:x', i + 1, { tags });
  await until('all of them', () => all.values.length === TAGGED.length);
  for (const [name, [, expected]] of Object.entries(FILTERS)) {
    await until(`what passes ${name}`, () => heard[name].values.length >= expected.length);
    assert.deepEqual(heard[name].values, expected, name);
  }
});

testIn(ALL_FORMS, 'tag filter: holds for what is recovered', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'tagged:x', { tagsFilter: FILTERS.eq[0] });
  await server.publish('tagged:x', 1, { tags: { region: 'eu' } });
  await until('the first', () => heard.values.length === 1);
  client.disconnect();
  await server.publish('tagged:x', 2, { tags: { region: 'us' } });
  await server.publish('tagged:x', 3, { tags: { region: 'eu' } });
  await server.publish('tagged:x', 4);
  await connect(client);
  await within(10000, 'it subscribes again', heard.subscription.ready());
  await server.publish('tagged:x', 5, { tags: { region: 'eu' } });
  await until('all of them', () => heard.values.includes(5));
  assert.deepEqual(heard.values, [1, 3, 5]);
  assert.equal(heard.contexts[1].recovered, true);
});

const REFUSED_FILTERS = {
  'an unknown comparison': [{ key: 'a', cmp: 'like', val: 'b' }, 'tagged:x', 107],
  'a not of two': [{ op: 'not', nodes: [{ key: 'a', cmp: 'ex' }, { key: 'b', cmp: 'ex' }] },
    'tagged:x', 107],
  'none allowed in the namespace': [FILTERS.eq[0], 'plain:x', 107],
};
for (const [what, [tagsFilter, channel, code]] of Object.entries(REFUSED_FILTERS)) {
  testIn(SOCKETS, `tag filter: ${what} is error ${code}`, async (t, form) => {
    const server = await Target.start(t);
    const client = await form.connected(t, server);
    const { subscription } = form.listen(client, channel, { tagsFilter });
    const unsubscribed = nextEvent(subscription, 'unsubscribed');
    subscription.subscribe();
    assert.equal((await unsubscribed).code, code);
  });
}

testIn(SOCKETS, 'publication: data that is no object is refused where it must be one',
  async (t, form) => {
    const server = await Target.start(t, { 'channel.namespaces': sdkNamespaces(
      { plain: { publication_data_format: 'json_object' } }) });
    const client = await form.connected(t, server);
    await client.publish('plain:x', form.pack({}));
    await assert.rejects(client.publish('plain:x', form.pack([1])), { code: 107 });
  });
