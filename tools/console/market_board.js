// MarketBoard: the table of markets. Values arrive at any rate; the page is written once a frame.
//
// A value that arrives is only kept, and its market marked. When the browser asks for the next
// picture, the marked markets that have a row are written, and of these only the cells whose text
// differs. So 20,000 updates a second cost a visible cell at most sixty writes a second, and a page
// in the background, which is asked for no picture, none at all.

const FLASH_MS = 130;         // How long a flash stands before it fades.
const FLASH_PAUSE_MS = 450;   // A market that changes all the time blinks instead of glowing.

const changeFormat = new Intl.NumberFormat('en', {
  minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: 'exceptZero',
});
const countFormat = new Intl.NumberFormat('en');

// A market's number to sort and compare by: the last trade or, where the exchange's ticker has
// none, the middle of the best offers. Shown is always the exchange's own text.
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

class Market {
  constructor(key, data) {
    this.key = key;  // "sim.BTC-USDT"
    this.folded = key.toLowerCase();
    this.data = data;
    this.reference = referenceOf(data);
    this.first = this.reference;
    this.updates = 0;
    this.direction = '';
    this.isMarked = false;
    this.flashedMs = -Infinity;
    this.row = null;
  }

  get change() {
    return this.first > 0 ? (this.reference / this.first - 1) * 100 : 0;
  }

  take(data) {
    const reference = referenceOf(data);
    if (reference !== this.reference && !Number.isNaN(this.reference)) {
      this.direction = reference > this.reference ? 'up' : 'down';
    }
    if (Number.isNaN(this.first)) this.first = reference;
    this.reference = reference;
    this.data = data;
  }

  priceText() {
    const { price, bid, ask } = this.data;
    if (price !== undefined) return price;
    if (bid === undefined || ask === undefined) return bid ?? ask ?? '';
    return this.reference.toFixed(Math.max(decimalsOf(bid), decimalsOf(ask)));
  }
}

// A row's cells with the texts they show, so that what did not change is not written.
class Row {
  constructor(key) {
    this.element = document.createElement('tr');
    this.element.dataset.symbol = key;
    this.nameCell(key);
    this.price = this.cell('price');
    this.change = this.cell('change');
    this.bidSize = this.cell('bid-size size');
    this.bid = this.cell('bid quote');
    this.ask = this.cell('ask quote');
    this.askSize = this.cell('ask-size size');
    this.updates = this.cell('updates');
    this.shown = new Map();
  }

  nameCell(key) {
    const cell = this.cell('name');
    const point = key.indexOf('.');
    if (point > 0) {
      const exchange = document.createElement('small');
      exchange.textContent = key.slice(0, point);
      cell.append(exchange);
    }
    cell.append(key.slice(point + 1));
    cell.title = key;
  }

  cell(classes) {
    const cell = document.createElement('td');
    cell.className = classes;
    this.element.append(cell);
    return cell;
  }

  // True when the text is another one than before.
  write(cell, text) {
    if (this.shown.get(cell) === text) return false;
    this.shown.set(cell, text);
    cell.textContent = text;
    return true;
  }
}

export class MarketBoard {
  // `onShown` is called with the keys of the rows, whenever they are others than before.
  constructor(table, onShown) {
    this.table = table;
    this.body = table.tBodies[0];
    this.onShown = onShown;
    this.markets = new Map();
    this.marked = [];
    this.flashing = [];  // {cell, name, untilMs}, in the order of time.
    this.shownKeys = [];
    this.matchCount = 0;
    this.query = '';
    this.sortBy = 'name';
    this.descending = false;
    this.rowLimit = 200;
    this.isFrameAsked = false;
    for (const button of table.querySelectorAll('button[data-sort]')) {
      button.addEventListener('click', () => this.sort(button.dataset.sort));
    }
  }

  // Takes the list of all markets: {key: data}. What a subscription says is newer and stays.
  load(tickers) {
    for (const [key, data] of Object.entries(tickers)) {
      const market = this.markets.get(key);
      if (market === undefined) {
        this.markets.set(key, new Market(key, data));
      } else if (market.row === null) {
        market.take(data);
      }
    }
    this.arrange();
  }

  // Keeps a value that was pushed.
  update(key, data) {
    const market = this.markets.get(key);
    if (market === undefined) return;
    market.take(data);
    market.updates += 1;
    this.mark(market);
  }

