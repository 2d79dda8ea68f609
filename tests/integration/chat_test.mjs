// The chat page, in a real browser, against the example configuration as `tools/run` starts it.

import assert from 'node:assert/strict';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { openPage, startBrowser, stateIs } from './lib/browser.mjs';
import { test, until } from './lib/harness.mjs';
import { makeToken, secondsFromNow } from './lib/jwt.mjs';
import { Line } from './lib/line.mjs';
import { Server } from './lib/server.mjs';

const EXAMPLE = fileURLToPath(new URL('../../tools/tickcast/example.toml', import.meta.url));
const LIMIT = { limitMs: 90000 };

class ExampleServer extends Server {
  command() {
    return [process.env.INTEGRATION_BINARY, '--config', EXAMPLE,
      ...Object.entries({
        'http_server.port': this.port,
        'client.allowed_origins': '["*"]',
        'engine.pin': false,
        'feeds.sim.enabled': false,
        'shutdown.spread': '0s',
        ...this.changes,
      }).flatMap(([key, value]) => ['--set', `${key}=${value}`])];
  }

  static startWith(t, changes = {}) {
    this.prototype.changes = changes;
    return this.start(t);
  }

  publishAs(channel, data) {
    return this.api('publish', { channel, data }, { 'X-API-Key': 'example-key' });
  }
}

// Opens the chat and signs in as `name` with the keyboard, as a person would.
async function signIn(browser, url, name, options) {
  const opened = await openPage(browser, `${url}/chat.html`, options);
  await opened.page.waitForSelector('#sign-in', { state: 'visible' });
  await opened.page.keyboard.type(name);  // The field has the focus.
  await opened.page.keyboard.press('Enter');
  await stateIs(opened.page, 'connected');
  return opened;
}

// What the open conversation shows, as ["alice: hello"], messages only.
function lines(page) {
  return page.$$eval('#log li:not(.note)', (items) => items.map((item) =>
    `${item.querySelector('.from').textContent}: ${item.querySelector('.text').textContent}`));
}

async function shows(page, expected) {
  try {
    await until('the page shows what it should',
      async () => JSON.stringify(await lines(page)) === JSON.stringify(expected));
  } catch {
    assert.deepEqual(await lines(page), expected);
  }
}

async function write(page, text) {
  await page.fill('#text', text);
  await page.press('#text', 'Enter');
}

function people(page) {
  return page.$$eval('#people button', (items) => items.map((item) => item.textContent));
}

function peopleAre(page, expected) {
  return until(`there are ${expected}`,
    async () => JSON.stringify(await people(page)) === JSON.stringify(expected));
}

async function openPerson(page, name) {
  await page.fill('#person', name);
  await page.press('#person', 'Enter');
}

test('chat: two people see each other, and what they write', async (t) => {
  const server = await ExampleServer.startWith(t);
  const browser = await startBrowser(t);
  const alice = await signIn(browser, server.url, 'alice');
  await peopleAre(alice.page, ['alice']);
  const bob = await signIn(browser, server.url, 'bob');
  await peopleAre(alice.page, ['alice', 'bob']);
  await peopleAre(bob.page, ['alice', 'bob']);
  await write(alice.page, 'hello <b>bob</b>');
  await write(bob.page, 'hello');
  for (const { page } of [alice, bob]) {
    await shows(page, ['alice: hello <b>bob</b>', 'bob: hello']);
  }
  assert.equal(await alice.page.$('#log b'), null, 'text is not markup');
  await alice.page.screenshot(
    { path: path.join(process.env.INTEGRATION_NODE_FOLDER, 'chat.png') });

  // A room of one's own, and what it has when somebody comes later.
  await alice.page.fill('#room', 'tea');
  await alice.page.press('#room', 'Enter');
  await peopleAre(alice.page, ['alice']);
  await write(alice.page, 'anybody?');
  await bob.page.fill('#room', 'tea');
  await bob.page.press('#room', 'Enter');
  await shows(bob.page, ['alice: anybody?']);
  await peopleAre(alice.page, ['alice', 'bob']);

  // Leaving is seen at once.
  await bob.page.click('#sign-out');
  await peopleAre(alice.page, ['alice']);
  assert.deepEqual(alice.problems, []);
  assert.deepEqual(bob.problems, []);
}, LIMIT);

