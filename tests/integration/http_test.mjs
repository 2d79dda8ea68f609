// Plain HTTP on the one port: what answers, what is refused and how.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import net from 'node:net';
import { promisify } from 'node:util';
import zlib from 'node:zlib';

import { pause, test, until } from './lib/harness.mjs';
import { exchange, head, parseResponse, UPGRADE_LINES } from './lib/raw_http.mjs';
import { Server } from './lib/server.mjs';

const WEB_SOCKET = '/connection/websocket';
const CLOSE = 'Connection: close';

async function serverWithTickers(t) {
  const server = await Server.start(t);
  await server.publish('ticker:x.AAA', { seq: 1, price: '1.10' });
  await server.publish('ticker:x.BBB', { seq: 2, price: '22' });
  await server.publish('ticker:y.AAA', { seq: 3, price: '3e-8' });
  return server;
}

test('http: curl sees the server healthy', async (t) => {
  const server = await Server.start(t);
  const curl = promisify(execFile)('curl', ['-fsS', '-i', `${server.url}/health`]);
  const { stdout } = await curl;
  assert.match(stdout, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(stdout, /\r\n\r\n\{\}\s*$/);
});

test('http: /metrics is valid Prometheus text and counts what happens', async (t) => {
  const server = await Server.start(t, { 'engine.shards': 3 });
  const answer = await fetch(`${server.url}/metrics`);
  assert.match(answer.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
  const before = await server.metrics();  // Parsing asserts the format.
  for (let n = 0; n < 7; ++n) await server.publish('state:x', n);
  const after = await until('seven publications are counted', async () => {
    const metrics = await server.metrics();
    const grown = metrics.sum('tickcast_published_total') -
      before.sum('tickcast_published_total');
    return grown >= 7 ? metrics : undefined;
  });
  assert.deepEqual(Object.keys(after.by('tickcast_turns_total', 'shard')), ['0', '1', '2']);
  for (const name of ['tickcast_busy_seconds_total', 'tickcast_connections', 'tickcast_sends_total',
    'tickcast_subscriptions', 'tickcast_sent_bytes_total', 'tickcast_blocked_total',
    'tickcast_lane_depth', 'tickcast_publications_conflated_total', 'tickcast_closes_total',
    'tickcast_accept_refused_total', 'tickcast_ingest_to_send_seconds_count']) {
    assert.ok(after.sum(name) >= 0, name);
  }
});

test('http: /v1/tickers has all last values, for a second from a cache', async (t) => {
  const server = await serverWithTickers(t);
  const answer = await fetch(`${server.url}/v1/tickers`);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-type'), /^application\/json/);
  assert.equal(answer.headers.get('cache-control'), 'public, max-age=1');
  assert.deepEqual(await answer.json(), { tickers: {
    'x.AAA': { seq: 1, price: '1.10' }, 'x.BBB': { seq: 2, price: '22' },
    'y.AAA': { seq: 3, price: '3e-8' } } });
  await server.publish('ticker:x.AAA', { seq: 4, price: '1.20' });
  await pause(1100);
  const later = await (await fetch(`${server.url}/v1/tickers`)).json();
  assert.deepEqual(later.tickers['x.AAA'], { seq: 4, price: '1.20' });
});

test('http: /v1/tickers answers 304 to its own tag until a value changes', async (t) => {
  const server = await serverWithTickers(t);
  const url = `${server.url}/v1/tickers`;
  const tag = (await fetch(url)).headers.get('etag');
  assert.match(tag, /^(W\/)?"[^"]+"$/);
  const known = { headers: { 'If-None-Match': tag } };
  const unchanged = await fetch(url, known);
  assert.equal(unchanged.status, 304);
  assert.equal(unchanged.headers.get('etag'), tag);
  assert.equal(await unchanged.text(), '');
  assert.equal((await fetch(url, { headers: { 'If-None-Match': '"other"' } })).status, 200);
  await server.publish('ticker:x.AAA', { seq: 9, price: '9' });
  await pause(1100);
  assert.equal((await fetch(url, known)).status, 200);
});

test('http: /v1/tickers is gzip for who takes it', async (t) => {
  const server = await serverWithTickers(t);
  const ask = (line) => exchange(server, head('GET', '/v1/tickers', [line, CLOSE]));
  const packed = await ask('Accept-Encoding: deflate, gzip');
  assert.equal(packed.headers['content-encoding'], 'gzip');
  assert.match(packed.headers.vary, /accept-encoding/i);
  const plain = await ask('Accept-Encoding: identity');
  assert.equal(plain.headers['content-encoding'], undefined);
  assert.equal(zlib.gunzipSync(Buffer.from(packed.body, 'latin1')).toString(), plain.body);
});

test('http: /v1/tickers?symbols= picks by symbol and by full key', async (t) => {
  const server = await serverWithTickers(t);
  const keys = async (symbols) => Object.keys(
    (await (await fetch(`${server.url}/v1/tickers?symbols=${symbols}`)).json()).tickers).sort();
  assert.deepEqual(await keys('AAA'), ['x.AAA', 'y.AAA']);
  assert.deepEqual(await keys('y.AAA,BBB'), ['x.BBB', 'y.AAA']);
  assert.deepEqual(await keys('none'), []);
});

test('http: HEAD has the headers of GET and no body', async (t) => {
  const server = await serverWithTickers(t);
  const get = await exchange(server, head('GET', '/v1/tickers', [CLOSE]));
  const answer = await exchange(server, head('HEAD', '/v1/tickers', [CLOSE]));
  assert.equal(answer.status, 200);
  assert.equal(answer.body, '');
  assert.equal(answer.headers['content-length'], get.headers['content-length']);
});

test('http: the page and its files', async (t) => {
  const server = await Server.start(t);
  const page = await fetch(`${server.url}/`);
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-type'), /^text\/html/);
  const html = await page.text();
  const files = [...html.matchAll(/(?:src|href)="([^":]+\.(?:js|css|svg))"/g)].map((m) => m[1]);
  assert.ok(files.length >= 3, `the page names its files: ${files}`);
  for (const file of new Set(files)) {
    const answer = await fetch(`${server.url}/${file}`);
    assert.equal(answer.status, 200, file);
    const tag = answer.headers.get('etag');
    const again = await fetch(`${server.url}/${file}`, { headers: { 'If-None-Match': tag } });
    assert.equal(again.status, 304, file);
  }
});

test('http: several requests on one connection, pipelined too', async (t) => {
  const server = await serverWithTickers(t);
  const three = head('GET', '/health') + head('GET', '/nothing') +
    head('GET', '/v1/tickers?symbols=BBB', [CLOSE]);
  const { text } = await exchange(server, three);
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((m) => m[1]);
  assert.deepEqual(statuses, ['200', '404', '200']);
  assert.ok(text.trimEnd().endsWith('{"tickers":{"x.BBB":{"seq":2,"price":"22"}}}'));
});

const filler = (bytes) => `X-Filler: ${'x'.repeat(bytes)}`;
const REFUSALS = [
  ['an unknown path is 404', head('GET', '/nothing', [CLOSE]), 404],
  ['the echo is off by default', head('GET', '/debug/echo', UPGRADE_LINES), 404],
  ['POST where GET belongs is 405', head('POST', '/health', [CLOSE, 'Content-Length: 0']), 405,
    { allow: /GET/ }],
  ['GET where POST belongs is 405', head('GET', '/api/publish', [CLOSE]), 405, { allow: /POST/ }],
  ['no Host is 400', 'GET /health HTTP/1.1\r\n\r\n', 400],
  ['two Hosts are 400', head('GET', '/health', ['Host: other']), 400],
  ['a bare line feed is 400', 'GET /health HTTP/1.1\nHost: x\n\n', 400],
  ['a folded header is 400', head('GET', '/health', ['X-A: b', ' c']), 400],
  ['a space before the colon is 400', head('GET', '/health', ['X-A : b']), 400],
  ['length and chunks together are 400', head('POST', '/api/publish',
    ['Content-Length: 2', 'Transfer-Encoding: chunked']), 400],
  ['a length that is no number is 400', head('POST', '/api/publish', ['Content-Length: 2x']), 400],
  ['binary garbage is 400', '\x16\x03\x01\x02\x00\x01\r\n\r\n', 400],
  ['a head over 8 KiB is 431', head('GET', '/health', [filler(8192)]), 431],
  ['more than 64 headers are 431', head('GET', '/health',
    Array.from({ length: 64 }, (_, i) => `X-${i}: 1`)), 431],
  ['an upgrade without a key is 400', head('GET', WEB_SOCKET, UPGRADE_LINES.slice(0, 3)), 400],
  ['a key of the wrong length is 400', head('GET', WEB_SOCKET,
    [...UPGRADE_LINES.slice(0, 3), 'Sec-WebSocket-Key: c2hvcnQ=']), 400],
  ['another WebSocket version is 426', head('GET', WEB_SOCKET,
    [UPGRADE_LINES[0], UPGRADE_LINES[1], 'Sec-WebSocket-Version: 8', UPGRADE_LINES[3]]), 426,
    { 'sec-websocket-version': /^13$/ }],
  ['an Origin that is not listed is 403', head('GET', WEB_SOCKET,
    [...UPGRADE_LINES, 'Origin: https://evil.example']), 403],
];
for (const [what, request, status, headers = {}] of REFUSALS) {
  test(`http: ${what}`, async (t) => {
    const server = await Server.start(t);
    // A head that is broken ends the connection; after one that is understood it would stay.
    const asked = request.replace('Connection: Upgrade', 'Connection: Upgrade, close');
    const answer = await exchange(server, asked);
    assert.equal(answer.status, status, answer.text);
    for (const [name, pattern] of Object.entries(headers)) {
      assert.match(answer.headers[name] ?? '', pattern, name);
    }
  });
}

test('http: an Origin that is listed passes, and only that', async (t) => {
  const server = await Server.start(t, { 'client.allowed_origins': ['https://page.example'] });
  const upgrade = (origin) => new Promise((resolve, reject) => {
    const socket = net.connect(server.port, '127.0.0.1');
    t.after(() => socket.destroy());
    socket.write(head('GET', WEB_SOCKET, [...UPGRADE_LINES, `Origin: ${origin}`]));
    socket.once('error', reject);
    socket.once('data', (chunk) => resolve(parseResponse(chunk.toString('latin1')).status));
  });
  assert.equal(await upgrade('https://page.example'), 101);
  assert.equal(await upgrade('https://page.example.evil.example'), 403);
  assert.equal(await upgrade('http://page.example'), 403);
});

test('http: the accept key is the one of RFC 6455, extensions are not taken', async (t) => {
  const server = await Server.start(t);
  const answer = await new Promise((resolve, reject) => {
    const socket = net.connect(server.port, '127.0.0.1');
    t.after(() => socket.destroy());
    socket.once('error', reject);
    socket.once('data', (chunk) => resolve(parseResponse(chunk.toString('latin1'))));
    socket.write(head('GET', `${WEB_SOCKET}?cf_protocol_version=v2`,
      [...UPGRADE_LINES, 'Sec-WebSocket-Extensions: permessage-deflate']));
  });
  assert.equal(answer.status, 101);
  assert.equal(answer.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  assert.equal(answer.headers['sec-websocket-extensions'], undefined);
  assert.equal(answer.headers['sec-websocket-protocol'], undefined);
});

test('http: a head that comes slowly is closed after head_timeout', async (t) => {
  const server = await Server.start(t, { 'client.head_timeout': '500ms' });
  const slow = (first, more) => new Promise((resolve, reject) => {
    const beganMs = Date.now();
    const socket = net.connect(server.port, '127.0.0.1', () => first && socket.write(first));
    // A byte now and then must not extend the time.
    const drip = setInterval(() => more && socket.writable && socket.write(more), 100);
    socket.on('error', () => {});
    socket.resume();
    socket.on('close', () => {
      clearInterval(drip);
      resolve(Date.now() - beganMs);
    });
    setTimeout(() => reject(new Error('still open')), 8000).unref();
  });
  const spent = await Promise.all([slow('', ''), slow('GET /', ''), slow('GET /health', 'x')]);
  for (const spentMs of spent) {
    assert.ok(spentMs >= 400 && spentMs < 5000, `closed after ${spentMs} ms`);
  }
  await until('the closes are counted', async () => (await server.metrics()).by(
    'tickcast_closes_total', 'reason')['head timeout'] === 3);
});
