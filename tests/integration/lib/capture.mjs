// Captures: recorded frames of exchanges, and what clients must have seen once they were replayed.
//
// The expectation is computed here from the frames alone, in another language and by another way
// than the server's decoders: plain JSON.parse and string copies. What the server promises is
// applied: KuCoin pushes that change nothing are dropped, so a last value keeps the sequence and
// time of the push that brought it.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import zlib from 'node:zlib';

// The frames of a capture as {ns, text}, `ns` as written.
export function readFrames(file) {
  const bytes = fs.readFileSync(file);
  const text = (file.endsWith('.gz') ? zlib.gunzipSync(bytes) : bytes).toString();
  return text.trimEnd().split('\n').map((line) => {
    const space = line.indexOf(' ');
    return { ns: line.slice(0, space), text: line.slice(space + 1) };
  });
}

// The path of a capture, or a loud skip.
export function findCapture(context, name) {
  const file = path.join(process.env.TICKCAST_CAPTURES ?? '', name);
  if (!process.env.TICKCAST_CAPTURES || !fs.existsSync(file)) {
    context.skip(`CAPTURE ABSENT: ${name} (set TICKCAST_CAPTURES to the folder of captures)`);
  }
  return file;
}

// What an exchange sends that is no market data: a frame to begin with.
const CONTROL_FRAMES = {
  kucoin: '{"id":"lead","type":"pong"}',
  binance: '{"result":null,"id":1}',
  binance_usdm: '{"result":null,"id":1}',
};

// Writes the first `seconds` of a capture into a folder that goes with the case, `leadSeconds` of
// silence before them: time for clients to subscribe, so that they see everything from the first.
export function writeExcerpt(context, file, exchange, { seconds, leadSeconds }) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tickcast-capture-'));
  context.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const frames = readFrames(file);
  const nanoseconds = (s) => BigInt(Math.round(s * 1e9));
  const beginNs = BigInt(frames[0].ns);
  const kept = frames.filter(({ ns }) => BigInt(ns) <= beginNs + nanoseconds(seconds));
  kept.unshift({ ns: beginNs - nanoseconds(leadSeconds), text: CONTROL_FRAMES[exchange] });
  const excerpt = path.join(folder, path.basename(file, '.gz'));
  fs.writeFileSync(excerpt, kept.map(({ ns, text }) => `${ns} ${text}\n`).join(''));
  return excerpt;
}

// A side without orders has a price of zero, which is no price.
function withoutEmptySides(payload) {
  for (const [price, size] of [['price', 'size'], ['bid', 'bid_size'], ['ask', 'ask_size']]) {
    if (payload[price] === undefined || Number(payload[price]) === 0) {
      delete payload[price];
      delete payload[size];
    }
  }
  return payload;
}

// What JavaScript would round is sent as text.
function sequence(text) {
  return Number.isSafeInteger(Number(text)) ? Number(text) : text;
}

const DATA_SYMBOL = /^\/market\/(?:ticker|match):(.+)$/;

function kucoinEvent({ text }) {
  const frame = JSON.parse(text);
  const symbol = DATA_SYMBOL.exec(frame.topic ?? '')?.[1];
  const { data } = frame;
  if (frame.subject === 'trade.ticker') {
    return { kind: 'ticker', symbol, payload: withoutEmptySides({
      seq: sequence(data.sequence), time: data.time, price: data.price, size: data.size,
      bid: data.bestBid, bid_size: data.bestBidSize, ask: data.bestAsk,
      ask_size: data.bestAskSize }) };
  }
  if (frame.subject === 'trade.l3match') {
    return { kind: 'trade', symbol: data.symbol, payload: {
      seq: sequence(data.sequence), time: Number(BigInt(data.time) / 1000000n), price: data.price,
      size: data.size, side: data.side, id: data.tradeId } };
  }
  return undefined;
}

function binanceEvent({ text }) {
  const frame = JSON.parse(text);
  const data = frame.data ?? frame;
  if (data.u !== undefined && data.A !== undefined && data.U === undefined) {
    const time = data.T ?? data.E;
    return { kind: 'ticker', symbol: data.s, payload: withoutEmptySides({
      seq: data.u, ...(time === undefined ? {} : { time }), bid: data.b, bid_size: data.B,
      ask: data.a, ask_size: data.A }) };
  }
  // A quantity of zero stands for a USD-M trade that is not shown to the public.
  if ((data.e === 'trade' || data.e === 'aggTrade') && Number(data.q) !== 0) {
    const id = data.e === 'trade' ? data.t : data.a;
    return { kind: 'trade', symbol: data.s, payload: {
      seq: id, time: data.T, price: data.p, size: data.q, side: data.m ? 'sell' : 'buy',
      id: String(id) } };
  }
  return undefined;
}

const TICKER_TEXTS = ['price', 'size', 'bid', 'bid_size', 'ask', 'ask_size'];

// What a replay of `file` publishes: `last`, {channel: newest ticker}; `trades`, {channel: [trade,
// …]}; `counts`, {channel: publications}; `total`, all of them.
export function expectReplay(file, exchange) {
  const toEvent = exchange === 'kucoin' ? kucoinEvent : binanceEvent;
  const expected = { last: {}, trades: {}, counts: {}, total: 0 };
  for (const frame of readFrames(file)) {
    const event = toEvent(frame);
    if (event === undefined) continue;
    const channel = `${event.kind}:${exchange}.${event.symbol}`;
    if (event.kind === 'trade') {
      (expected.trades[channel] ??= []).push(event.payload);
    } else {
      const before = expected.last[channel];
      const isRepeated = exchange === 'kucoin' && before !== undefined &&
        TICKER_TEXTS.every((name) => before[name] === event.payload[name]);
      if (isRepeated) continue;
      expected.last[channel] = event.payload;
    }
    expected.counts[channel] = (expected.counts[channel] ?? 0) + 1;
    expected.total += 1;
  }
  return expected;
}
