// Proxies: what the official SDK sees when the application's backend decides.

import assert from 'node:assert/strict';

import { Backend } from '../lib/backend.mjs';
import {
  ALL_FORMS, connect, JSON_SOCKET, nextEvent, PROTOBUF_SOCKET, SOCKETS, testIn,
} from '../lib/forms.mjs';
import { atOnce, pause, until, within } from '../lib/harness.mjs';
import { makeToken, secondsFromNow } from '../lib/jwt.mjs';
import { sdkNamespaces, Target, TOKEN_SECRET } from '../lib/target.mjs';

atOnce(4);

const sign = (claims) => makeToken(claims, TOKEN_SECRET);

function connectProxy(backend, changes = {}) {
  return {
    'client.proxy.connect.enabled': true,
    'client.proxy.connect.endpoint': backend.url('/connect'),
    'client.proxy.connect.timeout': '10s',
    'client.proxy.connect.emulated_headers': ['X-Tenant'],
    ...changes,
  };
}

testIn(ALL_FORMS, 'connect proxy: gives the user, data, channels', async (t, form) => {
  const backend = await Backend.start(t, {
    '/connect': () => ({ result: { user: '56', data: { welcome: true },
      info: { name: 'Bo' }, channels: ['plain:news'] } }),
  });
  const server = await Target.start(t, connectProxy(backend));
  const client = form.client(t, server, { data: form.pack({ from: 'page' }), name: 'test',
    version: '1.2', headers: { 'X-Tenant': 'acme' } });
  const subscribed = nextEvent(client, 'subscribed');
  const connected = nextEvent(client, 'connected');
  await connect(client);
  assert.deepEqual(form.unpack((await connected).data), { welcome: true });
  assert.equal((await subscribed).channel, 'plain:news');
  const [asked] = backend.bodies('/connect');
  assert.equal(asked.client, client._client);
  assert.equal(asked.transport, form.transport);
  assert.equal(asked.protocol, form.isProtobuf ? 'protobuf' : 'json');
  assert.deepEqual([asked.name, asked.version], ['test', '1.2']);
  assert.deepEqual(asked.data, { from: 'page' });
  assert.equal(backend.requests[0].headers['x-tenant'], 'acme');
  const heard = await form.subscribe(client, 'chat:x');
  await heard.subscription.publish(form.pack(1));
  await until('it arrives', () => heard.publications.length > 0);
  assert.equal(heard.publications[0].info.user, '56');
  assert.deepEqual(form.unpack(heard.publications[0].info.connInfo), { name: 'Bo' });
});

testIn(SOCKETS, 'connect proxy: subs with options and data', async (t, form) => {
  const backend = await Backend.start(t, {
    '/connect': () => ({ result: { user: '56', subs: { 'readonly:x': {
      data: { a: 1 }, override: { force_recovery: { value: true } } } } } }),
  });
  const server = await Target.start(t, connectProxy(backend));
  const client = form.client(t, server);
  const subscribed = nextEvent(client, 'subscribed');
  await connect(client);
  const about = await subscribed;
  assert.deepEqual([about.channel, about.recoverable, form.unpack(about.data)],
    ['readonly:x', true, { a: 1 }]);
});

testIn(SOCKETS, 'connect proxy: an error of its own, and then not', async (t, form) => {
  let calls = 0;
  const backend = await Backend.start(t, { '/connect': () => {
    calls += 1;
    return calls === 1 ? { error: { code: 1000, message: 'not yet', temporary: true } }
      : { result: { user: '56' } };
  } });
  const server = await Target.start(t, connectProxy(backend));
  const client = form.client(t, server);
  const error = nextEvent(client, 'error');
  await connect(client);
  assert.equal((await error).error.code, 1000);
  assert.equal(calls, 2);
});

testIn(ALL_FORMS, 'connect proxy: a disconnect of its own', async (t, form) => {
  const backend = await Backend.start(t, {
    '/connect': () => ({ disconnect: { code: 4501, reason: 'unauthorized' } }) });
  const server = await Target.start(t, connectProxy(backend));
  const client = form.client(t, server);
  const disconnected = nextEvent(client, 'disconnected');
  client.connect();
  const about = await disconnected;
  assert.deepEqual([about.code, about.reason], [4501, 'unauthorized']);
});

