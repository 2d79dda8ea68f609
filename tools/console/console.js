// The console page: fetches the list of markets, subscribes to the rows it shows, counts what comes
// in.

import { MarketBoard } from './market_board.js';
import { MarketSocket } from './market_socket.js';
import { RateChart } from './rate_chart.js';

const NAMESPACE = 'ticker:';
const LIST_PERIOD_MS = 10000;  // New markets appear; while there are none, every second.
const MORE_ROWS = 200;
const MAX_ROWS = 1000;  // The server's limit is 1,024 channels per connection.

const byId = (id) => document.getElementById(id);
const wholeFormat = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const received = { updates: 0, frames: 0, bytes: 0 };

// A server that wants a token gets it from the address: #token=…. The part after # is never sent.
const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
const endpoint = new URL('connection/websocket', location.href);
endpoint.protocol = endpoint.protocol === 'https:' ? 'wss:' : 'ws:';
endpoint.hash = '';
endpoint.search = '';

const board = new MarketBoard(byId('board'), (keys) => {
  socket.follow(keys.map((key) => NAMESPACE + key));
});

const socket = new MarketSocket(endpoint.href, token, {
  state(name, detail) {
    byId('state').dataset.state = name;
    byId('state').textContent = name === 'connecting' && detail ? `reconnecting: ${detail}` : name;
    byId('state').title = detail;
    if (name === 'connected') {
      notice('');
      loadList();  // The server may be another one than before.
    } else if (name === 'disconnected') {
      notice(`The server ended the connection: ${detail}.`);
    }
  },
  publication(channel, data) {
    received.updates += 1;
    board.update(channel.slice(NAMESPACE.length), data);
  },
  problem: (text) => notice(text),
  received(bytes) {
    received.frames += 1;
    received.bytes += bytes;
  },
});

function notice(text) {
  byId('notice').textContent = text;
  byId('notice').hidden = text === '';
}

let listTimer = 0;
async function loadList() {
  clearTimeout(listTimer);
  try {
    const answer = await fetch('v1/tickers');
    if (!answer.ok) throw new Error(`v1/tickers: status ${answer.status}`);
    board.load((await answer.json()).tickers);
  } catch (error) {
    // While the server is away the state says so; the list follows when it is back.
    if (socket.isOpen) notice(error.message);
  }
  showCounts();
  clearTimeout(listTimer);
  listTimer = setTimeout(loadList, board.markets.size === 0 ? 1000 : LIST_PERIOD_MS);
}

function showCounts() {
  const shown = board.shownKeys.length;
  const total = board.markets.size;
  byId('count').textContent =
    total === 0 ? '' : `${wholeFormat.format(shown)} of ${wholeFormat.format(total)} markets`;
  byId('empty').hidden = shown > 0;
  byId('empty').textContent =
    total === 0 ? 'No market data yet.' : `No market matches “${byId('search').value}”.`;
  const hidden = Math.min(board.matchCount, MAX_ROWS) - shown;
  byId('more').hidden = hidden <= 0;
  byId('more').textContent = `Show ${wholeFormat.format(Math.min(hidden, MORE_ROWS))} more`;
}

byId('search').addEventListener('input', () => {
  board.filter(byId('search').value);
  showCounts();
});
byId('more').addEventListener('click', () => {
  board.showMore(Math.min(MORE_ROWS, MAX_ROWS - board.rowLimit));
  showCounts();
});
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.target === byId('search')) return;
  event.preventDefault();
  byId('search').focus();
});

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
  // Live columns are put in order once a second; more often nobody could read a row.
  if (board.sortBy !== 'name') board.arrange();
  showCounts();
}, 1000);

loadList();  // Values to look at, even where the connection is refused.
