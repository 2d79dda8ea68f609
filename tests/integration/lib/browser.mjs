// A real browser, headless Chromium, with nothing mocked.

import fs from 'node:fs';
import process from 'node:process';

import { until } from './harness.mjs';
import { chromium } from './packages.mjs';

const BROWSERS =
  [process.env.INTEGRATION_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser'];
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];

// Starts a browser that ends with the case, which is skipped where there is none.
export async function startBrowser(t) {
  const executablePath = BROWSERS.find((file) => file && fs.existsSync(file));
  if (!executablePath) t.skip('CHROMIUM ABSENT: install chromium or set INTEGRATION_CHROMIUM');
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  t.after(() => browser.close());
  return browser;
}

// Opens `url` as a person of their own, who shares nothing with others of the browser; `problems`
// collects what the browser's console complains about.
export async function openPage(browser, url, options = {}) {
  const context = await browser.newContext(
    { colorScheme: 'dark', viewport: { width: 1200, height: 800 }, ...options });
  const page = await context.newPage();
  const problems = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(message.text());
  });
  page.on('pageerror', (fault) => problems.push(fault.message));
  await page.goto(url);
  return { context, page, problems };
}

// By polling from here: the page's own content security policy forbids what the browser driver
// would evaluate inside for waiting.
export function stateIs(page, state) {
  return until(`the page is ${state}`,
    async () => await page.getAttribute('#state', 'data-state') === state);
}

// The lines that the page's WebSockets carry from now on, in the order in which the browser has them:
// {isSent, text, ...the JSON}. Loads the page again, because a socket that is open already tells
// nothing.
export async function recordLines(page) {
  const lines = [];
  const take = (isSent) => ({ payload }) => {
    for (const text of String(payload).split('\n').filter((line) => line !== '')) {
      lines.push({ isSent, text, ...JSON.parse(text) });
    }
  };
  page.on('websocket', (socket) => {
    socket.on('framesent', take(true));
    socket.on('framereceived', take(false));
  });
  await page.reload();
  return lines;
}
