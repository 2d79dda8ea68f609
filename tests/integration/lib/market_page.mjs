// The market page as somebody sees it: which rows are on the screen, and what stands in them.

import { openPage as openInBrowser, startBrowser, stateIs } from './browser.mjs';
import { until } from './harness.mjs';
import { Server } from './server.mjs';

export const SYMBOLS = 700;
export const LIMIT = { limitMs: 120000 };
export const withOrigin = (config) => (origin) =>
  ({ 'client.allowed_origins': [origin], ...config });
export const MARKET = withOrigin({ 'feeds.sim.enabled': true, 'feeds.sim.symbols': SYMBOLS });

// Opens the page of `server`; `problems` collects what the browser's console complains about.
export async function openPage(t, server, { hash = '', ...options } = {}) {
  return openInBrowser(await startBrowser(t), `${server.url}/${hash}`, options);
}

// The same with all markets listed and those on the screen live.
export async function openMarket(t, config = MARKET, options = {}) {
  const server = await Server.start(t, config);
  const opened = await openPage(t, server, options);
  await marketIsThere(opened.page);
  return { server, ...opened };
}

export async function marketIsThere(page) {
  await stateIs(page, 'connected');
  await until('all markets are listed', async () =>
    (await page.textContent('#count')) === `${SYMBOLS} of ${SYMBOLS} markets`, 30000);
  await liveRows(page);
}

// Waits until the server has `count` keys tracked.
export async function tracks(server, count) {
  await until(`${count} keys are tracked`,
    async () => (await server.metrics()).sum('tickcast_tracked_keys') === count);
}

// The symbols of the rows of which something can be seen, below the header that sticks to the top.
export function visibleRows(page, condition = '') {
  return page.$$eval(`tr[data-symbol]${condition}`, (rows) => {
    const top = document.querySelector('th').getBoundingClientRect().bottom;
    const isSeen = (row) => {
      const box = row.getBoundingClientRect();
      return box.bottom > top + 1 && box.top < innerHeight - 1;
    };
    return rows.filter(isSeen).map((row) => row.dataset.symbol);
  });
}

// Waits until every row on the screen shows a value that was pushed, and returns their symbols.
export function liveRows(page) {
  return until('the rows on the screen are live', async () => {
    const [seen, live] = [await visibleRows(page), await visibleRows(page, '.live')];
    return seen.length > 0 && seen.join() === live.join() && seen;
  });
}

// Scrolls to `top` and measures, in the page, how long it takes until all rows on the screen are
// live.
export function scrollAndMeasure(page, top) {
  return page.evaluate((px) => new Promise((resolve) => {
    const isLive = () => {
      const head = document.querySelector('th').getBoundingClientRect().bottom;
      const seen = [...document.querySelectorAll('tr[data-symbol]')].filter((row) => {
        const box = row.getBoundingClientRect();
        return box.bottom > head + 1 && box.top < innerHeight - 1;
      });
      return seen.length > 0 && seen.every((row) => row.classList.contains('live'));
    };
    const before = document.querySelector('tr[data-symbol]').dataset.symbol;
    const beganMs = performance.now();
    const look = () => {
      const isMoved = document.querySelector('tr[data-symbol]').dataset.symbol !== before;
      if (isMoved && isLive()) resolve(performance.now() - beganMs);
      else requestAnimationFrame(look);
    };
    scrollTo(0, px);
    look();
  }), top);
}

// What the page shows of its rows: {symbol: text of the price}.
export function prices(page) {
  return page.$$eval('tr[data-symbol]', (rows) => Object.fromEntries(
    rows.map((row) => [row.dataset.symbol, row.querySelector('td.price').textContent])));
}

export function texts(page, selector) {
  return page.$$eval(selector, (cells) => cells.map((cell) => cell.textContent));
}

// The keys whose values a line carries: of a push, or of the answer to a track.
export function keysOf(line) {
  if (line.push?.pub?.key !== undefined) return [line.push.pub.key];
  return (line.sub_refresh?.items ?? []).map(({ key }) => key);
}

export async function pricesChange(page) {
  const before = await prices(page);
  await until('a price changes', async () => {
    const now = await prices(page);
    return Object.keys(before).some((symbol) => symbol in now && now[symbol] !== before[symbol]);
  });
}

export const symbolOf = (key) => key.replace(/^sim\./, '');
