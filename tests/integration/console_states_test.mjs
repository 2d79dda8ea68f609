// The page at `/` in a real browser: how it is served, and what it says when something is wrong.

import assert from 'node:assert/strict';

import { openPage as openInBrowser, recordLines, startBrowser, stateIs } from './lib/browser.mjs';
import { test, until } from './lib/harness.mjs';
import {
  keysOf, LIMIT, liveRows, MARKET, marketIsThere, openMarket, openPage, prices, pricesChange,
  scrollAndMeasure, symbolOf, SYMBOLS, texts, tracks, withOrigin,
} from './lib/market_page.mjs';
import { Server } from './lib/server.mjs';
import { SlowRelay } from './lib/slow_relay.mjs';

test('console: the interval is the one that was chosen, and is kept', async (t) => {
  const { server, page } = await openMarket(t, (origin) => ({
    ...MARKET(origin),
    'channel.namespaces': [
      { name: 'watch', subscription_type: 'shared_poll', source: 'feed:sim', min_interval: '50ms',
        default_interval: '50ms',
        allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true,
        shared_poll: { allow_unsigned: true } }],
  }));
  const sent = (text) => until(`sent ${text}`,
    async () => await page.textContent('#granted') === text);
  await sent('every 100 ms');
  await page.selectOption('#interval', '1000');
  await sent('every 1,000 ms');
  await until('values are conflated',
    async () => Number((await page.textContent('#conflated')).replace(/\D/g, '')) > 100);
  await page.selectOption('#interval', '0');
  await sent('every 50 ms');
  await page.selectOption('#interval', '250');
  await sent('every 250 ms');
  await server.stop();
  await stateIs(page, 'connecting');
  await server.launch();
  await stateIs(page, 'connected');
  await sent('every 250 ms');
  await liveRows(page);
}, LIMIT);

test('console: pressure is shown', async (t) => {
  const server = await Server.start(t, {
    'client.allowed_origins': ['*'], 'feeds.sim.enabled': true, 'feeds.sim.symbols': SYMBOLS,
    'pressure.window': '500ms', 'pressure.hold': '300ms', 'pressure.degraded_interval': '400ms',
  });
  const relay = await SlowRelay.start(t, server);
  const url = relay.socketUrl.replace(/^ws/, 'http').replace(/connection.*$/, '');
  const { page } = await openPage(t, { url: url.slice(0, -1) });
  await stateIs(page, 'connected');
  await page.selectOption('#interval', '0');
  await until('each change is sent', async () =>
    await page.textContent('#granted') === 'each change');
  // What is shown may be there for a moment only.
  await page.evaluate(() => {
    globalThis.shown = [];
    const text = (id) => document.getElementById(id).textContent;
    new MutationObserver(() => globalThis.shown.push(`${text('pressure')}, ${text('granted')}`))
      .observe(document.querySelector('.service'), { subtree: true, childList: true });
  });
  await relay.pause();
  await until('the connection is slow', async () =>
    (await server.metrics()).by('tickcast_pressure_connections', 'level').emergency === 1);
  await relay.resume();
  await until('pressure is shown', async () => (await page.evaluate(() => globalThis.shown))
    .some((text) => /^(degraded|critical|emergency), every 400 ms$/.test(text)));
  await until('all is well again', async () =>
    await page.textContent('#pressure') === 'normal' &&
    await page.textContent('#granted') === 'each change', 20000);
}, LIMIT);

test('console: tickers without a feed are live too, character for character', async (t) => {
  const server = await Server.start(t, withOrigin({}));
  const { page, problems } = await openPage(t, server);
  await stateIs(page, 'connected');
  await until('it says that there is nothing',
    async () => /No market has a value yet/.test(await page.textContent('#empty')));
  await server.publish('ticker:x.LONG', { seq: 1, price: '0.000000012300', bid: '0.0000000122' });
  await page.waitForSelector('tr[data-symbol="x.LONG"].live td.price');
  const shown = async () => (await texts(page, 'tr[data-symbol="x.LONG"] td.price'))[0];
  await until('the first price', async () => await shown() === '0.000000012300');
  await server.publish('ticker:x.LONG', { seq: 2, price: '123456789012345678901.10' });
  await until('the second price', async () => await shown() === '123456789012345678901.10');
  await page.fill('#search', 'nothing');
  await until('it is not subscribed any more',
    async () => (await server.metrics()).sum('tickcast_subscriptions') === 0);
  assert.equal(await page.isHidden('#notice'), true);
  assert.deepEqual(problems, []);
}, LIMIT);

