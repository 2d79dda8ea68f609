// The market of a feed as keyed channels, by the official SDK: a key of the map, a key of the watch
// list and the ticker's own channel are one value. Only tickcast has feeds.

import assert from 'node:assert/strict';

import { JSON_SOCKET, SOCKETS, testIn } from '../lib/forms.mjs';
import { atOnce, pause, until } from '../lib/harness.mjs';
import { errorsOf, subscribedMirror, subscribedWatch } from '../lib/keyed.mjs';
import { isOracle, Target } from '../lib/target.mjs';

atOnce(2);

const OPEN = { allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true };
const TICKER = { name: 'ticker', kind: 'state', ...OPEN };
const MAP = { name: 'tickers', subscription_type: 'map', source: 'feed:sim', ...OPEN,
  map: { min_page_size: 1 } };
const WATCH = { name: 'watch', subscription_type: 'shared_poll', source: 'feed:sim', ...OPEN,
  shared_poll: { allow_unsigned: true } };
// Nobody signs what everybody may see.
const PUBLIC = { getSignature: async ({ keys }) => ({ keys, signature: '' }) };

async function market(t, { symbols = 40, rate = 2000, namespaces = [TICKER, MAP, WATCH] } = {}) {
  if (isOracle) t.skip('Centrifugo has no feeds');
  const server = await Target.start(t, {
    'feeds.sim.enabled': true, 'feeds.sim.symbols': symbols, 'feeds.sim.rate': rate,
    'channel.namespaces': namespaces,
  });
  const symbolsOf = async () => {
    const { tickers } = await (await fetch(`${server.url}/v1/tickers`)).json();
    return Object.keys(tickers).map((name) => name.replace(/^sim\./, '')).sort();
  };
  await until('every symbol has a value', async () => (await symbolsOf()).length === symbols);
  return Object.assign(server, { symbols: await symbolsOf() });
}

// The sequences of a key's values as they came.
const sequences = (form, heard, key) =>
  heard.updates.filter((update) => update.key === key).map(({ data }) => form.unpack(data).seq);

const isRising = (numbers) => numbers.every((n, i) => i === 0 || n > numbers[i - 1]);

testIn(SOCKETS, 'market: a map shows all symbols', async (t, form) => {
  const server = await market(t);
  const client = await form.connected(t, server);
  const heard = await subscribedMirror(form, client, 'tickers:sim');
  assert.deepEqual([...heard.mirror.keys()].sort(), server.symbols);
  assert.equal(heard.contexts[0].recoverable, false);
  await until('it changes', () => heard.updates.length > 200);
  assert.deepEqual([...heard.mirror.keys()].sort(), server.symbols);
  for (const key of server.symbols) assert.ok(isRising(sequences(form, heard, key)), key);
});

testIn(SOCKETS, 'market: a map in pages loses nothing', async (t, form) => {
  const server = await market(t, { symbols: 100, rate: 5000 });
  const client = await form.connected(t, server);
  const heard = await subscribedMirror(form, client, 'tickers:sim', { pageSize: 3 });
  assert.equal(heard.syncs[0].length, 100);
  const first = new Map(heard.syncs[0].map(({ key, data }) => [key, form.unpack(data).seq]));
  await until('each has changed', () =>
    server.symbols.every((key) => sequences(form, heard, key).length > 0));
  for (const key of server.symbols) {
    const changes = sequences(form, heard, key);
    // What a later page has shown already may come once more, nothing older.
    assert.ok(isRising(changes) && changes[0] >= first.get(key), key);
  }
});

testIn(SOCKETS, 'market: a watch list shows what it tracks, and nothing else', async (t, form) => {
  const server = await market(t);
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, 'watch:sim', PUBLIC);
  const keys = server.symbols.slice(0, 10);
  heard.subscription.track(keys);
  await until('all are there', () => heard.values.size === 10);
  await until('they change', () => heard.updates.length > 100);
  assert.deepEqual([...heard.values.keys()].sort(), keys);
  for (const key of keys) {
    const versions = heard.updates.filter((each) => each.key === key).map(({ version }) => version);
    assert.ok(isRising(versions) && versions[0] > 0, `${key}: ${versions}`);
    assert.ok(isRising(sequences(form, heard, key)), key);
  }
  assert.deepEqual(errorsOf(heard), []);
});

