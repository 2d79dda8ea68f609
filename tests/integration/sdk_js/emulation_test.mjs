// The transports for clients without an SDK: unidirectional ones, as a bare EventSource, `curl -N`
// or a plain WebSocket uses them, and the two halves of the emulated ones.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';

import { Backend } from '../lib/backend.mjs';
import { atOnce, test, until, within } from '../lib/harness.mjs';
import { makeToken, secondsFromNow } from '../lib/jwt.mjs';
import { EventSource, WebSocket } from '../lib/packages.mjs';
import { sdkNamespaces, Target, TOKEN_SECRET } from '../lib/target.mjs';

atOnce(4);

const LIMIT_MS = 10000;
const TOKEN = makeToken({ sub: '42', channels: ['chat:x'] }, TOKEN_SECRET);

// What a stream of JSON lines or events brings, as it comes.
class Received {
  constructor() {
    this.messages = [];
    this.ended = false;
  }

  take(text) {
    for (const line of text.split('\n')) {
      if (line.trim() !== '') this.messages.push(JSON.parse(line));
    }
  }

  first(what, matches) {
    return until(what, () => this.messages.find(matches), LIMIT_MS);
  }
}

async function openStream(context, url, options) {
  const abort = new AbortController();
  context.after(() => abort.abort());
  const answer = await fetch(url, { method: 'POST', signal: abort.signal, ...options });
  const received = new Received();
  received.status = answer.status;
  received.headers = answer.headers;
  received.reading = (async () => {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of answer.body) {
      rest += decoder.decode(chunk, { stream: true });
      const end = rest.lastIndexOf('\n');
      received.take(rest.slice(0, end + 1));
      rest = rest.slice(end + 1);
    }
  })().catch(() => {}).then(() => { received.ended = true; });
  return received;
}

// Each way opens a unidirectional connection with a connect request.
const UNI = {
  uni_websocket: async (context, server, request) => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/connection/uni_websocket`);
    context.after(() => socket.terminate());
    const received = new Received();
    socket.on('open', () => socket.send(JSON.stringify(request)));
    socket.on('message', (message) => received.take(message.toString()));
    socket.on('close', (code, reason) => {
      received.closed = { code, reason: reason.toString() };
      received.ended = true;
    });
    socket.on('error', () => {});
    return received;
  },
  'uni_websocket by its address': async (context, server, request) => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/connection/uni_websocket?` +
      new URLSearchParams({ cf_connect: JSON.stringify(request) }));
    context.after(() => socket.terminate());
    const received = new Received();
    socket.on('message', (message) => received.take(message.toString()));
    socket.on('close', (code, reason) => {
      received.closed = { code, reason: reason.toString() };
      received.ended = true;
    });
    socket.on('error', () => {});
    return received;
  },
  uni_sse: async (context, server, request) => {
    const source = new EventSource(`${server.url}/connection/uni_sse?` +
      new URLSearchParams({ cf_connect: JSON.stringify(request) }));
    context.after(() => source.close());
    const received = new Received();
    source.onmessage = ({ data }) => received.take(data);
    source.onerror = () => {
      source.close();
      received.ended = true;
    };
    return received;
  },
  uni_http_stream: (context, server, request) => openStream(context,
    `${server.url}/connection/uni_http_stream`, { body: JSON.stringify(request) }),
};

