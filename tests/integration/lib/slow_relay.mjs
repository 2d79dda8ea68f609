// SlowRelay: a line to the server that can be made to take nothing, for clients as they are.
// slow_relay.py says how.

import { spawn } from 'node:child_process';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

import { within } from './harness.mjs';

const LIMIT_MS = 10000;
const PROGRAM = fileURLToPath(new URL('slow_relay.py', import.meta.url));

export class SlowRelay {
  // Clients connect to its `socketUrl` as to a server's. It ends with the case.
  static async start(context, server) {
    const relay = new SlowRelay(server);
    context.after(() => relay.process.kill('SIGKILL'));
    const port = await relay.#answer('the relay listens');
    relay.socketUrl = `ws://127.0.0.1:${port}/connection/websocket`;
    return relay;
  }

  constructor(server) {
    this.process = spawn('/usr/bin/python3', [PROGRAM, String(server.port)],
      { stdio: ['pipe', 'pipe', 'inherit'] });
    this.answers = readline.createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  // From when this is done nothing reaches the clients, but what they send reaches the server.
  pause() {
    return this.#order('pause');
  }

  resume() {
    return this.#order('resume');
  }

  async #order(what) {
    this.process.stdin.write(`${what}\n`);
    const answer = await this.#answer(`the relay's ${what}`);
    if (answer !== what) throw new Error(`the relay answered ${answer} to ${what}`);
  }

  async #answer(what) {
    const { value, done } = await within(LIMIT_MS, what, this.answers.next());
    if (done) throw new Error(`${what}: the relay has ended`);
    return value;
  }
}
