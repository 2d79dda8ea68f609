// Tokens with the official SDK: asked for, refused, expired, refreshed.

import assert from 'node:assert/strict';

import { ALL_FORMS, connect, JSON_SOCKET, nextEvent, SOCKETS, testIn } from '../lib/forms.mjs';
import { atOnce, until, within } from '../lib/harness.mjs';
import { makeToken, secondsFromNow } from '../lib/jwt.mjs';
import { Target, TOKEN_SECRET } from '../lib/target.mjs';

atOnce(4);

const CLOSED = { 'client.allow_anonymous_connect_without_token': false };
const sign = (claims) => makeToken(claims, TOKEN_SECRET);

testIn(ALL_FORMS, 'token: a getToken that fails is asked again', async (t, form) => {
  const server = await Target.start(t, CLOSED);
  let calls = 0;
  const client = form.client(t, server, {
    getToken: async () => {
      calls += 1;
      if (calls === 1) throw new Error('the backend is away');
      return sign({ sub: '42' });
    },
  });
  await connect(client);
  assert.equal(calls, 2);
});

testIn(SOCKETS, 'token: an unauthorized getToken is final', async (t, form) => {
  const server = await Target.start(t, CLOSED);
  const client = form.client(t, server, {
    getToken: async () => { throw new form.sdk.UnauthorizedError(''); },
  });
  const disconnected = nextEvent(client, 'disconnected');
  client.connect();
  assert.equal((await disconnected).code, 1);
});

testIn(ALL_FORMS, 'token: an expired one is error 109, and the SDK asks for another',
  async (t, form) => {
    const server = await Target.start(t, CLOSED);
    let calls = 0;
    const client = form.client(t, server, {
      token: sign({ sub: '42', exp: secondsFromNow(-10) }),
      getToken: async () => {
        calls += 1;
        return sign({ sub: '42', exp: secondsFromNow(600) });
      },
    });
    await connect(client);
    assert.equal(calls, 1);
  });

testIn(ALL_FORMS, 'token: an invalid one closes 3500, final', async (t, form) => {
  const server = await Target.start(t, CLOSED);
  const client = form.client(t, server, { token: makeToken({ sub: '1' }, 'guessed') });
  const disconnected = nextEvent(client, 'disconnected');
  client.connect();
  const { code, reason } = await disconnected;
  assert.deepEqual([code, reason], [3500, 'invalid token']);
});

testIn(ALL_FORMS, 'token: none where one is needed is final', async (t, form) => {
  const server = await Target.start(t, CLOSED);
  const client = form.client(t, server);
  const disconnected = nextEvent(client, 'disconnected');
  client.connect();
  assert.equal((await disconnected).code, 3501);
});

testIn(ALL_FORMS, 'token: refreshed before it expires', async (t, form) => {
  const server = await Target.start(t, { ...CLOSED, 'client.expired_close_delay': '1s' });
  let calls = 0;
  const client = form.client(t, server, {
    getToken: async () => {
      calls += 1;
      return sign({ sub: '42', exp: secondsFromNow(calls < 3 ? 3 : 600) });
    },
  });
  let lost = 0;
  client.on('connecting', () => { lost += 1; });
  await connect(client);
  await until('two refreshes', () => calls >= 3);
  await form.subscribe(client, 'plain:x');  // Answered behind the refresh.
  assert.equal(lost, 1, 'the connection stayed');
});

testIn(SOCKETS, 'token: a refresh that fails for now is tried again', async (t, form) => {
  const server = await Target.start(t, CLOSED);
  let calls = 0;
  const client = form.client(t, server, {
    getToken: async () => {
      calls += 1;
      if (calls === 2) throw new Error('the backend is away');
      return sign({ sub: '42', exp: secondsFromNow(calls < 3 ? 3 : 600) });
    },
  });
  client._getRefreshRetryDelay = () => 50;
  const errors = [];
  client.on('error', (about) => errors.push(about.type));
  await connect(client);
  await until('the second refresh', () => calls >= 3);
  assert.deepEqual(errors, ['refreshToken']);
  assert.equal(client.state, 'connected');
});