testIn(SOCKETS, 'connect proxy: a backend that fails is error 100', async (t, form) => {
  const backend = await Backend.start(t, { '/connect': () => { throw new Error('broken'); } });
  const server = await Target.start(t, connectProxy(backend));
  const client = form.client(t, server);
  const error = nextEvent(client, 'error');
  client.connect();
  const about = await error;
  assert.deepEqual([about.error.code, about.error.temporary ?? false], [100, true]);
});

testIn(SOCKETS, 'connect proxy: a token goes past it', async (t, form) => {
  const backend = await Backend.start(t, { '/connect': () => { throw new Error('unasked'); } });
  const server = await Target.start(t, connectProxy(backend));
  await form.connected(t, server, { token: sign({ sub: '42' }) });
  assert.deepEqual(backend.requests, []);
});

testIn(SOCKETS, 'refresh proxy: lengthens, then ends a connection', async (t, form) => {
  let calls = 0;
  const backend = await Backend.start(t, {
    '/connect': () => ({ result: { user: '56', expire_at: secondsFromNow(1) } }),
    '/refresh': () => {
      calls += 1;
      return { result: calls === 1 ? { expire_at: secondsFromNow(1) } : { expired: true } };
    },
  });
  const server = await Target.start(t, connectProxy(backend, {
    'client.proxy.refresh.enabled': true,
    'client.proxy.refresh.endpoint': backend.url('/refresh'),
    'client.expired_close_delay': '1s',
  }));
  const client = await form.connected(t, server);
  const { code } = await nextEvent(client, 'connecting');
  assert.equal(code, 3005);
  assert.equal(calls, 2);
  assert.equal(backend.bodies('/refresh')[0].user, '56');
});

for (const [what, answer] of Object.entries({
  'no result': {}, 'a result without a time': { result: {} },
  'a time that is over': { result: { expire_at: 5 } },
  'an error': { error: { code: 1000, message: 'no' } },
  'a disconnect': { disconnect: { code: 4501, reason: 'no' } },
})) {
  testIn([JSON_SOCKET], `refresh proxy: ${what} ends a connection`, async (t, form) => {
    const backend = await Backend.start(t, {
      '/connect': () => ({ result: { user: '56', expire_at: secondsFromNow(2) } }),
      '/refresh': () => answer,
    });
    const server = await Target.start(t, connectProxy(backend, {
      'client.proxy.refresh.enabled': true,
      'client.proxy.refresh.endpoint': backend.url('/refresh'),
    }));
    const client = await form.connected(t, server);
    assert.equal((await nextEvent(client, 'connecting')).code, 3005);
    assert.equal(backend.bodies('/refresh').length, 1);
  });
}

testIn([JSON_SOCKET], 'refresh proxy: a backend that fails ends no connection', async (t, form) => {
  const backend = await Backend.start(t, {
    '/connect': () => ({ result: { user: '56', expire_at: secondsFromNow(1) } }),
    '/refresh': () => { throw new Error('broken'); },
  });
  const server = await Target.start(t, connectProxy(backend, {
    'client.proxy.refresh.enabled': true,
    'client.proxy.refresh.endpoint': backend.url('/refresh'),
    'client.expired_close_delay': '1s',
  }));
  const client = await form.connected(t, server);
  await until('it is asked', () => backend.bodies('/refresh').length > 0);
  await pause(1500);
  assert.equal(client.state, 'connected');
  assert.equal(backend.bodies('/refresh').length, 1);
});

testIn(SOCKETS, 'connect proxy: without a result a client is nobody', async (t, form) => {
  const backend = await Backend.start(t, { '/connect': () => ({}) });
  const server = await Target.start(t, connectProxy(backend,
    { 'client.allow_anonymous_connect_without_token': false }));
  const client = form.client(t, server);
  const disconnected = nextEvent(client, 'disconnected');
  client.connect();
  assert.equal((await disconnected).code, 3501);
  await form.connected(t, await Target.start(t, connectProxy(backend)));
});