  mark(market) {
    if (market.isMarked) return;
    market.isMarked = true;
    this.marked.push(market);
    this.askFrame();
  }

  askFrame() {
    if (this.isFrameAsked) return;
    this.isFrameAsked = true;
    requestAnimationFrame((nowMs) => this.paint(nowMs));
  }

  paint(nowMs) {
    this.isFrameAsked = false;
    while (this.flashing.length > 0 && this.flashing[0].untilMs <= nowMs) {
      const { cell, name } = this.flashing.shift();
      cell.classList.remove(name);
    }
    for (const market of this.marked) {
      market.isMarked = false;
      if (market.row !== null) this.writeRow(market, nowMs);
    }
    this.marked.length = 0;
    if (this.flashing.length > 0) this.askFrame();
  }

  writeRow(market, nowMs) {
    const { row, data } = market;
    const isFirst = row.shown.size === 0;
    const moved = row.write(row.price, market.priceText());
    if (moved) {
      const classes = row.price.classList;
      classes.toggle('up', market.direction === 'up');
      classes.toggle('down', market.direction === 'down');
      classes.toggle('middle', data.price === undefined);
    }
    const change = market.change;
    if (row.write(row.change, `${changeFormat.format(change)} %`)) {
      row.change.className = `change ${change > 0 ? 'up' : change < 0 ? 'down' : ''}`;
    }
    row.write(row.bid, data.bid ?? '');
    row.write(row.bidSize, data.bid_size ?? '');
    row.write(row.ask, data.ask ?? '');
    row.write(row.askSize, data.ask_size ?? '');
    row.write(row.updates, countFormat.format(market.updates));
    if (moved && !isFirst) this.flash(market, nowMs);
  }

  flash(market, nowMs) {
    if (nowMs - market.flashedMs < FLASH_PAUSE_MS || market.direction === '') return;
    market.flashedMs = nowMs;
    const cell = market.row.price;
    const name = `flash-${market.direction}`;
    cell.classList.add(name);
    this.flashing.push({ cell, name, untilMs: nowMs + FLASH_MS });
  }

  filter(query) {
    this.query = query.trim().toLowerCase();
    this.arrange();
  }

  showMore(count) {
    this.rowLimit += count;
    this.arrange();
  }

  // Numbers start with the greatest, names with the first; the same column again turns it round.
  sort(column) {
    this.descending = column === this.sortBy ? !this.descending : column !== 'name';
    this.sortBy = column;
    for (const header of this.table.tHead.rows[0].cells) header.removeAttribute('aria-sort');
    const button = this.table.querySelector(`button[data-sort="${column}"]`);
    button.closest('th').setAttribute('aria-sort', this.descending ? 'descending' : 'ascending');
    this.arrange();
  }

  // What is matched by the search, in order, up to the limit.
  select() {
    const matches = [...this.markets.values()].filter((m) => m.folded.includes(this.query));
    this.matchCount = matches.length;
    const valueOf = {
      name: () => 0,
      price: (m) => m.reference || 0,
      change: (m) => m.change,
      updates: (m) => m.updates,
    }[this.sortBy];
    const sign = this.descending ? -1 : 1;
    const byName = (a, b) => (a.key < b.key ? -1 : 1);
    const nameSign = this.sortBy === 'name' ? sign : 1;
    matches.sort((a, b) => sign * (valueOf(a) - valueOf(b)) || nameSign * byName(a, b));
    return matches.slice(0, this.rowLimit);
  }

  // Makes the rows those of select(). Called now and then, not per value: moving rows costs layout.
  arrange() {
    const selected = this.select();
    const keys = selected.map((market) => market.key);
    if (keys.length === this.shownKeys.length && keys.every((k, i) => k === this.shownKeys[i])) {
      return;
    }
    const staying = new Set(keys);
    let isSameSet = keys.length === this.shownKeys.length;
    for (const key of this.shownKeys) {
      if (staying.has(key)) continue;
      this.markets.get(key).row = null;
      isSameSet = false;
    }
    for (const market of selected) {
      if (market.row !== null) continue;
      market.row = new Row(market.key);
      this.mark(market);
    }
    this.body.replaceChildren(...selected.map((market) => market.row.element));
    this.shownKeys = keys;
    if (!isSameSet) this.onShown(keys);
  }
}
