// The server API, method by method: the same cases hold for a Centrifugo.

import assert from 'node:assert/strict';

import { test, until } from '../lib/harness.mjs';
import { makeToken, secondsFromNow } from '../lib/jwt.mjs';
import { connect, connectedClient, newClient, nextEvent, subscribe } from '../lib/sdk.mjs';
import { API_KEY } from '../lib/server.mjs';
import { isOracle, sdkNamespaces, Target, TOKEN_SECRET } from '../lib/target.mjs';

const DONE = { result: {} };

// A client of `user`, and what it was told.
async function connectedAs(t, server, user, options = {}) {
  const token = makeToken({ sub: user, exp: secondsFromNow(600), info: { of: user } }, TOKEN_SECRET);
  return connectedClient(t, server, { token, getToken: async () => token, ...options });
}

// Calls a method that has to succeed.
async function call(server, method, body) {
  const { status, json, text } = await server.api(method, body);
  assert.equal(status, 200, text);
  assert.equal(json.error, undefined, text);
  return json.result;
}

async function errorOf(server, method, body) {
  const { status, json, text } = await server.api(method, body);
  assert.equal(status, 200, text);
  assert.deepEqual(Object.keys(json), ['error'], text);
  return json.error;
}

test('sdk_api: publish answers the position where there is history', async (t) => {
  const server = await Target.start(t);
  const first = await call(server, 'publish', { channel: 'chat:a', data: { x: 1 } });
  assert.deepEqual(Object.keys(first), ['offset', 'epoch']);
  assert.equal(first.offset, 1);
  assert.deepEqual(await call(server, 'publish', { channel: 'chat:a', data: 2 }),
    { offset: 2, epoch: first.epoch });
  assert.deepEqual(
    await call(server, 'publish', { channel: 'chat:a', data: 3, skip_history: true }), {});
  assert.deepEqual(await call(server, 'publish', { channel: 'plain:a', data: 4 }), {});
});

test('sdk_api: broadcast answers for each channel', async (t) => {
  const server = await Target.start(t);
  const { responses } =
    await call(server, 'broadcast', { channels: ['chat:a', 'nosuch:a', 'plain:a', ''], data: 1 });
  assert.equal(responses[0].result.offset, 1);
  assert.deepEqual(responses.slice(1), [
    { error: { code: 102, message: 'unknown channel' } }, DONE,
    { error: { code: 107, message: 'bad request' } },
  ]);
});

test('sdk_api: idempotency_key: published once, answered twice', async (t) => {
  const server = await Target.start(t);
  const client = await connectedClient(t, server);
  const chat = await subscribe(client, 'chat:a');
  const once = { channel: 'chat:a', data: 1, idempotency_key: 'k' };
  const first = await call(server, 'publish', once);
  assert.deepEqual(await call(server, 'publish', { ...once, data: 2 }), first);
  await call(server, 'publish', { channel: 'chat:a', data: 3 });
  await until('the last one arrives', () => chat.publications.length === 2);
  assert.deepEqual(chat.publications.map((p) => p.data), [1, 3]);
});

test('sdk_api: version: an old one goes nowhere', async (t) => {
  const server = await Target.start(t);
  const offsetOf = async (version, epoch) => (await call(server, 'publish',
    { channel: 'chat:a', data: version, version, version_epoch: epoch })).offset;
  assert.equal(await offsetOf(5, 'a'), 1);
  assert.equal(await offsetOf(5, 'a'), 1);
  assert.equal(await offsetOf(4, ''), 1);
  assert.equal(await offsetOf(6, 'a'), 2);
  assert.equal(await offsetOf(1, 'b'), 3);
  assert.equal(await offsetOf(0, ''), 4);
  assert.equal(await offsetOf(1, 'b'), 5);
});

test('sdk_api: tags and b64data reach the SDK', async (t) => {
  const server = await Target.start(t);
  const client = await connectedClient(t, server);
  const chat = await subscribe(client, 'chat:a');
  await call(server, 'publish', { channel: 'chat:a', data: 1, tags: { kind: 'a"b', n: '1' } });
  await call(server, 'publish', { channel: 'chat:a', b64data: 'eyJhIjoxfQ==' });
  await until('both arrive', () => chat.publications.length === 2);
  assert.deepEqual(chat.publications[0].tags, { kind: 'a"b', n: '1' });
  assert.deepEqual(chat.publications[1].data, { a: 1 });
});

