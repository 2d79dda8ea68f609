// The sparkline of a row: the last two minutes of a market, as far as this page has seen them.

import { TREND_MS } from './market.js';

const SVG = 'http://www.w3.org/2000/svg';
const SHORTEST_MS = 20000;  // Of a page that was opened just now.
const WIDTH = 100;
const HEIGHT = 24;
const MARGIN = 2;  // Half of the stroke and some air.

// `samples` as the path of an SVG that ends at `nowMs`. A value stands until the next one, so a
// line that is followed reaches the right edge; what was not seen is a gap.
function pathOf(samples, isFollowed, nowMs) {
  // A page's clock begins when it is opened, and until there is enough to show less is shown.
  const shownMs = Math.min(Math.max(nowMs, SHORTEST_MS), TREND_MS);
  const beganMs = nowMs - shownMs;
  const values = samples.map((sample) => sample.value);
  const low = Math.min(...values);
  const range = Math.max(...values) - low;
  const x = (ms) => Math.max(0, ((ms - beganMs) / shownMs) * WIDTH).toFixed(1);
  const y = (value) => (range === 0 ? HEIGHT / 2
    : HEIGHT - MARGIN - ((value - low) / range) * (HEIGHT - 2 * MARGIN)).toFixed(1);
  const path = samples.map(({ ms, value, isJoined }, i) =>
    `${isJoined && i > 0 ? 'L' : 'M'}${x(ms)} ${y(value)}`);
  if (isFollowed) path.push(`H${WIDTH}`);
  return path.join('');
}

export class Sparkline {
  constructor(cell) {
    this.svg = document.createElementNS(SVG, 'svg');
    this.svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.svg.setAttribute('preserveAspectRatio', 'none');
    this.svg.setAttribute('aria-hidden', 'true');
    this.line = document.createElementNS(SVG, 'path');
    this.svg.append(this.line);
    cell.append(this.svg);
  }

  // The colour says whether the last value is above or below the first one shown.
  draw(market, nowMs) {
    const { samples } = market;
    const rise = samples.length === 0 ? 0 : Math.sign(samples.at(-1).value - samples[0].value);
    this.svg.setAttribute('class', ['down', '', 'up'][rise + 1]);
    this.line.setAttribute(
      'd', samples.length === 0 ? '' : pathOf(samples, market.isFollowed, nowMs));
  }
}
