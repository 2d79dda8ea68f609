// Connection and subscription tokens, HS256: who may connect, and as whom.

import assert from 'node:assert/strict';

import { test, until } from './lib/harness.mjs';
import { makeToken, secondsFromNow } from './lib/jwt.mjs';
import { RawClient } from './lib/raw_client.mjs';
import { connectedClient, newClient, nextEvent, subscribe } from './lib/sdk.mjs';
import { Server } from './lib/server.mjs';

const SECRET = 'a secret of these tests';
const SECURE = { 'client.insecure': false, 'client.token.hmac_secret_key': SECRET };

async function connectWith(t, server, token) {
  const client = await RawClient.open(t, server);
  const connect = token === undefined ? {} : { token };
  client.socket.send(JSON.stringify({ id: 1, connect }));
  return client;
}

test('token: a valid one connects, and publications carry its user and info', async (t) => {
  const server = await Server.start(t, SECURE);
  const token = makeToken(
    { sub: '42', exp: secondsFromNow(600), info: { name: 'Ada' } }, SECRET);
  const client = await connectedClient(t, server, { token });
  const { subscription, publications } = await subscribe(client, 'room:x');
  await subscription.publish('hello');
  await until('it arrives', () => publications.length > 0);
  assert.equal(publications[0].info.user, '42');
  assert.deepEqual(publications[0].info.connInfo, { name: 'Ada' });
});

test('token: without sub and without exp it is an anonymous one', async (t) => {
  const server = await Server.start(t, SECURE);
  const client = await connectedClient(t, server, { token: makeToken({}, SECRET) });
  await subscribe(client, 'room:x');
});

const INVALID = {
  'another secret': makeToken({ sub: '1' }, 'guessed'),
  'no signature': makeToken({ sub: '1' }, SECRET).replace(/[^.]*$/, ''),
  'algorithm none': makeToken({ sub: '1' }, SECRET, { alg: 'none' }).replace(/[^.]*$/, ''),
  'another algorithm in the header': makeToken({ sub: '1' }, SECRET, { alg: 'HS512' }),
  'no token at all': 'hello',
};
for (const [what, token] of Object.entries(INVALID)) {
  test(`token: ${what} closes 3500`, async (t) => {
    const server = await Server.start(t, SECURE);
    const client = await connectWith(t, server, token);
    assert.deepEqual(await client.closeEvent(), { code: 3500, reason: 'invalid token' });
    assert.equal((await server.metrics()).closes('3500'), 1);
  });
}

test('token: the SDK does not come back after 3500', async (t) => {
  const server = await Server.start(t, SECURE);
  const client = newClient(t, server, { token: 'hello' });
  const disconnected = nextEvent(client, 'disconnected');
  client.connect();
  assert.equal((await disconnected).code, 3500);
});

test('token: none closes 3501 where one is wanted', async (t) => {
  const server = await Server.start(t, SECURE);
  const client = await connectWith(t, server, undefined);
  assert.deepEqual(await client.closeEvent(), { code: 3501, reason: 'bad request' });
});

test('token: an expired one is error 109, and the SDK fetches a new one', async (t) => {
  const server = await Server.start(t, SECURE);
  const expired = makeToken({ sub: '42', exp: secondsFromNow(-60) }, SECRET);
  const raw = await RawClient.open(t, server);
  assert.equal((await raw.request({ connect: { token: expired } })).error.code, 109);
  // One that is not valid yet is answered likewise, as Centrifugo does.
  const early = makeToken({ sub: '42', nbf: secondsFromNow(3600) }, SECRET);
  const waiting = await RawClient.open(t, server);
  assert.equal((await waiting.request({ connect: { token: early } })).error.code, 109);

  let fetched = 0;
  const client = await connectedClient(t, server, {
    token: expired,
    getToken: async () => {
      fetched += 1;
      return makeToken({ sub: '42', exp: secondsFromNow(600) }, SECRET);
    },
  });
  assert.equal(fetched, 1);
  assert.equal(client.state, 'connected');
});

test('token: a subscription token opens its channel and no other', async (t) => {
  const server = await Server.start(t, SECURE);
  const token = makeToken({ sub: '42' }, SECRET);
  const grant = makeToken({ sub: '42', channel: 'closed:mine' }, SECRET);
  const client = await connectedClient(t, server, { token });
  const mine = await subscribe(client, 'closed:mine', { token: grant });
  await server.publish('closed:mine', 'for 42');
  await until('it arrives', () => mine.publications.length > 0);

  const other = await RawClient.open(t, server);
  await other.request({ connect: { token } });
  const forged = makeToken({ sub: '42', channel: 'closed:mine' }, 'guessed');
  const reply = await other.request({ subscribe: { channel: 'closed:mine', token: forged } });
  assert.equal(reply.error.code, 103);
  const old = makeToken({ sub: '42', channel: 'closed:mine', exp: secondsFromNow(-60) }, SECRET);
  const late = await other.request({ subscribe: { channel: 'closed:mine', token: old } });
  assert.equal(late.error.code, 109);
  other.socket.send(JSON.stringify(
    { id: 9, subscribe: { channel: 'closed:theirs', token: grant } }));
  assert.equal((await other.closeEvent()).code, 3500);
});
