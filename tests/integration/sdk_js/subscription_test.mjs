// Subscriptions of the official SDK: made, left, made again, many at once, refused.

import assert from 'node:assert/strict';

import { ALL_FORMS, connect, JSON_SOCKET, nextEvent, SOCKETS, testIn } from '../lib/forms.mjs';
import { atOnce, pause, until, within } from '../lib/harness.mjs';
import { makeToken } from '../lib/jwt.mjs';
import { sdkNamespaces, Target, TOKEN_SECRET } from '../lib/target.mjs';

atOnce(4);

const LIMIT_MS = 10000;

testIn(ALL_FORMS, 'subscribes and unsubscribes', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const { subscription } = await form.subscribe(client, 'plain:x');
  const unsubscribed = nextEvent(subscription, 'unsubscribed');
  subscription.unsubscribe();
  assert.equal((await unsubscribed).code, 0);
  client.disconnect();
  assert.equal(subscription.state, 'unsubscribed');
});

testIn(ALL_FORMS, 'publishes and hears itself', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'chat:x');
  const value = { text: 'soup – 🍲 "now"\n', n: [1, null, true, 1.5, -0.25] };
  await heard.subscription.publish(form.pack(value));
  await until('it arrives', () => heard.values.length > 0);
  assert.deepEqual(heard.values, [value]);
  assert.equal(heard.publications[0].info.client, client._client);
});

testIn(ALL_FORMS, 'subscribes and unsubscribes in a loop', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const { subscription } = form.listen(client, 'plain:x');
  for (let round = 0; round < 10; ++round) {
    subscription.subscribe();
    subscription.unsubscribe();
  }
  assert.equal(subscription.state, 'unsubscribed');
  subscription.subscribe();
  await within(LIMIT_MS, 'it subscribes in the end', subscription.ready());
});

testIn(ALL_FORMS, 'unsubscribes between its command and the reply', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const heard = form.listen(client, 'chat:x');
  heard.subscription.subscribe();
  await pause(0);  // The command is on its way.
  heard.subscription.unsubscribe();
  heard.subscription.subscribe();
  await within(LIMIT_MS, 'it subscribes again', heard.subscription.ready());
  await heard.subscription.publish(form.pack(1));
  await until('it arrives', () => heard.values.length > 0);
  assert.deepEqual(heard.values, [1]);
});

testIn(ALL_FORMS, 'unsubscribes while the connect is on its way', async (t, form) => {
  const server = await Target.start(t);
  const client = form.client(t, server);
  const { subscription } = form.listen(client, 'plain:x');
  // Over HTTP the connect command is the request itself.
  const sent = form.transport === 'websocket' ? 'connect_frame_sent' : 'transport_initialized';
  client.once(`__centrifuge_debug:${sent}`, () => subscription.unsubscribe());
  subscription.subscribe();
  await connect(client);
  assert.equal(subscription.state, 'unsubscribed');
  subscription.subscribe();
  await within(LIMIT_MS, 'it subscribes', subscription.ready());
});

testIn(ALL_FORMS, 'many subscriptions, their tokens late', async (t, form) => {
  const server = await Target.start(t);
  const client = form.client(t, server);
  client.connect();
  const heard = Array.from({ length: 10 }, (_, n) => form.listen(client, `closed:${n}`, {
    getToken: async ({ channel }) => {
      await pause((n * 37) % 60);
      return makeToken({ channel }, TOKEN_SECRET);
    },
  }));
  for (const { subscription } of heard) subscription.subscribe();
  for (const { subscription } of heard) {
    await within(LIMIT_MS, 'each subscribes', subscription.ready());
  }
  await server.publish('closed:7', 'seven');
  await until('it arrives', () => heard[7].values.length > 0);
});

testIn(ALL_FORMS, 'a hundred subscriptions in one frame', async (t, form) => {
  const server = await Target.start(t);
  const client = form.client(t, server);
  const heard = Array.from({ length: 100 }, (_, n) => form.listen(client, `plain:${n}`));
  for (const { subscription } of heard) subscription.subscribe();
  client.connect();  // All of them leave together behind the connect's reply.
  for (const { subscription } of heard) {
    await within(LIMIT_MS, 'each subscribes', subscription.ready());
  }
  await server.call('broadcast',
    { channels: heard.map((_, n) => `plain:${n}`), data: { to: 'all' } });
  for (const { values } of heard) await until('each hears it', () => values.length === 1);
});

testIn([JSON_SOCKET], 'more subscriptions than client.channel_limit: 106', async (t, form) => {
  const server = await Target.start(t, { 'client.channel_limit': 3 });
  const client = await form.connected(t, server);
  for (let n = 0; n < 3; ++n) await form.subscribe(client, `plain:${n}`);
  const { subscription } = form.listen(client, 'plain:3');
  const unsubscribed = nextEvent(subscription, 'unsubscribed');
  subscription.subscribe();
  assert.equal((await unsubscribed).code, 106);
});

const REFUSED = {
  'an unknown namespace': ['nosuch:x', 102],
  'a closed one': ['closed:x', 103],
  'a user limited one, for the anonymous': ['limited:#42', 103],
};
for (const [what, [channel, expected]] of Object.entries(REFUSED)) {
  testIn(SOCKETS, `subscribing to ${what} is error ${expected}`, async (t, form) => {
    const server = await Target.start(t);
    const client = await form.connected(t, server);
    const { subscription } = form.listen(client, channel);
    const unsubscribed = nextEvent(subscription, 'unsubscribed');
    subscription.subscribe();
    assert.equal((await unsubscribed).code, expected);
    assert.equal(client.state, 'connected');
  });
}

