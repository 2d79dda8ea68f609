// The page at `/` in a real browser, headless Chromium, nothing mocked: which rows there are, and
// what is asked for them.

import assert from 'node:assert/strict';
import path from 'node:path';
import process from 'node:process';

import { openPage as openInBrowser, recordLines, startBrowser } from './lib/browser.mjs';
import { test, until } from './lib/harness.mjs';
import {
  keysOf, LIMIT, liveRows, MARKET, marketIsThere, openMarket, prices, pricesChange,
  scrollAndMeasure, symbolOf, SYMBOLS, tracks, visibleRows,
} from './lib/market_page.mjs';
import { Server } from './lib/server.mjs';

const ROW_BOUND = 60;  // What fits on the screen of a case, and what is kept ready beside it.

test('console: lists all markets, and those on the screen are live', async (t) => {
  const { server, page, problems } = await openMarket(t);
  const seen = await liveRows(page);
  assert.ok(seen.length >= 15, `${seen.length} rows are on the screen`);
  assert.ok(await page.locator('tr[data-symbol]').count() < ROW_BOUND);
  assert.equal(await page.getAttribute('#board', 'aria-rowcount'), String(SYMBOLS + 1));
  await tracks(server, seen.length);
  for (const price of Object.values(await prices(page))) assert.match(price, /^\d+(\.\d+)?$/);
  await pricesChange(page);
  for (const side of ['price', 'bid', 'ask']) {
    await page.waitForSelector(`td.${side}.flash-up, td.${side}.flash-down`, { state: 'attached' });
  }
  await until('sparklines are drawn', async () =>
    (await page.$$eval('td.trend path', (lines) => lines.map((line) => line.getAttribute('d'))))
      .filter((d) => /^M.*L.*H100$/.test(d)).length >= seen.length / 2);
  await until('the rate is told',
    async () => Number((await page.textContent('#rate')).replace(/\D/g, '')) > 50);
  await page.screenshot({ path: path.join(process.env.INTEGRATION_NODE_FOLDER, 'console.png') });
  assert.deepEqual(problems, []);
}, LIMIT);

test('console: who scrolls gets the rows on the screen and nothing else', async (t) => {
  const { server, page, problems } = await openMarket(t);
  const lines = await recordLines(page);
  await marketIsThere(page);
  const old = (await liveRows(page)).map(symbolOf);
  lines.length = 0;
  const tookMs = [];
  for (let i = 1; i <= 11; ++i) tookMs.push(await scrollAndMeasure(page, 2000 * ((7 * i) % 12)));
  const seen = (await liveRows(page)).map(symbolOf);
  assert.ok(seen.every((key) => !old.includes(key)), 'the first rows have left the screen');
  await tracks(server, seen.length);

  // The first rows were untracked, all of them.
  const untracked = lines.filter((line) => line.isSent && line.sub_refresh?.type === 2);
  const asked = untracked.find((line) => line.sub_refresh.untrack.includes(old[0]));
  assert.deepEqual([...asked.sub_refresh.untrack].sort(), [...old].sort());
  // From the last answer on no line names a row that is hidden.
  const lastId = untracked.at(-1).id;
  const answered = () => lines.findIndex((line) => !line.isSent && line.id === lastId);
  await until('values go on', () => answered() >= 0 &&
    lines.slice(answered()).filter((line) => line.push).length > 300);
  const told = new Set(lines.slice(answered()).flatMap(keysOf));
  assert.deepEqual([...told].filter((key) => !seen.includes(key)), []);
  const isNamed = (key) => lines.slice(answered()).some(({ text }) => text.includes(`"${key}"`));
  assert.deepEqual(old.filter(isNamed), []);
  // And every new row had its first value only when it was asked for.
  for (const key of seen) {
    const first = lines.findIndex((line) => !line.isSent && keysOf(line).includes(key));
    const wanted = lines.findIndex((line) => line.isSent &&
      line.sub_refresh?.track?.some(({ items }) => items.some((item) => item.key === key)));
    assert.ok(wanted >= 0 && wanted < first, `${key}: asked ${wanted}, told ${first}`);
  }
  const [least, median, most] = [0, 5, 10].map((i) => Math.round(tookMs.sort((a, b) => a - b)[i]));
  console.log(`    new rows were live after ${median} ms (${least} to ${most}, 11 times)`);
  assert.deepEqual(problems, []);
}, LIMIT);

test('console: rows that stay on the screen are not asked for again', async (t) => {
  const { server, page } = await openMarket(t);
  const lines = await recordLines(page);
  await marketIsThere(page);
  const old = (await liveRows(page)).map(symbolOf);
  lines.length = 0;
  await page.mouse.move(600, 400);
  await page.mouse.wheel(0, 300);
  await until('rows have left', async () => !(await visibleRows(page)).includes(`sim.${old[0]}`));
  const seen = (await liveRows(page)).map(symbolOf);
  await tracks(server, seen.length);
  const staying = old.filter((key) => seen.includes(key));
  assert.ok(staying.length > 3);
  const named = lines.filter(({ isSent }) => isSent).flatMap(({ sub_refresh: asked }) => [
    ...asked?.untrack ?? [], ...(asked?.track ?? []).flatMap(({ items }) => items)
      .map(({ key }) => key)]);
  assert.deepEqual(staying.filter((key) => named.includes(key)), []);
}, LIMIT);

