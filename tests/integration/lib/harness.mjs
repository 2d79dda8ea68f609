// The frame of a test file: test() declares, the file's cases run one after the other (or several
// at once: atOnce()) once it is loaded, each bounded in time, and each tells its outcome on one
// line that tests/integration/run counts.

import fs from 'node:fs';
import process from 'node:process';

const DEFAULT_LIMIT_MS = 30000;
// Parts of the names of cases whose feature is being built. INTEGRATION_NOT_YET=run runs them all
// the same.
const notYet = process.env.INTEGRATION_NOT_YET === 'run' ? []
  : JSON.parse(fs.readFileSync(new URL('../not_yet.json', import.meta.url), 'utf8'));
const cases = [];
let workers = 1;

class Skip extends Error {}

class Context {
  #cleanups = [];
  #notes = [];

  // Runs `undo` when the case is over, however it ends; the last one given runs first.
  after(undo) {
    this.#cleanups.push(undo);
  }

  // `describe` gives text that is shown only when the case fails.
  onFailure(describe) {
    this.#notes.push(describe);
  }

  // Ends the case as skipped, with a reason that is printed.
  skip(reason) {
    throw new Skip(reason);
  }

  async cleanUp() {
    const faults = [];
    for (const undo of this.#cleanups.reverse()) {
      try {
        await undo();
      } catch (fault) {
        faults.push(fault);
      }
    }
    return faults;
  }

  notes() {
    return this.#notes.map((describe) => describe());
  }
}

// Declares a case. `limitMs` bounds its body.
export function test(name, body, { limitMs = DEFAULT_LIMIT_MS } = {}) {
  cases.push({ name, body, limitMs });
}

// How many of the file's cases run at once; one when it is not called. For cases that mostly wait.
export function atOnce(count) {
  workers = count;
}

// Rejects when `promise` takes longer than `limitMs`.
export function within(limitMs, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${limitMs} ms`)), limitMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

// Waits until `probe` returns something true, and returns that.
export async function until(what, probe, limitMs = 10000) {
  const endMs = Date.now() + limitMs;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > endMs) throw new Error(`${what}: not within ${limitMs} ms`);
    await pause(20);
  }
}

function indent(text) {
  return String(text).split('\n').map((line) => `    ${line}`).join('\n');
}

async function runCase({ name, body, limitMs }) {
  const context = new Context();
  const beganMs = Date.now();
  const faults = [];
  let skipped = '';
  try {
    if (notYet.some((part) => name.includes(part))) context.skip('not yet');
    await within(limitMs, name, (async () => body(context))());
  } catch (fault) {
    if (fault instanceof Skip) skipped = fault.message;
    else faults.push(fault);
  }
  faults.push(...await context.cleanUp());
  const spentMs = Date.now() - beganMs;
  if (faults.length > 0) {
    console.log(`not ok ${name} (${spentMs} ms)`);
    for (const fault of faults) console.log(indent(fault.stack ?? fault));
    for (const note of context.notes()) console.log(indent(note));
  } else if (skipped !== '') {
    console.log(`skip ${name}: ${skipped}`);
  } else {
    console.log(`ok ${name} (${spentMs} ms)`);
  }
}

async function runAll() {
  const filter = process.env.INTEGRATION_FILTER ?? '';
  const waiting = cases.filter((each) => each.name.includes(filter));
  const work = async () => {
    while (waiting.length > 0) await runCase(waiting.shift());
  };
  await Promise.all(Array.from({ length: workers }, work));
  // A socket that a failed case left behind must not keep the process.
  process.exit(0);
}

// What a case did not wait for is its fault too, and must not pass in silence.
process.on('unhandledRejection', (fault) => {
  console.log('not ok a rejection nobody waited for');
  console.log(indent(fault?.stack ?? fault));
});

setImmediate(runAll);