testIn(SOCKETS, 'a channel name over channel.max_length is error 107', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  await form.subscribe(client, `plain:${'x'.repeat(249)}`);
  const { subscription } = form.listen(client, `plain:${'x'.repeat(250)}`);
  const unsubscribed = nextEvent(subscription, 'unsubscribed');
  subscription.subscribe();
  assert.equal((await unsubscribed).code, 107);
});

testIn(ALL_FORMS, 'the server unsubscribes: 2000, and it is final', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server,
    { token: makeToken({ sub: '42' }, TOKEN_SECRET) });
  const { subscription } = await form.subscribe(client, 'plain:x');
  const unsubscribed = nextEvent(subscription, 'unsubscribed');
  await server.call('unsubscribe', { user: '42', channel: 'plain:x' });
  const about = await unsubscribed;
  assert.deepEqual([about.code, about.reason], [2000, 'server unsubscribe']);
  assert.equal(client.state, 'connected');
});

testIn([JSON_SOCKET], 'a subscription is removed and made again', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const first = await form.subscribe(client, 'plain:x');
  client.removeSubscription(first.subscription);
  assert.equal(client.getSubscription('plain:x'), null);
  const second = await form.subscribe(client, 'plain:x');
  await server.publish('plain:x', 1);
  await until('it arrives', () => second.values.length > 0);
  assert.deepEqual(first.values, []);
});

testIn(SOCKETS, 'a getData that fails is asked again for a subscription', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  let calls = 0;
  await form.subscribe(client, 'plain:x', { getData: async () => {
    calls += 1;
    if (calls === 1) throw new Error('no data yet');
    return form.pack({});
  } });
  assert.equal(calls, 2);
});

testIn(ALL_FORMS, 'what nobody allowed is error 103', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const { subscription } = await form.subscribe(client, 'readonly:x');
  await assert.rejects(subscription.publish(form.pack(1)), { code: 103 });
  await assert.rejects(client.publish('readonly:x', form.pack(1)), { code: 103 });
  await assert.rejects(subscription.presence(), { code: 103 });
  await assert.rejects(subscription.presenceStats(), { code: 103 });
  await assert.rejects(subscription.history({ limit: 1 }), { code: 103 });
  assert.equal(client.state, 'connected');
});

testIn(ALL_FORMS, 'what the channel has not is error 108', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  const { subscription } = await form.subscribe(client, 'plain:x');
  await assert.rejects(subscription.presence(), { code: 108 });
  await assert.rejects(subscription.presenceStats(), { code: 108 });
  await assert.rejects(subscription.history({ limit: 1 }), { code: 108 });
});

testIn(SOCKETS, 'an unknown namespace is error 102 for every command', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  await assert.rejects(client.publish('nosuch:x', form.pack(1)), { code: 102 });
  await assert.rejects(client.presence('nosuch:x'), { code: 102 });
  await assert.rejects(client.presenceStats('nosuch:x'), { code: 102 });
  await assert.rejects(client.history('nosuch:x', { limit: 1 }), { code: 102 });
});

testIn(SOCKETS, 'publishing is for subscribers where it says so', async (t, form) => {
  const server = await Target.start(t);
  const client = await form.connected(t, server);
  await assert.rejects(client.publish('chat:x', form.pack(1)), { code: 103 });
  const heard = await form.subscribe(client, 'chat:x');
  await client.publish('chat:x', form.pack(2));
  await until('it arrives', () => heard.values.length > 0);
  assert.deepEqual(heard.values, [2]);
  await client.publish('plain:x', form.pack(3));  // There, everybody may.
});

testIn(SOCKETS, 'without_namespace holds for names without a colon', async (t, form) => {
  const server = await Target.start(t, { 'channel.without_namespace': {
    allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true, history_size: 3,
    history_ttl: '60s', force_recovery: true } });
  const client = await form.connected(t, server);
  const { contexts } = await form.subscribe(client, 'lobby');
  assert.equal(contexts[0].recoverable, true);
});

testIn(SOCKETS, 'client.insecure allows what namespaces do not', async (t, form) => {
  const server = await Target.start(t, { 'client.insecure': true });
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'closed:x');
  await heard.subscription.publish(form.pack('in'));
  await until('it arrives', () => heard.values.length > 0);
  const { subscription } = await form.subscribe(client, 'readonly:x');
  await subscription.publish(form.pack(1));
  assert.equal(Object.keys((await subscription.presence()).clients).length, 1);
  assert.equal((await subscription.history({ limit: 5 })).publications.length, 1);
});

testIn([JSON_SOCKET], 'channel_regex refuses names that do not match', async (t, form) => {
  const server = await Target.start(t, { 'channel.namespaces': sdkNamespaces(
    { plain: { channel_regex: '^[a-z]+$' } }) });
  const client = await form.connected(t, server);
  await form.subscribe(client, 'plain:abc');
  const { subscription } = form.listen(client, 'plain:A1');
  const unsubscribed = nextEvent(subscription, 'unsubscribed');
  subscription.subscribe();
  assert.equal((await unsubscribed).code, 107);
});
