// Server-side subscriptions as the official SDK sees them: from tokens, the personal channel, the
// API.

import assert from 'node:assert/strict';

import { ALL_FORMS, connect, nextEvent, SOCKETS, testIn } from '../lib/forms.mjs';
import { atOnce, until, within } from '../lib/harness.mjs';
import { makeToken, secondsFromNow } from '../lib/jwt.mjs';
import { Target, TOKEN_SECRET } from '../lib/target.mjs';

atOnce(4);

const sign = (claims) => makeToken(claims, TOKEN_SECRET);

// What a client hears of channels that it did not subscribe to itself.
function listen(client, form) {
  const heard = { subscribed: [], unsubscribed: [], subscribing: [], values: [], join: [],
    leave: [] };
  for (const name of ['subscribed', 'unsubscribed', 'subscribing', 'join', 'leave']) {
    client.on(name, (about) => heard[name].push(about));
  }
  client.on('publication', ({ channel, data, offset }) =>
    heard.values.push({ channel, value: form.unpack(data), ...offset && { offset } }));
  return heard;
}

testIn(ALL_FORMS, 'server-side: the channels of a token', async (t, form) => {
  const server = await Target.start(t);
  const client = form.client(t, server,
    { token: sign({ sub: '42', channels: ['chat:x', 'closed:y'] }) });
  const heard = listen(client, form);
  await connect(client);
  await until('both are subscribed', () => heard.subscribed.length === 2);
  assert.deepEqual(heard.subscribed.map(({ channel }) => channel).sort(), ['chat:x', 'closed:y']);
  const chat = heard.subscribed.find(({ channel }) => channel === 'chat:x');
  assert.deepEqual([chat.recoverable, chat.positioned, chat.streamPosition.offset],
    [true, true, 0]);
  await server.publish('chat:x', 'one');
  await server.publish('closed:y', 'two');
  await until('both arrive', () => heard.values.length === 2);
  assert.deepEqual(heard.values.sort((a, b) => a.channel < b.channel ? -1 : 1), [
    { channel: 'chat:x', value: 'one', offset: 1 }, { channel: 'closed:y', value: 'two' }]);
});

testIn(SOCKETS, 'server-side: the subs of a token, with info, data, override',
  async (t, form) => {
    const server = await Target.start(t);
    const client = form.client(t, server, { token: sign({ sub: '42', subs: {
      'readonly:x': { data: { hello: 'you' }, info: { role: 'reader' },
        override: { force_recovery: { value: true } } } } }) });
    const heard = listen(client, form);
    await connect(client);
    await until('it is subscribed', () => heard.subscribed.length === 1);
    const [about] = heard.subscribed;
    assert.equal(about.recoverable, true);
    assert.deepEqual(form.unpack(about.data), { hello: 'you' });
    const { presence } = await server.call('presence', { channel: 'readonly:x' });
    const [info] = Object.values(presence);
    assert.deepEqual(info.chan_info, { role: 'reader' });
  });

testIn(ALL_FORMS, 'server-side: what was missed is recovered', async (t, form) => {
  const server = await Target.start(t);
  const client = form.client(t, server, { token: sign({ sub: '42', channels: ['chat:x'] }) });
  const heard = listen(client, form);
  await connect(client);
  await server.publish('chat:x', 1);
  await until('the first', () => heard.values.length === 1);
  client.disconnect();
  await server.publish('chat:x', 2);
  await server.publish('chat:x', 3);
  await connect(client);
  await until('it is subscribed again', () => heard.subscribed.length === 2);
  const [, again] = heard.subscribed;
  assert.deepEqual([again.wasRecovering, again.recovered], [true, true]);
  await server.publish('chat:x', 4);
  await until('all of them', () => heard.values.length === 4);
  assert.deepEqual(heard.values.map(({ value }) => value), [1, 2, 3, 4]);
});

testIn(ALL_FORMS, 'server-side: the API subscribes and unsubscribes a user', async (t, form) => {
  const server = await Target.start(t);
  const client = form.client(t, server, { token: sign({ sub: '42' }) });
  const heard = listen(client, form);
  await connect(client);
  await server.call('subscribe', { user: '42', channel: 'chat:x', data: { note: 1 } });
  await until('it is subscribed', () => heard.subscribed.length === 1);
  assert.equal(heard.subscribed[0].channel, 'chat:x');
  assert.deepEqual(form.unpack(heard.subscribed[0].data), { note: 1 });
  await server.publish('chat:x', 'in');
  await until('it arrives', () => heard.values.length === 1);
  await server.call('unsubscribe', { user: '42', channel: 'chat:x' });
  await until('it is unsubscribed', () => heard.unsubscribed.length === 1);
  assert.equal(heard.unsubscribed[0].channel, 'chat:x');
});

testIn(SOCKETS, 'server-side: every connection of the user, and no other', async (t, form) => {
  const server = await Target.start(t);
  const clients = [];
  for (const sub of ['42', '42', '43']) {
    const client = form.client(t, server, { token: sign({ sub }) });
    clients.push({ client, heard: listen(client, form) });
    await connect(client);
  }
  await server.call('subscribe', { user: '42', channel: 'plain:x' });
  await until('both are', () => clients[0].heard.subscribed.length === 1 &&
    clients[1].heard.subscribed.length === 1);
  await server.publish('plain:x', 1);
  await until('both hear', () => clients[0].heard.values.length === 1 &&
    clients[1].heard.values.length === 1);
  assert.deepEqual(clients[2].heard.subscribed, []);
});

