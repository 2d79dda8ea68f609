// Tokens that end and are prolonged, and subscriptions that the server makes, with the official SDK.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { test, until } from './lib/harness.mjs';
import { makeToken, secondsFromNow } from './lib/jwt.mjs';
import { connectedClient, newClient, nextEvent, subscribe } from './lib/sdk.mjs';
import { Server } from './lib/server.mjs';

const SECRET = 'a secret of these tests';
const SECURE = { 'client.insecure': false, 'client.token.hmac_secret_key': SECRET };

test('refresh: the SDK gets a new token before the old one ends', async (t) => {
  const server = await Server.start(t, { ...SECURE, 'client.expired_close_delay': '1s' });
  let fetched = 0;
  const fresh = async () => {
    fetched += 1;
    return makeToken({ sub: '42', exp: secondsFromNow(3) }, SECRET);
  };
  const client = await connectedClient(t, server, { token: await fresh(), getToken: fresh });
  let disconnects = 0;
  client.on('disconnected', () => { disconnects += 1; });
  client.on('connecting', () => { disconnects += 1; });
  await until('it was refreshed twice', () => fetched >= 3, 20_000);
  assert.equal(disconnects, 0);
  assert.equal(client.state, 'connected');
});

test('refresh: a subscription is prolonged likewise', async (t) => {
  const server = await Server.start(t, { ...SECURE, 'client.expired_sub_close_delay': '1s' });
  const client = await connectedClient(t, server, { token: makeToken({ sub: '42' }, SECRET) });
  let fetched = 0;
  const getToken = async () => {
    fetched += 1;
    return makeToken({ sub: '42', channel: 'closed:mine', exp: secondsFromNow(3) }, SECRET);
  };
  const { subscription } = await subscribe(client, 'closed:mine', { token: '', getToken });
  let lost = 0;
  subscription.on('unsubscribed', () => { lost += 1; });
  subscription.on('subscribing', () => { lost += 1; });
  await until('it was refreshed twice', () => fetched >= 3, 20_000);
  assert.equal(lost, 0);
  assert.equal(subscription.state, 'subscribed');
});

test('refresh: server-side subscriptions of a token bring publications', async (t) => {
  const server = await Server.start(t, SECURE);
  const token = makeToken({ sub: '42', subs: { 'closed:a': {}, 'closed:b': { data: { d: 1 } } } },
    SECRET);
  const client = newClient(t, server, { token });
  const subscribed = [];
  const publications = [];
  client.on('subscribed', (event) => subscribed.push(event));
  client.on('publication', (event) => publications.push(event));
  const connected = nextEvent(client, 'connected');
  client.connect();
  await connected;
  await until('both are there', () => subscribed.length === 2);
  assert.deepEqual(subscribed.map((event) => event.channel).sort(), ['closed:a', 'closed:b']);
  assert.deepEqual(subscribed.find((event) => event.channel === 'closed:b').data, { d: 1 });
  await server.publish('closed:a', 'hello');
  await until('it arrives', () => publications.length > 0);
  assert.deepEqual([publications[0].channel, publications[0].data], ['closed:a', 'hello']);
});

// Every kind of public key, from a file that is written anew while the server runs.
test('refresh: keys of a JWKS file rotate', async (t) => {
  const kinds = {
    RS256: crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ES256: crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    ES384: crypto.generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    ES512: crypto.generateKeyPairSync('ec', { namedCurve: 'P-521' }),
    EdDSA: crypto.generateKeyPairSync('ed25519'),
  };
  const jwk = (alg) => ({ ...kinds[alg].publicKey.export({ format: 'jwk' }), kid: alg, use: 'sig' });
  const tokenOf = (alg) => {
    const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${encode({ alg, kid: alg })}.${encode({ sub: alg })}`;
    const hash = alg === 'EdDSA' ? null : `sha${alg.slice(2)}`;
    const key = { key: kinds[alg].privateKey, dsaEncoding: 'ieee-p1363' };
    return `${text}.${crypto.sign(hash, Buffer.from(text), key).toString('base64url')}`;
  };
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'jwks-'));
  t.after(() => fs.rmSync(directory, { recursive: true }));
  const file = path.join(directory, 'keys.json');
  const write = (algs) => {
    fs.writeFileSync(`${file}.new`, JSON.stringify({ keys: algs.map(jwk) }));
    fs.renameSync(`${file}.new`, file);
  };
  write(['RS256']);
  const server = await Server.start(t, { 'client.insecure': false, 'client.token.jwks_file': file });
  await connectedClient(t, server, { token: tokenOf('RS256') });
  const refused = newClient(t, server, { token: tokenOf('ES256') });
  const disconnected = nextEvent(refused, 'disconnected');
  refused.connect();
  assert.equal((await disconnected).code, 3500);

  write(['ES256', 'ES384', 'ES512', 'EdDSA']);
  await until('the file was read', async () =>
    (await server.metrics()).sum('tickcast_token_keys_loads_total') >= 2, 20_000);
  for (const alg of ['ES256', 'ES384', 'ES512', 'EdDSA']) {
    await connectedClient(t, server, { token: tokenOf(alg) });
  }
});
