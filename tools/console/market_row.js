// MarketRow: one row of the table. Rows are few and used again for another market when they scroll
// out of sight.

import { Sparkline } from './sparkline.js';

const FLASH_MS = 130;         // How long a flash stands before it fades.
const FLASH_PAUSE_MS = 450;   // A cell that changes all the time blinks instead of glowing.

const changeFormat = new Intl.NumberFormat('en', {
  minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: 'exceptZero',
});

// A cell with the text that it shows, so that what did not change is not written.
class Cell {
  constructor(row, classes) {
    this.element = document.createElement('td');
    this.element.className = classes;
    row.append(this.element);
    this.clear();
  }

  clear() {
    this.shown = null;
    this.number = NaN;
    this.flashedMs = -Infinity;
    this.endFlash();
  }

  // True when the text is another one than before.
  write(text) {
    if (this.shown === text) return false;
    this.shown = text;
    this.element.textContent = text;
    return true;
  }

  // Writes a price, and flashes when it rose or fell. True when it began to.
  writePrice(text, number, nowMs) {
    const before = this.number;
    if (!this.write(text)) return false;
    this.number = number;
    if (!(number > before) && !(number < before)) return false;
    this.isUp = number > before;
    if (nowMs - this.flashedMs < FLASH_PAUSE_MS) return false;
    this.endFlash();
    this.flashedMs = nowMs;
    this.flashing = this.isUp ? 'flash-up' : 'flash-down';
    this.element.classList.add(this.flashing);
    return true;
  }

  get flashEndMs() {
    return this.flashedMs + FLASH_MS;
  }

  endFlash() {
    if (this.flashing) this.element.classList.remove(this.flashing);
    this.flashing = '';
  }
}

export class MarketRow {
  constructor() {
    this.element = document.createElement('tr');
    this.name = new Cell(this.element, 'name');
    this.exchange = document.createElement('small');
    this.symbol = document.createElement('span');
    this.name.element.append(this.exchange, this.symbol);
    this.price = new Cell(this.element, 'price');
    this.change = new Cell(this.element, 'change');
    this.trend = new Sparkline(new Cell(this.element, 'trend').element);
    this.bidSize = new Cell(this.element, 'bid-size size');
    this.bid = new Cell(this.element, 'bid quote');
    this.ask = new Cell(this.element, 'ask quote');
    this.askSize = new Cell(this.element, 'ask-size size');
  }

  // Makes it the row of `market`. Nothing flashes: another market's value was no change.
  assign(market, nowMs) {
    this.market = market;
    const { key } = market;
    const point = key.indexOf('.');
    this.element.dataset.symbol = key;
    this.exchange.textContent = key.slice(0, Math.max(point, 0));
    this.symbol.textContent = key.slice(point + 1);
    this.name.element.title = key;
    for (const cell of [this.price, this.bid, this.ask]) cell.clear();
    this.price.element.classList.remove('up', 'down');
    this.write(nowMs);
    this.drawTrend(nowMs);
  }

  // Writes what changed. Returns the cells that began to flash.
  write(nowMs) {
    const { market } = this;
    const { data } = market;
    this.element.classList.toggle('live', market.isLive);
    const flashed = [];
    const price = (cell, text, number) => {
      if (cell.writePrice(text, number, nowMs)) flashed.push(cell);
    };
    const before = this.price.number;
    price(this.price, market.priceText(), market.reference);
    if (market.reference !== before && !Number.isNaN(before)) {
      this.price.element.classList.toggle('up', this.price.isUp);
      this.price.element.classList.toggle('down', !this.price.isUp);
    }
    this.price.element.classList.toggle('middle', data.price === undefined);
    const change = `${changeFormat.format(market.change)} %`;
    if (this.change.write(change)) {
      // What rounds to nothing has no colour.
      this.change.element.className = `change ${{ '+': 'up', '-': 'down' }[change[0]] ?? ''}`;
    }
    price(this.bid, data.bid ?? '', Number(data.bid));
    price(this.ask, data.ask ?? '', Number(data.ask));
    this.bidSize.write(data.bid_size ?? '');
    this.askSize.write(data.ask_size ?? '');
    return flashed;
  }

  drawTrend(nowMs) {
    this.trend.draw(this.market, nowMs);
  }
}