test('sdk_api: history: pages, position, order', async (t) => {
  const server = await Target.start(t);
  for (let i = 1; i <= 4; ++i) {
    await call(server, 'publish', { channel: 'chat:a', data: i, tags: i === 4 ? { a: 'b' } : {} });
  }
  const all = await call(server, 'history', { channel: 'chat:a', limit: -1 });
  assert.deepEqual(Object.keys(all), ['publications', 'epoch', 'offset']);
  assert.deepEqual(all.publications, [{ data: 1, offset: 1 }, { data: 2, offset: 2 },
    { data: 3, offset: 3 }, { data: 4, offset: 4, tags: { a: 'b' } }]);
  assert.equal(all.offset, 4);
  assert.deepEqual(await call(server, 'history', { channel: 'chat:a' }),
    { publications: [], epoch: all.epoch, offset: 4 });
  const data = async (more) => (await call(server, 'history', { channel: 'chat:a', ...more }))
    .publications.map((p) => p.data);
  assert.deepEqual(await data({ limit: 2, since: { offset: 1, epoch: all.epoch } }), [2, 3]);
  assert.deepEqual(await data({ limit: 9, since: { offset: 2 } }), [3, 4]);
  assert.deepEqual(await data({ limit: 2, reverse: true }), [4, 3]);
  assert.deepEqual(
    await data({ limit: 2, reverse: true, since: { offset: 3, epoch: all.epoch } }), [2, 1]);
  assert.equal((await errorOf(server, 'history',
    { channel: 'chat:a', limit: 2, since: { offset: 1, epoch: 'nope' } })).code, 112);
});

test('sdk_api: history tells who published', async (t) => {
  const server = await Target.start(t);
  const client = await connectedAs(t, server, '42');
  const { subscription } = await subscribe(client, 'chat:a');
  await subscription.publish({ n: 1 });
  const { publications } = await call(server, 'history', { channel: 'chat:a', limit: 1 });
  assert.equal(publications[0].info.user, '42');
  assert.deepEqual(publications[0].info.conn_info, { of: '42' });
});

test('sdk_api: history_remove: the position stays', async (t) => {
  const server = await Target.start(t);
  const { epoch } = await call(server, 'publish', { channel: 'chat:a', data: 1 });
  assert.deepEqual(await call(server, 'history_remove', { channel: 'chat:a' }), {});
  assert.deepEqual(await call(server, 'history', { channel: 'chat:a', limit: 5 }),
    { publications: [], epoch, offset: 1 });
  assert.deepEqual(await call(server, 'publish', { channel: 'chat:a', data: 2 }),
    { offset: 2, epoch });
});

test('sdk_api: presence and its counts', async (t) => {
  const server = await Target.start(t);
  assert.deepEqual(await call(server, 'presence', { channel: 'chat:a' }), { presence: {} });
  assert.deepEqual(await call(server, 'presence_stats', { channel: 'chat:a' }),
    { num_clients: 0, num_users: 0 });
  const clients = [];
  for (const user of ['1', '1', '2']) {
    const client = await connectedAs(t, server, user);
    await subscribe(client, 'chat:a');
    clients.push(client);
  }
  const { presence } = await call(server, 'presence', { channel: 'chat:a' });
  assert.equal(Object.keys(presence).length, 3);
  for (const [id, info] of Object.entries(presence)) {
    assert.deepEqual(info, { user: info.user, client: id, conn_info: { of: info.user } });
  }
  assert.deepEqual(await call(server, 'presence_stats', { channel: 'chat:a' }),
    { num_clients: 3, num_users: 2 });
});

test('sdk_api: channels, all and by pattern', async (t) => {
  const server = await Target.start(t);
  assert.deepEqual(await call(server, 'channels', {}), { channels: {} });
  for (const channels of [['chat:a', 'plain:b'], ['chat:a', 'readonly:c']]) {
    const client = await connectedClient(t, server);
    for (const channel of channels) await subscribe(client, channel);
  }
  const named = async (pattern) => (await call(server, 'channels', { pattern })).channels;
  assert.deepEqual(await named(''), { 'chat:a': { num_clients: 2 }, 'plain:b': { num_clients: 1 },
    'readonly:c': { num_clients: 1 } });
  assert.deepEqual(await named('chat:*'), { 'chat:a': { num_clients: 2 } });
  assert.deepEqual(Object.keys(await named('*:{a,b}')).sort(), ['chat:a', 'plain:b']);
  assert.deepEqual(Object.keys(await named('*:[b-c]')).sort(), ['plain:b', 'readonly:c']);
  assert.deepEqual(await named('?'), {});
});

