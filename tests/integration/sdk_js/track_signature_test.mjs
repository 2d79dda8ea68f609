// Watch lists of the official SDK: signatures that are wrong, expire, and are renewed.

import assert from 'node:assert/strict';

import { SOCKETS, testIn } from '../lib/forms.mjs';
import { atOnce, pause, until } from '../lib/harness.mjs';
import { makeToken } from '../lib/jwt.mjs';
import {
  errorsOf, items, keyedServer, POLLS_MS, sign, signedBefore, signer, subscribedWatch, trackError,
  watches,
} from '../lib/keyed.mjs';
import { TOKEN_SECRET } from '../lib/target.mjs';

atOnce(4);

const CHANNEL = 'poll:x';

const WRONG = {
  'malformed': () => 'no signature',
  'an empty one': () => '',
  'of other keys': () => sign(CHANNEL, ['a', 'b']),
  'of another channel': () => sign('poll:y', ['a']),
  'of another user': () => sign(CHANNEL, ['a'], { user: '43' }),
  'by another secret': () => sign(CHANNEL, ['a'], { secret: 'guessed' }),
};
for (const [what, make] of Object.entries(WRONG)) {
  testIn(SOCKETS, `track: a signature ${what} is error 103`, async (t, form) => {
    const server = await keyedServer(t);
    server.set('a', 1, 1);
    const client = await form.connected(t, server);
    const heard = await subscribedWatch(form, client, CHANNEL);
    const failure = trackError(heard);
    heard.subscription.track(items('a'), make());
    assert.equal((await failure).error.code, 103);
    await pause(POLLS_MS);
    assert.equal(heard.values.size, 0, 'the SDK takes it for a removal');
    assert.ok(heard.updates.every(({ removed }) => removed));
    assert.equal(client.state, 'connected');
  });
}

testIn(SOCKETS, 'track: a user with his own signature', async (t, form) => {
  const server = await keyedServer(t);
  server.set('a', 1, 1);
  const client = await form.connected(t, server,
    { token: makeToken({ sub: 'x:42' }, TOKEN_SECRET) });
  const heard = await subscribedWatch(form, client, CHANNEL);
  heard.subscription.track(items('a'), sign(CHANNEL, ['a'], { user: 'x:42' }));
  await watches(heard, { a: 1 });
});

testIn(SOCKETS, 'track: the previous secret is good while keys are rotated', async (t, form) => {
  const server = await keyedServer(t);
  server.set('a', 1, 1);
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, CHANNEL);
  heard.subscription.track(items('a'), signedBefore(CHANNEL, ['a']));
  await watches(heard, { a: 1 });
});

testIn(SOCKETS, 'track: the previous secret has an end', async (t, form) => {
  const endedS = Math.floor(Date.now() / 1000) - 60;
  const server = await keyedServer(t,
    { 'shared_poll.hmac_previous_secret_key_valid_until': endedS });
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, CHANNEL);
  const failure = trackError(heard);
  heard.subscription.track(items('a'), signedBefore(CHANNEL, ['a']));
  assert.equal((await failure).error.code, 103);
});

testIn(SOCKETS, 'track: an expired signature is replaced', async (t, form) => {
  const server = await keyedServer(t);
  for (const key of ['a', 'b', 'c']) server.set(key, key, 1);
  const asked = [];
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, CHANNEL,
    { getSignature: signer(CHANNEL, {}, asked) });
  for (const key of ['a', 'b', 'c']) {
    heard.subscription.track(items(key), sign(CHANNEL, [key], { ttlS: -60 }));
  }
  await watches(heard, { a: 'a', b: 'b', c: 'c' });
  assert.deepEqual(asked.map((keys) => [...keys].sort()), asked.map(() => ['a', 'b', 'c']),
    'one signature for all');
});

testIn(SOCKETS, 'track: a signature is taken five seconds longer', async (t, form) => {
  const server = await keyedServer(t);
  server.set('a', 1, 1);
  const asked = [];
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, CHANNEL,
    { getSignature: signer(CHANNEL, {}, asked) });
  heard.subscription.track(items('a'), sign(CHANNEL, ['a'], { ttlS: -1 }));
  await watches(heard, { a: 1 });
  assert.deepEqual(errorsOf(heard), []);
});

testIn(SOCKETS, 'track: a signature is renewed before it expires', async (t, form) => {
  const server = await keyedServer(t);
  server.set('a', 1, 1);
  const asked = [];
  const client = await form.connected(t, server);
  let ttlS = 4;
  const heard = await subscribedWatch(form, client, CHANNEL, {
    getSignature: async ({ keys }) => {
      asked.push(keys);
      const signature = sign(CHANNEL, keys, { ttlS });
      ttlS = 3600;
      return { keys, signature };
    },
  });
  heard.subscription.track(['a']);
  await watches(heard, { a: 1 });
  await until('it is renewed', () => asked.length === 2);
  server.set('a', 2, 2);
  await watches(heard, { a: 2 });
  assert.deepEqual(errorsOf(heard), []);
});

testIn(SOCKETS, 'track: what the backend does not sign any more is untracked', async (t, form) => {
  const server = await keyedServer(t);
  server.set('allowed', 1, 1);
  server.set('revoked', 1, 1);
  const client = await form.connected(t, server);
  const heard = await subscribedWatch(form, client, CHANNEL, {
    getSignature: async ({ keys }) => {
      const allowed = keys.filter((key) => key !== 'revoked');
      return { keys: allowed, signature: sign(CHANNEL, allowed) };
    },
  });
  heard.subscription.track(['allowed', 'revoked']);
  await watches(heard, { allowed: 1 });
  await pause(POLLS_MS);
  const revoked = heard.updates.filter(({ key }) => key === 'revoked');
  assert.deepEqual(revoked.map(({ removed }) => removed), [true]);
});