test('console: what flies past is not asked for', async (t) => {
  const server = await Server.start(t, MARKET);
  const { page } = await openInBrowser(await startBrowser(t), 'about:blank');
  await page.clock.install();
  await page.goto(server.url);
  await marketIsThere(page);
  const lines = await recordLines(page);
  await marketIsThere(page);
  lines.length = 0;
  // A finger that moves by half a screen with every picture, for two thirds of a second by the
  // page's own clock.
  await page.clock.pauseAt(await page.evaluate(() => Date.now()) + 1000);
  for (let top = 500; top <= 20000; top += 500) {
    await page.evaluate((px) => new Promise((resolve) => {
      addEventListener('scroll', resolve, { once: true });
      scrollTo(0, px);
    }), top);
    await page.clock.runFor(16);
  }
  const requests = lines.filter((line) => line.isSent && line.sub_refresh?.track);
  await page.clock.resume();
  await tracks(server, (await liveRows(page)).length);
  assert.ok(requests.length >= 2 && requests.length <= 9, `${requests.length} requests`);
}, LIMIT);

test('console: a hidden page asks for nothing', async (t) => {
  const { server, page } = await openMarket(t);
  // Headless pages are never hidden: the page is told so as the browser would.
  const hide = (isHidden) => page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
    document.dispatchEvent(new Event('visibilitychange'));
  }, isHidden);
  await hide(true);
  await tracks(server, 0);
  await hide(false);
  await tracks(server, (await liveRows(page)).length);
}, LIMIT);

test('console: search', async (t) => {
  const { server, page, problems } = await openMarket(t);
  await page.keyboard.press('/');
  await page.keyboard.type('BTC-u');
  await until('one row is left', async () => (await visibleRows(page)).join() === 'sim.BTC-USDT');
  await tracks(server, 1);
  await liveRows(page);
  assert.equal(await page.textContent('#count'), `1 of ${SYMBOLS} markets`);
  await page.fill('#search', 'no such market');
  await page.waitForSelector('#empty', { state: 'visible' });
  assert.match(await page.textContent('#empty'), /No market matches “no such market”/);
  await tracks(server, 0);
  await page.fill('#search', '');
  await tracks(server, (await liveRows(page)).length);
  assert.deepEqual(problems, []);
}, LIMIT);

test('console: an order is that of its moment, and stays', async (t) => {
  const { page, problems } = await openMarket(t);
  await page.evaluate(() => scrollTo(0, 9000));
  await page.focus('button[data-sort="price"]');
  await page.keyboard.press('Enter');
  await until('it begins at the top', async () => await page.evaluate(() => scrollY) === 0);
  assert.equal(await page.getAttribute('th.price', 'aria-sort'), 'descending');
  const order = await liveRows(page);
  const values = Object.values(await prices(page)).map(Number);
  const falls = values.filter((price, i) => i === 0 || price <= values[i - 1] * 1.001).length;
  assert.equal(falls, values.length);
  assert.match(await page.textContent('#order-time'), /^Order of \d\d:\d\d:\d\d$/);
  await pricesChange(page);
  assert.deepEqual(await visibleRows(page), order);
  // Also of rows that were never live.
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await until('the end is there', async () =>
    Number(Object.values(await prices(page)).at(-1)) < values.at(-1));
  await page.click('button[data-sort="name"]');
  await until('names descend no more', async () => {
    const seen = await visibleRows(page);
    return seen.length > 10 && seen.join() === [...seen].sort().join();
  });
  assert.equal(await page.getAttribute('th.price', 'aria-sort'), null);
  assert.deepEqual(problems, []);
}, LIMIT);

for (const [name, viewport] of [['wide', [1200, 800]], ['narrow', [360, 740]]]) {
  test(`console: nothing moves and nothing is cut off on a ${name} screen`, async (t) => {
    const [width, height] = viewport;
    const { page } = await openMarket(t, MARKET, { viewport: { width, height } });
    await page.evaluate(() => {
      globalThis.shifts = [];
      new PerformanceObserver((list) => {
        for (const shift of list.getEntries()) globalThis.shifts.push(shift.value);
      }).observe({ type: 'layout-shift' });
    });
    await page.click('button[data-sort="price"]');
    await page.waitForSelector('#order[data-shown="true"]');
    await liveRows(page);
    await pricesChange(page);
    await page.fill('#search', '1');
    await liveRows(page);
    await page.fill('#search', '');
    await liveRows(page);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    const cut = await page.$$eval('td.price', (cells) =>
      cells.filter((cell) => cell.scrollWidth > cell.clientWidth).length);
    assert.equal(cut, 0);
    assert.deepEqual(await page.evaluate(() => globalThis.shifts), []);
  }, LIMIT);
}
