// Who is in a room across lost connections, and the inbox of a user who is away.

import assert from 'node:assert/strict';

import { pause, test, until } from './lib/harness.mjs';
import { makeToken } from './lib/jwt.mjs';
import { connect, connectedClient, newClient, subscribe } from './lib/sdk.mjs';
import { Server } from './lib/server.mjs';

const SECRET = 'a secret of these tests';
const CONFIG = {
  'client.insecure': false,
  'client.token.hmac_secret_key': SECRET,
  'channel.namespaces': [
    { name: 'room', presence: true, join_leave: true, presence_grace: '2s',
      allow_subscribe_for_client: true, allow_presence_for_subscriber: true,
      allow_publish_for_subscriber: true },
    { name: 'hasty', presence: true, join_leave: true,
      allow_subscribe_for_client: true, allow_presence_for_subscriber: true },
    { name: 'small', presence: true, join_leave: true, join_leave_max_clients: 2,
      allow_subscribe_for_client: true, allow_presence_for_subscriber: true },
    { name: 'user', history_size: 1000, history_ttl: '60s', force_recovery: true,
      allow_user_limited_channels: true },
  ],
};

const tokenOf = (user, info) => makeToken({ sub: user, ...(info && { info }) }, SECRET);
const clientOf = (t, server, user, info) =>
  connectedClient(t, server, { token: tokenOf(user, info) });

// What a subscription is told of others, as it comes.
function listen(subscription) {
  const told = [];
  subscription.on('join', ({ info }) => told.push(`+${info.user}`));
  subscription.on('leave', ({ info }) => told.push(`-${info.user}`));
  subscription.on('publication', ({ data }) => told.push(data));
  return told;
}

async function watcherOf(t, server, channel) {
  const client = await clientOf(t, server, 'watcher');
  const subscription = client.newSubscription(channel, { joinLeave: true });
  const told = listen(subscription);
  subscription.subscribe();
  await subscription.ready(5000);
  await until('its own join', () => told.length === 1);
  return { subscription, told };
}

const usersIn = async (subscription) =>
  Object.values((await subscription.presence()).clients).map(({ user }) => user).sort();

// As when a train goes into a tunnel.
const cut = (client) => client._transport._transport.terminate();

test('members: a reconnect within the grace is no leave and no join', async (t) => {
  const server = await Server.start(t, CONFIG);
  const { subscription, told } = await watcherOf(t, server, 'room:a');
  const guest = await clientOf(t, server, '42', { name: 'Ada' });
  const room = await subscribe(guest, 'room:a');
  await until('the join', () => told.length === 2);
  const before = (await subscription.presence()).clients;
  for (let round = 0; round < 3; ++round) {
    cut(guest);
    await until('it is back', () => room.contexts.length === round + 2);
  }
  await room.subscription.publish('here');
  await until('it is heard', () => told.length === 3);
  await pause(2500);  // Beyond the grace.
  assert.deepEqual(told, ['+watcher', '+42', 'here']);
  assert.deepEqual((await subscription.presence()).clients, before);
  assert.deepEqual(await subscription.presenceStats(), { numClients: 2, numUsers: 2 });
  guest.disconnect();  // Whoever says so leaves at once.
  await until('the leave', () => told.length === 4);
  assert.equal(told[3], '-42');
  assert.deepEqual(await usersIn(subscription), ['watcher']);
});

test('members: who does not come back leaves after the grace', async (t) => {
  const server = await Server.start(t, CONFIG);
  const { subscription, told } = await watcherOf(t, server, 'room:b');
  const guest = await clientOf(t, server, '42');
  await subscribe(guest, 'room:b');
  await until('the join', () => told.length === 2);
  guest.on('connecting', () => guest.disconnect());
  cut(guest);
  await pause(500);
  assert.deepEqual(await usersIn(subscription), ['42', 'watcher']);
  await until('the leave', () => told.length === 3);
  assert.deepEqual(told, ['+watcher', '+42', '-42']);
  assert.deepEqual(await usersIn(subscription), ['watcher']);
});

test('members: without a grace a lost connection leaves at once', async (t) => {
  const server = await Server.start(t, CONFIG);
  const { subscription, told } = await watcherOf(t, server, 'hasty:a');
  const guest = await clientOf(t, server, '42');
  const room = await subscribe(guest, 'hasty:a');
  await until('the join', () => told.length === 2);
  cut(guest);
  await until('it is back', () => room.contexts.length === 2);
  await until('it is told', () => told.length === 4);
  assert.deepEqual(told, ['+watcher', '+42', '-42', '+42']);
  assert.deepEqual(await usersIn(subscription), ['42', 'watcher']);
});

test('members: a large room is silent and still counted', async (t) => {
  const server = await Server.start(t, CONFIG);
  const { subscription, told } = await watcherOf(t, server, 'small:a');
  const guests = [];
  for (let user = 1; user <= 4; ++user) {
    guests.push(await clientOf(t, server, `${user}`));
    await subscribe(guests.at(-1), 'small:a');
  }
  assert.deepEqual(await subscription.presenceStats(), { numClients: 5, numUsers: 5 });
  for (const guest of guests) guest.disconnect();
  await until('all have left',
    async () => (await subscription.presenceStats()).numClients === 1);
  assert.deepEqual(told, ['+watcher', '+1', '-1']);
  await until('the silent joins are counted', async () => (await server.metrics())
    .sum('tickcast_join_leave_dropped_total', { reason: 'size' }) === 3);
});

test('inbox: what was sent while its user was away comes exactly once', async (t) => {
  const server = await Server.start(t, CONFIG);
  const inbox = 'user:#42';
  const send = (text) => server.publish(inbox, { text });
  await send('before the first visit');
  const client = newClient(t, server, { token: tokenOf('42') });
  await connect(client);
  const { subscription, publications, contexts } = await subscribe(client, inbox);
  await send('hello');
  await until('it arrives', () => publications.length === 1);
  // Away on purpose, cut off, and the inbox closed meanwhile.
  client.disconnect();
  await send('one');
  await send('two');
  await connect(client);
  await until('both', () => publications.length === 3);
  cut(client);
  await send('three');
  await until('it is back', () => contexts.length === 3);
  subscription.unsubscribe();
  await send('four');
  subscription.subscribe();
  await until('all', () => publications.length === 5);
  await pause(200);
  assert.deepEqual(publications.map(({ data }) => data.text),
    ['hello', 'one', 'two', 'three', 'four']);
  for (const about of contexts.slice(1)) assert.equal(about.recovered, true);
});

test('inbox: nobody else reads it', async (t) => {
  const server = await Server.start(t, CONFIG);
  const other = await clientOf(t, server, '43');
  const subscription = other.newSubscription('user:#42');
  const refused = new Promise((resolve) => { subscription.once('unsubscribed', resolve); });
  subscription.subscribe();
  assert.equal((await refused).code, 103);
  await assert.rejects(other.publish('user:#42', {}), { code: 103 });
});