testIn(SOCKETS, 'market: scrolling, old keys go and new ones come', async (t, form) => {
  const server = await market(t, { symbols: 90 });
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, 'watch:sim', PUBLIC);
  for (let first = 0; first <= 60; first += 30) {
    const page = server.symbols.slice(first, first + 30);
    heard.subscription.track(page);
    if (first > 0) heard.subscription.untrack(server.symbols.slice(first - 30, first));
    await until('the page is there', () => page.every((key) => heard.values.has(key)));
  }
  // What was under way when the last keys were untracked has come by the time of two answers.
  await client.rpc('tickcast.stats', form.pack({}));
  heard.updates.length = 0;
  await until('it goes on', () => heard.updates.length > 50);
  const last = new Set(server.symbols.slice(60, 90));
  assert.ok(heard.updates.every(({ key }) => last.has(key)));
  assert.deepEqual(errorsOf(heard), []);
});

testIn(SOCKETS, 'market: the three addresses of a key are one value', async (t, form) => {
  const server = await market(t);
  const client = await form.connected(t, server);
  const key = server.symbols[0];
  const ticker = await form.subscribe(client, `ticker:sim.${key}`);
  const map = await subscribedMirror(form, client, 'tickers:sim');
  const watch = await subscribedWatch(form, client, 'watch:sim', PUBLIC);
  watch.subscription.track([key]);
  const bySequence = (values) => new Map(values.map((value) => [value.seq, JSON.stringify(value)]));
  const ofKey = (heard) => heard.updates.filter((each) => each.key === key)
    .map(({ data }) => form.unpack(data));
  await until('all three have many', () =>
    [ticker.values, ofKey(map), ofKey(watch)].every((values) => values.length >= 20));
  const [one, two, three] = [ticker.values, ofKey(map), ofKey(watch)].map(bySequence);
  const common = [...one.keys()].filter((seq) => two.has(seq) && three.has(seq));
  assert.ok(common.length > 0, 'they have come in the same turns');
  for (const seq of common) {
    assert.equal(two.get(seq), one.get(seq));
    assert.equal(three.get(seq), one.get(seq));
  }
});

testIn(SOCKETS, 'market: an interval holds for every key of a watch list', async (t, form) => {
  const server = await market(t, { symbols: 5, rate: 1000 });
  const client = await form.connected(t, server);
  const fast = await subscribedWatch(form, client, 'watch:sim', PUBLIC);
  const calm = await subscribedWatch(form, await form.connected(t, server), 'watch:sim',
    { ...PUBLIC, data: form.pack({ interval_ms: 500 }) });
  fast.subscription.track(server.symbols);
  calm.subscription.track(server.symbols);
  await until('the fast one has many', () => fast.updates.length > 500);
  const key = server.symbols[0];
  const [many, few] = [sequences(form, fast, key), sequences(form, calm, key)];
  assert.ok(few.length * 4 < many.length, `${few.length} of ${many.length}`);
  assert.ok(isRising(few));
});

testIn(SOCKETS, 'market: deltas in a watch list', async (t, form) => {
  const namespaces = [TICKER, MAP, { ...WATCH, allowed_delta_types: ['fossil'] }];
  const server = await market(t, { namespaces });
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, 'watch:sim', { ...PUBLIC, delta: 'fossil' });
  const keys = server.symbols.slice(0, 3);
  heard.subscription.track(keys);
  await until('they change', () => heard.updates.length > 30);
  for (const key of keys) assert.ok(isRising(sequences(form, heard, key)), key);
  assert.ok(heard.subscription.deltaStats().numDeltaPayloads > 0);
});

testIn([JSON_SOCKET], 'market: an unknown symbol has no value', async (t, form) => {
  const server = await market(t);
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, 'watch:sim', PUBLIC);
  heard.subscription.track(['NO-SUCH', server.symbols[0]]);
  await until('the other one comes', () => heard.values.size > 0);
  await pause(200);
  assert.deepEqual([...heard.values.keys()], [server.symbols[0]]);
  assert.deepEqual(errorsOf(heard), []);
});

testIn(SOCKETS, 'market: again after a reconnect', async (t, form) => {
  const server = await market(t);
  const client = await form.connected(t, server);
  const map = await subscribedMirror(form, client, 'tickers:sim');
  const watch = await subscribedWatch(form, client, 'watch:sim', PUBLIC);
  watch.subscription.track(server.symbols.slice(0, 3));
  await until('it changes', () => watch.values.size === 3);
  await server.kill();
  await server.launch();
  await until('the map is mirrored anew', () => map.syncs.length > 1);
  watch.updates.length = 0;
  await until('the list goes on', () => watch.updates.length > 10);
  // Symbols that had no value yet when it was mirrored come as changes.
  await until('all symbols are there', () => map.mirror.size === server.symbols.length);
  assert.deepEqual([...map.mirror.keys()].sort(), server.symbols);
});
