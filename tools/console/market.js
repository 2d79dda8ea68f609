// Market: what the page knows of one symbol, whether it has a row or not.
//
// Shown is always the exchange's own text. Numbers are for what compares: the order of rows, the
// direction of a change, the line of a sparkline.

export const TREND_MS = 120000;    // What a sparkline shows.
const SAMPLE_MS = 1000;            // One point of it.
const UNBROKEN_MS = 5000;          // Points further apart are joined only if all between was seen.

// The last trade or, where the exchange's ticker has none, the middle of the best offers.
function referenceOf(data) {
  if (data.price !== undefined) return Number(data.price);
  if (data.bid !== undefined && data.ask !== undefined) {
    return (Number(data.bid) + Number(data.ask)) / 2;
  }
  return Number(data.bid ?? data.ask ?? NaN);
}

function decimalsOf(text) {
  const point = text.indexOf('.');
  return point < 0 ? 0 : text.length - point - 1;
}

export class Market {
  constructor(key, data, nowMs) {
    this.key = key;  // "sim.BTC-USDT"
    this.folded = key.toLowerCase();
    this.first = NaN;
    this.samples = [];  // {ms, value, isJoined}, no older than TREND_MS but for one.
    this.isFollowed = false;
    this.isLive = false;  // Followed, and its value has come since.
    this.take(data, nowMs);
  }

  take(data, nowMs) {
    this.data = data;
    this.reference = referenceOf(data);
    if (Number.isNaN(this.first)) this.first = this.reference;
    if (!Number.isNaN(this.reference)) this.sample(this.reference, nowMs);
  }

  // Whether `data` is older than what is known. A ticker without a time cannot be told.
  isNewerThan(data) {
    return data.time !== undefined && this.data.time > data.time;
  }

  follow(isFollowed) {
    this.isFollowed = isFollowed;
    this.isLive = false;
  }

  sample(value, nowMs) {
    const last = this.samples.at(-1);
    if (last !== undefined && last.ms > nowMs - SAMPLE_MS) {
      last.value = value;
      return;
    }
    const isJoined = last !== undefined && (this.isLive || nowMs - last.ms < UNBROKEN_MS);
    this.samples.push({ ms: nowMs, value, isJoined });
    // One stays that is older, so that the line begins at the edge.
    while (this.samples.length > 2 && this.samples[1].ms < nowMs - TREND_MS) this.samples.shift();
  }

  // Since this page was opened, in percent.
  get change() {
    return this.first > 0 ? (this.reference / this.first - 1) * 100 : 0;
  }

  priceText() {
    const { price, bid, ask } = this.data;
    if (price !== undefined) return price;
    if (bid === undefined || ask === undefined) return bid ?? ask ?? '';
    return this.reference.toFixed(Math.max(decimalsOf(bid), decimalsOf(ask)));
  }
}