test('console: comes back after a restart of the server', async (t) => {
  const { server, page } = await openMarket(t);
  const lines = await recordLines(page);
  await marketIsThere(page);
  await scrollAndMeasure(page, 9000);
  const seen = (await liveRows(page)).map(symbolOf);
  await server.stop();
  await stateIs(page, 'connecting');
  assert.match(await page.textContent('#notice'), /The connection was lost/);
  lines.length = 0;
  await server.launch();
  await stateIs(page, 'connected');
  assert.equal(await page.isHidden('#notice'), true);
  await liveRows(page);
  await pricesChange(page);
  await tracks(server, seen.length);
  assert.deepEqual([...new Set(lines.flatMap(keysOf))].filter((key) => !seen.includes(key)), []);
}, LIMIT);

test('console: says that nothing changes', async (t) => {
  const server = await Server.start(t, withOrigin({}));
  await server.publish('ticker:x.QUIET', { price: '1' });
  const browser = await startBrowser(t);
  const { page } = await openInBrowser(browser, 'about:blank');
  await page.clock.install();
  await page.goto(server.url);
  await stateIs(page, 'connected');
  await page.waitForSelector('tr.live');
  assert.equal(await page.isHidden('#notice'), true);
  await page.clock.fastForward(32000);
  await until('it says so', async () => /the feed may be away/.test(
    await page.textContent('#notice')));
  await server.publish('ticker:x.QUIET', { price: '2' });
  await until('it takes it back', async () => await page.isHidden('#notice'));
}, LIMIT);

test('console: feeds and what is published stand in one table', async (t) => {
  const { server, page } = await openMarket(t);
  await server.publish('ticker:x.AAA', { price: '1.50' });
  await server.publish('ticker:ALONE', { price: '2.50' });
  await page.reload();
  await until('both are listed', async () =>
    (await page.textContent('#count')) === `${SYMBOLS + 2} of ${SYMBOLS + 2} markets`, 30000);
  for (const [symbol, text] of [['x.AAA', '1.50'], ['ALONE', '2.50']]) {
    await page.fill('#search', symbol);
    await page.waitForSelector(`tr[data-symbol="${symbol}"].live`);
    assert.equal((await prices(page))[symbol], text);
    await server.publish(`ticker:${symbol}`, { price: `${text}1` });
    await until('it changes', async () => (await prices(page))[symbol] === `${text}1`);
  }
  assert.equal(await page.isHidden('#notice'), true);
}, LIMIT);

test('console: live values that are refused are said to be so', async (t) => {
  const server = await Server.start(t, withOrigin({
    'client.insecure': false, 'client.allow_anonymous_connect_without_token': true,
    'channel.namespaces': [{ name: 'ticker', kind: 'state' }],
  }));
  await server.publish('ticker:x.CLOSED', { price: '7' });
  const { page } = await openPage(t, server);
  await stateIs(page, 'connected');
  await until('it says so', async () =>
    /Live values of x are refused: permission denied \(103\)/
      .test(await page.textContent('#notice')));
  assert.deepEqual(await prices(page), { 'x.CLOSED': '7' });
  assert.equal(await page.locator('tr.live').count(), 0);
}, LIMIT);

test('console: a server without the SDK shows the list and says so', async (t) => {
  const server = await Server.start(t, withOrigin({}));
  await server.publish('ticker:x.LISTED', { price: '7' });
  const { page } = await openInBrowser(await startBrowser(t), 'about:blank');
  await page.route('**/centrifuge.js', (route) =>
    route.fulfill({ contentType: 'text/javascript', body: '// Absent.\n' }));
  await page.goto(server.url);
  await until('it says so', async () => /without the SDK/.test(await page.textContent('#notice')));
  await page.waitForSelector('tr[data-symbol="x.LISTED"]');
  assert.deepEqual(await prices(page), { 'x.LISTED': '7' });
  await page.click('button[data-sort="price"]');
  await page.waitForSelector('#order[data-shown="true"]');
}, LIMIT);

test('console: says why it may not connect', async (t) => {
  const server = await Server.start(t, withOrigin({ 'client.insecure': false }));
  const { page } = await openPage(t, server, { hash: '#token=guessed' });
  await stateIs(page, 'disconnected');
  assert.match(await page.textContent('#notice'), /invalid token/);
}, LIMIT);