testIn(SOCKETS, 'token: a refresh with an invalid one closes 3500', async (t, form) => {
  const server = await Target.start(t, CLOSED);
  let calls = 0;
  const client = form.client(t, server, {
    getToken: async () => {
      calls += 1;
      return calls === 1 ? sign({ sub: '42', exp: secondsFromNow(4) }) : 'rubbish';
    },
  });
  await connect(client);
  assert.equal((await nextEvent(client, 'disconnected')).code, 3500);
});

testIn(SOCKETS, 'token: a refresh to another user closes 3500', async (t, form) => {
  const server = await Target.start(t, CLOSED);
  let calls = 0;
  const client = form.client(t, server, {
    getToken: async () => {
      calls += 1;
      return sign({ sub: String(calls), exp: secondsFromNow(4) });
    },
  });
  await connect(client);
  assert.equal((await nextEvent(client, 'disconnected')).code, 3500);
});

testIn(ALL_FORMS, 'token: who does not refresh is closed with 3005, and comes back',
  async (t, form) => {
    const server = await Target.start(t, { ...CLOSED, 'client.expired_close_delay': '1s' });
    const client = form.client(t, server,
      { getToken: async () => sign({ sub: '42', exp: secondsFromNow(3) }) });
    client._refresh = () => {};
    await connect(client);
    const { code } = await nextEvent(client, 'connecting');
    assert.equal(code, 3005);
    client._token = sign({ sub: '42' });
    await until('it is back', () => client.state === 'connected');
  });

testIn(SOCKETS, 'token: without sub and without exp', async (t, form) => {
  const server = await Target.start(t, CLOSED);
  const client = await form.connected(t, server, { token: sign({}) });
  await form.subscribe(client, 'plain:x');
});

testIn(ALL_FORMS, 'subscription token: opens a channel that is closed', async (t, form) => {
  const server = await Target.start(t, CLOSED);
  const client = await form.connected(t, server, { token: sign({ sub: '42' }) });
  let calls = 0;
  await form.subscribe(client, 'closed:x', {
    getToken: async ({ channel }) => {
      calls += 1;
      if (calls === 1) throw new Error('the backend is away');
      return sign({ sub: '42', channel });
    },
  });
  assert.equal(calls, 2);
});

testIn(SOCKETS, 'subscription token: an unauthorized getToken ends it', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const { subscription } = form.listen(client, 'closed:x', {
    getToken: async () => { throw new form.sdk.UnauthorizedError(''); } });
  const unsubscribed = nextEvent(subscription, 'unsubscribed');
  subscription.subscribe();
  assert.equal((await unsubscribed).code, 1);
  assert.equal(client.state, 'connected');
});

testIn(ALL_FORMS, 'subscription token: an expired one is 109, and another is asked for',
  async (t, form) => {
    const server = await Target.start(t, CLOSED);
    const client = await form.connected(t, server, { token: sign({ sub: '42' }) });
    let calls = 0;
    await form.subscribe(client, 'closed:x', {
      token: sign({ sub: '42', channel: 'closed:x', exp: secondsFromNow(-10) }),
      getToken: async ({ channel }) => {
        calls += 1;
        return sign({ sub: '42', channel, exp: secondsFromNow(600) });
      },
    });
    assert.equal(calls, 1);
  });

testIn(SOCKETS, 'subscription token: a bad signature is error 103', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const { subscription } = form.listen(client, 'closed:x',
    { token: makeToken({ channel: 'closed:x' }, 'guessed') });
  const unsubscribed = nextEvent(subscription, 'unsubscribed');
  subscription.subscribe();
  assert.equal((await unsubscribed).code, 103);
});

const FOREIGN = {
  'of another channel': { sub: '42', channel: 'closed:y' },
  'of another user': { sub: '43', channel: 'closed:x' },
};
for (const [what, claims] of Object.entries(FOREIGN)) {
  testIn(SOCKETS, `subscription token: one ${what} closes 3500`, async (t, form) => {
    const server = await Target.start(t, CLOSED);
    const client = await form.connected(t, server, { token: sign({ sub: '42' }) });
    const disconnected = nextEvent(client, 'disconnected');
    form.listen(client, 'closed:x', { token: sign(claims) }).subscription.subscribe();
    assert.equal((await disconnected).code, 3500);
  });
}

