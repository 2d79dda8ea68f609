// The HTTP API, as a backend calls it: publish, broadcast, batch.

import assert from 'node:assert/strict';

import { test, until } from './lib/harness.mjs';
import { connectedClient, subscribe } from './lib/sdk.mjs';
import { API_KEY, Server } from './lib/server.mjs';

test('api: publish answers position in a channel with history, nothing in others', async (t) => {
  const server = await Server.start(t);
  const client = await connectedClient(t, server);
  const log = await subscribe(client, 'log:a');
  assert.deepEqual((await server.api('publish', { channel: 'room:a', data: 1 })).json,
    { result: {} });
  const { json } = await server.api('publish', { channel: 'log:a', data: { text: 'x' } });
  assert.equal(json.result.offset, 1);
  assert.equal(json.result.epoch, log.contexts[0].streamPosition.epoch);
  await until('it arrives', () => log.publications.length > 0);
  assert.deepEqual(log.publications.map((p) => [p.data, p.offset]), [[{ text: 'x' }, 1]]);
});

test('api: broadcast reaches each channel and answers each', async (t) => {
  const server = await Server.start(t, { 'engine.shards': 4 });
  const client = await connectedClient(t, server);
  const channels = ['log:1', 'room:2', 'state:3', 'log:4'];
  const heard = [];
  for (const channel of channels) heard.push(await subscribe(client, channel));
  const { status, json } = await server.api('broadcast',
    { channels: [...channels, 'nosuch:5'], data: { all: true } });
  assert.equal(status, 200);
  const responses = json.result.responses;
  assert.equal(responses.length, 5);
  assert.deepEqual(responses.map((r) => r.result?.offset), [1, undefined, undefined, 1, undefined]);
  assert.equal(responses[4].error.code, 102);
  for (const { publications } of heard) {
    await until('it arrives', () => publications.length > 0);
    assert.deepEqual(publications.map((p) => p.data), [{ all: true }]);
  }
});

test('api: batch runs its commands in order and answers each', async (t) => {
  const server = await Server.start(t);
  const client = await connectedClient(t, server);
  const log = await subscribe(client, 'log:b');
  const { status, json } = await server.api('batch', { commands: [
    { publish: { channel: 'log:b', data: 1 } },
    { publish: { channel: 'nosuch:b', data: 2 } },
    { broadcast: { channels: ['log:b', 'room:b'], data: 3 } },
  ] });
  assert.equal(status, 200);
  assert.equal(json.replies.length, 3);
  assert.equal(json.replies[0].publish.offset, 1);
  assert.equal(json.replies[1].error.code, 102);
  assert.equal(json.replies[2].broadcast.responses[0].result.offset, 2);
  await until('both arrive', () => log.publications.length === 2);
  assert.deepEqual(log.publications.map((p) => p.data), [1, 3]);
});

test('api: the key in each of its three places, and no other', async (t) => {
  const server = await Server.start(t);
  const body = { channel: 'room:a', data: 1 };
  const status = async (headers, query = '') =>
    (await server.api(`publish${query}`, body, headers)).status;
  assert.equal(await status({ 'X-API-Key': API_KEY }), 200);
  assert.equal(await status({ Authorization: `apikey ${API_KEY}` }), 200);
  assert.equal(await status({}, `?api_key=${API_KEY}`), 200);
  assert.equal(await status({}), 401);
  assert.equal(await status({ 'X-API-Key': '' }), 401);
  assert.equal(await status({ 'X-API-Key': `${API_KEY}x` }), 401);
  assert.equal(await status({ 'X-API-Key': API_KEY.slice(0, -1) }), 401);
  assert.equal(await status({ Authorization: `Bearer ${API_KEY}` }), 401);
});

test('api: without a configured key nobody publishes', async (t) => {
  const server = await Server.start(t, { 'http_api.key': '' });
  for (const headers of [{}, { 'X-API-Key': '' }, { 'X-API-Key': API_KEY }]) {
    const { status } = await server.api('publish', { channel: 'room:a', data: 1 }, headers);
    assert.equal(status, 401);
  }
});

test('api: errors are in the body with status 200', async (t) => {
  const server = await Server.start(t);
  const unknown = { channel: 'nosuch:a', data: 1 };
  const inBody = await server.api('publish', unknown);
  assert.deepEqual([inBody.status, inBody.json.error.code], [200, 102]);
  const incomplete = await server.api('publish', { channel: 'room:a' });
  assert.deepEqual([incomplete.status, incomplete.json.error.code], [200, 107]);
});

const BAD_BODIES = {
  'no JSON': 'channel=room:a',
  'half of it': '{"channel":"room:a","data":{"x":1',
  'a literal cut short': '{"channel":"room:a","data":{"a":tru}}',
  'a raw newline in a text': '{"channel":"room:a","data":"a\nb"}',
  'bytes that are no UTF-8': Buffer.from('{"channel":"room:a","data":"\xff"}', 'latin1'),
  'nothing': '',
};
for (const [what, body] of Object.entries(BAD_BODIES)) {
  test(`api: ${what} is refused and reaches no subscriber`, async (t) => {
    const server = await Server.start(t);
    const client = await connectedClient(t, server);
    const room = await subscribe(client, 'room:a');
    const answer = await fetch(`${server.url}/api/publish`,
      { method: 'POST', headers: { 'X-API-Key': API_KEY }, body });
    assert.equal(answer.status, 400, await answer.text());
    await server.publish('room:a', 'good');
    await until('the good one arrives', () => room.publications.length > 0);
    assert.deepEqual(room.publications.map((p) => p.data), ['good']);
  });
}

test('api: what is published arrives as one line, whatever its white space', async (t) => {
  const server = await Server.start(t);
  const client = await connectedClient(t, server);
  const room = await subscribe(client, 'room:a');
  const body =
    '{"channel":"room:a",\n "data": {\r\n\t"text" : "a\\nb \\u2028" ,"n":[ 1 , 2 ]\n}\n}';
  const answer = await fetch(`${server.url}/api/publish`,
    { method: 'POST', headers: { 'X-API-Key': API_KEY }, body });
  assert.equal(answer.status, 200);
  await until('it arrives', () => room.publications.length > 0);
  assert.deepEqual(room.publications[0].data, { text: 'a\nb \u2028', n: [1, 2] });
});
