// MarketList: all markets of the server, and which of them are shown in what order.
//
// Values of markets that are not on the screen are as old as the last list, so an order by a value
// is that of one moment: it is made when the user asks for it, from a new list, and stays. Rows
// that changed places by themselves could not be read, and most of the values would be no reason.

import { Market } from './market.js';

const byName = (a, b) => (a.key < b.key ? -1 : 1);
const VALUES = {
  name: () => 0,
  price: (market) => market.reference || 0,
  change: (market) => market.change,
};

export class MarketList {
  constructor() {
    this.markets = new Map();
    this.query = '';
    this.sortBy = 'name';
    this.isDescending = false;
    this.ranks = new Map();  // Key -> place in the order that was made last.
  }

  // Takes the list of all markets: {key: data}. What a live one has is newer and stays.
  load(tickers) {
    const nowMs = performance.now();
    for (const [key, data] of Object.entries(tickers)) {
      const market = this.markets.get(key);
      if (market === undefined) {
        this.markets.set(key, new Market(key, data, nowMs));
      } else if (!market.isLive && !market.isNewerThan(data)) {
        market.take(data, nowMs);
      }
    }
  }

  // Numbers start with the greatest, names with the first; the same column again turns it round.
  sort(column) {
    this.isDescending = column === this.sortBy ? !this.isDescending : column !== 'name';
    this.sortBy = column;
  }

  // Makes the order anew, of the values that are known now.
  order() {
    const value = VALUES[this.sortBy];
    const sign = this.isDescending ? -1 : 1;
    const nameSign = this.sortBy === 'name' ? sign : 1;
    const sorted = [...this.markets.values()].sort(
      (a, b) => sign * (value(a) - value(b)) || nameSign * byName(a, b));
    this.ranks = new Map(sorted.map((market, i) => [market.key, i]));
  }

  // The markets that the search finds, in the order made last; who came since, by name at the end.
  shown() {
    const found = [...this.markets.values()].filter((each) => each.folded.includes(this.query));
    const rank = (market) => this.ranks.get(market.key) ?? Infinity;
    return found.sort((a, b) => rank(a) - rank(b) || byName(a, b));
  }

  search(text) {
    this.query = text.trim().toLowerCase();
  }
}