test('chat: a private message to somebody away is there once when they return', async (t) => {
  const server = await ExampleServer.startWith(t);
  const browser = await startBrowser(t);
  const bob = await signIn(browser, server.url, 'bob');
  await bob.context.close();
  const alice = await signIn(browser, server.url, 'alice');
  await openPerson(alice.page, 'bob');
  await write(alice.page, 'one');
  await write(alice.page, 'two');
  await shows(alice.page, ['alice: one', 'alice: two']);
  await until('both are sent', async () => (await alice.page.$$('#log li.sent')).length === 2);

  const { page, problems } = await signIn(browser, server.url, 'bob');
  await page.waitForSelector('#persons button[data-key="person:alice"] .unread');
  assert.match(await page.title(), /^\(2\)/);
  await page.click('#persons button');
  await shows(page, ['alice: one', 'alice: two']);
  await write(alice.page, 'three');
  await shows(page, ['alice: one', 'alice: two', 'alice: three']);
  await write(page, 'four');
  await shows(alice.page, ['alice: one', 'alice: two', 'alice: three', 'bob: four']);
  for (const reloaded of [page, alice.page]) {
    await reloaded.reload();
    await stateIs(reloaded, 'connected');
    await reloaded.click('#persons button');
    await shows(reloaded, ['alice: one', 'alice: two', 'alice: three', 'bob: four']);
  }
  assert.deepEqual(problems, []);
}, LIMIT);

test('chat: nobody else reads an inbox', async (t) => {
  const server = await ExampleServer.startWith(t);
  const browser = await startBrowser(t);
  const { page } = await signIn(browser, server.url, 'eve');
  const token = makeToken({ sub: 'eve', exp: secondsFromNow(60) }, 'example-secret');
  const code = await page.evaluate(async ({ url, own }) => {
    const spy = new globalThis.Centrifuge(url, { token: own });
    const subscription = spy.newSubscription('user:#alice');
    const refused = new Promise((resolve) => {
      subscription.on('unsubscribed', (context) => resolve(context.code));
      subscription.on('subscribed', () => resolve('subscribed'));
    });
    subscription.subscribe();
    spy.connect();
    const result = await refused;
    spy.disconnect();
    return result;
  }, { url: server.socketUrl, own: token });
  assert.equal(code, 103);
}, LIMIT);

test('chat: what is said while the line is cut arrives once, and nobody left', async (t) => {
  const server = await ExampleServer.startWith(t);
  const line = await Line.start(t, server);
  const browser = await startBrowser(t);
  const alice = await signIn(browser, server.url, 'alice');
  const bob = await signIn(browser, line.url, 'bob');
  await peopleAre(alice.page, ['alice', 'bob']);
  await write(alice.page, 'before');
  await shows(bob.page, ['alice: before']);
  line.cut();
  await stateIs(bob.page, 'connecting');
  assert.match(await bob.page.textContent('#state'), /^reconnecting/);
  await write(alice.page, 'meanwhile');
  await openPerson(alice.page, 'bob');
  await write(alice.page, 'psst');
  await write(bob.page, 'from the dark');
  await until('it waits', async () => (await bob.page.$$('#log li.sending, #log li.failed')).length);
  assert.deepEqual(await people(bob.page), ['alice', 'bob']);
  line.mend();
  await stateIs(bob.page, 'connected');
  await until('it is sent, if need be by hand', async () => {
    const again = await bob.page.$('#log li.failed button');
    if (again) await again.click();
    return (await bob.page.$$('#log li.sent')).length === 3;
  });
  const expected = ['alice: before', 'alice: meanwhile', 'bob: from the dark'];
  await shows(bob.page, expected);
  await bob.page.click('#persons button[data-key="person:alice"]');
  await shows(bob.page, ['alice: psst']);
  await alice.page.click('#rooms button[data-key="room:lobby"]');
  await shows(alice.page, expected);
  await peopleAre(alice.page, ['alice', 'bob']);
  const notes = await alice.page.$$eval('#log li.note', (items) => items.length);
  assert.equal(notes, 0);
}, LIMIT);

test('chat: a server that comes back with nothing says so, and goes on', async (t) => {
  const server = await ExampleServer.startWith(t);
  const browser = await startBrowser(t);
  const { page } = await signIn(browser, server.url, 'alice');
  await write(page, 'before');
  await shows(page, ['alice: before']);
  await server.stop();
  await stateIs(page, 'connecting');
  await server.launch();
  await stateIs(page, 'connected');
  await page.waitForSelector('#log li.note');
  await write(page, 'after');
  await shows(page, ['alice: before', 'alice: after']);
}, LIMIT);