test('sdk_api: info', async (t) => {
  const server = await Target.start(t);
  for (const user of ['1', '1', '2']) {
    const client = await connectedAs(t, server, user);
    await subscribe(client, 'chat:a');
  }
  // A Centrifugo counts every few seconds.
  const node = await until('all are counted', async () => {
    const { nodes } = await call(server, 'info', {});
    assert.equal(nodes.length, 1);
    return nodes[0].num_clients === 3 && nodes[0].uptime > 0 ? nodes[0] : undefined;
  }, 15000);
  assert.equal(node.num_users, 2);
  assert.equal(node.num_channels, 1);
  assert.equal(node.num_subs, 3);
  assert.equal(node.uid.length, 36);
  assert.notEqual(node.name, '');
  assert.notEqual(node.version, '');
  assert.ok(node.uptime < 30);
  assert.equal(node.metrics.interval, 60);
  for (const name of ['num_clients', 'num_users', 'num_channels', 'num_subscriptions', 'num_nodes',
    'messages_sent_count.type.publication', 'client_connection_limit']) {
    assert.equal(typeof node.metrics.items[`centrifugo.node.${name}`], 'number', name);
  }
});

test('sdk_api: subscribe: what the client is told, and from where it goes on', async (t) => {
  const server = await Target.start(t);
  const client = await connectedAs(t, server, '1');
  const other = await connectedAs(t, server, '2');
  const heard = [];
  client.on('publication', ({ channel, data, offset }) => heard.push({ channel, data, offset }));
  other.on('subscribed', () => assert.fail('nobody has subscribed this one'));
  for (const data of [1, 2]) await call(server, 'publish', { channel: 'chat:a', data });
  const subscribed = nextEvent(client, 'subscribed');
  assert.deepEqual(await call(server, 'subscribe',
    { user: '1', channel: 'chat:a', data: { hello: 1 }, info: { n: 2 } }), {});
  const told = await subscribed;
  assert.equal(told.channel, 'chat:a');
  assert.deepEqual(told.data, { hello: 1 });
  assert.equal(told.recoverable, true);
  assert.equal(told.streamPosition.offset, 2);
  const { presence } = await call(server, 'presence', { channel: 'chat:a' });
  assert.deepEqual(Object.values(presence).map(({ user, chan_info }) => ({ user, chan_info })),
    [{ user: '1', chan_info: { n: 2 } }]);
  await call(server, 'publish', { channel: 'chat:a', data: 3 });
  await until('it arrives', () => heard.length === 1);
  assert.deepEqual(heard, [{ channel: 'chat:a', data: 3, offset: 3 }]);
  const ended = nextEvent(client, 'unsubscribed');
  await call(server, 'unsubscribe', { user: '1', channel: 'chat:a' });
  assert.equal((await ended).channel, 'chat:a');
});

test('sdk_api: subscribe: by client, with options of its own, and what cannot be', async (t) => {
  const server = await Target.start(t);
  const clients = [];
  for (let i = 0; i < 2; ++i) {
    const client = newClient(t, server, { token: makeToken({ sub: '1' }, TOKEN_SECRET) });
    const each = { subscribed: [] };
    client.on('subscribed', (context) => each.subscribed.push(context));
    const connected = nextEvent(client, 'connected');
    await connect(client);
    each.id = (await connected).client;
    clients.push(each);
  }
  await call(server, 'subscribe', { user: '1', client: clients[0].id, channel: 'chat:a',
    override: { force_recovery: { value: false }, force_positioning: { value: false } } });
  await call(server, 'subscribe', { user: '1', channel: 'plain:a' });
  await until('both are told', () => clients[0].subscribed.length === 2 &&
    clients[1].subscribed.length === 1);
  const inChat = clients[0].subscribed.find(({ channel }) => channel === 'chat:a');
  assert.deepEqual([inChat.recoverable, inChat.positioned], [false, false]);
  assert.deepEqual(clients[1].subscribed.map(({ channel }) => channel), ['plain:a']);
  // Over before it begins; but for nobody there is nothing wrong.
  const past = secondsFromNow(-5);
  assert.equal(
    (await errorOf(server, 'subscribe', { user: '1', channel: 'plain:b', expire_at: past })).code,
    100);
  assert.deepEqual(
    await call(server, 'subscribe', { user: '9', channel: 'plain:b', expire_at: past }), {});
  assert.equal(
    (await errorOf(server, 'subscribe', { user: '1', channel: 'plain:b', b64data: '/w==' })).code,
    100);
});

