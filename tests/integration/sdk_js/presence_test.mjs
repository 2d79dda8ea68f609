// Who is there, with the official SDK: presence, its counts, join and leave.

import assert from 'node:assert/strict';

import { ALL_FORMS, JSON_SOCKET, SOCKETS, testIn } from '../lib/forms.mjs';
import { atOnce, until } from '../lib/harness.mjs';
import { makeToken } from '../lib/jwt.mjs';
import { Target, TOKEN_SECRET } from '../lib/target.mjs';

atOnce(4);

const tokenOf = (user) => makeToken({ sub: user, info: { name: `n${user}` } }, TOKEN_SECRET);
const named = (heard, name) => heard.events.filter((event) => event.name === name);

testIn(ALL_FORMS, 'presence: who is there, and how many', async (t, form) => {
  const server = await Target.start(t);
  const one = await form.connected(t, server, { token: tokenOf('1') });
  const same = await form.connected(t, server, { token: tokenOf('1') });
  const other = await form.connected(t, server, { token: tokenOf('2') });
  const { subscription } = await form.subscribe(one, 'chat:x');
  await form.subscribe(same, 'chat:x');
  await form.subscribe(other, 'chat:x');
  const { clients } = await subscription.presence();
  assert.deepEqual(Object.keys(clients).sort(),
    [one._client, same._client, other._client].sort());
  const info = clients[other._client];
  assert.deepEqual([info.client, info.user], [other._client, '2']);
  assert.deepEqual(form.unpack(info.connInfo), { name: 'n2' });
  const stats = await subscription.presenceStats();
  assert.deepEqual([stats.numClients, stats.numUsers], [3, 2]);
});

testIn(ALL_FORMS, 'presence: who leaves is gone', async (t, form) => {
  const server = await Target.start(t);
  const one = await form.connected(t, server);
  const other = await form.connected(t, server);
  const { subscription } = await form.subscribe(one, 'chat:x');
  const { subscription: theirs } = await form.subscribe(other, 'chat:x');
  const count = async () => (await subscription.presenceStats()).numClients;
  assert.equal(await count(), 2);
  theirs.unsubscribe();
  await until('it is gone', async () => await count() === 1);
  theirs.subscribe();
  await until('it is back', async () => await count() === 2);
  other.disconnect();
  await until('it is gone with its connection', async () => await count() === 1);
  assert.deepEqual(Object.keys((await subscription.presence()).clients), [one._client]);
});

testIn(ALL_FORMS, 'presence: join and leave are told', async (t, form) => {
  const server = await Target.start(t);
  const one = await form.connected(t, server, { token: tokenOf('1') });
  const heard = await form.subscribe(one, 'chat:x');
  const other = await form.connected(t, server, { token: tokenOf('2') });
  await form.subscribe(other, 'chat:x');
  const id = other._client;
  const isOther = (event) => event.info.client === id;
  await until('the join', () => named(heard, 'join').some(isOther));
  const { info } = named(heard, 'join').find(isOther);
  assert.equal(info.user, '2');
  assert.deepEqual(form.unpack(info.connInfo), { name: 'n2' });
  other.disconnect();
  await until('the leave', () => named(heard, 'leave').some(isOther));
  assert.equal(named(heard, 'leave').find(isOther).info.user, '2');
});

testIn(SOCKETS, 'presence: join and leave only to who asked, where not forced',
  async (t, form) => {
    const server = await Target.start(t);
    const asking = await form.subscribe(await form.connected(t, server), 'asked:x',
      { joinLeave: true });
    const silent = await form.subscribe(await form.connected(t, server), 'asked:x');
    const other = await form.connected(t, server);
    const { subscription } = await form.subscribe(other, 'asked:x');
    const id = other._client;
    const isOther = (event) => event.info.client === id;
    await until('the join', () => named(asking, 'join').some(isOther));
    subscription.unsubscribe();
    await until('the leave', () => named(asking, 'leave').some(isOther));
    await server.publish('asked:x', 'behind them');
    await until('a publication', () => silent.values.length > 0);
    assert.deepEqual([...named(silent, 'join'), ...named(silent, 'leave')], []);
  });

testIn([JSON_SOCKET], 'presence: twenty come and go, and each is told once', async (t, form) => {
  const server = await Target.start(t);
  const heard = await form.subscribe(await form.connected(t, server), 'chat:x');
  const crowd = await Promise.all(Array.from({ length: 20 }, () => form.connected(t, server)));
  await Promise.all(crowd.map((client) => form.subscribe(client, 'chat:x')));
  const ids = crowd.map((client) => client._client).sort();
  const told = (name) => named(heard, name).map((event) => event.info.client)
    .filter((id) => ids.includes(id)).sort();
  await until('all joins', () => told('join').length >= 20);
  for (const client of crowd) client.disconnect();
  await until('all leaves', () => told('leave').length >= 20);
  assert.deepEqual(told('join'), ids);
  assert.deepEqual(told('leave'), ids);
});

testIn(SOCKETS, 'presence: by the server\'s API too', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server, { token: tokenOf('7') });
  await form.subscribe(client, 'chat:x');
  const { presence } = await server.call('presence', { channel: 'chat:x' });
  assert.deepEqual(Object.values(presence).map(({ user }) => user), ['7']);
  const stats = await server.call('presence_stats', { channel: 'chat:x' });
  assert.deepEqual([stats.num_clients, stats.num_users], [1, 1]);
});
