// A thousand clients on recorded markets: every last value exact, every trade once, and a ledger
// that adds up: published x subscribers = delivered + conflated, computed here and counted there.

import assert from 'node:assert/strict';

import { expectReplay, findCapture, writeExcerpt } from './lib/capture.mjs';
import { test, until } from './lib/harness.mjs';
import { RawClient } from './lib/raw_client.mjs';
import { connectedClient, subscribe } from './lib/sdk.mjs';
import { namespaces, Server } from './lib/server.mjs';

const RAW_CLIENTS = 980;
const SDK_CLIENTS = 20;
const SECONDS = 25;
const LEAD_SECONDS = 12;  // For a thousand clients to subscribe before the first frame.
const SOURCES = [
  { exchange: 'kucoin', capture: 'kucoin/kucoin_spot_20210425.frames.gz' },
  { exchange: 'binance', capture: 'binance/binance_spot_btcusdt_20240808.frames.gz' },
  { exchange: 'binance', capture: 'binance/binance_spot_ethusdt_20240808.frames.gz' },
];

// What one client has seen: the newest ticker of each channel, all trades.
class Account {
  constructor(channels) {
    this.channels = channels;
    this.last = {};
    this.trades = {};
    this.received = 0;
  }

  take(channel, publication) {
    this.received += 1;
    if (channel.startsWith('ticker:')) this.last[channel] = publication.data;
    else (this.trades[channel] ??= []).push(publication);
  }

  // Whether everything that is expected has come: the newest of each ticker, the last trade.
  isComplete(expected) {
    return this.channels.every((channel) => (channel.startsWith('ticker:')
      ? this.last[channel]?.seq === expected.last[channel].seq
      : (this.trades[channel]?.length ?? 0) >= expected.trades[channel].length));
  }

  check(expected) {
    for (const channel of this.channels) {
      if (channel.startsWith('ticker:')) {
        assert.deepEqual(this.last[channel], expected.last[channel], channel);
        continue;
      }
      const wanted = expected.trades[channel];
      const seen = this.trades[channel] ?? [];
      assert.deepEqual(seen.map((p) => p.offset), wanted.map((_, i) => i + 1), channel);
      assert.deepEqual(seen.map((p) => p.data), wanted, channel);
    }
  }
}

// All of KuCoin for everybody; the busy Binance tickers for half each, its trades for every tenth.
function channelsOf(i, expected) {
  const everything = [...Object.keys(expected.last), ...Object.keys(expected.trades)];
  const symbol = i % 2 === 0 ? 'BTCUSDT' : 'ETHUSDT';
  return everything.filter((channel) => channel.includes(':kucoin.') ||
    channel === `ticker:binance.${symbol}` ||
    (channel === `trade:binance.${symbol}` && i % 10 < 2));
}

async function startRaw(t, server, account) {
  const client = await RawClient.open(t, server);
  client.onPush = ({ channel, pub }) => account.take(channel, pub);
  const commands = account.channels.map((channel) => ({ subscribe: { channel } }));
  const [, ...replies] = await client.batch([{ connect: {} }, ...commands]);
  for (const reply of replies) assert.ok(reply.subscribe, JSON.stringify(reply));
}

async function startSdk(t, server, account) {
  const client = await connectedClient(t, server);
  await Promise.all(account.channels.map(async (channel) => {
    const { subscription } = await subscribe(client, channel);
    subscription.on('publication', (publication) => account.take(channel, publication));
  }));
}

test('ledger: a thousand clients, every last value exact, every trade once', async (t) => {
  const expected = { last: {}, trades: {}, counts: {} };
  const replays = [];
  for (const { exchange, capture } of SOURCES) {
    const file = writeExcerpt(t, findCapture(t, capture), exchange,
      { seconds: SECONDS, leadSeconds: LEAD_SECONDS });
    const { last, trades, counts } = expectReplay(file, exchange);
    Object.assign(expected.last, last);
    Object.assign(expected.trades, trades);
    Object.assign(expected.counts, counts);
    replays.push({ file, exchange, speed: 1, loop: false });
  }
  const server = await Server.start(t, {
    'feeds.replay': replays, 'engine.catch_up_bytes': 1048576,
    'channel.namespaces': namespaces({
      trade: { history_size: 100000, history_ttl: '1h', force_recovery: true } }),
  });
  const accounts = Array.from({ length: RAW_CLIENTS + SDK_CLIENTS },
    (_, i) => new Account(channelsOf(i, expected)));
  await Promise.all(accounts.map((account, i) =>
    (i < SDK_CLIENTS ? startSdk(t, server, account) : startRaw(t, server, account))));
  assert.equal((await server.metrics()).sum('tickcast_published_total'), 0,
    'everything is subscribed before the first frame');

  await until('every client has everything',
    () => accounts.every((account) => account.isComplete(expected)),
    (LEAD_SECONDS + SECONDS + 60) * 1000);
  for (const account of accounts) account.check(expected);

  // Published x subscribers, from the captures and the subscriptions alone.
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
  const owed = sum(accounts.flatMap(({ channels }) => channels.map((c) => expected.counts[c])));
  const metrics = await until('the server has sent what it owes', async () => {
    const now = await server.metrics();
    return now.ledger().owed === now.ledger().accounted ? now : undefined;
  });
  const ledger = metrics.ledger();
  assert.equal(metrics.sum('tickcast_published_total'), sum(Object.values(expected.counts)));
  assert.equal(ledger.owed, owed, 'published x subscribers');
  assert.equal(ledger.delivered + ledger.conflated, owed, 'delivered + conflated');
  assert.equal(ledger.skipped, 0);
  assert.equal(sum(accounts.map(({ received }) => received)), ledger.delivered,
    'what was delivered was received');
  console.log(`# ledger: ${owed} owed = ${ledger.delivered} delivered + ` +
    `${ledger.conflated} conflated, ${accounts.length} clients`);
}, { limitMs: 180000 });