test('sdk_api: unsubscribe: 2000, and only that user', async (t) => {
  const server = await Target.start(t);
  const clients = [await connectedAs(t, server, '1'), await connectedAs(t, server, '1')];
  const other = await subscribe(await connectedAs(t, server, '2'), 'chat:a');
  const mine = [];
  for (const client of clients) mine.push(await subscribe(client, 'chat:a'));
  const ends = mine.map(({ subscription }) => nextEvent(subscription, 'unsubscribed'));
  assert.deepEqual(await call(server, 'unsubscribe', { user: '1', channel: 'chat:a' }), {});
  for (const end of ends) {
    assert.deepEqual((({ code, reason }) => ({ code, reason }))(await end),
      { code: 2000, reason: 'server unsubscribe' });
  }
  await call(server, 'publish', { channel: 'chat:a', data: 1 });
  await until('the other hears on', () => other.publications.length === 1);
  assert.deepEqual(mine.map((each) => each.publications.length), [0, 0]);
});

test('sdk_api: unsubscribe by client', async (t) => {
  const server = await Target.start(t);
  const subscribed = [];
  for (let i = 0; i < 2; ++i) {
    const client = newClient(t, server, { token: makeToken({ sub: '1' }, TOKEN_SECRET) });
    const connected = nextEvent(client, 'connected');
    await connect(client);
    subscribed.push({ id: (await connected).client, ...await subscribe(client, 'chat:a') });
  }
  const end = nextEvent(subscribed[0].subscription, 'unsubscribed');
  await call(server, 'unsubscribe', { user: '1', channel: 'chat:a', client: subscribed[0].id });
  assert.equal((await end).code, 2000);
  await call(server, 'publish', { channel: 'chat:a', data: 1 });
  await until('the other hears on', () => subscribed[1].publications.length === 1);
});

test('sdk_api: disconnect: 3503, or a code of its own, but not who is on the whitelist', async (t) => {
  const server = await Target.start(t);
  const first = newClient(t, server, { token: makeToken({ sub: '1' }, TOKEN_SECRET) });
  const connected = nextEvent(first, 'connected');
  await connect(first);
  const id = (await connected).client;
  const second = await connectedAs(t, server, '1');
  let end = nextEvent(second, 'disconnected');
  assert.deepEqual(await call(server, 'disconnect', { user: '1', whitelist: [id] }), {});
  assert.deepEqual(await end, { code: 3503, reason: 'force disconnect' });
  assert.equal(first.state, 'connected');
  end = nextEvent(first, 'disconnected');
  await call(server, 'disconnect', { user: '1', disconnect: { code: 4500, reason: 'enough' } });
  assert.deepEqual(await end, { code: 4500, reason: 'enough' });
});

test('sdk_api: disconnect of a code that lets the SDK come back', async (t) => {
  const server = await Target.start(t);
  const client = await connectedAs(t, server, '1');
  const back = nextEvent(client, 'connecting').then((about) => {
    assert.equal(about.code, 4000);
    return nextEvent(client, 'connected');
  });
  await call(server, 'disconnect', { user: '1', disconnect: { code: 4000, reason: 'again' } });
  await back;
});

test('sdk_api: refresh: expired closes 3005, and so does the past', async (t) => {
  const server = await Target.start(t);
  for (const how of [{ expired: true }, { expire_at: 1000 }]) {
    const client = await connectedAs(t, server, '1');
    const connecting = nextEvent(client, 'connecting');
    assert.deepEqual(await call(server, 'refresh', { user: '1', ...how }), {});
    assert.deepEqual(await connecting, { code: 3005, reason: 'connection expired' });
    client.disconnect();
  }
});

