// MarketTable: the rows of the markets that are on the screen, and of few beside it.
//
// The table is as high as all markets, but only the window of rows that one can see is there; two
// empty rows take the place of what is above and below it. Values arrive at any rate, and the page
// is written once a frame: a value that arrives is only kept and its market marked, and when the
// browser asks for the next picture, the marked ones that have a row are written, and of these only
// the cells whose text differs. A page in the background, which is asked for no picture, writes
// nothing.

import { MarketRow } from './market_row.js';

const SPARE_ROWS = 6;        // On either side of the screen, so that no picture lacks rows.
const FIRST_GUESS_PX = 36;   // A row's height until there is one to measure.

function spacer() {
  const row = document.createElement('tr');
  row.className = 'spacer';
  row.setAttribute('aria-hidden', 'true');
  const cell = document.createElement('td');
  row.append(cell);
  return { row, height: (px) => { cell.style.height = `${px}px`; } };
}

export class MarketTable {
  // `onVisible` is called with the keys that can be seen, whenever they are others than before.
  constructor(table, onVisible) {
    this.table = table;
    this.body = table.tBodies[0];
    this.onVisible = onVisible;
    this.markets = [];
    this.rows = new Map();  // Key -> row.
    this.spares = [];       // Rows that no market has.
    this.visible = [];
    this.rowPx = FIRST_GUESS_PX;
    this.marked = new Set();
    this.flashing = [];     // Cells, in the order of time.
    this.isFrameAsked = false;
    this.isMoved = false;   // The window of rows may be another one.
    this.above = spacer();
    this.below = spacer();
    this.body.append(this.above.row, this.below.row);
    const moved = () => this.move();
    addEventListener('scroll', moved, { passive: true });
    addEventListener('resize', moved);
    document.addEventListener('visibilitychange', () => {
      // A hidden page is asked for no picture, so it does not wait for one.
      if (document.hidden) this.tellVisible([]);
      else this.move();
    });
  }

  // Makes `markets` what the table has, in this order.
  show(markets) {
    this.markets = markets;
    this.table.setAttribute('aria-rowcount', String(markets.length + 1));
    this.move();
  }

  // Says that a market has changed.
  mark(market) {
    this.marked.add(market);
    if (this.rows.has(market.key)) this.askFrame();
  }

  move() {
    this.isMoved = true;
    this.askFrame();
  }

  askFrame() {
    if (this.isFrameAsked) return;
    this.isFrameAsked = true;
    requestAnimationFrame((nowMs) => this.paint(nowMs));
  }

  paint(nowMs) {
    this.isFrameAsked = false;
    if (this.isMoved) {
      this.isMoved = false;
      this.arrange(nowMs);
    }
    while (this.flashing.length > 0 && this.flashing[0].flashEndMs <= nowMs) {
      this.flashing.shift().endFlash();
    }
    for (const market of this.marked) {
      const row = this.rows.get(market.key);
      if (row !== undefined) this.flashing.push(...row.write(nowMs));
    }
    this.marked.clear();
    if (this.flashing.length > 0) this.askFrame();
  }

  // Draws the sparklines. Called once a second: that is how fine they are.
  drawTrends() {
    const nowMs = performance.now();
    for (const row of this.rows.values()) row.drawTrend(nowMs);
  }

  // The rows between the header, which sticks to the top of the screen, and the screen's end.
  visibleRange() {
    const topPx = this.above.row.getBoundingClientRect().top;
    // Its cells stick, the header itself does not.
    const headPx = this.table.tHead.rows[0].cells[0].getBoundingClientRect().bottom;
    const count = this.markets.length;
    const at = (px) => Math.min(Math.max((px - topPx) / this.rowPx, 0), count);
    return { first: Math.floor(at(headPx)), end: Math.ceil(at(innerHeight)) };
  }

  arrange(nowMs) {
    const measured = this.rows.values().next().value?.element.getBoundingClientRect().height;
    if (measured > 0) this.rowPx = measured;
    const { first, end } = this.visibleRange();
    this.place(Math.max(first - SPARE_ROWS, 0), Math.min(end + SPARE_ROWS, this.markets.length),
      nowMs);
    this.tellVisible(this.markets.slice(first, end));
    // The first rows that there ever are say how high one is.
    if (measured === undefined && this.rows.size > 0) this.move();
  }

  // Makes the rows those of the markets from `begin` to `end`.
  place(begin, end, nowMs) {
    const shown = this.markets.slice(begin, end);
    const staying = new Set(shown.map((market) => market.key));
    for (const [key, row] of this.rows) {
      if (staying.has(key)) continue;
      this.rows.delete(key);
      this.spares.push(row);
    }
    const elements = shown.map((market, i) => {
      const row = this.rows.get(market.key) ?? this.take(market, nowMs);
      // The header is the first row of the table.
      row.element.setAttribute('aria-rowindex', String(begin + i + 2));
      return row.element;
    });
    this.above.height(begin * this.rowPx);
    this.below.height((this.markets.length - end) * this.rowPx);
    const present = [...this.body.rows].slice(1, -1);
    const isSame = present.length === elements.length && present.every((e, i) => e === elements[i]);
    if (!isSame) this.body.replaceChildren(this.above.row, ...elements, this.below.row);
  }

  take(market, nowMs) {
    const row = this.spares.pop() ?? new MarketRow();
    row.assign(market, nowMs);
    this.rows.set(market.key, row);
    return row;
  }

  tellVisible(markets) {
    const keys = document.hidden ? [] : markets.map((market) => market.key);
    if (keys.length === this.visible.length && keys.every((k, i) => k === this.visible[i])) return;
    this.visible = keys;
    this.onVisible(keys);
  }
}