testIn(ALL_FORMS, 'server-side: the personal channel', async (t, form) => {
  const server = await Target.start(t, {
    'client.subscribe_to_user_personal_channel.enabled': true,
    'channel.without_namespace': { history_size: 10, history_ttl: '60s', force_recovery: true },
  });
  const client = form.client(t, server, { token: sign({ sub: '42' }) });
  const heard = listen(client, form);
  await connect(client);
  await until('it is subscribed', () => heard.subscribed.length === 1);
  assert.equal(heard.subscribed[0].channel, '#42');
  client.disconnect();
  await server.publish('#42', 'while you were away');
  await connect(client);
  await until('it arrives', () => heard.values.length === 1);
  assert.deepEqual(heard.values, [{ channel: '#42', value: 'while you were away', offset: 1 }]);
});

testIn(SOCKETS, 'server-side: join and leave', async (t, form) => {
  const server = await Target.start(t);
  const client = form.client(t, server, { token: sign({ sub: '42', channels: ['chat:x'] }) });
  const heard = listen(client, form);
  await connect(client);
  const other = await form.connected(t, server, { token: sign({ sub: '43' }) });
  await form.subscribe(other, 'chat:x');
  await until('the join', () => heard.join.some(({ info }) => info.user === '43'));
  other.disconnect();
  await until('the leave', () => heard.leave.some(({ info }) => info.user === '43'));
});

testIn(SOCKETS, 'server-side: subscribing to it oneself is error 105', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server,
    { token: sign({ sub: '42', channels: ['plain:x'] }) });
  const { subscription } = form.listen(client, 'plain:x');
  const unsubscribed = nextEvent(subscription, 'unsubscribed');
  subscription.subscribe();
  assert.equal((await unsubscribed).code, 105);
});

testIn(SOCKETS, 'server-side: a token without the channel ends it at the next connect',
  async (t, form) => {
    const server = await Target.start(t);
    const client = form.client(t, server, { token: sign({ sub: '42', channels: ['plain:x'] }) });
    const heard = listen(client, form);
    await connect(client);
    await until('it is subscribed', () => heard.subscribed.length === 1);
    client.disconnect();
    client.setToken(sign({ sub: '42' }));
    await connect(client);
    await until('it is unsubscribed', () => heard.unsubscribed.length === 1);
  });

testIn(SOCKETS, 'server-side: the API disconnects a user', async (t, form) => {
  const server = await Target.start(t);
  const [mine, other] = [await form.connected(t, server, { token: sign({ sub: '42' }) }),
    await form.connected(t, server, { token: sign({ sub: '43' }) })];
  const disconnected = nextEvent(mine, 'disconnected');
  await server.call('disconnect', { user: '42' });
  assert.equal((await disconnected).code, 3503);
  await form.subscribe(other, 'plain:x');
});

testIn(SOCKETS, 'server-side: the API disconnects all but whitelisted ones', async (t, form) => {
  const server = await Target.start(t);
  const [kept, gone] = [await form.connected(t, server, { token: sign({ sub: '42' }) }),
    await form.connected(t, server, { token: sign({ sub: '42' }) })];
  const disconnected = nextEvent(gone, 'disconnected');
  await server.call('disconnect', { user: '42', whitelist: [kept._client] });
  await disconnected;
  await form.subscribe(kept, 'plain:x');
});

testIn(ALL_FORMS, 'server-side: the API ends a connection\'s time: 3005', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server, { token: sign({ sub: '42' }) });
  const connecting = nextEvent(client, 'connecting');
  await server.call('refresh', { user: '42', expired: true });
  assert.equal((await connecting).code, 3005);
  await within(10000, 'it connects again', client.ready());
});

testIn(SOCKETS, 'server-side: the API lengthens a connection\'s time', async (t, form) => {
  const server = await Target.start(t, { 'client.expired_close_delay': '1s' });
  const client = await form.connected(t, server,
    { token: sign({ sub: '42', exp: secondsFromNow(2) }) });
  client._refresh = () => {};
  let lost = 0;
  client.on('connecting', () => { lost += 1; });
  await server.call('refresh', { user: '42', expire_at: secondsFromNow(600) });
  const marker = await form.connected(t, server,
    { token: sign({ sub: '43', exp: secondsFromNow(2) }) });
  marker._refresh = () => {};
  await nextEvent(marker, 'connecting');  // What was not lengthened is closed.
  assert.equal(lost, 0);
});

testIn(SOCKETS, 'server-side: info and channels tell what there is', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server, { token: sign({ sub: '42' }) });
  await form.subscribe(client, 'chat:x');
  const { channels } = await server.call('channels', {});
  assert.deepEqual(channels, { 'chat:x': { num_clients: 1 } });
  // A Centrifugo counts now and then.
  await until('the counts', async () => {
    const { nodes } = await server.call('info', {});
    const [{ num_clients: clients, num_users: users, num_channels: channelCount }] = nodes;
    return clients === 1 && users === 1 && channelCount === 1;
  });
});