testIn(ALL_FORMS, 'rpc proxy: an answer, an error, a disconnect', async (t, form) => {
  const backend = await Backend.start(t, { '/rpc': ({ method, data, user, client }) => {
    if (method === 'sum') return { result: { data: { sum: data.a + data.b, user, client } } };
    if (method === 'refuse') return { error: { code: 1001, message: 'no' } };
    return { disconnect: { code: 4502, reason: 'go' } };
  } });
  const server = await Target.start(t, {
    'rpc.proxy.endpoint': backend.url('/rpc'), 'rpc.proxy.timeout': '10s',
    'rpc.without_namespace.proxy_enabled': true });
  const client = form.client(t, server, { token: sign({ sub: '42' }) });
  const early = client.rpc('sum', form.pack({ a: 1, b: 2 }));  // Waits for the connection.
  await connect(client);
  assert.deepEqual(form.unpack((await early).data), { sum: 3, user: '42', client: client._client });
  const many = Array.from({ length: 20 }, (_, n) => client.rpc('sum', form.pack({ a: n, b: 1 })));
  const sums = (await Promise.all(many)).map(({ data }) => form.unpack(data).sum);
  assert.deepEqual(sums, Array.from({ length: 20 }, (_, n) => n + 1));
  await assert.rejects(client.rpc('refuse', form.pack({})), { code: 1001, message: 'no' });
  const disconnected = nextEvent(client, 'disconnected');
  client.rpc('leave', form.pack({})).catch(() => {});
  assert.equal((await disconnected).code, 4502);
});

testIn([PROTOBUF_SOCKET], 'rpc proxy: binary data', async (t, form) => {
  const backend = await Backend.start(t, { '/rpc': ({ b64data }) => ({ result: { b64data } }) });
  const server = await Target.start(t, {
    'rpc.proxy.endpoint': backend.url('/rpc'), 'rpc.proxy.timeout': '10s',
    'rpc.proxy.http.status_to_code_transforms': [],
    'rpc.proxy.binary_encoding': true, 'rpc.without_namespace.proxy_enabled': true });
  const client = await form.connected(t, server);
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  const { data } = await client.rpc('echo', bytes);
  assert.deepEqual(Buffer.from(data), Buffer.from(bytes));
});

testIn([JSON_SOCKET], 'rpc proxy: a dead backend is error 100, and hinders nobody',
  async (t, form) => {
    const server = await Target.start(t, { 'rpc.proxy.endpoint': 'http://127.0.0.1:1/rpc',
      'rpc.without_namespace.proxy_enabled': true });
    const client = await form.connected(t, server);
    const heard = await form.subscribe(client, 'plain:x');
    await assert.rejects(client.rpc('any', {}), { code: 100 });
    await server.publish('plain:x', 1);
    await until('it arrives', () => heard.values.length > 0);
  });

function namespaceProxy(kind, backend) {
  return {
    [`channel.proxy.${kind}.endpoint`]: backend.url(`/${kind}`),
    [`channel.proxy.${kind}.timeout`]: '10s',
    'channel.namespaces': sdkNamespaces({ closed: { [`${kind}_proxy_enabled`]: true } }),
  };
}

testIn(ALL_FORMS, 'subscribe proxy: gives data, refuses', async (t, form) => {
  const backend = await Backend.start(t, { '/subscribe': ({ channel }) => {
    if (channel === 'closed:no') return { error: { code: 103, message: 'permission denied' } };
    return { result: { data: { for: channel }, info: { seat: 1 } } };
  } });
  const server = await Target.start(t, namespaceProxy('subscribe', backend));
  const client = await form.connected(t, server, { token: sign({ sub: '42' }) });
  const { contexts } = await form.subscribe(client, 'closed:yes', { data: form.pack({ b: 1 }) });
  assert.deepEqual(form.unpack(contexts[0].data), { for: 'closed:yes' });
  const [asked] = backend.bodies('/subscribe');
  assert.deepEqual([asked.user, asked.channel, asked.data], ['42', 'closed:yes', { b: 1 }]);
  const { subscription } = form.listen(client, 'closed:no');
  const unsubscribed = nextEvent(subscription, 'unsubscribed');
  subscription.subscribe();
  assert.equal((await unsubscribed).code, 103);
});