test('sdk_api: refresh: a later end, or none', async (t) => {
  const server = await Target.start(t);
  const client = await connectedAs(t, server, '1');
  await call(server, 'refresh', { user: '1', expire_at: secondsFromNow(500), info: { n: 2 } });
  await call(server, 'refresh', { user: '1' });
  const { subscription, publications } = await subscribe(client, 'chat:a');
  await subscription.publish(1);
  await until('it arrives', () => publications.length === 1);
  assert.deepEqual(publications[0].info.connInfo, { n: 2 });
  assert.equal(client.state, 'connected');
});

test('sdk_api: batch: every command in its order, errors in their places', async (t) => {
  const server = await Target.start(t);
  for (const parallel of [false, true]) {
    const { status, json } = await server.api('batch', { parallel, commands: [
      { publish: { channel: 'plain:a', data: 1 } },
      { publish: { channel: 'nosuch:a', data: 1 } },
      { broadcast: { channels: ['plain:a'], data: 1 } },
      { unsubscribe: { user: '1', channel: 'plain:a' } },
      { disconnect: { user: '1' } },
      { refresh: { user: '1' } },
      { channels: {} },
      { history: { channel: 'plain:a' } },
      { rpc: { method: 'm' } },
      {},
      null,
      { connections: {} },
    ] });
    assert.equal(status, 200);
    const error = (code, message) => ({ error: { code, message } });
    assert.deepEqual(json.replies, [
      { publish: {} }, error(102, 'unknown channel'), { broadcast: { responses: [DONE] } },
      { unsubscribe: {} }, { disconnect: {} }, { refresh: {} }, { channels: { channels: {} } },
      error(108, 'not available'), error(104, 'not found'), error(104, 'not found'),
      error(107, 'bad request'), error(104, 'not found'),
    ]);
  }
  assert.deepEqual((await server.api('batch', {})).json, {});
});

async function legacy(server, body) {
  const answer = await fetch(`${server.url}/api`,
    { method: 'POST', headers: { 'X-API-Key': API_KEY }, body });
  return { status: answer.status, text: await answer.text() };
}

test('sdk_api: legacy: one or several commands, answered in lines', async (t) => {
  const server = await Target.start(t);
  const body = ['{"id":1,"method":"publish","params":{"channel":"plain:a","data":1}}',
    '{"method":"UNSUBSCRIBE","params":{"user":"1","channel":"plain:a"}}',
    '{"id":3,"method":8,"params":{}}', '{"id":4,"method":"history","params":{"channel":"plain:a"}}',
    '{"id":5,"method":"device_list","params":{}}', '{"id":6,"method":"info"}'];
  const error = (code, message) => ({ error: { code, message } });
  const { status, text } = await legacy(server, body.join('\n'));
  assert.equal(status, 200, text);
  const replies = text.split('\n').map((line) => JSON.parse(line));
  // Of this one, params are not even looked at.
  assert.equal(replies[5].result.nodes.length, 1);
  assert.deepEqual(replies.slice(0, 5), [
    { id: 1, ...DONE }, DONE, { id: 3, result: { channels: {} } },
    { id: 4, ...error(108, 'not available') }, { id: 5, ...error(104, 'not found') },
  ]);
  assert.equal((await legacy(server, '')).status, 400);
  assert.equal((await legacy(server, '{"method":"nosuch","params":{}}')).status, 400);
});

const WRONG = [
  ['publish', { data: 1 }, 107], ['publish', { channel: 'plain:a' }, 107],
  ['publish', { channel: 'plain:a', b64data: '*' }, 107],
  ['publish', { channel: 'nosuch:a', data: 1 }, 102],
  ['broadcast', { channels: [], data: 1 }, 107],
  ['subscribe', { user: '1' }, 107], ['subscribe', { user: '1', channel: 'nosuch:a' }, 102],
  ['unsubscribe', { user: '1', channel: 'nosuch:a' }, 102],
  ['presence', {}, 107], ['presence', { channel: 'nosuch:a' }, 102],
  ['presence', { channel: 'plain:a' }, 108],
  ['presence_stats', {}, 107], ['presence_stats', { channel: 'plain:a' }, 108],
  ['history', {}, 107], ['history', { channel: 'nosuch:a' }, 102],
  ['history', { channel: 'plain:a' }, 108],
  ['history_remove', {}, 107], ['history_remove', { channel: 'plain:a' }, 108],
  ['rpc', {}, 107], ['rpc', { method: 'm', params: {} }, 104],
  ['map_publish', { channel: 'plain:a', key: 'k', data: 1 }, 107],
  ['map_publish', { channel: 'nosuch:a', key: 'k', data: 1 }, 102],
  ['map_publish', { channel: 'plain:a', data: 1 }, 107],
  ['map_remove', { channel: 'plain:a', key: 'k' }, 107],
  ['map_read_state', { channel: 'plain:a' }, 107], ['map_read_stream', { channel: 'plain:a' }, 107],
  ['map_stats', { channel: 'plain:a' }, 107], ['map_clear', { channel: 'plain:a' }, 107],
  ['shared_poll_publish', { channel: 'plain:a', key: 'k', version: 1, data: 1 }, 107],
];
const STATUSES = { 102: 404, 104: 404, 107: 400, 108: 400 };