testIn(ALL_FORMS, 'subscription token: refreshed before it expires', async (t, form) => {
  const server = await Target.start(t, { 'client.expired_sub_close_delay': '1s' });
  const client = await form.connected(t, server);
  let calls = 0;
  const { subscription, contexts } = await form.subscribe(client, 'closed:x', {
    getToken: async ({ channel }) => {
      calls += 1;
      return sign({ channel, exp: secondsFromNow(calls < 3 ? 3 : 600) });
    },
  });
  await until('two refreshes', () => calls >= 3);
  await form.subscribe(client, 'plain:x');
  assert.equal(subscription.state, 'subscribed');
  assert.equal(contexts.length, 1, 'it stayed subscribed');
});

testIn(ALL_FORMS, 'subscription token: not refreshed, it ends with 2501, and begins again',
  async (t, form) => {
    const server = await Target.start(t, { 'client.expired_sub_close_delay': '1s' });
    const client = await form.connected(t, server);
    let calls = 0;
    const { subscription } = form.listen(client, 'closed:x', { getToken: async ({ channel }) => {
      calls += 1;
      return sign({ channel, exp: secondsFromNow(calls < 2 ? 3 : 600) });
    } });
    subscription._refresh = () => {};
    subscription.subscribe();
    const expired = await nextEvent(subscription, 'subscribing', ({ code }) => code !== 0);
    assert.deepEqual([expired.code, expired.reason], [2501, 'subscription expired']);
    subscription._token = '';
    await within(10000, 'it subscribes again', subscription.ready());
    assert.equal(client.state, 'connected');
  });

testIn(SOCKETS, 'subscription token: its info is seen in presence and publications',
  async (t, form) => {
    const server = await Target.start(t);
    const client = await form.connected(t, server,
      { token: sign({ sub: '42', info: { name: 'Ada' } }) });
    const heard = await form.subscribe(client, 'chat:x',
      { token: sign({ sub: '42', channel: 'chat:x', info: { role: 'author' } }) });
    await heard.subscription.publish(form.pack('hi'));
    await until('it arrives', () => heard.publications.length > 0);
    const { info } = heard.publications[0];
    assert.equal(info.user, '42');
    assert.deepEqual(form.unpack(info.connInfo), { name: 'Ada' });
    assert.deepEqual(form.unpack(info.chanInfo), { role: 'author' });
    const { clients } = await heard.subscription.presence();
    const mine = clients[client._client];
    assert.deepEqual(form.unpack(mine.connInfo), { name: 'Ada' });
    assert.deepEqual(form.unpack(mine.chanInfo), { role: 'author' });
  });

testIn(SOCKETS, 'subscription token: data, info and override reach the SDK', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server, { token: sign({ sub: '42' }) });
  const token = sign({ sub: '42', channel: 'readonly:x',
    override: { force_recovery: { value: true }, presence: { value: true } } });
  const { contexts } = await form.subscribe(client, 'readonly:x', { token });
  assert.equal(contexts[0].recoverable, true);
});

testIn([JSON_SOCKET], 'subscription token: expire_at outlives exp', async (t, form) => {
  const server = await Target.start(t, { 'client.expired_sub_close_delay': '1s' });
  const client = await form.connected(t, server);
  let calls = 0;
  await form.subscribe(client, 'closed:x', { getToken: async ({ channel }) => {
    calls += 1;
    return sign({ channel, exp: secondsFromNow(1), expire_at: 0 });
  } });
  await form.subscribe(client, 'closed:y', { getToken: async ({ channel }) =>
    sign({ channel, exp: secondsFromNow(calls < 2 ? 2 : 600) }) });
  assert.equal(calls, 1);
  assert.equal(client.state, 'connected');
});

testIn(SOCKETS, 'user limited channel: only its users', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server, { token: sign({ sub: '42' }) });
  await form.subscribe(client, 'limited:talk#42,43');
  const { subscription } = form.listen(client, 'limited:talk#43,44');
  const unsubscribed = nextEvent(subscription, 'unsubscribed');
  subscription.subscribe();
  assert.equal((await unsubscribed).code, 103);
});