testIn(SOCKETS, 'subscribe proxy: a temporary error is tried again', async (t, form) => {
  let calls = 0;
  const backend = await Backend.start(t, { '/subscribe': () => {
    calls += 1;
    if (calls === 1) throw new Error('broken');
    return { result: {} };
  } });
  const server = await Target.start(t, namespaceProxy('subscribe', backend));
  const client = await form.connected(t, server);
  await form.subscribe(client, 'closed:x');
  assert.equal(calls, 2);
});

testIn(SOCKETS, 'publish proxy: changes the data, refuses', async (t, form) => {
  const backend = await Backend.start(t, { '/publish': ({ data }) => {
    if (data.bad) return { error: { code: 1002, message: 'bad words' } };
    return { result: { data: { ...data, checked: true } } };
  } });
  const server = await Target.start(t, { ...namespaceProxy('publish', backend),
    'channel.namespaces': sdkNamespaces({ chat: { publish_proxy_enabled: true } }) });
  const client = await form.connected(t, server);
  const heard = await form.subscribe(client, 'chat:x');
  await heard.subscription.publish(form.pack({ text: 'hi' }));
  await until('it arrives', () => heard.values.length > 0);
  assert.deepEqual(heard.values, [{ text: 'hi', checked: true }]);
  await assert.rejects(heard.subscription.publish(form.pack({ bad: true })), { code: 1002 });
});

testIn(SOCKETS, 'sub_refresh proxy: lengthens, then ends a subscription', async (t, form) => {
  let calls = 0;
  const backend = await Backend.start(t, {
    '/subscribe': () => ({ result: { expire_at: secondsFromNow(1) } }),
    '/sub_refresh': () => {
      calls += 1;
      return { result: calls === 1 ? { expire_at: secondsFromNow(1) } : { expired: true } };
    },
  });
  const server = await Target.start(t, {
    'channel.proxy.subscribe.endpoint': backend.url('/subscribe'),
    'channel.proxy.sub_refresh.endpoint': backend.url('/sub_refresh'),
    'client.expired_sub_close_delay': '1s',
    'channel.namespaces': sdkNamespaces(
      { closed: { subscribe_proxy_enabled: true, sub_refresh_proxy_enabled: true } }),
  });
  const client = await form.connected(t, server);
  const { subscription } = await form.subscribe(client, 'closed:x');
  const ended = await nextEvent(subscription, 'subscribing', ({ code }) => code !== 0);
  assert.equal(ended.code, 2501);
  assert.equal(calls, 2);
  await within(10000, 'it subscribes again', subscription.ready());
});

testIn([JSON_SOCKET], 'named proxies serve the namespaces that choose them', async (t, form) => {
  const backend = await Backend.start(t, {
    '/one': () => ({ result: { data: { by: 'one' } } }),
    '/two': () => ({ result: { data: { by: 'two' } } }),
  });
  const server = await Target.start(t, {
    proxies: [{ name: 'one', endpoint: backend.url('/one') },
      { name: 'two', endpoint: backend.url('/two') }],
    'channel.namespaces': sdkNamespaces({
      closed: { subscribe_proxy_enabled: true, subscribe_proxy_name: 'one' },
      plain: { subscribe_proxy_enabled: true, subscribe_proxy_name: 'two' } }),
  });
  const client = await form.connected(t, server);
  const one = await form.subscribe(client, 'closed:x');
  const two = await form.subscribe(client, 'plain:x');
  assert.deepEqual([one.contexts[0].data, two.contexts[0].data], [{ by: 'one' }, { by: 'two' }]);
});