test('sdk_api: what is wrong has its code, in the body or as the status', async (t) => {
  const server = await Target.start(t);
  for (const [method, body, code] of WRONG) {
    const what = `${method} ${JSON.stringify(body)}`;
    assert.equal((await errorOf(server, method, body)).code, code, what);
    const { status, json } = await server.api(method, body,
      { 'X-API-Key': API_KEY, 'X-Centrifugo-Error-Mode': 'transport' });
    assert.deepEqual([status, json.code, Object.keys(json)],
      [STATUSES[code], code, ['code', 'message']], what);
  }
});

test('sdk_api: http_api.error_mode is for all', async (t) => {
  const server = await Target.start(t, { 'http_api.error_mode': 'transport' });
  const { status, json } = await server.api('publish', { channel: 'nosuch:a', data: 1 });
  assert.deepEqual([status, json], [404, { code: 102, message: 'unknown channel' }]);
});

test('sdk_api: a body that is no request is 400', async (t) => {
  const server = await Target.start(t);
  for (const body of ['', '{', '[]', '{"channel":1}', '{"channel":"plain:a","data":1}x']) {
    const answer = await fetch(`${server.url}/api/publish`,
      { method: 'POST', headers: { 'X-API-Key': API_KEY }, body });
    assert.equal(answer.status, 400, body);
  }
});

test('sdk_api: only POST, only with the key, only what there is', async (t) => {
  const server = await Target.start(t);
  const status = async (path, method, headers) =>
    (await fetch(`${server.url}${path}`, { method, headers })).status;
  const key = { 'X-API-Key': API_KEY };
  assert.equal(await status('/api/info', 'GET', key), 405);
  assert.equal(await status('/api/info', 'POST', {}), 401);
  assert.equal(await status('/api/info', 'POST', { 'X-API-Key': 'x' }), 401);
  assert.equal(await status('/api/nosuch', 'POST', key), 404);
  assert.equal((await server.api('info', {}, { Authorization: `apikey ${API_KEY}` })).status, 200);
  assert.equal((await server.api(`info?api_key=${API_KEY}`, {}, {})).status, 200);
});

test('sdk_api: http_api.handler_prefix and http_api.disabled', async (t) => {
  const moved = await Target.start(t, { 'http_api.handler_prefix': '/internal/api' });
  const answer = await fetch(`${moved.url}/internal/api/info`,
    { method: 'POST', headers: { 'X-API-Key': API_KEY }, body: '{}' });
  assert.equal(answer.status, 200);
  assert.equal((await moved.api('info', {})).status, 404);
  const without = await Target.start(t, { 'http_api.disabled': true });
  assert.equal((await without.api('info', {})).status, 404);
});

test('sdk_api: data of the format that the namespace has', async (t) => {
  const server = await Target.start(t, {
    'channel.namespaces': sdkNamespaces({ plain: { publication_data_format: 'json_object' } }) });
  assert.equal((await errorOf(server, 'publish', { channel: 'plain:a', data: [1] })).code, 107);
  assert.deepEqual(await call(server, 'publish', { channel: 'plain:a', data: {} }), {});
});

if (!isOracle) {
  // A Centrifugo would send what no close frame may hold, and find a pattern like this one internal.
  test('sdk_api: what a Centrifugo takes and cannot do is refused', async (t) => {
    const server = await Target.start(t);
    for (const disconnect of [{}, { code: 2999 }, { code: 5000 },
      { code: 4000, reason: 'x'.repeat(124) }]) {
      assert.equal((await errorOf(server, 'disconnect', { user: '1', disconnect })).code, 107);
    }
    assert.equal((await errorOf(server, 'channels', { pattern: '[' })).code, 107);
  });
}