for (const [name, open] of Object.entries(UNI)) {
  test(`sdk_js: ${name}: pushes come bare`, async (t) => {
    const server = await Target.start(t);
    const received = await open(t, server, { token: TOKEN, name: 'bare' });
    const { connect } = await received.first('the connect push', (m) => m.connect);
    assert.ok(connect.client.length > 0);
    assert.equal(connect.subs['chat:x'].recoverable, true);
    assert.equal(connect.pong ?? false, false);
    await server.publish('chat:x', { n: 1 }, { tags: { a: 'b' } });
    const push = await received.first('the publication', (m) => m.pub);
    assert.deepEqual([push.channel, push.pub.data, push.pub.offset, push.pub.tags],
      ['chat:x', { n: 1 }, 1, { a: 'b' }]);
  });

  test(`sdk_js: ${name}: what was missed is recovered`, async (t) => {
    const server = await Target.start(t);
    const { epoch } = await server.publish('chat:x', 1);
    await server.publish('chat:x', 2);
    const received = await open(t, server,
      { token: TOKEN, subs: { 'chat:x': { recover: true, epoch, offset: 1 } } });
    const { connect } = await received.first('the connect push', (m) => m.connect);
    const sub = connect.subs['chat:x'];
    assert.equal(sub.recovered, true);
    assert.deepEqual(sub.publications.map((p) => p.data), [2]);
  });

  test(`sdk_js: ${name}: connect proxy: says who it is, or refuses`, async (t) => {
    const answers = {
      in: { result: { user: '56', data: { welcome: true }, channels: ['plain:x'] } },
      out: { disconnect: { code: 4501, reason: 'unauthorized' } },
      failed: { error: { code: 1000, message: 'not yet', temporary: true } },
      late: { error: { code: 110, message: 'expired' } },
    };
    const backend = await Backend.start(t, { '/connect': ({ name: who }) => answers[who] });
    const server = await Target.start(t, { 'client.proxy.connect.enabled': true,
      'client.proxy.connect.endpoint': backend.url('/connect'),
      'client.proxy.connect.timeout': '10s' });
    const received = await open(t, server, { name: 'in', data: { a: 1 } });
    const { connect } = await received.first('the connect push', (m) => m.connect);
    assert.deepEqual(connect.data, { welcome: true });
    assert.deepEqual(Object.keys(connect.subs), ['plain:x']);
    const [asked] = backend.bodies('/connect');
    assert.deepEqual([asked.client, asked.transport, asked.protocol, asked.data],
      [connect.client, name.split(' ')[0], 'json', { a: 1 }]);
    for (const [who, code] of [['out', 4501], ['failed', 3004], ['late', 3005]]) {
      const refused = await open(t, server, { name: who });
      if (name.startsWith('uni_websocket')) {
        await until('the close', () => refused.closed, LIMIT_MS);
        assert.equal(refused.closed.code, code, who);
      } else {
        const { disconnect } = await refused.first('the disconnect push', (m) => m.disconnect);
        assert.equal(disconnect.code, code, who);
      }
    }
  });

  test(`sdk_js: ${name}: subscribed and unsubscribed by the API`, async (t) => {
    const server = await Target.start(t);
    const received = await open(t, server,
      { token: makeToken({ sub: '42' }, TOKEN_SECRET) });
    await received.first('the connect push', (m) => m.connect);
    await server.call('subscribe', { user: '42', channel: 'plain:x' });
    assert.equal((await received.first('the subscribe push', (m) => m.subscribe)).channel,
      'plain:x');
    await server.publish('plain:x', 'in');
    await received.first('the publication', (m) => m.pub);
    await server.call('unsubscribe', { user: '42', channel: 'plain:x' });
    const push = await received.first('the unsubscribe push', (m) => m.unsubscribe);
    assert.deepEqual([push.channel, push.unsubscribe.code], ['plain:x', 2000]);
  });

  test(`sdk_js: ${name}: disconnected by the API`, async (t) => {
    const server = await Target.start(t);
    const received = await open(t, server, { token: TOKEN });
    await received.first('the connect push', (m) => m.connect);
    await server.call('disconnect', { user: '42' });
    if (name.startsWith('uni_websocket')) {
      await until('the close', () => received.closed);
      assert.equal(received.closed.code, 3503);
    } else {
      const { disconnect } = await received.first('the disconnect push', (m) => m.disconnect);
      assert.equal(disconnect.code, 3503);
      await until('the end', () => received.ended);
    }
  });

  test(`sdk_js: ${name}: an invalid token`, async (t) => {
    const server = await Target.start(t);
    const received = await open(t, server, { token: 'rubbish' });
    if (name.startsWith('uni_websocket')) {
      await until('the close', () => received.closed);
      assert.equal(received.closed.code, 3500);
    } else {
      const { disconnect } = await received.first('the disconnect push', (m) => m.disconnect);
      assert.equal(disconnect.code, 3500);
    }
  });
}

test('sdk_js: uni_http_stream and uni_sse: pings', async (t) => {
  const server = await Target.start(t,
    { 'client.ping_interval': '1s', 'client.pong_timeout': '500ms' });
  for (const open of [UNI.uni_http_stream, UNI.uni_sse]) {
    const received = await open(t, server, { token: TOKEN });
    await received.first('a ping', (m) => Object.keys(m).length === 0);
  }
});

test('sdk_js: uni_http_stream: an expired token ends with 3005', async (t) => {
  const server = await Target.start(t);
  const token = makeToken({ sub: '42', exp: secondsFromNow(-10) }, TOKEN_SECRET);
  const received = await UNI.uni_http_stream(t, server, { token });
  const { disconnect } = await received.first('the disconnect push', (m) => m.disconnect);
  assert.equal(disconnect.code, 3005);
});

const post = (server, path, body, headers = {}) => fetch(`${server.url}${path}`,
  { method: 'POST', body, headers: { 'Content-Type': 'application/json', ...headers } });

async function openEmulated(context, server, connect = {}) {
  const received = await openStream(context, `${server.url}/connection/http_stream`,
    { body: JSON.stringify({ id: 1, connect }) });
  const reply = await received.first('the connect reply', (m) => m.connect);
  return { received, ...reply.connect };
}

