// Recorded frames in, exact values out: what the SDK and /v1/tickers show at the end of a replay
// equals the capture's last values, string for string.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { expectReplay, findCapture, writeExcerpt } from './lib/capture.mjs';
import { test, until } from './lib/harness.mjs';
import { connectedClient, subscribe } from './lib/sdk.mjs';
import { namespaces, Server } from './lib/server.mjs';

// Trades keep a history here, so that their offsets show a loss or a double.
const COUNTED_TRADES = { 'channel.namespaces': namespaces({
  trade: { history_size: 100000, history_ttl: '1h', force_recovery: true } }),
  'client.recovery_max_publication_limit': 65535 };

const CASES = [
  { exchange: 'kucoin', capture: 'kucoin/kucoin_spot_20210425.frames.gz', seconds: 40, speed: 6 },
  { exchange: 'binance', capture: 'binance/binance_spot_20211012.frames.gz', seconds: 40,
    speed: 6 },
  { exchange: 'binance', capture: 'binance/binance_spot_btcusdt_20240808.frames.gz', seconds: 60,
    speed: 10 },
  { exchange: 'binance_usdm', capture: 'binance/binance_usdm_btcusdt_20240808.frames.gz',
    seconds: 30, speed: 6 },
];

// What the replay has brought out. At full speed a lane can fill, and a ticker that waits for room
// in it is replaced by a newer one.
async function published(server) {
  const metrics = await server.metrics();
  return metrics.sum('tickcast_published_total') + metrics.sum('tickcast_lane_conflated_total');
}

for (const { exchange, capture, seconds, speed } of CASES) {
  const name = path.basename(capture, '.frames.gz');

  test(`replay: ${name} reaches the SDK with every last value exact`, async (t) => {
    const source = findCapture(t, capture);
    const file = writeExcerpt(t, source, exchange, { seconds, leadSeconds: 3 * speed });
    const expected = expectReplay(file, exchange);
    const server = await Server.start(t, { ...COUNTED_TRADES,
      'feeds.replay': [{ file, exchange, speed, loop: false }] });
    const client = await connectedClient(t, server);
    const tickers = {};
    const trades = {};
    for (const channel of Object.keys(expected.last)) {
      tickers[channel] = (await subscribe(client, channel)).publications;
    }
    for (const channel of Object.keys(expected.trades)) {
      trades[channel] = (await subscribe(client, channel)).publications;
    }
    assert.equal(await published(server), 0, 'everything is subscribed before the first frame');

    const { total } = expected;
    await until('the replay is over', async () => await published(server) >= total, 60000);
    assert.equal(await published(server), total, 'every publication, and no other');
    const lastOf = (channel) => tickers[channel].at(-1)?.data;
    await until('the SDK has the last values', () => Object.entries(expected.last).every(
      ([channel, payload]) => lastOf(channel)?.seq === payload.seq));
    for (const [channel, payload] of Object.entries(expected.last)) {
      assert.deepEqual(lastOf(channel), payload, channel);
      const sequences = tickers[channel].map((p) => p.data.seq);
      assert.ok(sequences.every((seq, i) => i === 0 || seq >= sequences[i - 1]), 'never backwards');
    }
    const seen = Object.values(tickers).reduce((sum, list) => sum + list.length, 0);
    assert.ok(seen > Object.keys(tickers).length, 'values changed on the way');
    for (const [channel, wanted] of Object.entries(expected.trades)) {
      await until(`all trades of ${channel}`, () => trades[channel].length >= wanted.length);
      assert.deepEqual(trades[channel].map((p) => p.data), wanted);
      assert.deepEqual(trades[channel].map((p) => p.offset), wanted.map((_, i) => i + 1));
    }
  }, { limitMs: 120000 });

  test(`replay: ${name} as fast as possible, seen afterwards`, async (t) => {
    const file = findCapture(t, capture);
    const expected = expectReplay(file, exchange);
    const server = await Server.start(t, {
      'feeds.replay': [{ file, exchange, speed: 0, loop: false }] });
    const { total } = expected;
    await until('the replay is over', async () => await published(server) >= total, 60000);
    assert.equal(await published(server), total, 'every publication, and no other');

    const client = await connectedClient(t, server);
    for (const [channel, payload] of Object.entries(expected.last)) {
      const { publications } = await subscribe(client, channel);
      await until(`the first value of ${channel}`, () => publications.length > 0);
      assert.deepEqual(publications.map((p) => p.data), [payload]);
    }
    const page = await (await fetch(`${server.url}/v1/tickers`)).json();
    const wanted = Object.fromEntries(Object.entries(expected.last).map(
      ([channel, payload]) => [channel.replace('ticker:', ''), payload]));
    assert.deepEqual(page, { tickers: wanted });
  }, { limitMs: 120000 });
}

test('replay: copies carry the values of their original under names of their own', async (t) => {
  const file = findCapture(t, CASES[0].capture);
  const expected = expectReplay(file, 'kucoin');
  const server = await Server.start(t, {
    'feeds.replay': [{ file, exchange: 'kucoin', speed: 0, loop: false, copies: 20 }] });
  const total = 20 * expected.total;
  await until('the replay is over', async () => await published(server) >= total, 60000);
  const { tickers } = await (await fetch(`${server.url}/v1/tickers`)).json();
  assert.equal(Object.keys(tickers).length, 20 * Object.keys(expected.last).length);
  for (const [channel, payload] of Object.entries(expected.last)) {
    const key = channel.replace('ticker:', '');
    assert.deepEqual(tickers[key], payload);
    for (let copy = 2; copy <= 20; ++copy) assert.deepEqual(tickers[`${key}~${copy}`], payload);
  }
});

test('replay: a capture that breaks off is named, and what came before is served', async (t) => {
  const file = findCapture(t, CASES[0].capture);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tickcast-capture-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const broken = path.join(folder, 'kucoin_broken.frames.gz');
  const bytes = fs.readFileSync(file);
  fs.writeFileSync(broken, bytes.subarray(0, Math.floor(bytes.length / 2)));
  const server = await Server.start(t, {
    'feeds.replay': [{ file: broken, exchange: 'kucoin', speed: 0, loop: false }] });
  await until('the log names the file', () => /kucoin_broken\.frames\.gz/.test(server.logTail()) &&
    /byte/.test(server.logTail()));
  const { tickers } = await (await fetch(`${server.url}/v1/tickers`)).json();
  assert.ok(Object.keys(tickers).length > 0);
});