test('chat: wrong input is refused where it was made', async (t) => {
  const server = await ExampleServer.startWith(t);
  const browser = await startBrowser(t);
  const { page } = await openPage(browser, `${server.url}/chat.html#token=nonsense`);
  await until('the address is told', async () =>
    /no token/.test(await page.textContent('#notice')));
  for (const name of ['', ' ', 'a b', 'a#b', 'a,b', 'ä', '<i>']) {
    await page.fill('#name', name);
    await page.press('#name', 'Enter');
    assert.match(await page.textContent('#sign-in-error'), /1 to 32/, name);
  }
  await page.click('#own-token summary');
  await page.fill('#token', 'guessed');
  await page.press('#token', 'Enter');
  assert.match(await page.textContent('#sign-in-error'), /no token/);
  await page.fill('#token', '');
  await page.fill('#name', 'alice');
  await page.press('#name', 'Enter');
  await stateIs(page, 'connected');

  await page.fill('#room', 'a room');
  await page.press('#room', 'Enter');
  assert.match(await page.textContent('#join-error'), /1 to 32/);
  await openPerson(page, '#bob');
  assert.match(await page.textContent('#write-to-error'), /1 to 32/);
  await write(page, '   ');
  await write(page, 'x'.repeat(4001));
  assert.match(await page.textContent('#composer-error'), /at most 4000/);
  await write(page, `${'x'.repeat(4000)}`);
  await shows(page, [`alice: ${'x'.repeat(4000)}`]);

  // What others publish need not be a message of ours.
  await server.publishAs('room:lobby', { text: 5, more: '<script>' });
  await server.publishAs('room:lobby', null);
  await shows(page, [`alice: ${'x'.repeat(4000)}`, 'server: {"text":5,"more":"<script>"}',
    'server: null']);
}, LIMIT);

test('chat: a server with a secret of its own is told, and takes a token', async (t) => {
  const server = await ExampleServer.startWith(t, { 'client.token.hmac_secret_key': 'its-own' });
  const browser = await startBrowser(t);
  const { page } = await openPage(browser, `${server.url}/chat.html`);
  await page.fill('#name', 'alice');
  await page.press('#name', 'Enter');
  await stateIs(page, 'disconnected');
  assert.match(await page.textContent('#notice'), /invalid token/);
  await page.click('#sign-out');
  await page.click('#own-token summary');
  await page.fill('#token', makeToken({ sub: 'alice', exp: secondsFromNow(60) }, 'its-own'));
  await page.press('#token', 'Enter');
  await stateIs(page, 'connected');
  assert.equal(await page.textContent('#me'), 'alice');
}, LIMIT);

test('chat: by keyboard alone, with names for what one cannot see', async (t) => {
  const server = await ExampleServer.startWith(t);
  const browser = await startBrowser(t);
  const { page } = await signIn(browser, server.url, 'alice');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'text');
  await page.keyboard.type('first line');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('second');
  await page.keyboard.press('Enter');
  await shows(page, ['alice: first line\nsecond']);
  // Backwards from the message to the list of rooms, and in again.
  await page.focus('#room');
  await page.keyboard.type('tea');
  await page.keyboard.press('Enter');
  assert.equal(await page.textContent('#title'), 'tea');
  await page.focus('#rooms button[data-key="room:lobby"]');
  await page.keyboard.press('Enter');
  assert.equal(await page.textContent('#title'), 'lobby');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'text');
  for (const [role, name] of [['textbox', 'Message'], ['log', 'Messages'],
    ['textbox', 'Join a room'], ['navigation', 'Conversations'], ['complementary', 'Here now'],
    ['list', 'Rooms'], ['button', 'Send']]) {
    assert.equal(await page.getByRole(role, { name, exact: true }).count(), 1, `${role} ${name}`);
  }
}, LIMIT);

test('chat: dark and light', async (t) => {
  const server = await ExampleServer.startWith(t);
  const browser = await startBrowser(t);
  const colours = [];
  for (const colorScheme of ['dark', 'light']) {
    const { page } = await openPage(browser, `${server.url}/chat.html`, { colorScheme });
    colours.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
  }
  assert.deepEqual(colours, ['rgb(13, 17, 23)', 'rgb(245, 246, 248)']);
}, LIMIT);
