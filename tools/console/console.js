// The console page: fetches the list of markets, follows the rows that can be seen, and shows how
// it is served.

import { MarketClient } from './market_client.js';
import { MarketList } from './market_list.js';
import { MarketTable } from './market_table.js';
import { RateChart } from './rate_chart.js';
import { StatusLine } from './status_line.js';

// While there are no markets, or new ones come, the list is fetched often: a feed begins. Later on
// one is new now and then.
const SHORTEST_PERIOD_MS = 1000;
const LONGEST_PERIOD_MS = 60000;
const LIST_LIMIT_MS = 5000;
const QUIET_MS = 30000;
const QUIET_TEXT = 'No value on the screen has changed for half a minute: the feed may be away, or ' +
  'the market is quiet.';
const NO_SDK_TEXT = 'The server was built without the SDK of this page, so values are those of the ' +
  'last list.';

const byId = (id) => document.getElementById(id);
const wholeFormat = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const received = { updates: 0, frames: 0, bytes: 0 };
const status = new StatusLine(byId('notice'), ['problem', 'connection', 'list', 'feed']);

const list = new MarketList();
const table = new MarketTable(byId('board'), (keys) => client?.follow(keys));
let client = null;
let isListLoaded = false;
let lastValueMs = performance.now();
const rate = { grantedMs: 0, floorMs: 0, level: 'normal', conflated: 0 };

const clockText = () => new Date().toLocaleTimeString('en-GB');

// --- Markets ------------------------------------------------------------------------------------

let listTimer = 0;
let listPeriodMs = SHORTEST_PERIOD_MS;
async function loadList() {
  clearTimeout(listTimer);
  try {
    const answer = await fetch('v1/tickers', { signal: AbortSignal.timeout(LIST_LIMIT_MS) });
    if (!answer.ok) throw new Error(`v1/tickers: status ${answer.status}`);
    const known = list.markets.size;
    list.load((await answer.json()).tickers);
    if (known === 0 || list.sortBy === 'name') list.order();
    const isSame = known > 0 && list.markets.size === known;
    listPeriodMs = isSame ? Math.min(2 * listPeriodMs, LONGEST_PERIOD_MS) : SHORTEST_PERIOD_MS;
    isListLoaded = true;
    status.say('list', '');
  } catch (error) {
    // While the server is away the state says so; the list follows when it is back.
    if (byId('state').dataset.state === 'connected') {
      status.say('list', `The list of markets did not come: ${error.message}.`);
    }
  }
  showMarkets();
  clearTimeout(listTimer);
  listTimer = setTimeout(loadListIfSeen, listPeriodMs);
}

function loadListIfSeen() {
  if (document.hidden) listTimer = setTimeout(loadListIfSeen, SHORTEST_PERIOD_MS);
  else loadList();
}

function showMarkets() {
  const shown = list.shown();
  const total = list.markets.size;
  for (const market of shown) if (!market.isFollowed) table.mark(market);
  table.show(shown);
  byId('count').textContent = total === 0 ? ''
    : `${wholeFormat.format(shown.length)} of ${wholeFormat.format(total)} markets`;
  byId('empty').hidden = shown.length > 0;
  byId('empty').textContent = emptyText(total);
}

function emptyText(total) {
  if (total > 0) return `No market matches “${byId('search').value}”.`;
  return isListLoaded ? 'No market has a value yet. They appear here when a feed has one.'
    : 'Loading the markets …';
}

function followed(keys, isFollowed) {
  for (const key of keys) {
    const market = list.markets.get(key);
    market.follow(isFollowed);
    table.mark(market);
  }
}

function takeValue(key, data) {
  received.updates += 1;
  lastValueMs = performance.now();
  const market = list.markets.get(key);
  market.take(data, lastValueMs);
  market.isLive = true;
  table.mark(market);
}

// --- Order and search ---------------------------------------------------------------------------

// Makes the order of this moment.
async function order() {
  if (list.sortBy !== 'name') await loadList();
  list.order();
  byId('order').dataset.shown = String(list.sortBy !== 'name');
  byId('order-time').textContent = `Order of ${clockText()}`;
  showFromTop();
}

function sort(column) {
  list.sort(column);
  for (const button of byId('board').querySelectorAll('button[data-sort]')) {
    const header = button.closest('th');
    header.removeAttribute('aria-sort');
    if (button.dataset.sort === column) {
      header.setAttribute('aria-sort', list.isDescending ? 'descending' : 'ascending');
    }
  }
  order();
}

