// The page at `/` in a real browser: headless Chromium, nothing mocked.

import assert from 'node:assert/strict';
import path from 'node:path';
import process from 'node:process';

import { openPage as openInBrowser, startBrowser, stateIs } from './lib/browser.mjs';
import { test, until } from './lib/harness.mjs';
import { Server } from './lib/server.mjs';

const withOrigin = (config) => (origin) => ({ 'client.allowed_origins': [origin], ...config });
const MARKET = withOrigin({ 'feeds.sim.enabled': true });

// Opens the page of `server`; `problems` collects what the browser's console complains about.
async function openPage(t, server, hash = '') {
  return openInBrowser(await startBrowser(t), `${server.url}/${hash}`);
}

function rowCount(page) {
  return page.$$eval('tr[data-symbol]', (rows) => rows.length);
}

function hasRows(page, count) {
  return until(`${count} rows`, async () => await rowCount(page) === count);
}

function texts(page, selector) {
  return page.$$eval(selector, (cells) => cells.map((cell) => cell.textContent));
}

// The shown prices, as the page holds them: {market: text}.
function prices(page) {
  return page.$$eval('tr[data-symbol]', (rows) => Object.fromEntries(
    rows.map((row) => [row.dataset.symbol, row.querySelector('td.price').textContent])));
}

test('console: shows the market, and prices change', async (t) => {
  const server = await Server.start(t, MARKET);
  const { page, problems } = await openPage(t, server);
  await stateIs(page, 'connected');
  await hasRows(page, 200);
  const before = await prices(page);
  for (const price of Object.values(before)) assert.match(price, /^\d+(\.\d+)?$/);
  await until('a price changes', async () => {
    const now = await prices(page);
    return Object.keys(before).some((symbol) => now[symbol] !== before[symbol]);
  });
  await page.waitForSelector('td.price.flash-up, td.price.flash-down', { state: 'attached' });
  await until('the rate is told',
    async () => Number((await page.textContent('#rate')).replace(/\D/g, '')) > 100);
  assert.equal((await server.metrics()).sum('tickcast_subscriptions'), 200);
  await page.screenshot({ path: path.join(process.env.INTEGRATION_NODE_FOLDER, 'console.png') });
  assert.deepEqual(problems, []);
}, { limitMs: 60000 });

test('console: a price is shown character for character', async (t) => {
  const server = await Server.start(t, withOrigin({}));
  await server.publish('ticker:x.LONG', { seq: 1, price: '0.000000012300', bid: '0.0000000122' });
  const { page, problems } = await openPage(t, server);
  await page.waitForSelector('tr[data-symbol="x.LONG"] td.price');
  const shown = async () => (await texts(page, 'tr[data-symbol="x.LONG"] td.price'))[0];
  await until('the first price', async () => await shown() === '0.000000012300');
  await server.publish('ticker:x.LONG', { seq: 2, price: '123456789012345678901.10' });
  await until('the second price', async () => await shown() === '123456789012345678901.10');
  assert.deepEqual(problems, []);
}, { limitMs: 60000 });

test('console: search and order, and what is not shown is not subscribed', async (t) => {
  const server = await Server.start(t, MARKET);
  const { page, problems } = await openPage(t, server);
  await stateIs(page, 'connected');
  await hasRows(page, 200);
  const [symbol] = Object.keys(await prices(page));
  await page.fill('#search', symbol.toUpperCase());
  await hasRows(page, 1);
  await until('one subscription is left',
    async () => (await server.metrics()).sum('tickcast_subscriptions') === 1);
  await page.fill('#search', 'no such market');
  await page.waitForSelector('#empty', { state: 'visible' });
  await page.fill('#search', '');
  await hasRows(page, 200);
  await page.click('button[data-sort="price"]');
  await until('prices descend', async () => {
    const shown = (await texts(page, 'td.price')).map(Number);
    // Prices move while they are read; a few places may be out by a tick until the next second.
    const falls = shown.filter((price, i) => i === 0 || price <= shown[i - 1] * 1.001).length;
    return falls >= shown.length - 2;
  });
  await page.click('#more');
  await hasRows(page, 400);
  await until('more subscriptions',
    async () => (await server.metrics()).sum('tickcast_subscriptions') === 400);
  assert.deepEqual(problems, []);
}, { limitMs: 60000 });

test('console: comes back after a restart of the server', async (t) => {
  const server = await Server.start(t, MARKET);
  const { page } = await openPage(t, server);
  await stateIs(page, 'connected');
  await server.stop();
  await stateIs(page, 'connecting');
  await server.launch();
  await stateIs(page, 'connected');
  const before = await prices(page);
  await until('a price changes', async () => {
    const now = await prices(page);
    return Object.keys(before).some((symbol) => now[symbol] !== before[symbol]);
  });
}, { limitMs: 90000 });

test('console: says why it may not connect', async (t) => {
  const server = await Server.start(t, withOrigin({ 'client.insecure': false }));
  const { page } = await openPage(t, server, '#token=guessed');
  await stateIs(page, 'disconnected');
  assert.match(await page.textContent('#notice'), /invalid token/);
}, { limitMs: 60000 });
