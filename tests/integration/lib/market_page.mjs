// The market page as somebody sees it: which rows are on the screen, and what stands in them.

import { until } from './harness.mjs';

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

// Scrolls to `top` and measures, in the page, how long it takes until all rows on the screen are live.
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