function showFromTop() {
  scrollTo({ top: 0 });
  showMarkets();
}

for (const button of byId('board').querySelectorAll('button[data-sort]')) {
  button.addEventListener('click', () => sort(button.dataset.sort));
}
byId('order-again').addEventListener('click', order);
byId('search').addEventListener('input', () => {
  list.search(byId('search').value);
  showFromTop();
});
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.target.matches('input, select')) return;
  event.preventDefault();
  byId('search').focus();
});

// --- The connection -----------------------------------------------------------------------------

function showState(name, detail) {
  const wasConnected = byId('state').dataset.state === 'connected';
  byId('state').dataset.state = name;
  byId('state').textContent = name === 'connecting' && detail ? 'reconnecting' : name;
  byId('state').title = detail;
  byId('board').classList.toggle('away', name !== 'connected');
  if (name === 'connected') {
    Object.assign(rate, { floorMs: 0, level: 'normal', conflated: 0 });
    lastValueMs = performance.now();
    status.say('connection', '');
    status.say('problem', '');
    showRate();
    loadList();  // The server may be another one than before.
  } else if (name === 'disconnected') {
    status.say('connection', `The server ended the connection: ${detail}. Values stand as of ${
      clockText()}.`);
  } else if (wasConnected) {
    status.say('connection', `The connection was lost: ${detail}. Values stand as of ${
      clockText()}.`);
  }
}

function everyText(intervalMs) {
  return intervalMs === 0 ? 'each change' : `every ${wholeFormat.format(intervalMs)} ms`;
}

// What holds: the granted interval or, under pressure, a longer one.
function showRate() {
  byId('granted').textContent = everyText(Math.max(rate.grantedMs, rate.floorMs));
  byId('pressure').textContent = rate.level;
  byId('pressure').dataset.level = rate.level;
  byId('conflated').textContent = wholeFormat.format(rate.conflated);
}

function takePressure({ pressure, conflated, interval_ms: floorMs }) {
  rate.level = pressure;
  rate.conflated = conflated;
  if (pressure === 'normal') rate.floorMs = 0;
  else if (floorMs !== undefined) rate.floorMs = floorMs;
  showRate();
}

function connect() {
  // A server that wants a token gets it from the address: #token=…. The part after # is never sent.
  const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
  const endpoint = new URL('connection/websocket', location.href);
  endpoint.protocol = endpoint.protocol === 'https:' ? 'wss:' : 'ws:';
  endpoint.hash = '';
  endpoint.search = '';
  client = new MarketClient(endpoint.href, token, Number(byId('interval').value), {
    state: showState,
    value: takeValue,
    followed,
    granted(intervalMs) {
      rate.grantedMs = intervalMs;
      showRate();
    },
    pressure: takePressure,
    problem: (text) => status.say('problem', text),
    received(bytes) {
      received.frames += 1;
      received.bytes += bytes;
    },
  });
  byId('interval').addEventListener('change', () => {
    status.say('problem', '');
    client.setIntervalMs(Number(byId('interval').value));
  });
}

// --- Once a second ------------------------------------------------------------------------------

const chart = new RateChart(byId('chart'));
let secondBeganMs = performance.now();
setInterval(() => {
  const nowMs = performance.now();
  const seconds = (nowMs - secondBeganMs) / 1000;
  secondBeganMs = nowMs;
  byId('rate').textContent = wholeFormat.format(received.updates / seconds);
  byId('frames').textContent = wholeFormat.format(received.frames / seconds);
  byId('volume').textContent = wholeFormat.format(received.bytes / 1000 / seconds);
  chart.add(received.updates / seconds);
  received.updates = received.frames = received.bytes = 0;
  table.drawTrends();
  const isQuiet = byId('state').dataset.state === 'connected' && table.visible.length > 0 &&
    nowMs - lastValueMs > QUIET_MS;
  status.say('feed', isQuiet ? QUIET_TEXT : '');
}, 1000);

if (globalThis.Centrifuge === undefined) {
  showState('disconnected', 'this page lacks the SDK');
  status.say('connection', NO_SDK_TEXT);
} else {
  connect();
}
loadList();  // Values to look at, even where the connection is refused.