test('sdk_js: emulation: commands go by /emulation, replies by the stream', async (t) => {
  const server = await Target.start(t);
  const { received, session, node } = await openEmulated(t, server);
  const send = (...commands) => post(server, '/emulation', JSON.stringify(
    { session, node, data: commands.map((each) => JSON.stringify(each)).join('\n') }));
  assert.equal((await send({ id: 2, subscribe: { channel: 'plain:x' } },
    { id: 3, publish: { channel: 'plain:x', data: 1 } })).status, 204);
  await received.first('the subscribe reply', (m) => m.id === 2 && m.subscribe);
  await received.first('the publish reply', (m) => m.id === 3 && m.publish);
  await received.first('the publication', (m) => m.push?.pub?.data === 1);
});

test('sdk_js: emulation: an unknown node is 404, a session of nobody harms nobody', async (t) => {
  const server = await Target.start(t);
  const { received, session, node } = await openEmulated(t, server);
  const data = JSON.stringify({ id: 2, subscribe: { channel: 'plain:x' } });
  const status = async (body) => (await post(server, '/emulation', JSON.stringify(body))).status;
  assert.equal(await status({ session, node: 'another', data }), 404);
  await status({ session: 'of-nobody', node, data });
  assert.equal(await status({ session, node, data }), 204);
  await received.first('the subscribe reply', (m) => m.id === 2 && m.subscribe);
});

test('sdk_js: emulation: malformed bodies are 400, other methods 405', async (t) => {
  const server = await Target.start(t);
  await openEmulated(t, server);
  for (const body of ['', '{', '[]', '"x"']) {
    assert.equal((await post(server, '/emulation', body)).status, 400, body);
  }
  assert.equal((await fetch(`${server.url}/emulation`)).status, 405);
  assert.equal((await fetch(`${server.url}/connection/http_stream`)).status, 405);
});

test('sdk_js: emulation: browsers of allowed origins may, of others may not', async (t) => {
  const server = await Target.start(t, { 'client.allowed_origins': ['https://app.example.com'] });
  const ask = (origin, path) => fetch(`${server.url}${path}`, { method: 'OPTIONS',
    headers: { Origin: origin, 'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'content-type' } });
  for (const path of ['/emulation', '/connection/http_stream']) {
    const allowed = await ask('https://app.example.com', path);
    assert.ok(allowed.ok, `${path}: ${allowed.status}`);
    assert.equal(allowed.headers.get('access-control-allow-origin'), 'https://app.example.com');
    const refused = await ask('https://evil.example.com', path);
    assert.equal(refused.headers.get('access-control-allow-origin'), null);
  }
});

test('sdk_js: emulation: the connection ends with its stream', async (t) => {
  const server = await Target.start(t);
  // Not fetch(): an abort is lost where the request was collected (nodejs/undici #3644, #4627).
  const request = http.request(`${server.url}/connection/http_stream`, { method: 'POST' });
  request.on('error', () => {});
  request.end(JSON.stringify({ id: 1, connect: { token: TOKEN } }));
  const [answer] = await within(LIMIT_MS, 'the response', once(request, 'response'));
  answer.on('error', () => {});
  await within(LIMIT_MS, 'the reply', once(answer, 'data'));
  const count = async () =>
    (await server.call('presence_stats', { channel: 'chat:x' })).num_clients ?? 0;
  await until('it is there', async () => await count() === 1);
  request.destroy();
  await until('it is gone', async () => await count() === 0);
});

test('sdk_js: emulation: a body over the limit is 413', async (t) => {
  const server = await Target.start(t);
  const { session, node } = await openEmulated(t, server);
  const data = 'x'.repeat(70000);
  const answer = await post(server, '/emulation', JSON.stringify({ session, node, data }));
  assert.equal(answer.status, 413);
});

test('sdk_js: emulation: sse carries the same as http_stream', async (t) => {
  const server = await Target.start(t, { 'channel.namespaces': sdkNamespaces({}) });
  const source = new EventSource(`${server.url}/connection/sse?` + new URLSearchParams(
    { cf_connect: JSON.stringify({ id: 1, connect: {} }) }));
  t.after(() => source.close());
  const received = new Received();
  source.onmessage = ({ data }) => received.take(data);
  const { connect } = await received.first('the connect reply', (m) => m.connect);
  const data = JSON.stringify({ id: 2, subscribe: { channel: 'nosuch:x' } });
  await post(server, '/emulation',
    JSON.stringify({ session: connect.session, node: connect.node, data }));
  assert.equal((await received.first('the reply', (m) => m.id === 2)).error.code, 102);
});
