// MarketClient: live values of the markets on the screen, over the official SDK; knows no page.

import { ChannelList, WatchList } from './watch_list.js';

// Scrolling changes the rows with every picture; what flies past need not be asked for.
const FOLLOW_PAUSE_MS = 100;
const STATS_MS = 2000;

// "sim.BTC-USDT" is BTC-USDT of sim.
function split(key) {
  const point = key.indexOf('.');
  return { exchange: key.slice(0, Math.max(point, 0)), symbol: key.slice(point + 1) };
}

function keyOf(exchange, symbol) {
  return exchange === '' ? symbol : `${exchange}.${symbol}`;
}

function byExchange(keys) {
  const groups = new Map();
  for (const key of keys) {
    const { exchange, symbol } = split(key);
    if (!groups.has(exchange)) groups.set(exchange, []);
    groups.get(exchange).push(symbol);
  }
  return groups;
}

// A WebSocket that counts what comes in.
function meteredSocket(received) {
  return class extends WebSocket {
    constructor(...parts) {
      super(...parts);
      this.addEventListener('message', (event) => received(event.data.length));
    }
  };
}

export class MarketClient {
  // `handlers`: state(name, detail) with name connecting, connected or disconnected; value(key,
  // data); followed(keys, isFollowed) when keys begin or end to be followed; granted(intervalMs);
  // pressure({pressure, conflated, interval_ms}); problem(text), '' for none; received(bytes) for
  // each message.
  constructor(url, token, intervalMs, handlers) {
    this.handlers = handlers;
    this.data = { interval_ms: intervalMs };
    this.wanted = [];
    this.isBehind = false;  // `wanted` has changed since.
    this.followed = new Set();
    this.lists = new Map();  // Exchange -> list.
    this.followTimer = 0;
    this.client = new globalThis.Centrifuge(
      url, { ...(token && { token }), websocket: meteredSocket(handlers.received) });
    this.client
      .on('connecting', ({ code, reason }) => {
        handlers.followed([...this.followed], false);
        handlers.state('connecting', code ? reason : '');
      })
      .on('connected', () => this.connected())
      .on('disconnected', ({ reason }) => handlers.state('disconnected', reason))
      .on('message', ({ data }) => this.takeMessage(data));
    this.client.connect();
    setInterval(() => this.askStats(), STATS_MS);
  }

  connected() {
    this.handlers.followed([...this.followed], true);
    this.handlers.state('connected', '');
    this.askStats();
  }

  // Anybody may send a message through the server API; ours is about pressure.
  takeMessage(data) {
    if (typeof data?.pressure === 'string') this.handlers.pressure(data);
  }

  async askStats() {
    if (document.hidden || this.client.state !== 'connected') return;
    try {
      const { data } = await this.client.rpc('tickcast.stats', {});
      this.handlers.pressure({ pressure: data.pressure, conflated: data.conflated });
    } catch {
      // The connection was lost meanwhile, which is told already.
    }
  }

  // Makes `keys` the ones that are followed: at once, or after the pause since the last time.
  follow(keys) {
    this.wanted = keys;
    this.isBehind = true;
    if (this.followTimer === 0) this.reconcile();
  }

  reconcile() {
    this.followTimer = 0;
    if (!this.isBehind) return;
    this.isBehind = false;
    this.followTimer = setTimeout(() => this.reconcile(), FOLLOW_PAUSE_MS);
    const wanted = new Set(this.wanted);
    const gone = [...this.followed].filter((key) => !wanted.has(key));
    const come = this.wanted.filter((key) => !this.followed.has(key));
    this.followed = wanted;
    // Told first: the SDK may have a value at once.
    if (gone.length > 0) this.handlers.followed(gone, false);
    if (come.length > 0) this.handlers.followed(come, true);
    for (const [exchange, symbols] of byExchange(gone)) this.listOf(exchange).untrack(symbols);
    for (const [exchange, symbols] of byExchange(come)) this.listOf(exchange).track(symbols);
  }

  listOf(exchange) {
    if (!this.lists.has(exchange)) {
      this.open(exchange, exchange === '' ? ChannelList : WatchList);
    }
    return this.lists.get(exchange);
  }

  open(exchange, Kind) {
    this.lists.set(exchange, new Kind(this.client, exchange, this.data, {
      value: (symbol, data) => this.handlers.value(keyOf(exchange, symbol), data),
      granted: (data) => this.granted(data),
      refused: (text) => this.refused(exchange, text),
    }));
  }

  granted(data) {
    if (Number.isInteger(data?.interval_ms)) this.handlers.granted(data.interval_ms);
  }

  // An exchange without a watch list may have channels.
  refused(exchange, text) {
    const list = this.lists.get(exchange);
    if (!(list instanceof WatchList)) {
      this.handlers.problem(`Live values of ${exchange || 'some markets'} are refused: ${text}.`);
      return;
    }
    list.close();
    this.open(exchange, ChannelList);
    const symbols = byExchange(this.followed).get(exchange) ?? [];
    this.lists.get(exchange).track(symbols);
  }

  async setIntervalMs(intervalMs) {
    this.data = { interval_ms: intervalMs };
    try {
      for (const list of this.lists.values()) this.granted(await list.setOptions(this.data));
    } catch (error) {
      this.handlers.problem(`The interval stays as it is: ${error.message ?? error}.`);
    }
  }
}
